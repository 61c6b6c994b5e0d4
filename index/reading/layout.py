"""Canonical text of marked-up formats: paragraphs, ``## `` headings, ``- `` items and ``| a | b |`` rows."""

from __future__ import annotations

import re

_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_ITEMS = {"li", "item", "dd", "dt"}
_CELLS = {"td", "th", "cell"}
_ROWS = {"tr", "row"}
_BREAKS = {"br", "lb"}
_INLINE = frozenset(
    re.findall(
        r"\w+",
        "a abbr acronym b bdi bdo big cite code data del dfn em font graphic hi i img ins kbd label mark q ref ruby s"
        " samp small span strike strong sub sup time tt u var wbr",
    )
)
_LONG_ROW = 1000
"""A row with more characters lays out the page rather than data: its cells are paragraphs."""


class Layout:
    """Takes elements as they open and close, HTML's or trafilatura's, and lays their text out in blocks."""

    def __init__(self) -> None:
        self._blocks: list[tuple[str, str]] = []
        self._line: list[str] = []
        self._cells: list[str] | None = None
        self._in_cell = 0
        self._heading = 0
        self._item = 0
        self._fresh_item = False
        self._linked = 0
        self._unlinked = False

    def open(self, tag: str, rend: str = "") -> None:
        """An element begins; ``rend`` is the heading level (h1 to h6) of a ``head`` element."""
        if tag in _BREAKS:
            self._line.append("\v")
            return
        if tag in ("a", "ref"):
            self._linked += 1
        if tag in _INLINE:
            return
        self._flush()
        if tag in _HEADINGS or tag == "head":
            self._heading = _HEADINGS.get(tag) or _HEADINGS.get(rend, 2)
        elif tag in _ITEMS:
            self._item += 1
            self._fresh_item = True
        elif tag in _ROWS:
            self._end_row()
            self._cells = []
        elif tag in _CELLS and self._cells is not None:
            self._cells.append("")
            self._in_cell += 1

    def add(self, text: str) -> None:
        """Text inside the element that is open."""
        if text:
            self._line.append(text)
            if not self._linked and not text.isspace():
                self._unlinked = True

    def close(self, tag: str) -> None:
        """An element ends."""
        if tag in ("a", "ref"):
            self._linked = max(0, self._linked - 1)
        if tag in _BREAKS or tag in _INLINE:
            return
        self._flush()
        if tag in _HEADINGS or tag == "head":
            self._heading = 0
        elif tag in _ITEMS:
            self._item = max(0, self._item - 1)
            self._fresh_item = False
        elif tag in _CELLS:
            self._in_cell = max(0, self._in_cell - 1)
        elif tag in _ROWS:
            self._end_row()

    def text(self) -> str:
        """Everything so far: blocks parted by an empty line, items of a list and rows of a table by a line end."""
        self._flush()
        self._end_row()
        out: list[str] = []
        before = ""
        for kind, block in self._blocks:
            out.append(("\n" if kind == before and kind in ("item", "row") else "\n\n") if out else "")
            out.append(block)
            before = kind
        return "".join(out)

    def _flush(self) -> None:
        paragraphs = [" ".join(part.split()) for part in re.split(r"\v\s*\v", "".join(self._line))]
        only_link = not self._unlinked
        self._line = []
        self._unlinked = False
        for paragraph in filter(None, paragraphs):
            if self._cells and self._in_cell:
                self._cells[-1] = f"{self._cells[-1]} {paragraph}".strip()
            elif self._heading:
                self._blocks.append(("heading", f"{'#' * self._heading} {paragraph}"))
            elif self._item and self._fresh_item:
                self._blocks.append(("item", f"- {paragraph}"))
                self._fresh_item = False
            else:
                self._blocks.append(("link" if only_link else "paragraph", paragraph))

    def _end_row(self) -> None:
        cells, self._cells, self._in_cell = self._cells or [], None, 0
        filled = [cell for cell in cells if cell]
        if len(filled) < 2 or sum(map(len, filled)) > _LONG_ROW:
            self._blocks += [("paragraph", cell) for cell in filled]
        else:
            self._blocks.append(("row", "| " + " | ".join(cells) + " |"))
