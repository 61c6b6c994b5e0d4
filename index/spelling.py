"""Slips of the keyboard in a question, mended to words that the briefs write; names that are merely others stay.

Asked about Iraq or Imran, a corpus that only knows Iran has no answer: so ordinary words are never changed, short and
capitalised ones only into words that sound the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from index.embedding import Embedder
from index.lexical import STOP_WORDS, LexicalIndex, Mask, fold, stem

if TYPE_CHECKING:
    from spellchecker import SpellChecker

TOKEN = re.compile(r"[^\W\d_]{4,}")
"""A word that may be mended."""
_OPENS = re.compile(r"(?:^|[.?!:])\W*$")
_SILENT = re.compile(r"(?<!^)[aeiouh]")
_DOUBLED = re.compile(r"(.)\1+")
SHORT, LONG = 5, 8
"""Letters up to which a word must sound the same, and from which on a name may differ in two."""
_COMMON = 1_000_000


def mend(
    question: str, lexical: LexicalIndex, is_word: Callable[[str], bool], allowed: Mask | None = None
) -> dict[str, str]:
    """Words of ``question`` that no allowed brief holds, with the nearest word that one does hold.

    An ordinary word stays as it is (``is_word`` of its folded form), unless it stands as a name in mid-sentence and a name
    in the briefs sounds the same: "Baluchistan", "Wanna".
    """
    mended = {}
    for match in TOKEN.finditer(question):
        typed = match.group()
        word, name = fold(typed), typed[:1].isupper()
        if word in STOP_WORDS or lexical.holds(stem(word), allowed):
            continue
        known = is_word(word)
        if known and (not name or len(word) < SHORT or _OPENS.search(question, 0, match.start())):
            continue
        if nearest := _nearest(word, name, known, lexical, allowed):
            mended[typed] = nearest
    return mended


def known_word(embedder: Embedder) -> Callable[[str], bool]:
    """Tells ordinary words: whole words of the embedder's vocabulary, if it shows one, and those of an English dictionary."""
    whole: frozenset[str] = getattr(embedder, "whole_words", frozenset())
    return lambda word: word in whole or _in_dictionary(word)


def _in_dictionary(word: str) -> bool:
    """Whether an English dictionary holds ``word``, in American spelling or with -is- for -iz-."""
    dictionary = _dictionary()
    return word in dictionary or re.sub(r"is(?=(?:e[drs]?|ing|ations?)$)", "iz", word) in dictionary


@cache
def _dictionary() -> SpellChecker:
    from spellchecker import SpellChecker

    return SpellChecker()


def _nearest(word: str, name: bool, known: bool, lexical: LexicalIndex, allowed: Mask | None) -> str | None:
    """The indexed word that starts with the same letter and differs least; the commonest of several."""
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import extract

    most = 1 if len(word) < SHORT or (len(word) == SHORT and (known or not name)) else 2
    choices = [
        other
        for other in (*lexical.surface, *(() if known else STOP_WORDS))
        if other[:1] == word[:1] and abs(len(other) - len(word)) <= most
    ]
    ranked = []
    for other, distance, _ in extract(word, choices, scorer=OSA.distance, score_cutoff=most, limit=None):
        if _sound(other) != _sound(word) and (known or distance > _slips(word, name)):
            continue
        if other in STOP_WORDS:
            frequency = _COMMON
        else:
            frequency = lexical.frequency(lexical.surface[other], allowed) if lexical.writes(other, allowed) else 0
        if frequency:
            ranked.append((distance, -frequency, str(other)))
    return min(ranked)[2] if ranked else None


def _slips(word: str, name: bool) -> int:
    """How many letters may be wrong in a word that sounds otherwise than what was meant."""
    if len(word) <= SHORT:
        return 0
    return 2 if len(word) >= (LONG if name else LONG - 1) else 1


def _sound(word: str) -> str:
    """The consonants of ``word`` after its first letter, doubled ones once."""
    return _DOUBLED.sub(r"\1", _SILENT.sub("", word))
