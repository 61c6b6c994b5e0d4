"""What a question asks for, and which sentences hold something of that kind.

Traits of sentences are found once, when a brief is indexed; the kind of a question when it is asked. Both are cheap
surface patterns: they only ever shift a ranking whose weights were learned (``index/ranking.py``).
"""

from __future__ import annotations

import re
from enum import Flag, auto

VERSION = 2
"""Raised when the same sentence would get other traits; part of the manifest."""

_MONTH = (
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?"
)
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"


class Trait(Flag):
    """What a sentence holds or how it is built. ``HEADING`` and ``ITEM`` come from the layout, the rest from the words.

    A ``REFERENCE`` is mostly an address: an entry of a list of sources.
    """

    HEADING = auto()
    ITEM = auto()
    NUMBER = auto()
    DATE = auto()
    AMOUNT = auto()
    NAME = auto()
    PLACE = auto()
    CAUSE = auto()
    DEFINITION = auto()
    LEANS_BACK = auto()
    QUESTION = auto()
    REFERENCE = auto()


_URL = re.compile(r"(?:https?://|www\.)\S+")
_PATTERNS: tuple[tuple[Trait, re.Pattern[str]], ...] = (
    (
        Trait.NUMBER,
        re.compile(r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|thousand|half)\b", re.I),
    ),
    (
        Trait.DATE,
        re.compile(rf"\b(?:1[0-9]{{3}}|20\d\d)\b|\b(?:{_MONTH})\b\.? \d|\d (?:{_MONTH})\b|\b(?:{_WEEKDAY})\b", re.I),
    ),
    (
        Trait.AMOUNT,
        re.compile(
            r"[$€£₹%]|\b(?:percent|per cent|million|billion|dollars|rupees|rs|km|tonnes?|trucks|years|days)\b", re.I
        ),
    ),
    (Trait.NAME, re.compile(r"(?<=[a-z,;)”\"] )[A-Z][a-z]+|^[A-Z][a-z]+ [A-Z][a-z]+")),
    (Trait.PLACE, re.compile(r"\b(?:in|at|near|from|to|on|of|between) (?:the )?[A-Z]\w+")),
    (
        Trait.CAUSE,
        re.compile(
            r"\b(?:because|due to|since|caus(?:e|ed|es|ing)|led to|result(?:s|ed)?|therefore|so that|in order to|reasons?"
            r"|owing to|after|blam(?:e|ed|es|ing)|argu(?:e|ed|es))\b",
            re.I,
        ),
    ),
    (Trait.DEFINITION, re.compile(r"\b(?:is|are|was|were|means?|refers?|called|known as|defined|named)\b", re.I)),
    (
        Trait.LEANS_BACK,
        re.compile(
            r"(?:it|its|he|she|they|this|that|these|those|his|her|their|such|both|neither|either|then"
            r"|the (?:latter|former|move|decision|same|statement|two|group|deal|measure|order|figure|toll)"
            r"|(?:however|instead|moreover|furthermore|in response|in turn|as a result|for example|but|and|so|yet|also|still|again)\b)\b",
            re.I,
        ),
    ),
    (Trait.QUESTION, re.compile(r".*\?[\"”’)\]]*$", re.S)),
)
_ANCHORED = Trait.LEANS_BACK | Trait.QUESTION


NEVER_QUOTED = Trait.HEADING | Trait.REFERENCE
"""What helps to find a chunk but answers nothing."""


def traits_of(sentence: str, *, heading: bool = False, item: bool = False) -> Trait:
    """The traits of one sentence."""
    found = Trait(0)
    for trait, pattern in _PATTERNS:
        if pattern.match(sentence) if trait in _ANCHORED else pattern.search(sentence):
            found |= trait
    if 3 * sum(len(url) for url in _URL.findall(sentence)) > len(sentence):
        found |= Trait.REFERENCE
    if heading:
        found |= Trait.HEADING
    return found | Trait.ITEM if item else found


class Asks(Flag):
    """What a question wants to know."""

    NUMBER = auto()
    DATE = auto()
    PERSON = auto()
    PLACE = auto()
    REASON = auto()
    MANNER = auto()
    DEFINITION = auto()
    LIST = auto()


FACTS = Asks.NUMBER | Asks.DATE | Asks.PERSON | Asks.PLACE
"""Questions for one fact: a brief that is merely near them does not answer them, and one sentence often does."""

_ASKS: tuple[tuple[Asks, re.Pattern[str]], ...] = (
    (
        Asks.NUMBER,
        re.compile(
            r"\bhow (?:many|much|long|old|far|often|large|big|high|tall)\b"
            r"|\bwhat (?:percent\w*|share|number|amount|age|year)\b|\bnumber of\b"
        ),
    ),
    (
        Asks.DATE,
        re.compile(r"\bwhen\b|\b(?:what|which) (?:year|date|month|day|time)\b|\bsince when\b|\bhow long ago\b"),
    ),
    (Asks.PERSON, re.compile(r"\bwho(?:m|se)?\b|\bwhich (?:person|leader|minister|official|group|countr\w+|party)\b")),
    (Asks.PLACE, re.compile(r"\bwhere\b|\b(?:what|which) (?:country|city|place|province|district|location|region)\b")),
    (Asks.REASON, re.compile(r"\bwhy\b|\breasons?\b|\bcauses?\b|\bhow come\b|\bpurpose\b")),
    (Asks.MANNER, re.compile(r"\bhow\b(?! (?:many|much|long|old|far|often|large|big|high|tall|come)\b)")),
    (Asks.DEFINITION, re.compile(r"\bwhat (?:is|was|'s)\b|\bmean(?:s|ing)?\b|\bdefin\w+\b|\brefers?\b")),
    (
        Asks.LIST,
        re.compile(
            r"\b(?:what|which) (?:are|were)\b|\blist\b|\bexamples?\b|\bdemands\b|\bred lines\b|\bpositions\b|\b(?:types|names|kinds) of\b"
            r"|\b(?:factors|features|reasons|methods|measures|ways|differences|challenges|roles|steps|countries|conditions|views|claims)\b"
        ),
    ),
)
_ANSWERED_BY: tuple[tuple[Asks, Trait], ...] = (
    (Asks.NUMBER, Trait.NUMBER | Trait.AMOUNT),
    (Asks.DATE, Trait.DATE),
    (Asks.PERSON, Trait.NAME),
    (Asks.PLACE, Trait.PLACE),
    (Asks.REASON, Trait.CAUSE),
    (Asks.DEFINITION, Trait.DEFINITION),
)


def asks_of(question: str) -> Asks:
    """What ``question`` wants to know; several kinds at once are common, none is possible."""
    folded = question.lower()
    found = Asks(0)
    for kind, pattern in _ASKS:
        if pattern.search(folded):
            found |= kind
    return found


def wanted_traits(asks: Asks) -> Trait:
    """The traits of a sentence that could answer: any of them is enough; none when the question has no such kind."""
    wanted = Trait(0)
    for kind, trait in _ANSWERED_BY:
        if kind in asks:
            wanted |= trait
    return wanted
