"""Characters of briefs as sets of ranges: union, size, overlap; and gold spans resolved to such ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from evals.cases import Case, GoldSpan, SuiteError
from index.types import Brief, Span

Region = Mapping[str, tuple[Span, ...]]
"""Half-open character ranges by brief id, ascending and disjoint."""

Place = tuple[str, Span]
"""A brief id and a range of its text."""


def union(places: Iterable[Place]) -> Region:
    """All characters that any of ``places`` covers."""
    by_brief: dict[str, list[Span]] = {}
    for brief_id, span in places:
        by_brief.setdefault(brief_id, []).append(span)
    return {brief_id: _merged(spans) for brief_id, spans in by_brief.items()}


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def size(region: Region) -> int:
    """Number of characters."""
    return sum(end - start for spans in region.values() for start, end in spans)


def shared(left: Region, right: Region) -> int:
    """Number of characters that are in both."""
    return sum(
        max(0, min(a[1], b[1]) - max(a[0], b[0]))
        for brief_id, spans in left.items()
        for a in spans
        for b in right.get(brief_id, ())
    )


@dataclass(frozen=True, slots=True)
class Gold:
    """A gold span in the index. ``places`` are its occurrences: covering one of them is enough."""

    span: GoldSpan
    brief_id: str
    places: tuple[Span, ...]

    def best(self, region: Region) -> tuple[float, Place]:
        """The share in [0, 1] of the occurrence that ``region`` covers best, and that occurrence."""
        held = {self.brief_id: region.get(self.brief_id, ())}
        covered = [(shared(held, {self.brief_id: (place,)}) / (place[1] - place[0]), place) for place in self.places]
        share, place = max(covered, key=lambda pair: pair[0])
        return share, (self.brief_id, place)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What stands for one required span: itself, or an alternative that is covered better. ``share`` is in [0, 1]."""

    required: Gold
    gold: Gold
    share: float
    place: Place


def choose(golds: Sequence[Gold], region: Region) -> list[Chosen]:
    """For each required span what of it, or of an alternative after it, ``region`` covers best.

    Each alternative makes up for at most one required span: of those before it, the one that is covered least.
    """
    chosen: list[Chosen] = []
    for gold in golds:
        share, place = gold.best(region)
        if not gold.span.alternative:
            chosen.append(Chosen(gold, gold, share, place))
            continue
        worst = min(reversed(range(len(chosen))), key=lambda k: chosen[k].share)
        if share > chosen[worst].share:
            chosen[worst] = Chosen(chosen[worst].required, gold, share, place)
    return chosen


def resolve(case: Case, ids: Mapping[str, str], brief: Callable[[str], Brief]) -> tuple[Gold, ...]:
    """The case's spans as ranges of briefs. ``ids`` maps ids and sources to ids.

    :raises SuiteError: if a brief is not indexed or does not hold the quote; the message starts with the case.
    """
    unknown = next((name for name in case.relevant if name not in ids), None)
    if unknown is not None:
        raise SuiteError(
            f"case {case.id}: key relevant: found {unknown!r}, expected the id or source of an indexed brief"
        )
    return tuple(_resolve(f"case {case.id}: key spans.{k}", span, ids, brief) for k, span in enumerate(case.spans))


def _resolve(where: str, span: GoldSpan, ids: Mapping[str, str], brief: Callable[[str], Brief]) -> Gold:
    brief_id = ids.get(span.brief)
    if brief_id is None:
        raise SuiteError(f"{where}.brief: found {span.brief!r}, expected the id or source of an indexed brief")
    text = brief(brief_id).text
    if span.start is not None and span.end is not None:
        if text[span.start : span.end] != span.quote:
            raise SuiteError(f"{where}.quote: {brief_id}[{span.start}:{span.end}] is not the quote")
        return Gold(span, brief_id, ((span.start, span.end),))
    pattern = r"\s+".join(re.escape(word) for word in span.quote.split())
    places = tuple(match.span() for match in re.finditer(pattern, text))
    if not places:
        raise SuiteError(f"{where}.quote: found nowhere in {brief_id}, expected words of its text")
    return Gold(span, brief_id, places)
