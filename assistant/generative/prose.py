"""Statements out of prose with markers such as [S1]: what small models write when asked for JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assistant.verification.types import Draft, Quoted

_MARKER = r"[\[(【]\s?S\d{1,3}(?:\s?[,;&]\s?S\d{1,3}){0,9}\s?[\])】]"
_LONGEST = 2000
"""Characters of a sentence; a longer one is left out."""
_MARKERS = re.compile(_MARKER)
_LABELS = re.compile(r"S\d{1,3}")
_END = re.compile(rf"[.!?…][\"”»’')]{{0,3}}(?:\s?{_MARKER}){{0,5}}[.,]?(?=\s[\"“«(]?[A-Z]|$)")
_QUOTE = re.compile(r'"([^"]{3,})"|“([^“”]{3,})”|«([^«»]{3,})»')
_BULLET = re.compile(r"^(?:[-*•#>]{1,6}|\d{1,3}[.)])\s+")
_BEFORE_STOP = re.compile(r"\s+(?=[.,;:!?])")


def drafts_in_prose(text: str) -> Iterator[Draft]:
    """A draft for each sentence with a marker. Words in quotation marks are its quotes; without any, all of it is."""
    for line in text.splitlines():
        if not line.lstrip().startswith("```"):
            for sentence in _sentences(_BULLET.sub("", " ".join(line.split()))):
                if len(sentence) <= _LONGEST:
                    yield from _draft(sentence)


def _sentences(line: str) -> Iterator[str]:
    start = 0
    for end in _END.finditer(line):
        yield line[start : end.end()]
        start = end.end()
    yield line[start:]


def _draft(sentence: str) -> Iterator[Draft]:
    markers = list(_MARKERS.finditer(sentence))
    text = _BEFORE_STOP.sub("", " ".join(_MARKERS.sub(" ", sentence).split()))
    if not markers or not any(letter.isalnum() for letter in text):
        return
    quotes = []
    for found in _QUOTE.finditer(sentence):
        after = [marker for marker in markers if marker.start() >= found.end()]
        label = _LABELS.findall((after or markers[-1:])[0].group())[0]
        quotes.append(Quoted(label, next(words for words in found.groups() if words)))
    labels = [label for marker in markers for label in _LABELS.findall(marker.group())]
    yield Draft(text, tuple(quotes) or tuple(Quoted(label, text) for label in dict.fromkeys(labels)))
