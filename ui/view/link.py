"""The address of the page that opens a brief at its words: ``/?brief=<id>&start=<n>&end=<n>``. Pure; no Streamlit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlencode

from index.types import Span

NAMES = ("brief", "start", "end")
"""Of the parameters: a brief's id, and where in its text the words begin and end (half-open, in code points)."""
_OFFSET = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Link:
    """What an address asks for, as it is written there: no brief may have that id, and no number need be in the offsets."""

    brief_id: str
    start: str = ""
    end: str = ""

    @classmethod
    def to(cls, brief_id: str, span: Span | None = None) -> Self:
        """The link to a brief, or to the words of ``span`` in it."""
        return cls(brief_id, *map(str, span)) if span else cls(brief_id)

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> Self | None:
        """The link in the parameters of an address, None if they name no brief."""
        brief_id, start, end = (parameters.get(name, "") for name in NAMES)
        return cls(brief_id, start, end) if brief_id else None

    @property
    def query(self) -> str:
        """The parameters with the question mark before them; ``read`` turns them back."""
        given = zip(NAMES, (self.brief_id, self.start, self.end), strict=True)
        return "?" + urlencode([(name, value) for name, value in given if value], quote_via=quote)

    @property
    def has_offsets(self) -> bool:
        """Whether it asks for words, be they there or not."""
        return bool(self.start or self.end)

    def span(self, length: int) -> Span | None:
        """The range that the offsets name in a text of ``length`` characters, None if it has no such range."""
        if not (_OFFSET.fullmatch(self.start) and _OFFSET.fullmatch(self.end)):
            return None
        start, end = int(self.start), int(self.end)
        return (start, end) if start < end <= length else None
