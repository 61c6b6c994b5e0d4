"""PDF: pdfium's characters with their places, put together to lines, paragraphs and table rows page by page.

Invisible text (render mode 3, or white on white) is a way to hide instructions, and also how scanners store what they
recognised. So it is read on a page that shows no other text, and left out beside visible text; both with a warning.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from index.errors import UnreadableBrief
from index.reading.document import Document
from index.reading.pdflayout import RAISED, Cell, Line, lay_out
from index.settings import Settings
from index.types import Metadata

_LOCKED = 4
"""FPDF_ERR_PASSWORD."""
_HYPHENS = {0x02, 0xAD, 0xFFFE, 0xFFFF}
"""What pdfium gives for a hyphen at the end of a line."""
_CELL_GAP = 1.3
"""Space between two cells of a row, in line heights."""
_BOLD = 600
"""Font weight from which letters count as bold."""
_ALEFS = "اأإآ"
_DAY = re.compile(r"D:(\d{4})(\d\d)(\d\d)")


def read_pdf(path: Path, data: bytes, settings: Settings) -> Document:
    """Read a PDF; ``pages`` holds an offset for every page, also for those without text.

    Running heads, running feet and page numbers are not part of the text; words parted at a line end are joined.

    :raises UnreadableBrief: if it is locked, broken, has more than ``max_pages`` pages, or holds no text at all.
    """
    with _opened(path, data) as document:
        count = len(document)
        if not count:
            raise UnreadableBrief(f"{path.name}: a PDF without pages; save it again")
        if count > settings.max_pages:
            raise UnreadableBrief(
                f"{path.name}: {count} pages, allowed are {settings.max_pages}; split it or raise max_pages"
            )
        pages, unseen, broken = _read_pages(document, path, settings)
        metadata = _metadata(document)
        attached = document.count_attachments()
    text, offsets = lay_out(pages)
    if not text.strip():
        raise UnreadableBrief(
            f"{path.name}: no text layer in {count} pages, a scan perhaps; run text recognition (OCR) on it"
        )
    warnings = list(unseen)
    ends = (*offsets[1:], len(text))
    empty = [
        page
        for page, (start, end) in enumerate(zip(offsets, ends, strict=True), 1)
        if start == end and page not in broken
    ]
    if empty:
        warnings.append(f"no text on {_named(empty)}")
    if broken:
        warnings.append(f"{_named(broken)} cannot be read: broken")
    if attached:
        warnings.append(f"{attached} attached file{'s' if attached > 1 else ''} not read")
    return Document(text, metadata, pages=offsets, warnings=tuple(warnings))


@contextmanager
def _opened(path: Path, data: bytes) -> Iterator[Any]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _LOCKED:
            raise UnreadableBrief(f"{path.name}: locked with a password; save a copy without one") from error
        raise UnreadableBrief(f"{path.name}: broken PDF ({error}); open it in a viewer and save it again") from error
    try:
        yield document
    finally:
        document.close()


def _named(pages: list[int]) -> str:
    shown = ", ".join(map(str, pages[:20])) + (" ..." if len(pages) > 20 else "")
    return f"page{'s' if len(pages) > 1 else ''} {shown}"


def _read_pages(document: Any, path: Path, settings: Settings) -> tuple[list[list[Line]], list[str], list[int]]:
    """Lines of each page, warnings about invisible text, and the numbers of pages that do not load."""
    import pypdfium2

    pages: list[list[Line]] = []
    dropped, recognised, broken = [], [], []
    characters = 0
    for number in range(1, len(document) + 1):
        lines: list[Line] = []
        try:
            page = document[number - 1]
            textpage = page.get_textpage()
            characters += textpage.count_chars()
            if characters > settings.max_brief_chars:
                raise UnreadableBrief(
                    f"{path.name}: more than {settings.max_brief_chars} characters by page {number};"
                    " split it or raise max_brief_chars"
                )
            lines = list(_lines(page, textpage))
            textpage.close()
            page.close()
        except pypdfium2.PdfiumError:
            broken.append(number)
        seen = [line for line in lines if line.visible]
        if lines and not seen:
            recognised.append(number)
        elif len(seen) < len(lines):
            dropped.append(number)
            lines = seen
        pages.append(lines)
    warnings = [f"invisible text on {_named(dropped)} left out"] if dropped else []
    if recognised:
        warnings.append(
            f"all text of {_named(recognised)} is invisible, as in scans with text recognition; it may hold errors"
        )
    return pages, warnings, broken


def _lines(page: Any, textpage: Any) -> Iterator[Line]:
    """The lines of one page in the order of the file, with places as the reader sees the page (origin bottom left)."""
    raster = _Raster(page)
    width, height = page.get_size()
    for characters in _runs(page, textpage):
        boxes = [box for _, box, _ in characters if box[2] > box[0]] or [characters[0][1]]
        first = next((index for char, _, index in characters if not char.isspace()), characters[0][2])
        size = sorted(box[3] - box[1] for box in boxes)[len(boxes) // 2]
        bottom = sorted(box[1] for box in boxes)[len(boxes) // 2]
        cells = _cells([(_raised(char, box, bottom, size), box, at) for char, box, at in characters])
        if cells:
            visible = _painted(textpage, first) and not (_white(textpage, first) and raster.blank(boxes))
            yield Line(tuple(cells), bottom, max(size, 0.1), (width, height), visible, _bold(textpage, characters))


_Box = tuple[float, float, float, float]
_Char = tuple[str, _Box, int]


def _runs(page: Any, textpage: Any) -> Iterator[list[_Char]]:
    """Characters between two line ends: text, box (left, bottom, right, top) and index."""
    from pypdfium2 import raw

    turn = page.get_rotation()
    page_width, page_height = page.get_size() if turn in (0, 180) else page.get_size()[::-1]
    rect = raw.FS_RECTF()
    run: list[_Char] = []
    high = 0
    for index in range(textpage.count_chars()):
        code = raw.FPDFText_GetUnicode(textpage, index)
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if 0xDC00 <= code < 0xE000:
            code, high = (0x10000 + ((high - 0xD800) << 10) + code - 0xDC00, 0) if high else (0xFFFD, 0)
        if code in (10, 13):
            if run:
                yield run
            run = []
            continue
        char = "\xad" if code in _HYPHENS else chr(code)
        raw.FPDFText_GetLooseCharBox(textpage, index, rect)
        box = _turned((rect.left, rect.bottom, rect.right, rect.top), turn, page_width, page_height)
        if run and char == "ل" and run[-1][0] in _ALEFS and run[-1][1] == box:
            run.insert(-1, (char, box, index))  # the ligature lam-alef: pdfium gives its two letters in visual order
            continue
        if char == " " or char.isprintable() or char in "\t\xad":
            run.append((" " if char.isspace() else char, box, index))
        if char == "\xad":  # pdfium leaves the line end out after it
            yield run
            run = []
    if run:
        yield run


def _turned(box: _Box, turn: int, width: float, height: float) -> _Box:
    left, bottom, right, top = box
    if turn == 90:
        return bottom, width - right, top, width - left
    if turn == 180:
        return width - right, height - top, width - left, height - bottom
    if turn == 270:
        return height - top, left, height - bottom, right
    return box


def _cells(characters: list[_Char]) -> list[Cell]:
    """The run split where a gap is as wide as between columns of a table."""
    cells: list[Cell] = []
    start = 0
    right = left = None
    for position, (char, box, _) in enumerate([*characters, (" ", (0.0, 0.0, 0.0, 0.0), -1)]):
        end = position == len(characters)
        if not end and char.isspace():
            continue
        apart = right is not None and not end and box[0] - right > _CELL_GAP * max(box[3] - box[1], 1.0)
        if (apart or end) and left is not None and right is not None:
            text = "".join(char for char, _, _ in characters[start:position])
            cells.append(Cell(" ".join(text.split()), left, right))
            start, left, right = position, None, None
        if not end:
            left = box[0] if left is None else min(left, box[0])
            right = box[2] if right is None else max(right, box[2])
    return [cell for cell in cells if cell.text]


def _raised(char: str, box: _Box, bottom: float, size: float) -> str:
    """A small digit above the base line as a raised one: a footnote mark is no number of the sentence."""
    small = 0.2 * size < box[3] - box[1] < 0.8 * size
    return char.translate(RAISED) if small and box[1] > bottom + 0.15 * size else char


def _bold(textpage: Any, characters: list[_Char]) -> bool:
    """Whether all of a line is bold, judged by a dozen of its characters."""
    from pypdfium2 import raw

    inked = [index for char, _, index in characters if char.isalnum()]
    return bool(inked) and all(
        raw.FPDFText_GetFontWeight(textpage, index) >= _BOLD for index in inked[:: 1 + len(inked) // 12]
    )


def _painted(textpage: Any, index: int) -> bool:
    from pypdfium2 import raw

    item = raw.FPDFText_GetTextObject(textpage, index)
    return not item or raw.FPDFTextObj_GetTextRenderMode(item) != raw.FPDF_TEXTRENDERMODE_INVISIBLE


def _white(textpage: Any, index: int) -> bool:
    from pypdfium2 import raw

    parts = [ctypes.c_uint() for _ in range(4)]
    known = raw.FPDFText_GetFillColor(textpage, index, *parts)
    red, green, blue, alpha = (part.value for part in parts)
    return bool(known) and (alpha < 8 or min(red, green, blue) > 245)


class _Raster:
    """The page as painted, made only when a line is white: white on a dark banner is text like any other."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._bitmap: Any = None

    def blank(self, boxes: list[_Box]) -> bool:
        """Whether nothing can be told from white where the boxes are."""
        if self._bitmap is None:
            self._bitmap = self._page.render(scale=1, grayscale=True)
        bitmap = self._bitmap
        left, right = (int(edge(box[side] for box in boxes)) for edge, side in ((min, 0), (max, 2)))
        bottom, top = (int(edge(box[side] for box in boxes)) for edge, side in ((min, 1), (max, 3)))
        for row in range(max(0, bitmap.height - top), min(bitmap.height, bitmap.height - bottom)):
            at = row * bitmap.stride
            if min(bitmap.buffer[at + max(0, left) : at + min(bitmap.width, right)], default=255) < 245:
                return False
        return True


def _metadata(document: Any) -> Metadata:
    try:
        found = document.get_metadata_dict(skip_empty=True)
    except UnicodeDecodeError:  # broken properties hide no text
        return Metadata(title="")
    title = " ".join(found.get("Title", "").split())
    if title.startswith("(") or re.search(r"\.\w{2,4}$|^Microsoft |^untitled", title, re.IGNORECASE):
        title = ""  # a file name or a writer's default, no title
    published = None
    for key in ("CreationDate", "ModDate"):
        day = _DAY.match(found.get(key, ""))
        if day and published is None and day[1] > "1980":
            try:
                published = dt.date(*map(int, day.groups()))
            except ValueError:  # digits that are no date
                continue
    return Metadata(title=title, published=published)
