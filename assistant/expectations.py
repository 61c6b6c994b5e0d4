"""Whether a sentence can state what a question asks for: a day it does not name, a count of its noun, the right owner."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from index.lexical import STOP_WORDS, fold, stem, terms, words

_MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_DATE = re.compile(
    rf"\b\d{{1,2}} {_MONTH}\b|\b{_MONTH} \d{{1,2}}\b|\b{_MONTH}\b|\b(?:1[0-9]{{3}}|20\d\d)\b"
    r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b",
    re.I,
)
_COUNTED = re.compile(r"\bhow (?:many|much)\s+(?:of (?:the )?)?((?:[\w-]+\s*){1,3})", re.I)
_SHARE = re.compile(r"\bhow much of\b", re.I)
_NUMBER = re.compile(
    r"[$€£]?\d[\d,.]*(?:%|bn|m|k)?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|million|billion|half|no",
    re.I,
)
_OWNED = re.compile(r"\b([A-Z][\w-]+)['’]s? ((?:[a-z][\w-]*\s*){1,3})")
_HEADED = re.compile(r"([A-Z][\w-]+)['’]s? ")
_REASON = re.compile(
    r"\b(?:because|due to|owing to|thanks to|as a result of|in response to|in order to|so that|reasons?|caus(?:es?|ed)"
    r"|blam(?:e[ds]?|ing)|snags?|obstacles?|sticking points?|stumbling blocks?|unwilling(?:ness)?|refus(?:al|e[ds]?|ing)"
    r"|reject(?:ed|s|ion)|failure to|lack of)\b",
    re.I,
)
_NO_NOUN = tuple([word] for word in STOP_WORDS)
_MEASURES = {stem(word) for word in ("many", "much")}
_DYING = {stem(word) for word in ("kill", "die", "dead", "death", "casualty", "toll", "fatality")}
_REACH = 4
"""Words between a number and what it counts, at most."""


def states_date(question: str, sentence: str) -> bool:
    """Whether ``sentence`` names a day, month or year that ``question`` does not."""
    known = {match.group().lower() for match in _DATE.finditer(question)}
    return any(match.group().lower() not in known for match in _DATE.finditer(sentence))


def names_date(text: str) -> bool:
    """Whether ``text`` names a day, a month or a year."""
    return _DATE.search(text) is not None


def states_reason(sentence: str) -> bool:
    """Whether ``sentence`` has words in which reasons and obstacles are given."""
    return bool(_REASON.search(sentence))


def states_count(question: str, sentence: str, reach: int = _REACH) -> bool | None:
    """Whether ``sentence`` counts what a "how many" asks for; None when ``question`` asks for no count.

    A number counts a noun that follows it within ``reach`` words, as in "five other armed men" for "how many men". For a
    share ("how much of the trade") any number with a word of the question does.
    """
    if not _COUNTED.search(question):
        return None
    if _SHARE.search(question):
        return gives_count(question, sentence)
    nouns = counted(question)
    tokens = _tokens(sentence)
    known = set(re.findall(r"\d[\d,.]*", question))
    stems = [[stem(word) for word in words(token)] for token in tokens]
    for k, token in enumerate(tokens):
        if _NUMBER.fullmatch(token) and token not in known:
            near = {found for following in stems[k : k + reach + 1] for found in following}
            if not nouns.isdisjoint(near):
                return True
    return False


def counted(question: str) -> set[str]:
    """The stems of what a "how many" or "how much" asks to count; empty when ``question`` asks for no count."""
    asked = _COUNTED.search(question)
    return {stem(word) for word in words(asked.group(1))[:2] if word not in STOP_WORDS} if asked else set()


def asks_count(question: str) -> bool:
    """Whether ``question`` asks "how many" or "how much"."""
    return _COUNTED.search(question) is not None


def gives_count(clause: str, sentence: str) -> bool:
    """Whether ``sentence`` can give the number that ``clause`` asks for: of its noun, or where it has none of what was done.

    For "how many trucks waited" a number must count trucks; for "how many were killed" or "how much did it cost" one that
    is no date must stand with a word of the clause, or with another word for dying where that is asked.
    """
    asked = _COUNTED.search(clause)
    if asked and asked.group().lower().startswith("how many") and words(asked.group(1))[:1] not in _NO_NOUN:
        return bool(states_count(clause, sentence, _REACH - 1))
    rest = _DATE.sub(" ", sentence)
    known = set(re.findall(r"\d[\d,.]*", clause))
    if not any(_NUMBER.fullmatch(token) and token not in known for token in _tokens(rest)):
        return False
    about, held = set(terms(clause)) - _MEASURES, set(terms(rest))
    if not about.isdisjoint(_DYING):
        about |= _DYING
    return not about or not about.isdisjoint(held)


def names_owner(question: str) -> bool:
    """Whether ``question`` asks about something of somebody: "Pakistan's red lines"."""
    return _OWNED.search(question) is not None


def owned_by_another(question: str, sentence: str, same: Mapping[str, Collection[str]]) -> bool:
    """Whether ``sentence`` speaks of somebody else's: "Kabul's red lines" for a question about Pakistan's.

    ``same`` gives, by the stem of a name, the stems that stand for it. A sentence that names the owner asked for at all
    is left alone.
    """
    said = [(stem(fold(owner)), set(terms(things))) for owner, things in _OWNED.findall(sentence)]
    held = {stem(word) for word in words(sentence)} if said else set()
    return any(
        names.isdisjoint(held) and any(other not in names and not things.isdisjoint(theirs) for other, theirs in said)
        for names, things in _asked(question, same)
    )


def stands_under_another(question: str, title: str, sentence: str, same: Mapping[str, Collection[str]]) -> bool:
    """Whether ``title`` announces somebody else's of what ``question`` asks about, and ``sentence`` is on that owner.

    Under "Kabul's positions and red lines" a sentence is on Kabul's unless the owner asked for is the first one it names.
    """
    headed = _HEADED.match(title)
    if headed is None:
        return False
    other, held = stem(fold(headed.group(1))), set(terms(title))
    others = {other, *same.get(other, ())}
    for names, things in _asked(question, same):
        if other not in names and not things.isdisjoint(held):
            return next((word not in names for word in map(stem, words(sentence)) if word in names | others), True)
    return False


def _asked(question: str, same: Mapping[str, Collection[str]]) -> list[tuple[set[str], set[str]]]:
    """The owners that ``question`` names, by all their names, each with what is asked of it."""
    found = []
    for owner, things in _OWNED.findall(question):
        name = stem(fold(owner))
        found.append(({name, *same.get(name, ())}, set(terms(things))))
    return found


def _tokens(text: str) -> list[str]:
    return [token.strip('(),.;:"“”') for token in text.split()]
