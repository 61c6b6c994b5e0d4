"""Which briefs a question may be answered from: filters of the question and labels of the caller, as one set of ids."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from index.types import Metadata


@dataclass(frozen=True, slots=True)
class Filters:
    """What a brief must satisfy, all of it; an empty field asks for nothing.

    ``date_from`` and ``date_to`` bound the day of the brief, both inclusive. Of ``regions``, ``actors``, ``topics`` and
    ``kinds`` the brief must have at least one each, whatever the case. ``briefs`` are ids. ``labels`` are the groups of
    the caller: a labelled brief is readable if it shares one with them, an unlabelled brief always; None asks for no
    label at all and is for trusted local use, an empty set reads what is public.
    """

    date_from: dt.date | None = None
    date_to: dt.date | None = None
    regions: frozenset[str] = frozenset()
    actors: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    labels: frozenset[str] | None = None
    briefs: frozenset[str] | None = None

    def allow(self, brief_id: str, metadata: Metadata) -> bool:
        """Whether the brief passes. One without a date fails every bound on dates."""
        return (
            (self.briefs is None or brief_id in self.briefs)
            and (self.labels is None or not metadata.labels or not self.labels.isdisjoint(metadata.labels))
            and (self.date_from is None or (metadata.date is not None and metadata.date >= self.date_from))
            and (self.date_to is None or (metadata.date is not None and metadata.date <= self.date_to))
            and _shares(self.regions, metadata.region)
            and _shares(self.actors, metadata.actors)
            and _shares(self.topics, metadata.topics)
            and _shares(self.kinds, (metadata.kind,))
        )


def allowed_briefs(metadata: Mapping[str, Metadata], filters: Filters) -> frozenset[str] | None:
    """The ids that pass ``filters``, out of ``metadata`` by id; None when all do and no labels are asked for.

    Callers with labels get a set even where they may read everything: whether a brief is hidden from them decides nothing.
    """
    allowed = frozenset(brief_id for brief_id, of_brief in metadata.items() if filters.allow(brief_id, of_brief))
    return None if filters.labels is None and len(allowed) == len(metadata) else allowed


def _shares(wanted: frozenset[str], found: Iterable[str]) -> bool:
    return not wanted or not {value.casefold().strip() for value in wanted}.isdisjoint(
        value.casefold().strip() for value in found
    )
