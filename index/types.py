"""What flows from a file of the corpus to a search hit. All frozen, all offsets half-open characters.

Offsets always point into ``Brief.text``, the canonical text of the brief: ``text[start:end]`` is the thing itself.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

Span = tuple[int, int]
"""Half-open range of character offsets: ``start <= k < end``, never empty."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a brief says about itself, from front matter, a sidecar file or the document's own properties.

    ``labels`` name the groups that may read the brief; empty means everybody. Dates are calendar days without a zone.
    """

    title: str
    published: dt.date | None = None
    as_of: dt.date | None = None
    kind: str = ""
    region: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def date(self) -> dt.date | None:
        """The day whose state of affairs the brief describes: ``as_of``, else ``published``."""
        return self.as_of or self.published


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a reader makes of one file.

    ``text`` is the canonical text. ``body`` are the ranges of it that are not boilerplate, ascending and disjoint.
    ``pages`` holds the offset in ``text`` at which each page starts (empty when the format has no pages).
    ``brief_id`` is the id the file gives itself, or None. ``warnings`` are lines for people.
    """

    text: str
    body: tuple[Span, ...]
    metadata: Metadata
    brief_id: str | None = None
    pages: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Brief:
    """One brief of the corpus. ``source`` is its path relative to the corpus, with forward slashes.

    ``sha256`` is the hash of the file's bytes and of its sidecar's, if it has one.
    """

    id: str
    source: str
    sha256: str
    text: str
    body: tuple[Span, ...]
    metadata: Metadata
    pages: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()

    def page_of(self, offset: int) -> int | None:
        """The page (from 1) that holds the character at ``offset``, or None for a format without pages."""
        if not self.pages:
            return None
        return max(1, sum(1 for start in self.pages if start <= offset))


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, list item or table row: never contains boilerplate, never crosses a paragraph.

    ``paragraph`` numbers the block it stands in, within its brief, from 0; ``is_heading`` marks headings,
    which are ranked with what stands under them and are not quoted alone.
    """

    start: int
    end: int
    paragraph: int
    is_heading: bool = False
    is_item: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of whole sentences of one brief. ``text[start:end]`` of the brief is the chunk, byte for byte.

    ``first`` and ``last`` (exclusive) index the brief's sentences. ``headings`` is the path of headings above it.
    """

    brief_id: str
    start: int
    end: int
    first: int
    last: int
    headings: tuple[str, ...] = field(default=())
