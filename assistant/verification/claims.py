"""Whether a statement agrees with the sentences that hold its quotes: numbers, dates, names, polarity, speakers, roles.

Every check is deterministic and errs on the side of rejection only where it has found a difference: a value or name
that the sentences do not hold, a negation on one side alone, an attribution left out or changed, two names exchanged.
Words that merely differ are left to the support score.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from assistant.verification.attribution import misattributes, swaps_roles
from assistant.verification.names import Evidence, Lexicon, foreign_names
from assistant.verification.polarity import contradicts, overstates
from assistant.verification.reading import Reading, Token
from assistant.verification.types import Reason
from assistant.verification.values import Date, Number, dates_agree, numbers_agree, points_back, says_when_relatively

_BEFORE, _AFTER = 3, 4
"""Words on either side that tell what a number or a date is about."""
_LINKS = frozenset("from to in at by against through".split())


def disagreements(claim: Reading, evidence: Evidence, lexicon: Lexicon) -> tuple[Reason, ...]:
    """Reasons why ``claim`` does not follow from ``evidence``, none when it passes; support is checked apart."""
    checks: tuple[tuple[Reason, bool], ...] = (
        ("number", not _numbers_hold(claim, evidence)),
        ("date", not _dates_hold(claim, evidence)),
        ("name", bool(foreign_names(claim, evidence, lexicon))),
        ("negation", contradicts(claim, evidence.reading)),
        ("modality", overstates(claim, evidence.reading)),
        ("speaker", misattributes(claim, evidence, lexicon)),
        ("roles", swaps_roles(claim, evidence.reading, lexicon)),
    )
    return tuple(reason for reason, found in checks if found)


def _numbers_hold(claim: Reading, evidence: Evidence) -> bool:
    quoted = evidence.reading
    for number in claim.numbers:
        agreeing = [other for other in quoted.numbers if numbers_agree(number, other)]
        others = [other for other in quoted.numbers if other not in agreeing]
        if not agreeing and not _counts_listed(claim, number):
            return False
        if agreeing and _bound_elsewhere(claim, number, quoted, agreeing, others):
            return False
    return True


def _counts_listed(claim: Reading, number: Number) -> bool:
    """Whether a number only counts what the claim itself lists after it: "five officials, three Afghan and two Pakistani"."""
    if number.unit or number.bound or not 1 < number.value <= 10:
        return False
    parts = [other.value for other in claim.numbers if other.start > number.start and not other.unit]
    if len(parts) > 1 and sum(parts) == number.value:
        return True
    listed = re.match(
        r"[a-z -]+[,:] ((?:[A-Z][\w'’-]*(?: [A-Z][\w'’-]*)*(?:, | and |,? and ))+[A-Z])", claim.text[number.end :]
    )
    return listed is not None and len(re.split(r",? and |, ", listed.group(1))) == number.value


def _dates_hold(claim: Reading, evidence: Evidence) -> bool:
    quoted = evidence.reading
    if not says_when_relatively(claim.text) <= says_when_relatively(quoted.text):
        return False
    years = evidence.years | {date.year for date in (*quoted.dates, *evidence.before.dates) if date.year is not None}
    for date in claim.dates:
        agreeing = [other for other in quoted.dates if dates_agree(date, other, years)]
        if not agreeing:
            if not _date_from_context(date, evidence, years):
                return False
            continue
        others = [other for other in quoted.dates if other not in agreeing]
        if _bound_elsewhere(claim, date, quoted, agreeing, others):
            return False
    return True


def _date_from_context(date: Date, evidence: Evidence, years: frozenset[int]) -> bool:
    """Whether a date that the sentences do not say themselves stands in what they point back to."""
    quoted = evidence.reading
    said = any(other.month is not None if date.month is not None else other.year is not None for other in quoted.dates)
    if said and not points_back(quoted.text):
        return False
    if date.day is None and date.month is None and date.year in years:
        return True
    near = (*evidence.before.dates, *evidence.title.dates)
    return any(dates_agree(date, other, years) for other in near)


def _bound_elsewhere(
    claim: Reading,
    value: Number | Date,
    quoted: Reading,
    agreeing: Sequence[Number | Date],
    others: Sequence[Number | Date],
) -> bool:
    """Whether the words around ``value`` are those around another value of the quoted sentences, and none of its own."""
    if not others:
        return False
    ours = _around(claim, value)
    own = [_around(quoted, other) for other in agreeing]
    theirs = [_around(quoted, other) for other in others]
    if ours.head and all(ours.head not in other.after for other in own) and any(ours.head == o.head for o in theirs):
        return True
    everywhere = frozenset.intersection(*(one.after for one in (*own, *theirs)))
    near = max(ours.nearness(other, everywhere) for other in own)
    elsewhere = [other for other in theirs if ours.nearness(other, everywhere) >= 2]
    if near == 0 and elsewhere:
        linked = ours.link and any(other.link == ours.link for other in own)
        return not linked or any(other.link == ours.link for other in elsewhere)
    return not any(ours.ways & other.ways for other in own) and any(len(ours.ways & other.ways) > 1 for other in theirs)


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """Stems of content words ``before`` and ``after`` a value up to the next one, and the stop word that links it.

    ``head`` is the first word after it, mostly what it counts. ``ways`` are the words after it with their prepositions,
    so that "from Kabul" is not "to Kabul".
    """

    head: str
    before: frozenset[str]
    after: frozenset[str]
    ways: frozenset[tuple[str, str]]
    link: str

    def nearness(self, other: _Surroundings, everywhere: frozenset[str]) -> int:
        """How much two values are spoken of alike, words that stand at every value aside."""
        return 2 * len((self.after & other.after) - everywhere) + len(self.before & other.before)


def _around(reading: Reading, value: Number | Date) -> _Surroundings:
    tokens = reading.tokens
    at = next(k for k, token in enumerate(tokens) if token.end > value.start)
    stop = next((k for k in range(at, len(tokens)) if tokens[k].start >= value.end), len(tokens))
    before = _up_to_value(tokens[:at][::-1])
    after = _up_to_value(tokens[stop:])
    return _Surroundings(
        next((t.key for t in after if t.kind != "stop"), ""),
        frozenset([t.key for t in before if t.kind != "stop"][:_BEFORE]),
        frozenset([t.key for t in after if t.kind != "stop"][:_AFTER]),
        frozenset((a.key, b.key) for a, b in pairwise(after) if a.key in _LINKS and b.kind == "name"),
        next((t.key for t in before[:2] if t.kind == "stop"), ""),
    )


def _up_to_value(tokens: Sequence[Token]) -> list[Token]:
    """Words up to the next value or the end of the sentence."""
    found = []
    for token in tokens:
        if token.kind == "value" or (token.kind == "break" and token.text in ".;:!?"):
            break
        if token.kind != "break":
            found.append(token)
    return found
