"""Numbers and dates in a text, and whether one that is claimed agrees with one that is quoted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import floor, log10
from typing import Literal

from index.types import Span

Bound = Literal["", ">", "<", "~"]
"""How exact a number is meant: as it is, at least, at most, about."""
Unit = Literal["", "%", "money", "ordinal"]

_ROUNDED = 0.05
"""A claim may round a number by this share of it, where it says "about", "over" or "nearly"."""

_MONTHS = "january february march april may june july august september october november december".split()
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_MONTH = "|".join(f"{name[:3].title()}(?:{name[3:]})?" for name in _MONTHS) + "|Sept"
_YEAR = r"(?:1[5-9]|20)\d\d"
_DAY = r"(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_TO = r"\s*(?:[-–—/]|to|and|or|until|through)\s*"
_DATE = re.compile(
    rf"""
    (?P<iso>\b{_YEAR}-\d\d-\d\d\b)
    |\b(?P<d1>{_DAY})(?:{_TO}(?P<d2>{_DAY}))?\s+(?:of\s+)?(?P<m1>{_MONTH})\b\.?(?:,?\s+(?P<y1>{_YEAR})\b)?
    |\b(?P<m2>{_MONTH})\b\.?\s+(?P<d3>{_DAY})(?:{_TO}(?P<d4>{_DAY}))?\b(?!\s*%|\s+\d{{1,3}}\b)(?:,?\s+(?P<y2>{_YEAR})\b)?
    |\b(?P<m3>{_MONTH})\b\.?(?:\s*[-–/]\s*|\s+to\s+)(?P<m4>{_MONTH})\b(?:,?\s+(?:of\s+)?(?P<y3>{_YEAR})\b)?
    |\b(?P<m5>{_MONTH})\b(?:,?\s+(?:of\s+)?(?P<y4>{_YEAR})\b)?
    |\b(?P<y5>{_YEAR})(?:[-–/](?P<y6>\d\d(?:\d\d)?))?\b(?![,.]\d|\s?%|\s+percent)
    |\b(?P<w>{"|".join(day.title() for day in _DAYS)})\b
    """,
    re.X,
)
_AMBIGUOUS = re.compile(r"(?:May|March|Mar)$")
_IN_TIME = re.compile(
    r"(?:in|of|since|by|until|early|mid|late|last|this|during|from|to|and|for|through|the)[\s-]+$", re.I
)
_MONEY_BEFORE = re.compile(r"(?:USD|US\$|\$|€|£|₹|EUR|PKR|Rs\.?)\s?$")

_ONES = dict(
    zip(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen".split(),
        range(20),
        strict=True,
    )
)
_TENS = {name: 10 * k for k, name in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_SCALES = {
    "hundred": 1e2,
    "thousand": 1e3,
    "k": 1e3,
    "lakh": 1e5,
    "million": 1e6,
    "mn": 1e6,
    "m": 1e6,
    "crore": 1e7,
    "billion": 1e9,
    "bn": 1e9,
    "trillion": 1e12,
    "dozen": 12.0,
}
_SPECIAL = {"half": 50.0, "third": 100 / 3, "quarter": 25.0}
"""Shares, in percent."""
_NUMBER_WORD = "|".join([*_ONES, *_TENS])
_SCALE = "|".join(f"{scale}s?" if len(scale) > 2 else scale for scale in _SCALES)
_NUMBER = re.compile(
    rf"""
    (?P<money>(?:USD|US\$|\$|€|£|₹|EUR|PKR|Rs\.?)\s?)?
    (?<![\w.])(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)(?P<th>st|nd|rd|th)?(?:[\s-]?(?P<scale>{_SCALE})\b)?
    (?P<after>\s?(?:%|per\s?cent\b|percent\b)|\s(?:dollars?|rupees?|euros?|cents?)\b)?
    |\b(?P<words>(?:a\s+)?(?:{_NUMBER_WORD}|hundreds?|thousands?|millions?|billions?|dozens?)(?:(?:[\s-]+|\s+and\s+)(?:{_NUMBER_WORD}|{_SCALE})\b)*)\b
    (?P<wafter>\s(?:per\s?cent\b|percent\b)|\s(?:dollars?|rupees?|euros?|cents?)\b)?
    |\b(?P<share>half|(?:a|one|two|three)[\s-](?:third|quarter)s?(?=\s+of\b))\b
    """,
    re.X | re.I,
)
_BOUNDS: tuple[tuple[Bound, re.Pattern[str]], ...] = (
    (
        "<",
        re.compile(
            r"(?:up to|at most|(?:no|not) more than|(?<!no )(?<!not )(?:less|fewer) than|under|below|maximum of)(?: an?| the)?\s+$",
            re.I,
        ),
    ),
    (
        ">",
        re.compile(
            r"(?:(?<!no )(?<!not )more than|over|at least|above|beyond|exceed\w*|(?:no|not) (?:fewer|less) than"
            r"|upwards of|minimum of|just over)"
            r"(?: an?| the| some)?\s+$",
            re.I,
        ),
    ),
    (
        "~",
        re.compile(
            r"(?:about|around|roughly|approximately|some|nearly|almost|close to|an estimated|circa)(?: an?| the)?\s+$",
            re.I,
        ),
    ),
)
_OR_MORE = re.compile(r"\s*(?:\w+\s+)?or (more|above|over|fewer|less)\b", re.I)
_RELATIVE = re.compile(
    r"\b(?:yesterday|today|tomorrow|tonight|(?:last|next|this) (?:week|month|year)|recently|currently)\b", re.I
)
_SAME_DAY = re.compile(
    r"\b(?:same|that|next|previous|following) (?:day|night|evening|month|week|year)\b|\blater\b", re.I
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is meant: ``value`` in its unit ("1.3 million" is 1,300,000, "half" is 50 percent)."""

    value: float
    unit: Unit
    bound: Bound
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Date:
    """As much of a date as is said; ``weekday`` counts from 0 for Monday. A range is two dates at the same place."""

    day: int | None
    month: int | None
    year: int | None
    weekday: int | None
    start: int
    end: int


