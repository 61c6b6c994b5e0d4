"""What every format reader hands over, before boilerplate common to all formats is looked for."""

from __future__ import annotations

from dataclasses import dataclass

from index.types import Metadata, Span


@dataclass(frozen=True, slots=True)
class Document:
    """One file as its reader understands it.

    ``text`` is the canonical text; ``masked`` are ranges of it that are not body (any order, may overlap).
    ``metadata`` is what the document says about itself; its title is empty when the document has none.
    ``pages`` holds the offset at which each page starts, for formats that have pages.
    """

    text: str
    metadata: Metadata
    masked: tuple[Span, ...] = ()
    brief_id: str | None = None
    pages: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()


def body_of(text: str, masked: list[Span]) -> tuple[Span, ...]:
    """The ranges of ``text`` outside ``masked``, ascending, disjoint, without white space at their edges.

    >>> body_of("one. AD two.", [(4, 7)])
    ((0, 4), (8, 12))
    """
    body: list[Span] = []
    position = 0
    for start, end in [*sorted(masked), (len(text), len(text))]:
        if start > position and (piece := text[position:start]).strip():
            left = position + len(piece) - len(piece.lstrip())
            body.append((left, position + len(piece.rstrip())))
        position = max(position, end)
    return tuple(body)
