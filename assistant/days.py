"""Questions about a day: sentences that name it are likelier to answer than ones that are merely like the question."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from assistant.sentences import sentence_text
from index.generation import Generation
from index.search import Evidence

SAME_DAY = 4.0
"""By how much the odds of a sentence grow that names a day of the question's."""
Day = tuple[str, int]
"""The first three letters of a month, and the day in it."""
_MONTHS = "january february march april may june july august september october november december".split()
_MONTH = rf"(?P<month>{'|'.join(f'{name[:3]}(?:{name[3:]})?' for name in _MONTHS)})\b"
_NUMBER = r"\d{1,2}(?:st|nd|rd|th)?"
_DAYS = rf"(?P<days>{_NUMBER}(?: ?(?:–|-|to|and|or|/) ?{_NUMBER})?)"
_DATES = (
    re.compile(rf"\b{_DAYS} (?:of )?{_MONTH}", re.I),
    re.compile(rf"\b{_MONTH}\.? {_DAYS}\b(?!\d)", re.I),
)
_RANGE = re.compile(r"–|-|to", re.I)


def of_the_asked_day(generation: Generation, evidence: Evidence) -> Evidence:
    """``evidence`` in which sentences that name a day of the question's are likelier; unchanged where it names none."""
    asked, found = days_of(evidence.query.searched), evidence.found
    if not asked or not len(found.sentences):
        return evidence
    named = [not asked.isdisjoint(days_of(sentence_text(generation, int(row)))) for row in found.sentences]
    factor = np.where(named, SAME_DAY, 1.0)
    chance = factor * evidence.sentence_score / (1 + (factor - 1) * evidence.sentence_score)
    return replace(evidence, sentence_score=chance.astype(np.float32))


def days_of(text: str) -> frozenset[Day]:
    """The days that ``text`` names by day and month, those of a range ("6–8 November") one by one."""
    found: set[Day] = set()
    for match in (match for pattern in _DATES for match in pattern.finditer(text)):
        days = [int(day) for day in re.findall(r"\d+", match["days"])]
        if len(days) == 2 and days[0] < days[1] and _RANGE.search(match["days"]):
            days = list(range(days[0], days[1] + 1))
        found |= {(match["month"].lower()[:3], day) for day in days}
    return frozenset(found)
