"""From lines with places to running text: paragraphs, headings by size, table rows, and no running heads."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

_EDGE = 0.14
"""Running heads and feet stand in this part of the page's height, at its top or bottom."""
_NUMBER = re.compile(
    r"[-–—\[( ]*(?:page\s+)?(?:\d{1,4}|[ivxlc]{1,6})(?:\s*(?:of|/|von|sur|de)\s*\d{1,4})?[-–—\]) ]*", re.IGNORECASE
)
_BULLET = re.compile(r"(?:[•‣▪■●○◦–—*·»!]|-|\(?(?:\d{1,2}|[a-z])[.)])\s+(?=\S)", re.IGNORECASE)
_DOT = re.compile(r"[•‣▪■●○◦*·»!–—-]\s+")
_ENDS = re.compile(r"[.!?:;。؟…][\"”’')\]]*\d{0,3}$")
_MARK = re.compile(r"[\d,;* †‡§]{1,8}")
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
"""Digits to raised digits."""
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff]")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of a line: its text and where it stands, in points from the left edge."""

    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page: its cells, base in points from the bottom, height of its characters, and the page's size."""

    cells: tuple[Cell, ...]
    base: float
    size: float
    page: tuple[float, float]
    visible: bool = True
    bold: bool = False

    @property
    def text(self) -> str:
        """All cells with a space between."""
        return " ".join(cell.text for cell in self.cells if cell.text)

    @property
    def left(self) -> float:
        """Left edge in points."""
        return self.cells[0].left

    @property
    def right(self) -> float:
        """Right edge in points."""
        return max(cell.right for cell in self.cells)


@dataclass(frozen=True, slots=True)
class _Block:
    """What stands at the end of the text: its kind, the page, place and line that were added last."""

    kind: str
    page: int
    place: int
    last: Line


@dataclass(frozen=True, slots=True)
class _Style:
    """Size of most characters and usual distance between lines, in points, and how often each word occurs."""

    size: float
    pitch: float
    words: Counter[str]


def lay_out(pages: list[list[Line]]) -> tuple[str, tuple[int, ...]]:
    """The text of all pages and the offset at which each page starts.

    A paragraph that runs over a page break stays whole; the next page then starts inside it. A page without text
    starts where the next one does.
    """
    pages = [_aligned(_by_rows(_merged(page))) for page in _without_furniture(pages)]
    style = _style(pages)
    text: list[str] = []
    length = 0
    offsets: list[int] = []
    before: _Block | None = None
    for number, page in enumerate(pages):
        for place, line in enumerate(page):
            kind = _kind(page, place, style.size)
            if before is not None and _continues(before, line, kind, pages, number, style):
                cut, piece = _joint(before.last.text, line.text, style.words)
                if cut:
                    text[-1] = text[-1][:-1]
                    length -= 1
                kind = before.kind
            else:
                piece = (_gap(before.kind, kind) if before else "") + _written(line, kind)
            if len(offsets) <= number:
                offsets += [length + len(piece) - len(piece.lstrip())] * (number + 1 - len(offsets))
            text.append(piece)
            length += len(piece)
            before = _Block(kind, number, place, line)
    return "".join(text), (*offsets, *[length] * (len(pages) - len(offsets)))


def _style(pages: list[list[Line]]) -> _Style:
    sizes = Counter[float]()
    words = Counter[str]()
    for line in (line for page in pages for line in page):
        sizes[round(line.size, 1)] += len(line.text)
        words.update(word.casefold() for word in _WORD.findall(line.text))
    size = sizes.most_common(1)[0][0] if sizes else 10.0
    steps = [
        upper.base - lower.base
        for page in pages
        for upper, lower in pairwise(page)
        if abs(upper.size - size) < 0.15 * size and 0.5 * size < upper.base - lower.base < 3 * size
    ]
    return _Style(size, median(steps) if steps else 1.2 * size, words)


