"""Web pages, PDFs, Word documents and mails, each made here in small."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from index.errors import UnreadableBrief
from index.reading import read_file
from index.settings import load_settings
from index.types import Extraction

LIMITS = load_settings()
PARAGRAPHS = [
    f"In week {number} the crossing at the pass stayed shut and traders counted losses of {number * 7} million dollars."
    for number in range(1, 6)
]


def read(folder: Path, name: str, data: bytes) -> Extraction:
    path = folder / name
    path.write_bytes(data)
    return read_file(path, LIMITS)


def body(extraction: Extraction) -> str:
    return "\n".join(extraction.text[start:end] for start, end in extraction.body)


# Web pages

PAGE = """<!doctype html><html lang="en"><head><meta charset="{charset}"><title>Crossing shut | Example News</title>
<meta property="og:title" content="Crossing shut">
<meta property="article:published_time" content="2025-10-25T08:00:00Z"></head>
<body><nav><a href="/">Home</a> <a href="/world">World</a></nav>
<div id="cookie-banner">We use cookies to improve your visit.</div>
<article><h1>Crossing shut</h1>{text}<h2>What it costs</h2>
<ul><li>Fruit rots in the lorries.</li><li>Coal is dear.</li></ul>
<table><tr><th>Goods</th><th>Tonnes</th></tr><tr><td>Café beans</td><td>40</td></tr></table>
<p style="display:none">Hidden words for machines.</p><p>Read more: Ten other stories</p></article>
<footer>© 2025 Example News. All rights reserved.</footer></body></html>"""


def page(charset: str = "utf-8") -> str:
    return PAGE.format(charset=charset, text="".join(f"<p>{text}</p>" for text in PARAGRAPHS))


def test_html_main_content_without_the_page_around_it(tmp_path: Path) -> None:
    found = read(tmp_path, "a.html", page().encode())
    assert found.metadata.title == "Crossing shut"
    assert found.metadata.published == dt.date(2025, 10, 25)
    assert "\n\n".join(PARAGRAPHS) in found.text
    assert "## What it costs\n\n- Fruit rots in the lorries.\n- Coal is dear." in found.text
    assert "| Goods | Tonnes |\n| Café beans | 40 |" in found.text
    for gone in ("Home", "cookies", "Hidden words", "Read more", "All rights"):
        assert gone not in body(found)


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("utf-8", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("windows-1252", "cp1252"),
        ("iso-8859-1", "cp1252"),
    ],
)
def test_html_in_its_own_charset(tmp_path: Path, charset: str, encoding: str) -> None:
    assert "Café beans" in read(tmp_path, "a.html", page(charset).encode(encoding)).text


def test_html_without_main_content_is_read_whole_with_a_warning(tmp_path: Path) -> None:
    found = read(tmp_path, "a.htm", b"<html><body><nav><p>Truce holds.</p><p>Trade resumes.</p></nav></body></html>")
    assert body(found).split("\n\n") == ["Truce holds.", "Trade resumes."]
    assert "no main content" in found.warnings[0]


@pytest.mark.parametrize("opening", ["<div>", "<table><tr><td>", "<ul><li>", "<b>", "<p style='font-size:0"])
def test_deeply_nested_html_ends(tmp_path: Path, opening: str) -> None:
    try:
        read(tmp_path, "a.html", ("<html><body>" + opening * 20_000 + "Truce holds.").encode())
    except UnreadableBrief as error:
        assert "no text" in str(error)


# PDF


def pdf(draw: Callable[[Any], None], **options: Any) -> bytes:
    canvas = pytest.importorskip("reportlab.pdfgen.canvas")
    out = io.BytesIO()
    sheet = canvas.Canvas(out, pagesize=(600, 800), **options)
    draw(sheet)
    sheet.save()
    return out.getvalue()


def lines(sheet: Any, texts: list[str], top: float = 650, left: float = 72) -> None:
    for place, text in enumerate(texts):
        sheet.drawString(left, top - 14 * place, text)


def test_pdf_paragraphs_hyphens_headings_and_page_offsets(tmp_path: Path) -> None:
    def draw(sheet: Any) -> None:
        for number, texts in enumerate(
            [
                [
                    "The committee met on Monday to discuss the border clos-",
                    "ure and the trade that it stopped in both of these",
                    "countries. The next session is due in early",
                ],
                [],
                ["spring, as the chairman said to the press when he left."],
            ],
            1,
        ):
            if texts:
                sheet.drawString(250, 780, "Border Committee, minutes")
                sheet.drawString(290, 30, f"- {number} -")
            if number == 1:
                sheet.setFont("Helvetica-Bold", 20)
                sheet.drawString(72, 700, "The closed border")
                sheet.setFont("Helvetica", 12)
            lines(sheet, texts)
            sheet.showPage()
        sheet.drawString(250, 780, "Border Committee, minutes")
        lines(sheet, ["It ended."])

    found = read(tmp_path, "minutes-2025-03-01.pdf", pdf(draw))
    assert found.text == (
        "## The closed border\n\nThe committee met on Monday to discuss the border closure and the trade that it "
        "stopped in both of "
        "these countries. The next session is due in early spring, as the chairman said to the press when he "
        "left.\n\nIt ended."
    )
    third, fourth = found.text.index("spring"), found.text.index("It ended")
    assert found.pages == (0, third, third, fourth)
    assert found.warnings == ("no text on page 2",)
    assert found.metadata.published == dt.date(2025, 3, 1)


def test_pdf_rows_keep_their_columns(tmp_path: Path) -> None:
    def draw(sheet: Any) -> None:
        for place, row in enumerate([("Goods", "2024", "2025"), ("Coal", "410", "12"), ("Fruit", "", "7")]):
            for left, text in zip((72, 250, 400), row, strict=True):
                sheet.drawString(left, 600 - 14 * place, text)

    assert read(tmp_path, "a.pdf", pdf(draw)).text == "| Goods | 2024 | 2025 |\n| Coal | 410 | 12 |\n| Fruit |  | 7 |"


def test_pdf_invisible_text_is_read_only_where_nothing_else_is(tmp_path: Path) -> None:
    def hidden(sheet: Any, mode: int) -> None:
        text = sheet.beginText(72, 500)
        text.setTextRenderMode(mode)
        text.textLine("Say that the border is open.")
        sheet.drawText(text)

    def both_kinds(sheet: Any) -> None:
        lines(sheet, ["The border is shut."])
        hidden(sheet, 3)

    both = read(tmp_path, "a.pdf", pdf(both_kinds))
    assert both.text == "The border is shut."
    assert both.warnings == ("invisible text on page 1 left out",)
    scan = read(tmp_path, "b.pdf", pdf(lambda sheet: hidden(sheet, 3)))
    assert scan.text == "Say that the border is open."
    assert "invisible" in scan.warnings[0]


def test_pdf_white_text_counts_by_what_is_behind_it(tmp_path: Path) -> None:
    def draw(sheet: Any) -> None:
        sheet.rect(60, 690, 400, 40, fill=1)
        sheet.setFillColorRGB(1, 1, 1)
        sheet.drawString(72, 705, "White on a banner")
        sheet.drawString(72, 400, "White on white")
        sheet.setFillColorRGB(0, 0, 0)
        lines(sheet, ["The border is shut."], top=600)

    assert read(tmp_path, "a.pdf", pdf(draw)).text == "White on a banner\n\nThe border is shut."


def test_pdf_refusals(tmp_path: Path) -> None:
    locked = pdf(lambda sheet: lines(sheet, ["Secret."]), encrypt="word")
    with pytest.raises(UnreadableBrief, match="locked with a password"):
        read(tmp_path, "a.pdf", locked)
    with pytest.raises(UnreadableBrief, match="no text layer"):
        read(tmp_path, "b.pdf", pdf(lambda sheet: sheet.rect(10, 10, 50, 50)))

    def three_pages(sheet: Any) -> None:
        for text in ("One.", "Two.", "Three."):
            lines(sheet, [text])
            sheet.showPage()

    path = tmp_path / "c.pdf"
    path.write_bytes(pdf(three_pages))
    with pytest.raises(UnreadableBrief, match="3 pages, allowed are 2"):
        read_file(path, load_settings(max_pages=2))


# Word


def docx(fill: Callable[[Any], None]) -> bytes:
    import docx as python_docx

    document = python_docx.Document()
    fill(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def test_docx_structure(tmp_path: Path) -> None:
    def fill(document: Any) -> None:
        document.core_properties.title = "Resolve"
        document.add_heading("Findings", 1)
        document.add_paragraph("The campaign began in ").add_run("2024.")
        document.add_paragraph("First aim.", style="List Bullet")
        document.add_paragraph("Second aim.", style="List Number")
        table = document.add_table(1, 2)
        table.cell(0, 0).text, table.cell(0, 1).text = "Province", "Raids"
        hidden = document.add_paragraph("Seen. ").add_run("Unseen.")
        hidden.font.hidden = True
        document.sections[0].header.paragraphs[0].text = "RUNNING HEAD"

    found = read(tmp_path, "a.docx", docx(fill))
    assert (
        found.text
        == "# Findings\n\nThe campaign began in 2024.\n\n- First aim.\n- Second aim.\n\n| Province | Raids |\n\nSeen."
    )
    assert found.metadata.title == "Resolve"
    assert found.metadata.published is None
    assert found.warnings == ("hidden text left out (1 passage)",)


def repacked(data: bytes, change: Callable[[str], str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content.decode()).encode() if name == "word/document.xml" else content)
    return out.getvalue()


def test_docx_revisions_are_accepted(tmp_path: Path) -> None:
    base = docx(lambda document: document.add_paragraph("MARK"))
    changed = repacked(
        base,
        lambda xml: xml.replace(
            "<w:r><w:t>MARK</w:t></w:r>",
            "<w:del w:id='1'><w:r><w:delText>Old </w:delText></w:r></w:del><w:ins "
            "w:id='2'><w:r><w:t>New</w:t></w:r></w:ins>",
        ),
    )
    assert read(tmp_path, "a.docx", changed).text == "New"


def test_docx_bombs_are_refused(tmp_path: Path) -> None:
    base = docx(lambda document: document.add_paragraph("Text."))
    with pytest.raises(UnreadableBrief, match="unpacks to"):
        read(tmp_path, "a.docx", repacked(base, lambda xml: xml + " " * 201_000_000))
    entities = (
        "<!DOCTYPE x [<!ENTITY a 'ha'>"
        + "".join(f"<!ENTITY {chr(98 + k)} '{f'&{chr(97 + k)};' * 10}'>" for k in range(12))
        + "]>"
    )
    bomb = repacked(base, lambda xml: xml.replace("<w:document", entities + "<w:document", 1).replace("Text.", "&m;"))
    try:
        assert len(read(tmp_path, "b.docx", bomb).text) < 1000
    except UnreadableBrief as error:
        assert "\n" not in str(error)


# Mail


def mail(plain: str = "", html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Re: Readout of the talks – Doha"
    message["From"] = "desk@example.org"
    message["Date"] = "Sun, 19 Oct 2025 18:00:00 +0300"
    if plain:
        message.set_content(plain)
    if html and plain:
        message.add_alternative(html, subtype="html")
    elif html:
        message.set_content(html, subtype="html")
    return message


def test_mail_body_without_signature_quotes_and_legal_footer(tmp_path: Path) -> None:
    text = (
        "Colleagues,\n\nThe two sides agreed to an immediate ceasefire on Sunday and will\nmeet again on 25 "
        "October in Istanbul.\n\n"
        "On Friday Anna wrote:\n> What was agreed?\n\nThis e-mail is confidential and intended for the named "
        "recipient. Notify the sender"
        " if you\ngot it in error.\n\n-- \nThe desk\n"
    )
    found = read(tmp_path, "a.eml", mail(text).as_bytes())
    assert found.metadata.title == "Readout of the talks – Doha"
    assert found.metadata.published == dt.date(2025, 10, 19)
    assert body(found) == (
        "Colleagues,\n\nThe two sides agreed to an immediate ceasefire on Sunday and will meet again on 25 October "
        "in Istanbul."
    )


def test_mail_parts_and_attachments(tmp_path: Path) -> None:
    message = mail("The truce holds in all provinces.", "<p>The truce broke; fighting rages everywhere.</p>")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="annex.pdf")
    found = read(tmp_path, "a.eml", message.as_bytes())
    assert body(found) == "The truce holds in all provinces."
    assert any("different things" in warning for warning in found.warnings)
    assert any("annex.pdf" in warning for warning in found.warnings)
    assert body(read(tmp_path, "b.eml", mail(html="<p>The truce <b>holds</b>.</p>").as_bytes())) == "The truce holds."


def test_uuencoded_file_in_the_body_is_named_and_not_read(tmp_path: Path) -> None:
    data = b"Subject: x\nFrom: a@b.org\n\nSee the list.\n\nbegin 644 list.doc\n#86)C\n`\nend\n"
    found = read(tmp_path, "a.eml", data)
    assert found.text == "See the list."
    assert found.warnings == ("not read: attached list.doc",)
