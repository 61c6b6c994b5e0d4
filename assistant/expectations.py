"""Whether a sentence states the kind of fact a question asks for: a day that the question does not name, or a count of its noun."""

from __future__ import annotations

import re

from index.lexical import STOP_WORDS, stem, words

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
