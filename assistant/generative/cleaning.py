"""What a statement of a model may hold at all, whatever its quotes say. What a model wrote is never shown uncleaned."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

from index.lexical import terms
from index.reading.instructions import find_instructions

Fault = Literal["markup", "address", "label", "instructions", "words", "length"]

LONGEST, SHORTEST = 600, 4
"""Characters and words of a statement."""
FAULTS: dict[Fault, str] = {
    "markup": "it holds HTML, a link or an image",
    "address": "it holds an address that the briefs do not name as a source",
    "label": "it names a source that was not given",
    "instructions": "it repeats instructions",
    "words": "it holds words that neither the language nor the briefs have",
    "length": f"it is no statement of {SHORTEST} words or more and at most {LONGEST} characters",
}
"""Each fault in words for people, to follow "left out because"."""

LEAKED = 6
"""Words in a row of the prompt that are no coincidence."""
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
_MARKS = frozenset(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), 0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0]))
"""Letters and marks without a shape, in which text can be hidden."""
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3}|_{1,3}|`{1,3})(?=\S)(.+?)(?<=\S)\1(?![\w*])")
_LINE_MARK = re.compile(r"^(?:#{1,6}|[-*•>]|\d{1,2}[.)])\s+")
_MARKER = re.compile(
    r"\s*(?:[\[【]\s?S?\d{1,3}(?:\s?[,;&]\s?S?\d{1,3})*\s?[\]】](?!\()|\(\s?S\d{1,3}(?:\s?[,;&]\s?S\d{1,3})*\s?\))"
)
_MARKUP = re.compile(
    r"<\s*[A-Za-z/!?]|&(?:#x?\w+|[a-z]{2,8});|!?\[[^\]]*\]\s*[(\[:]|\]\(|\$\$|\\[(\[a-z]|[`|{}]{2,}|```"
)
_ADDRESS = re.compile(
    r"(?i:[a-z][a-z0-9+.-]*://[^\s<>\"”»)]+|\b(?:javascript|data|mailto|tel|file|vbscript):\S+|\bwww\.\S+|\S+@\S+\.\w+)"
    r"|\b[\w-]+(?:\.[\w-]+)*\.(?:[a-z]{2,}|[A-Z]{2,})(?:[/:?#]\S*)?(?=$|[\s,;:!?.)\"”»’'])"
)
"""Also a bare name such as example.com; "the talks.The" lacks a space and is none."""
_LABEL = re.compile(r"\bS\d{1,3}\b(?!-)")
_WORD = re.compile(r"\w+")
_COUNTED = re.compile(r"(?:0?\d|[1-9]\d*)(?:st|nd|rd|th|s|m|km|kg|bn|mn|pm|am|x|k)?", re.I)
_ENDING = re.compile(r"(?:e?s|e?d|ing|ly)$")
_PLAIN = frozenset(" .,;:!?'\"()[]-–—‐‑…/%&$€£₹+°‘’“”«»#@*=")
"""What plain sentences hold beside letters and digits."""
_SHORT = 3
"""Letters from which on a word is looked up."""
_READ = 4 * LONGEST


def visible(text: str) -> str:
    """``text`` without characters that show nothing or turn the reading direction; white space is kept as spaces."""
    return "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or (unicodedata.category(character) not in _HIDDEN and character not in _MARKS)
    )


def cleaned(text: str) -> str:
    """A statement on one line, without what models add to plain words: emphasis, list marks, markers such as [S1]."""
    plain = _LINE_MARK.sub("", " ".join(visible(text[:_READ]).split()))
    return " ".join(_EMPHASIS.sub(r"\2", _MARKER.sub("", plain)).split())


def fault_of(text: str, rules: Rules) -> Fault | None:
    """Why the ``cleaned`` text may not be shown, None if it may."""
    if len(text) > LONGEST or len(text.split()) < SHORTEST:
        return "length"
    if _MARKUP.search(text) or any(
        not character.isalnum() and character not in _PLAIN and character not in rules.shown for character in text
    ):
        return "markup"
    if not all(_is_known(match.group(), rules.addresses) for match in _ADDRESS.finditer(text)):
        return "address"
    if any(match.group() not in rules.shown for match in _LABEL.finditer(text)):
        return "label"
    if find_instructions(text) or not _runs(rules.prompt).isdisjoint(_in_rows(text)):
        return "instructions"
    if not all(rules.is_word(word) for word in _WORD.findall(_ADDRESS.sub(" ", text))):
        return "words"
    return None


@dataclass(frozen=True)
class Rules:
    """What the statements of one answer are held against.

    ``shown`` is what the model was shown of the briefs, ``addresses`` are those that the briefs name as their sources,
    ``prompt`` is what the model was told and may not repeat, ``known`` tells ordinary words from others.
    """

    shown: str
    addresses: Collection[str]
    prompt: str
    known: Callable[[str], bool]

    def is_word(self, word: str) -> bool:
        """Whether a word is of the language, or of the briefs. Names are left to the verification."""
        if len(word) < _SHORT or word[0].isupper():
            return True
        if not word.isalpha():
            return word in self.shown or bool(_COUNTED.fullmatch(word))
        own = not self._stems.isdisjoint(terms(word)) or not terms(word)
        return own or self.known(word.lower()) or self.known(_ENDING.sub("", word))

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(terms(self.shown))


def _is_known(address: str, addresses: Collection[str]) -> bool:
    plain = address.rstrip(".,;:!?'’").lower()
    return any(plain in known.lower() for known in addresses)


@cache
def _runs(prompt: str) -> frozenset[tuple[str, ...]]:
    return frozenset(_in_rows(prompt))


def _in_rows(text: str) -> list[tuple[str, ...]]:
    """Every ``LEAKED`` words in a row, folded."""
    words = _WORD.findall(text.lower())
    return [tuple(words[k : k + LEAKED]) for k in range(len(words) - LEAKED + 1)]