def _without_furniture(pages: list[list[Line]]) -> list[list[Line]]:
    """Pages without page numbers and without lines that come again at the edge of many pages, numbers aside."""
    seen = Counter(key for page in pages for key in {_shape(line) for line in page if _at_edge(line)})
    enough = max(3, int(0.3 * sum(1 for page in pages if page)))

    def keeps(line: Line) -> bool:
        return not (_at_edge(line) and (_NUMBER.fullmatch(line.text) or seen[_shape(line)] >= enough))

    return [[line for line in page if keeps(line)] for page in pages]


def _at_edge(line: Line) -> bool:
    height = line.page[1]
    return line.base < _EDGE * height or line.base > (1 - _EDGE) * height


def _shape(line: Line) -> str:
    return re.sub(r"\d+", "#", line.text.casefold())


def _by_rows(page: list[Line]) -> list[Line]:
    """A page of many short cells, in the file's order column by column perhaps, sorted to rows; others as they are."""
    cells = [cell for line in page for cell in line.cells]
    rows: list[list[Line]] = []
    for line in sorted(page, key=lambda line: -line.base):
        if rows and abs(rows[-1][0].base - line.base) < 0.4 * min(line.size, rows[-1][0].size):
            rows[-1].append(line)
        else:
            rows.append([line])
    if len(cells) < 30 or len(cells) < 3 * len(rows) or median(len(cell.text) for cell in cells) > 18:
        return page
    return [
        Line(
            tuple(sorted((cell for line in row for cell in line.cells), key=lambda cell: cell.left)),
            row[0].base,
            row[0].size,
            row[0].page,
        )
        for row in rows
    ]


def _merged(page: list[Line]) -> list[Line]:
    """Lines that pdfium parts at a raised footnote mark put together again; the mark becomes raised digits (¹ ² ³)."""
    out: list[Line] = []
    for line in page:
        last = out[-1] if out else None
        if last is None or line.left <= last.left:
            out.append(line)
            continue
        if line.left >= last.right + last.size:  # further right: a cell of the same row, or another column
            level = abs(line.base - last.base) < 0.2 * last.size
            out[-1:] = [replace(last, cells=(*last.cells, *line.cells))] if level else [last, line]
            continue
        raised = (
            line.size < 0.8 * last.size and last.base < line.base < last.base + last.size and _MARK.fullmatch(line.text)
        )
        if line.left < last.right - 0.3 * last.size:
            out += [] if raised else [line]  # a mark whose place within the line before is lost
        elif raised or abs(line.base - last.base) < 0.35 * last.size:
            touching = raised or line.left - last.right < 0.12 * last.size
            text = line.text.translate(RAISED) if raised else line.text
            head, tail = last.cells[-1], line.cells[0]
            cell = Cell(f"{head.text}{'' if touching else ' '}{text if raised else tail.text}", head.left, tail.right)
            out[-1] = replace(last, cells=(*last.cells[:-1], cell, *line.cells[1:]))
        else:
            out.append(line)
    return out


def _aligned(page: list[Line]) -> list[Line]:
    """Rows of a table with an empty cell wherever the fullest row of the table has a cell and they have none."""
    out: list[Line] = []
    table: list[Line] = []
    for line in [*page, None]:
        if line is not None and len(line.cells) > 1:
            table.append(line)
            continue
        if len(table) > 1:
            columns = max((row.cells for row in table), key=len)
            table = [_in_columns(row, columns) for row in table]
        out += [*table, *([line] if line else [])]
        table = []
    return out


def _in_columns(row: Line, columns: tuple[Cell, ...]) -> Line:
    """The row with its cells under the columns that they overlap most; as it is when two would share a column."""
    filled = [Cell("", column.left, column.right) for column in columns]
    for cell in row.cells:
        at = max(range(len(columns)), key=lambda k: min(cell.right, columns[k].right) - max(cell.left, columns[k].left))
        if filled[at].text:
            return row
        filled[at] = cell
    return replace(row, cells=tuple(filled))