def read_dates(text: str) -> tuple[Date, ...]:
    """The dates in ``text``, in order."""
    return tuple(date for match in _DATE.finditer(text) for date in _dates(match, text))


def _dates(match: re.Match[str], text: str) -> Iterator[Date]:
    start, end = match.span()
    part = match.groupdict()
    if part["iso"]:
        year, month, day = map(int, part["iso"].split("-"))
        yield Date(day, month, year, None, start, end)
    elif part["w"]:
        yield Date(None, None, None, _DAYS.index(part["w"].lower()), start, end)
    elif part["y5"]:
        if _MONEY_BEFORE.search(text, max(0, start - 5), start):
            return
        yield Date(None, None, int(part["y5"]), None, start, end)
        if part["y6"]:
            yield Date(None, None, int((part["y5"][:2] + part["y6"])[-4:]), None, start, end)
    else:
        yield from _calendar(match, text)


def _calendar(match: re.Match[str], text: str) -> Iterator[Date]:
    """Dates with a month."""
    start, end = match.span()
    part = match.groupdict()
    bare = part["m5"] and not part["y4"]
    if bare and _AMBIGUOUS.match(part["m5"]) and not _IN_TIME.search(text, max(0, start - 9), start):
        return
    year = next((int(part[key]) for key in ("y1", "y2", "y3", "y4") if part[key]), None)
    days = [int(re.sub(r"\D", "", part[key])) for key in ("d1", "d2", "d3", "d4") if part[key]]
    months = [_MONTHS.index(_full(part[key])) + 1 for key in ("m1", "m2", "m3", "m4", "m5") if part[key]]
    for month in months:
        for day in days or (None,):
            yield Date(day, month, year, None, start, end)


def _full(month: str) -> str:
    return next(name for name in _MONTHS if name.startswith(month.lower()[:3]))


def read_numbers(text: str, taken: Iterable[Span]) -> tuple[Number, ...]:
    """The numbers in ``text`` outside the ranges ``taken`` (of dates), in order; "one" only with a scale or a unit."""
    blocked = list(taken)
    found = []
    for match in _NUMBER.finditer(text):
        if any(match.start() < end and start < match.end() for start, end in blocked):
            continue
        number = _number(match, text)
        if number:
            found.append(number)
    return tuple(found)


