"""Word documents: what a reader of the page sees. Comments, deletions, hidden text, heads and feet are not text."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from index.errors import UnreadableBrief
from index.reading.document import Document
from index.reading.layout import Layout
from index.settings import Settings
from index.types import Metadata

MAX_UNPACKED = 200_000_000
"""Most bytes that the parts of a document may unpack to, as far as they are XML."""

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_GONE = {f"{_W}{name}" for name in ("del", "moveFrom", "instrText", "delText", "rPr", "pPr", "sdtPr")}
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TEMPLATE = "2013-12-23 23:15:00"
"""When the empty document that python-docx starts from was made: no date of the text."""
_LEVEL = re.compile(r"heading (\d)", re.IGNORECASE)


def read_docx(path: Path, data: bytes, settings: Settings) -> Document:
    """Read a ``.docx`` file.

    :raises UnreadableBrief: if it is broken, locked, or unpacks to more than ``MAX_UNPACKED`` bytes.
    """
    reader = _opened(path, data)
    reader.blocks(reader.body)
    warnings = []
    if reader.hidden:
        warnings.append(f"hidden text left out ({reader.hidden} passage{'s' if reader.hidden > 1 else ''})")
    notes = sum(1 for _ in reader.body.iter(f"{_W}footnoteReference", f"{_W}endnoteReference"))
    if notes:
        warnings.append(f"{notes} footnote{'s' if notes > 1 else ''} not read")
    if any(True for _ in reader.body.iter(f"{_W}del", f"{_W}moveFrom")):
        warnings.append("has tracked changes: read as if all were accepted")
    return Document(reader.layout.text(), _metadata(reader.document), warnings=tuple(warnings))


def _opened(path: Path, data: bytes) -> _Reader:
    import docx
    from docx.opc.exceptions import OpcError
    from lxml import etree

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > MAX_UNPACKED or len(archive.infolist()) > 10_000:
                raise UnreadableBrief(  # noqa: TRY301 - the archive is open only here
                    f"{path.name}: unpacks to {size / 1e6:.0f} MB, allowed are {MAX_UNPACKED / 1e6:.0f} MB; save "
                    f"it without images"
                )
        document = docx.Document(io.BytesIO(data))
        return _Reader(document)
    except UnreadableBrief:
        raise
    except (OpcError, etree.LxmlError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error) as error:
        raise _broken(path, error) from error
    except (
        KeyError,
        ValueError,
        AttributeError,
        TypeError,
        AssertionError,
        RuntimeError,
        OSError,
        EOFError,
        IndexError,
    ) as error:
        raise _broken(path, error) from error  # python-docx takes well-formed parts for granted


def _broken(path: Path, error: Exception) -> UnreadableBrief:
    reason = " ".join(str(error).split())[:100] or type(error).__name__
    return UnreadableBrief(f"{path.name}: broken DOCX ({reason}); open it in a word processor and save it again")


class _Reader:
    """Walks the body of a document and lays its text out."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.body = document.element.body
        self.layout = Layout()
        self.hidden = 0
        self._styles = {style.style_id: (style.name or "").casefold() for style in document.styles}
        self._listed = {
            style.style_id for style in document.styles if style.element.find(f"{_W}pPr/{_W}numPr") is not None
        }

    def blocks(self, parent: Any) -> None:
        """Paragraphs and tables below an element, in order."""
        for child in parent:
            if child.tag == f"{_W}p":
                self._paragraph(child)
            elif child.tag == f"{_W}tbl":
                self._table(child)
            elif child.tag not in _GONE:
                self.blocks(child)

    def _paragraph(self, paragraph: Any) -> None:
        tag = self._tag(paragraph)
        boxes: list[Any] = []
        self.layout.open(tag)
        for text in self._text(paragraph, boxes):
            if text == "\v":
                self.layout.open("br")
            else:
                self.layout.add(text)
        self.layout.close(tag)
        for box in boxes:
            self.blocks(box)

    def _table(self, table: Any) -> None:
        for row in table.iter(f"{_W}tr"):
            if next(row.iterancestors(f"{_W}tbl")) is not table:
                continue  # of a table inside a cell: read with the cell
            self.layout.open("tr")
            for cell in row.findall(f".//{_W}tc"):
                if next(cell.iterancestors(f"{_W}tr")) is row:
                    self.layout.open("td")
                    for paragraph in cell.iter(f"{_W}p"):
                        self.layout.add("".join(self._text(paragraph, [])).replace("\v", " ") + " ")
                    self.layout.close("td")
            self.layout.close("tr")

    def _tag(self, paragraph: Any) -> str:
        properties = paragraph.find(f"{_W}pPr")
        if properties is None:
            return "p"
        style = properties.find(f"{_W}pStyle")
        style_id = style.get(f"{_W}val") if style is not None else ""
        name = self._styles.get(style_id, "")
        level = _LEVEL.match(name)
        if level:
            return f"h{min(6, max(1, int(level[1])))}"
        if name in ("title", "subtitle"):
            return "h1" if name == "title" else "h2"
        number = properties.find(f"{_W}numPr/{_W}numId")
        listed = (
            number.get(f"{_W}val") != "0"
            if number is not None
            else style_id in self._listed or name.startswith("list bullet")
        )
        return "li" if listed else "p"

    def _text(self, element: Any, boxes: list[Any]) -> Iterator[str]:
        for child in element:
            if child.tag in _GONE or child.tag == _FALLBACK:
                continue
            if child.tag == f"{_W}txbxContent":
                boxes.append(child)
            elif child.tag == f"{_W}r" and self._is_hidden(child):
                self.hidden += 1
            elif child.tag == f"{_W}t":
                yield child.text or ""
            elif child.tag in (f"{_W}tab", f"{_W}ptab"):
                yield " "
            elif child.tag in (f"{_W}br", f"{_W}cr"):
                yield "\v"
            elif child.tag == f"{_W}noBreakHyphen":
                yield "-"
            else:
                yield from self._text(child, boxes)

    @staticmethod
    def _is_hidden(run: Any) -> bool:
        vanish = run.find(f"{_W}rPr/{_W}vanish")
        return vanish is not None and vanish.get(f"{_W}val", "1") not in ("0", "false") and bool(run.findtext(f"{_W}t"))


def _metadata(document: Any) -> Metadata:
    try:
        core = document.core_properties
        days = [day for day in (core.created, core.modified) if day and str(day)[:19] != _TEMPLATE]
        return Metadata(title=" ".join(core.title.split()), published=days[0].date() if days else None)
    except (ValueError, KeyError, AttributeError, TypeError):  # a broken part of properties hides no text
        return Metadata(title="")