def _kind(page: list[Line], place: int, normal: float) -> str:
    line = page[place]
    near = page[max(0, place - 1) : place] + page[place + 1 : place + 2]
    if (
        len(line.cells) > 1
        and not _BULLET.fullmatch(line.cells[0].text + " ")
        and (len(line.cells) > 2 or any(len(other.cells) > 1 for other in near))
    ):
        return "row"
    if _BULLET.match(line.text):
        return "item"
    large = line.size > 1.18 * normal or (line.bold and not _ENDS.search(line.text) and _stands_alone(page, place))
    return "heading" if large and len(line.text) <= 150 and any(char.isalpha() for char in line.text) else "paragraph"


def _stands_alone(page: list[Line], place: int) -> bool:
    """Whether at most three bold lines follow each other here: more of them are emphasis, not a heading."""
    start = end = place
    while start > 0 and page[start - 1].bold:
        start -= 1
    while end < len(page) and page[end].bold:
        end += 1
    return end - start <= 3


def _continues(before: _Block, line: Line, kind: str, pages: list[list[Line]], number: int, style: _Style) -> bool:
    last = before.last
    if kind in ("row", "item") or before.kind == "row" or (kind == "heading") != (before.kind == "heading"):
        return False
    if abs(line.size - last.size) > 0.2 * max(line.size, last.size):
        return False
    step = last.base - line.base
    if before.kind == "heading":
        return before.page == number and 0 < step < 1.7 * line.size
    ends = bool(_ENDS.search(last.text))
    near = before.page == number and 0 < step < 1.35 * style.pitch * max(1.0, line.size / style.size)
    if not near or line.left > last.right or last.left > line.right:
        return last.text.endswith("\xad") or (not ends and line.text[:1].islower())
    flows = not ends and (line.text[:1].islower() or (before.kind == "item" and not line.text[:1].isupper()))
    if not flows and (line.bold != last.bold or _breaks_early(pages[number], before.place, line)):
        return False
    return not (ends and before.kind != "item" and line.left - last.left > 0.7 * line.size)


def _breaks_early(page: list[Line], place: int, following: Line) -> bool:
    """Whether the line at ``place`` ends though the next word had room: one near line in five may reach further."""
    line = page[place]
    near = [other for other in page[max(0, place - 12) : place + 13] if abs(other.left - line.left) < 1.5 * line.size]
    word = following.text.split(" ", 1)[0]
    width = len(word) * (following.right - following.left) / max(1, len(following.text))
    if _RIGHT_TO_LEFT.search(line.text):
        near = [
            other for other in page[max(0, place - 12) : place + 13] if abs(other.right - line.right) < 1.5 * line.size
        ]
        edge = sorted(other.left for other in near)[len(near) // 5]
        room, whole = line.left - edge, line.right - edge
    else:
        edge = sorted(other.right for other in near)[-1 - len(near) // 5]
        room, whole = edge - line.right, edge - line.left
    return room > 1.15 * width + 0.3 * line.size and room > (0.08 if _ENDS.search(line.text) else 0.18) * whole


def _joint(head: str, tail: str, words: Counter[str]) -> tuple[bool, str]:
    """Whether the last character of what stands goes (a hyphen), and what to add for the next line.

    A hyphen at a line end stays when the document writes the word with one elsewhere, and not without.
    """
    if head.endswith(("–", "—", "/")) and not head[-2:-1].isspace():
        return False, tail
    if not head.endswith(("-", "\xad")) or not head[-2:-1].isalnum() or not tail[:1].isalnum():
        return False, " " + tail
    left = _WORD.findall(head[:-1])
    right = _WORD.match(tail)
    if left and right and tail[0].islower() and "-" not in left[-1]:
        whole = (left[-1] + right[0]).casefold()
        if words[f"{left[-1]}-{right[0]}".casefold()] <= words[whole]:
            return True, tail
    return (True, "-" + tail) if head.endswith("\xad") else (False, tail)


def _gap(before: str, kind: str) -> str:
    return "\n" if before == kind and kind in ("row", "item") else "\n\n"


def _written(line: Line, kind: str) -> str:
    if kind == "row":
        return "| " + " | ".join(cell.text for cell in line.cells) + " |"
    if kind == "heading":
        return "## " + line.text
    return _DOT.sub("- ", line.text, count=1) if kind == "item" and _DOT.match(line.text) else line.text
