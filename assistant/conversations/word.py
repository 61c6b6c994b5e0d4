"""An exported conversation as a Word document, with real footnotes.

python-docx has no footnotes: their part of the package is built here, as ECMA-376 part 1, section 17.11 describes it.
"""

from __future__ import annotations

import io
import re

import docx
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import XmlPart
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Pt
from docx.text.paragraph import Paragraph as WordParagraph
from lxml.etree import SubElement

from assistant.conversations.citations import Checked
from assistant.conversations.export import GONE, Kind, Paragraph, place_of

_STYLES: dict[Kind, str] = {
    "title": "Title",
    "about": "Subtitle",
    "question": "Heading 1",
    "searched": "Normal",
    "group": "Heading 2",
    "statement": "Normal",
    "struck": "Normal",
    "plain": "Normal",
    "nearest": "List Bullet",
}
_ITALIC = frozenset({"searched"})
NOTE_TEXT, NOTE_MARK = "footnote text", "footnote reference"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold."""
_SEPARATORS = (("separator", -1), ("continuationSeparator", 0))
"""The two notes that draw the line above the others; their ids are reserved by convention."""


def document(paragraphs: list[Paragraph]) -> bytes:
    """The bytes of the ``.docx`` file. Every citation of a paragraph is a footnote of its own."""
    made = docx.Document()
    made.core_properties.author = ""
    made.core_properties.comments = ""
    made.core_properties.title = _text(paragraphs[0].text)[:255]
    _add_styles(made)
    notes = _footnotes_of(made)
    for paragraph in paragraphs:
        line = made.add_paragraph(style=_STYLES[paragraph.kind])
        words = line.add_run(_text(paragraph.text))
        words.italic = paragraph.kind in _ITALIC or None
        words.font.strike = paragraph.kind == "struck" or None
        for k, note in enumerate(paragraph.notes):
            if k:
                line.add_run(",", style=NOTE_MARK)  # notes 1 and 2 must not read as 12
            _refer(line, _add_note(made, notes, note))
        if paragraph.remark:
            line.add_run(f" {_text(paragraph.remark)}")
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def _text(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", " ".join(text.split()))


def _add_styles(made: Document) -> None:
    text = made.styles.add_style(NOTE_TEXT, WD_STYLE_TYPE.PARAGRAPH)
    text.base_style = made.styles["Normal"]
    text.font.size = Pt(9)
    text.paragraph_format.space_after = Pt(3)
    mark = made.styles.add_style(NOTE_MARK, WD_STYLE_TYPE.CHARACTER)
    mark.font.superscript = True


def _footnotes_of(made: Document) -> BaseOxmlElement:
    """A new footnotes part of the document with its two separators; notes are added to what comes back."""
    separators = "".join(
        f'<w:footnote w:type="{name}" w:id="{number}"><w:p><w:r><w:{name}/></w:r></w:p></w:footnote>'
        for name, number in _SEPARATORS
    )
    root = parse_xml(f"<w:footnotes {nsdecls('w')}>{separators}</w:footnotes>")
    part = XmlPart(PackURI("/word/footnotes.xml"), CONTENT_TYPE.WML_FOOTNOTES, root, made.part.package)
    made.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    listed = "".join(f'<w:footnote w:id="{number}"/>' for _, number in _SEPARATORS)
    settings = made.settings.element
    settings.find(qn("w:compat")).addprevious(parse_xml(f"<w:footnotePr {nsdecls('w')}>{listed}</w:footnotePr>"))
    return root


def _refer(line: WordParagraph, number: int) -> None:
    run = line.add_run(style=NOTE_MARK)
    SubElement(run._r, qn("w:footnoteReference")).set(qn("w:id"), str(number))  # noqa: SLF001  (no public way)


def _add_note(made: Document, notes: BaseOxmlElement, note: Checked) -> int:
    """Add one footnote: title, place and whether the words are gone, then the quote. Returns its id."""
    number = len(notes) - len(_SEPARATORS) + 1
    element = SubElement(notes, qn("w:footnote"))
    element.set(qn("w:id"), str(number))
    head = _note_line(made, element)
    SubElement(head.add_run(style=NOTE_MARK)._r, qn("w:footnoteRef"))  # noqa: SLF001
    head.add_run(" ")
    head.add_run(_text(note.citation.title)).bold = True
    head.add_run(f" ({_text(place_of(note))}).")
    if note.standing == "gone":
        head.add_run(f" {GONE}").bold = True
    for line in note.citation.quote.strip().splitlines():
        if line.strip():
            quote = _note_line(made, element)
            quote.paragraph_format.left_indent = Pt(18)
            quote.add_run(_text(line))
    return number


def _note_line(made: Document, element: BaseOxmlElement) -> WordParagraph:
    """A new paragraph at the end of a footnote."""
    line = WordParagraph(SubElement(element, qn("w:p")), made._body)  # noqa: SLF001  (styles are looked up through it)
    line.style = NOTE_TEXT
    return line
