"""Quotes found exactly in what a model was shown; what is found are slices of the stored text.

Quotation marks, dashes, white space, soft hyphens, emphasis marks and case may differ: they are normalised for the
search alone. A word that differs is not found, however small the difference.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from assistant.verification.types import Source
from index.lexical import terms
from index.types import Span

Place = tuple[Span, ...]
"""Where one quote stands: ascending slices of the stored text; several where words of the brief are left out between."""

MIN_TERMS = 2
"""Words besides stop words that a quote needs to show anything."""
MIN_WORDS = 3
"""Words in all that make up for one of those: "have not been published"."""
_MAX_PLACES = 8
_ELLIPSIS = re.compile(r"\s*(?:\[\s*)?(?:\.\s?\.\s?\.+|…)(?:\s*\])?\s*")
_EDGES = " \t\n'\"“”‘’«».,;:!?()[]-–—*`_"
_QUOTES = frozenset("'\"`´“”„‟‘’‚‛«»‹›′″")
_DASHES = frozenset("-‐‑‒–—―−")
_DROPPED = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff*_")


class Folded(NamedTuple):
    """Text for the search: character ``k`` of ``text`` comes from the stored character at ``offsets[k]``."""

    text: str
    offsets: tuple[int, ...]


def is_substantial(quote: str) -> bool:
    """Whether ``quote`` says enough to show anything: neither two stop words nor, around an ellipsis, one."""
    parts = [terms(part) for part in _ELLIPSIS.split(quote) if part.strip(_EDGES)]
    count = sum(map(len, parts))
    return all(parts) and (count >= MIN_TERMS or len(quote.split()) >= MIN_WORDS)


def find_places(quote: str, source: Source) -> list[Place]:
    """Every place where ``quote`` stands in ``source``, in order, eight at most; none when a word differs.

    A quote with an ellipsis stands where its parts follow each other. It begins and ends at ends of words.
    """
    shown = _shown(source)
    whole: list[Place] = [((start, end),) for start, end in _occurrences(quote, shown.text, 0)]
    if not whole and _ELLIPSIS.search(quote):
        whole = list(_in_parts([part for part in _ELLIPSIS.split(quote) if part.strip(_EDGES)], shown.text))
    return [_stored(place, shown, source) for place in whole[:_MAX_PLACES]]


def _in_parts(parts: list[str], text: str) -> Iterator[Place]:
    for first in _occurrences(parts[0], text, 0):
        place = [first]
        for part in parts[1:]:
            following = next(_occurrences(part, text, place[-1][1]), None)
            if following is None:
                return
            place.append(following)
        yield tuple(place)


def _occurrences(quote: str, text: str, start: int) -> Iterator[Span]:
    """Ranges of the folded ``text``, from ``start`` on, that are ``quote`` and no part of a longer word or number."""
    sought = fold(quote.strip(_EDGES)).text.strip()
    while sought and (at := text.find(sought, start)) >= 0:
        end = at + len(sought)
        if not _inside_word(text, at) and not _inside_word(text, end):
            yield at, end
        start = at + 1


def _inside_word(text: str, at: int) -> bool:
    """Whether a word or number goes on across ``at``: "1 October" does not stand in "31 October"."""
    if not 0 < at < len(text):
        return False
    left, right = text[at - 1], text[at]
    if left.isalnum() and right.isalnum():
        return True
    if left.isdigit() and right in ".,":
        return text[at + 1 : at + 2].isdigit()
    return left in ".," and right.isdigit() and text[at - 2 : at - 1].isdigit()


def fold(text: str, offset: int = 0) -> Folded:
    """``text`` as it is searched; its first character is stored at ``offset``."""
    characters: list[str] = []
    offsets: list[int] = []
    for k, character in enumerate(text, offset):
        for folded in _fold(character):
            last = characters[-1] if characters else ""
            if folded == "-" and last == " ":
                characters[-1] = "-"
            elif not (folded in " -" and last in ("-", folded)):
                characters.append(folded)
                offsets.append(k)
    return Folded("".join(characters), tuple(offsets))


def _fold(character: str) -> str:
    if character in _DROPPED:
        return ""
    if character in _QUOTES:
        return "'"
    if character in _DASHES:
        return "-"
    if character.isspace():
        return " "
    return character.lower() if character.isascii() else unicodedata.normalize("NFKC", character).casefold()


@lru_cache(maxsize=256)
def _shown(source: Source) -> Folded:
    """What was shown of the source, its sentences joined by spaces."""
    texts: list[str] = []
    offsets: list[int] = []
    for start, end in source.sentences:
        folded = fold(source.text[start:end], start)
        if texts:
            texts.append(" ")
            offsets.append(start)
        texts.append(folded.text)
        offsets += folded.offsets
    return Folded("".join(texts), tuple(offsets))


def _stored(place: Place, shown: Folded, source: Source) -> Place:
    """Ranges of the stored text: cut where sentences are not neighbours, so that nothing between them is quoted."""
    spans: list[Span] = []
    for start, end in place:
        first, last = shown.offsets[start], shown.offsets[end - 1] + 1
        spans += [
            (max(first, left), min(last, right)) for left, right in sentences_across((first, last), source.sentences)
        ]
    joined = [spans[0]]
    for start, end in spans[1:]:
        if source.text[joined[-1][1] : start].isspace():
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)


def sentences_across(span: Span, sentences: tuple[Span, ...]) -> tuple[Span, ...]:
    """The ``sentences``, ascending and disjoint, that hold a character of ``span``."""
    first = max(0, bisect_right(sentences, (span[0], len(sentences) and sentences[-1][1])) - 1)
    held = []
    for start, end in sentences[first:]:
        if start >= span[1]:
            break
        if end > span[0]:
            held.append((start, end))
    return tuple(held)