def _number(match: re.Match[str], text: str) -> Number | None:
    part = match.groupdict()
    after = (part["after"] or part["wafter"] or "").strip().lower()
    unit: Unit = "money" if part["money"] else ""
    if after.startswith(("%", "per")):
        unit = "%"
    elif after:
        unit = "money"
    if part["share"]:
        value = _share(part["share"].lower(), text[: match.start()])
        unit = "%"
    elif part["words"]:
        value = _spelled(part["words"].lower(), alone=not after)
    else:
        value = float(part["digits"].replace(",", "")) * _scale(part["scale"])
        unit = "ordinal" if part["th"] else unit
    if value is None:
        return None
    value = value / 100 if after.startswith("cent") else value
    return Number(value, unit, _bound(match, text), match.start(), match.end())


def _scale(name: str | None) -> float:
    return 1.0 if not name else _SCALES.get(name.lower()) or _SCALES[name.lower().removesuffix("s")]


def _share(words: str, before: str) -> float | None:
    """Percent; None for the half of a year or of a batch, which is no share of anything counted."""
    if words == "half":
        return None if re.search(r"(?:first|second|other|latter|and a)\s+$", before) else 50.0
    times = {"two": 2, "thr": 3}.get(words[:3], 1)
    return times * next(value for name, value in _SPECIAL.items() if name in words)


def _spelled(words: str, *, alone: bool) -> float | None:
    """The value of number words; None for "one" alone, mostly a pronoun, and for "thousands", which say no number."""
    total, current, seen = 0.0, 0.0, False
    for word in re.findall(r"[a-z]+", words):
        if word in ("a", "and"):
            continue
        if word in _ONES or word in _TENS:
            current += _ONES.get(word, 0) + _TENS.get(word, 0)
            seen = True
        elif not seen and word.endswith("s"):
            return None
        elif word == "hundred":
            current, seen = max(current, 1.0) * 100, True
        else:
            total, current, seen = total + max(current, 1.0) * _scale(word), 0.0, True
    return None if alone and words == "one" else total + current


def _bound(match: re.Match[str], text: str) -> Bound:
    for bound, pattern in _BOUNDS:
        if pattern.search(text, max(0, match.start() - 24), match.start()):
            return bound
    following = _OR_MORE.match(text, match.end())
    if following:
        return "<" if following.group(1).lower() in ("fewer", "less") else ">"
    return ""


def numbers_agree(claimed: Number, quoted: Number) -> bool:
    """Whether ``claimed`` may be said where ``quoted`` stands: the same value and unit and no other bound, or rounded."""
    if claimed.unit != quoted.unit and not (claimed.unit == "" and quoted.unit == "money"):
        return False
    if abs(claimed.value - quoted.value) <= 1e-6 * max(1.0, abs(quoted.value)):
        return claimed.bound in (quoted.bound, "~") or (claimed.bound, quoted.bound) == ("", "~")
    return _rounds(claimed, quoted)


def _rounds(claimed: Number, quoted: Number) -> bool:
    """Whether "about", "over" or "under" a rounder number may stand for the exact one."""
    if not claimed.bound or not quoted.value or _digits(claimed.value) >= _digits(quoted.value):
        return False
    distance = (quoted.value - claimed.value) / abs(quoted.value)
    if claimed.bound == ">":
        return 0 <= distance <= 2 * _ROUNDED and quoted.bound != "<"
    if claimed.bound == "<":
        return 0 <= -distance <= 2 * _ROUNDED and quoted.bound != ">"
    return abs(distance) <= _ROUNDED


def _digits(value: float) -> int:
    """Significant digits."""
    if not value:
        return 1
    text = f"{abs(value):.6g}" if abs(value) < 1 else f"{abs(value) / 10 ** floor(log10(abs(value))):.9f}"
    return len(text.replace(".", "").strip("0"))


def dates_agree(claimed: Date, quoted: Date, years: Iterable[int] = ()) -> bool:
    """Whether ``quoted`` says all that ``claimed`` says; the year alone may come from ``years``, where none is quoted."""
    if claimed.weekday is not None or quoted.weekday is not None:
        return claimed.weekday == quoted.weekday
    if claimed.day is not None and claimed.day != quoted.day:
        return False
    if claimed.month is not None and claimed.month != quoted.month:
        return False
    if claimed.year is None:
        return True
    return claimed.year == quoted.year or (quoted.year is None and claimed.year in set(years))


def says_when_relatively(text: str) -> frozenset[str]:
    """Words such as "yesterday" that mean another day in a statement than in the brief."""
    return frozenset(word.lower() for word in _RELATIVE.findall(text))


def points_back(text: str) -> bool:
    """Whether ``text`` takes its day from what stands before it: "the same day"."""
    return _SAME_DAY.search(text) is not None
