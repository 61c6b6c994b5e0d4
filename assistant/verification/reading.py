"""A statement or a sentence as the checks see it: words with their stems, names, numbers, dates, in order."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

from assistant.verification.values import Date, Number, read_dates, read_numbers
from index.lexical import STOP_WORDS, fold, stem

Kind = Literal["word", "name", "stop", "value", "break"]

_TOKEN = re.compile(r"[^\W\d_]\.(?:[^\W\d_]\.)+|[^\W\d_]+(?:['’][^\W\d_]+)*|\d[\d,.]*|[,;:.!?()\"“”]|\s[-–—]+\s")
_POSSESSIVE = re.compile(r"['’]s?$")
_CASED = re.compile(r"(?<=[a-z,;)”\"] )[A-Z][^\W\d_]+|(?<![^\W\d_])[a-z][^\W\d_]+")
_SPOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_AUXILIARY = frozenset("having being doing".split())
_COMMON_ENDING = re.compile(r"(?:[^su]s|ing|ed|ly|tion|sion|ment|ness|er|or)$")
_FINITE = re.compile(
    r"is|was|has|had|will|would|does|did|can|could|said|says|told|gave|put|held|made|took|\w{3,}ed|\w{3,}[^s]s"
)
_ADDRESS = re.compile(r"\S+(?:://|\w\.\w)\S+")
_IRREGULAR = {
    past: base
    for line in """
    say said; tell told; fall fell fallen; rise rose risen; give gave given; take took taken; make made; meet met; go went gone;
    hold held; send sent; leave left; fight fought; strike struck; begin began begun; keep kept; bring brought; seek sought;
    lead led; win won; lose lost; find found; speak spoke spoken; write wrote written; become became; come came; see saw seen;
    know knew known; break broke broken; draw drew drawn; withdraw withdrew withdrawn; choose chose chosen; grow grew grown;
    drive drove driven; pay paid; sell sold; buy bought; build built; throw threw thrown; show shown; run ran; stand stood;
    catch caught; teach taught; feel felt; hear heard; die died dead; swear swore sworn; fly flew flown; bear bore born borne;
    """.split(";")
    for base, *pasts in [line.split() or [""]]
    for past in pasts
}


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number, date or mark of punctuation (``break``). ``key`` is its stem, empty for values and breaks."""

    text: str
    key: str
    kind: Kind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A text taken apart. ``keys`` are the stems of all its words, names and stop words included."""

    text: str
    tokens: tuple[Token, ...]
    numbers: tuple[Number, ...]
    dates: tuple[Date, ...]
    keys: frozenset[str]

    @property
    def names(self) -> tuple[Token, ...]:
        """The parts of names, in order."""
        return tuple(token for token in self.tokens if token.kind == "name")

    @property
    def content(self) -> tuple[Token, ...]:
        """Words and names, without stop words."""
        return tuple(token for token in self.tokens if token.kind in ("word", "name"))


def key_of(word: str) -> str:
    """The stem of a word as it is written, irregular pasts included."""
    plain = _POSSESSIVE.sub("", fold(word)).replace(".", "").replace("’", "'")
    return stem(_IRREGULAR.get(plain, plain))


class Casing(NamedTuple):
    """Folded words that texts write with a capital inside sentences, and those that they write without."""

    names: frozenset[str] = frozenset()
    common: frozenset[str] = frozenset()


_NO_CASING = Casing()


@lru_cache(maxsize=4096)
def read(text: str, casing: Casing = _NO_CASING) -> Reading:
    """``text`` taken apart; ``casing`` tells whether the first word of a sentence is a name."""
    dates = read_dates(text)
    numbers = read_numbers(text, [(date.start, date.end) for date in dates])
    values = sorted({(d.start, d.end) for d in dates} | {(n.start, n.end) for n in numbers})
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        if values and match.start() >= values[0][0]:
            start, end = values[0]
            if match.start() < end:
                if not tokens or tokens[-1].start != start:
                    tokens.append(Token(text[start:end], "", "value", start, end))
                if match.end() >= end:
                    values.pop(0)
                continue
            values.pop(0)
        tokens.append(_token(match, tokens))
    settled = _settle_first(tokens, casing)
    return Reading(text, settled, numbers, dates, frozenset(token.key for token in settled if token.key))


def _token(match: re.Match[str], before: list[Token]) -> Token:
    word, start, end = match.group(), match.start(), match.end()
    if not word[0].isalpha():
        return Token(word, "", "value" if word[0].isdigit() else "break", start, end)
    plain = fold(word).replace("’", "'")
    # "US" and "IT" in capitals are names, "us" and "it" are not; a title such as "The" inside a name is not one either.
    shouted = word.isupper() and len(word) > 1
    if (plain in STOP_WORDS or plain in _AUXILIARY or plain.endswith("n't")) and not shouted:
        return Token(word, plain, "stop", start, end)
    first = not before or before[-1].text in ".!?:"
    kind: Kind = "name" if word[0].isupper() and (shouted or not first) else "word"
    return Token(word, key_of(word), kind, start, end)


def _settle_first(tokens: list[Token], casing: Casing) -> tuple[Token, ...]:
    """Capitalised first words of sentences: names or not."""
    settled = list(tokens)
    for k, token in enumerate(settled):
        if token.kind == "word" and token.text[0].isupper() and _is_name(token, settled[k + 1 : k + 2], casing):
            settled[k] = Token(token.text, token.key, "name", token.start, token.end)
    return tuple(settled)


def _is_name(token: Token, following: list[Token], casing: Casing) -> bool:
    """Whether a capitalised first word is a name: a known one, beside another, or unknown and followed by a verb."""
    if _POSSESSIVE.search(token.text) or (
        following and following[0].kind == "name" and following[0].start - token.end < 2
    ):
        return True
    plain = fold(token.text)
    if plain in casing.names:
        return True
    unknown = plain not in casing.common and not _COMMON_ENDING.search(plain)
    return unknown and bool(following) and _FINITE.fullmatch(following[0].text) is not None


@lru_cache(maxsize=64)
def casing_of(*texts: str) -> Casing:
    """How ``texts`` write their words, each by what it does more often; words that only begin sentences are in neither."""
    leaning: Counter[str] = Counter()
    for text in texts:
        leaning.update(_leaning(text))
    names = frozenset(word for word, surplus in leaning.items() if surplus > 0) - STOP_WORDS
    return Casing(names, frozenset(leaning) - names)


@lru_cache(maxsize=256)
def _leaning(text: str) -> dict[str, int]:
    leaning: dict[str, int] = {}
    for match in _CASED.finditer(_ADDRESS.sub("", text)):
        word = _POSSESSIVE.sub("", fold(match.group()))
        leaning[word] = leaning.get(word, 0) + (1 if match.group()[0].isupper() else -1)
    return leaning


@lru_cache(maxsize=256)
def pairs_in(text: str) -> frozenset[tuple[str, str]]:
    """Folded words that ``text`` has side by side."""
    words = [fold(word) for word in _SPOKEN.findall(text)]
    return frozenset(pairwise(words))
