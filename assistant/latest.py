"""Questions about how things stand now: the newest brief that answers is heard first, older ones after it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.expectations import names_date
from index.generation import Generation
from index.search import Evidence

MOST = 6
"""Briefs that are asked alone, newest first, before the search for one that answers is given up."""
_LATEST = re.compile(
    r"\b(?:latest|newest|most recent(?:ly)?|current(?:ly)?|now|nowadays|today|still|again|at present|these days|to date)\b",
    re.I,
)


def asks_latest(question: str) -> bool:
    """Whether ``question`` asks how things stand now, and names no day, month or year."""
    return bool(_LATEST.search(question)) and not names_date(question)


def newest_first(generation: Generation, evidence: Evidence) -> Sequence[str]:
    """Ids of the briefs that the candidates come from, the newest first, at most ``MOST``; those without a date are left out."""
    table = generation.chunks
    briefs = {generation.brief_ids[brief] for brief in table.brief[evidence.pool.chunks].tolist()}
    dated = [(date, brief_id) for brief_id in briefs if (date := generation.metadata(brief_id).date)]
    return [brief_id for _, brief_id in sorted(dated, reverse=True)][:MOST]
