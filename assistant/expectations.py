"""Whether a sentence can state what a question asks for: a day it does not name, a count of its noun, the right owner."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from index.lexical import STOP_WORDS, fold, stem, words

_MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_DATE = re.compile(
    rf"\b\d{{1,2}} {_MONTH}\b|\b{_MONTH} \d{{1,2}}\b|\b{_MONTH}\b|\b(?:1[0-9]{{3}}|20\d\d)\b"
    r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b",
    re.I,
)
_COUNTED = re.compile(r"\bhow (?:many|much)\s+(?:of (?:the )?)?((?:[\w-]+\s*){1,3})", re.I)
_NUMBER = re.compile(
    r"[$€£]?\d[\d,.]*(?:%|bn|m|k)?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|million|billion|half|no",
    re.I,
)
_OWNED = re.compile(r"\b([A-Z][\w-]+)['’]s? ((?:[a-z][\w-]*\s*){1,3})")
_REACH = 4
"""Words between a number and what it counts, at most."""


def states_date(question: str, sentence: str) -> bool:
    """Whether ``sentence`` names a day, month or year that ``question`` does not."""
    known = {match.group().lower() for match in _DATE.finditer(question)}
    return any(match.group().lower() not in known for match in _DATE.finditer(sentence))


def states_count(question: str, sentence: str) -> bool | None:
    """Whether ``sentence`` counts what a "how many" asks for; None when ``question`` asks for no count.

    A number counts a noun that follows it within a few words, as in "five other armed men" for "how many men".
    """
    asked = _COUNTED.search(question)
    if not asked:
        return None
    nouns = {stem(word) for word in words(asked.group(1))[:2] if word not in STOP_WORDS}
    tokens = [token.strip('(),.;:"“”') for token in sentence.split()]
    known = set(re.findall(r"\d[\d,.]*", question))
    stems = [[stem(word) for word in words(token)] for token in tokens]
    for k, token in enumerate(tokens):
        if _NUMBER.fullmatch(token) and token not in known:
            near = {found for following in stems[k : k + _REACH + 1] for found in following}
            if not nouns.isdisjoint(near):
                return True
    return False


def names_owner(question: str) -> bool:
    """Whether ``question`` asks about something of somebody: "Pakistan's red lines"."""
    return _OWNED.search(question) is not None


def owned_by_another(question: str, sentence: str, same: Mapping[str, Collection[str]]) -> bool:
    """Whether ``sentence`` speaks of somebody else's: "Kabul's red lines" for a question about Pakistan's.

    ``same`` gives, by the stem of a name, the stems that stand for it. A sentence that names the owner asked for at all
    is left alone.
    """
    asked = [(stem(fold(owner)), _stems(things)) for owner, things in _OWNED.findall(question)]
    if not asked:
        return False
    said = [(stem(fold(owner)), _stems(things)) for owner, things in _OWNED.findall(sentence)]
    held = {stem(word) for word in words(sentence)}
    for owner, things in asked:
        names = {owner, *same.get(owner, ())}
        if names.isdisjoint(held) and any(
            other not in names and not things.isdisjoint(theirs) for other, theirs in said
        ):
            return True
    return False


def _stems(text: str) -> set[str]:
    return {stem(word) for word in words(text) if word not in STOP_WORDS}
