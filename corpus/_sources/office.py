"""Masters as Word and PDF documents. Needs python-docx and reportlab; nothing is compressed (see ``render.py``)."""

from __future__ import annotations

import html
import io
import os
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from masters import PUBLISHER, Master, RenderError

TABLE_STYLE = "Light Grid Accent 1"  # of python-docx's template


def render_docx(master: Master) -> bytes:
    """A Word document with real styles, a header, page numbers and core properties."""
    import docx
    from docx.shared import Pt

    document = docx.Document()
    drop_unused_parts(document)
    document.styles["Normal"].font.size = Pt(11)
    properties = document.core_properties
    properties.title, properties.author, properties.last_modified_by = master.title, PUBLISHER, PUBLISHER
    properties.subject, properties.keywords = master.meta["kind"], ", ".join(master.meta["topics"])
    properties.comments, properties.revision, properties.language = "", 1, "en-GB"
    properties.created = properties.modified = master.published_at.replace(tzinfo=None)
    section = document.sections[0]
    section.header.paragraphs[0].text = f"{PUBLISHER} · {master.meta['kind'].capitalize()}\t\t{master.day}"
    add_page_number(section.footer.paragraphs[0])
    document.add_paragraph(master.title, style="Title")
    for block in master.blocks:
        if block.kind == "table":
            add_table(document, block.rows)
        else:
            style = {"heading": "Heading 1", "list": "List Bullet", "paragraph": "Normal"}[block.kind]
            for line in block.lines:
                document.add_paragraph(line, style=style)
    raw = io.BytesIO()
    document.save(raw)
    return fixed_zip(raw.getvalue(), master.published_at)


def drop_unused_parts(document: Any) -> None:
    """Take out of python-docx's template what would make up nine tenths of the file: spare styles and a thumbnail."""
    from docx.enum.style import WD_STYLE_TYPE

    for style in list(document.styles):
        if style.type == WD_STYLE_TYPE.TABLE and style.name not in ("Normal Table", TABLE_STYLE):
            style.delete()
    for relations in (document.part.rels, document.part.package.rels):
        for key in [key for key, relation in relations.items() if relation.reltype.endswith(("Effects", "thumbnail"))]:
            del relations[key]


def add_page_number(paragraph: Any) -> None:
    """Append ``Page n`` to a Word paragraph; the number is a field that Word fills in."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    paragraph.text = "\tPage "
    page = OxmlElement("w:fldSimple")
    page.set(qn("w:instr"), "PAGE")
    paragraph._p.append(page)


def add_table(document: Any, rows: tuple[tuple[str, ...], ...]) -> None:
    table = document.add_table(rows=0, cols=len(rows[0]), style=TABLE_STYLE)
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.add_paragraph()


def fixed_zip(data: bytes, moment: datetime) -> bytes:
    """The archive written again, uncompressed and with one fixed time for every member."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            member = zipfile.ZipInfo(name, moment.timetuple()[:6])
            member.create_system = 3
            target.writestr(member, source.read(name))
    return out.getvalue()


def render_pdf(master: Master) -> bytes:
    """An A4 document of text pages with running header and footer; built twice, to know the number of pages."""
    os.environ["SOURCE_DATE_EPOCH"] = str(int(master.published_at.timestamp()))  # reportlab's creation date
    pages, _ = build_pdf(master, total=0)
    return build_pdf(master, total=pages)[1]


def build_pdf(master: Master, total: int) -> tuple[int, bytes]:
    """Lay the pages out once; returns the page count and the file."""
    from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
    from reportlab.lib.units import mm  # type: ignore[import-untyped]
    from reportlab.platypus import SimpleDocTemplate  # type: ignore[import-untyped]

    width, height = A4
    margin, frame_padding = 25 * mm, 6
    left, right = margin + frame_padding, width - margin - frame_padding

    def furniture(canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFont("Vera", 8)
        canvas.setFillGray(0.35)
        canvas.setStrokeGray(0.7)
        canvas.drawString(left, height - 15 * mm, f"{PUBLISHER} | {master.meta['kind'].capitalize()}")
        canvas.drawRightString(right, height - 15 * mm, master.day)
        canvas.line(left, height - 17 * mm, right, height - 17 * mm)
        canvas.line(left, 17 * mm, right, 17 * mm)
        canvas.drawString(left, 12 * mm, master.title)
        canvas.drawRightString(right, 12 * mm, f"Page {document.page} of {total}")
        canvas.restoreState()

    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=margin,
        rightMargin=margin,
        topMargin=26 * mm,
        bottomMargin=24 * mm,
        title=master.title,
        author=PUBLISHER,
        subject=master.meta["kind"],
        keywords=", ".join(master.meta["topics"]),
        creator=PUBLISHER,
        lang="en-GB",
        invariant=1,
        pageCompression=0,
    )
    document.build(list(pdf_story(master)), onFirstPage=furniture, onLaterPages=furniture)
    return document.page, out.getvalue()


def pdf_story(master: Master) -> Iterator[Any]:
    """The flowing content of the PDF. Vera is the TrueType family that comes with reportlab."""
    from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
    from reportlab.pdfbase.pdfmetrics import registerFont  # type: ignore[import-untyped]
    from reportlab.pdfbase.ttfonts import TTFont  # type: ignore[import-untyped]
    from reportlab.platypus import HRFlowable, ListFlowable, ListItem, Paragraph

    registerFont(TTFont("Vera", "Vera.ttf"))
    registerFont(TTFont("VeraBd", "VeraBd.ttf"))
    body = ParagraphStyle("body", fontName="Vera", fontSize=9.5, leading=14, spaceAfter=7)
    item = ParagraphStyle("item", parent=body, spaceAfter=3)
    note = ParagraphStyle("note", parent=item, fontSize=7.5, leading=10.5, textColor="#444444")
    heading = ParagraphStyle("heading", body, fontName="VeraBd", fontSize=12, leading=16, spaceBefore=9, keepWithNext=1)
    title = ParagraphStyle("title", heading, fontSize=17, leading=22, spaceBefore=0, spaceAfter=4)
    yield Paragraph(html.escape(master.title), title)
    yield Paragraph(html.escape(f"{', '.join(master.meta['region'])}. As of {master.day}."), note)
    yield HRFlowable(width="100%", thickness=1.2, color="#1f3a5f", spaceBefore=3, spaceAfter=8)
    sources = False
    for block in master.blocks:
        if block.kind == "heading":
            sources = block.lines == ("Sources",)
            yield Paragraph(html.escape(block.lines[0]), heading)
        elif block.kind == "list":
            items = [Paragraph(html.escape(line), note if sources else item) for line in block.lines]
            yield ListFlowable(
                [ListItem(each) for each in items],
                bulletType="bullet",
                start="•",
                leftIndent=12,
                bulletFontName="Vera",
                bulletFontSize=8,
                spaceAfter=7,
            )
        elif block.kind == "paragraph":
            yield Paragraph(html.escape(block.lines[0]), body)
        else:
            raise RenderError(f"{master.id}: a {block.kind} cannot be set in PDF; use a list")
