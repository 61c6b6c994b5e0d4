"""Whether an answer says a thing: wordings compared without regard to case, spacing, punctuation and accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_MARKER = re.compile(r"\s*\[\d+(?:\s*,\s*\d+)*\]")
_APOSTROPHE = re.compile(r"['\u2018\u2019\u02bc`\u00b4]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_LOOSE_POINT = re.compile(r"(?<!\d)\.|\.(?!\d)")


def without_markers(text: str) -> str:
    """The text of an answer without its citation markers such as ``[1]`` or ``[1, 2]``."""
    return _MARKER.sub("", text)


def count_words(text: str) -> int:
    """Words in an answer, markers aside: runs of non-space that hold a letter or digit."""
    return sum(any(c.isalnum() for c in word) for word in without_markers(text).split())


def normalise(text: str) -> str:
    """Lower case, no accents, no apostrophes, thousands unseparated, and one space for other punctuation.

    The decimal point, ``%`` and currency signs stay, because numbers mean something else without them.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    plain = _THOUSANDS.sub("", _APOSTROPHE.sub("", plain))
    plain = _LOOSE_POINT.sub(" ", plain)
    kept = (c if c.isalnum() or c in "%." or unicodedata.category(c) == "Sc" else " " for c in plain)
    return " ".join("".join(kept).split())


def says(pieces: Iterable[str], wordings: Iterable[str]) -> str | None:
    """The first of ``wordings`` that stands in one of ``pieces``, or None. ``pieces`` are normalised already.

    A wording starts at the start of a word; one that ends in a digit ends with its number ("15" is not in "1,500").
    """
    held = list(pieces)
    for wording in wordings:
        wanted = normalise(wording)
        if not wanted:
            continue
        end = r"(?!\d|\.\d)" if wanted[-1].isdigit() else ""
        pattern = re.compile(rf"(?<![\w.]){re.escape(wanted)}{end}" if wanted[0].isalnum() else re.escape(wanted) + end)
        if any(pattern.search(piece) for piece in held):
            return wording
    return None
