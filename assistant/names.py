"""Which words of a question are names: of people, places, organisations."""

from __future__ import annotations

import re

import numpy as np

from index.generation import Generation
from index.lexical import Mask, terms
from index.search import Evidence

_CAPITAL = re.compile(r"(?:^|\s)[^\w\s]*([A-Z][\w’'-]+)")
_OPENING = frozenset(
    """
    a an according after are as at before by can did do does during for from had has have how in into is list name names
    need number of on since the there to trace under until was were what when where which who whom whose why will with
    """.split()
)
"""Words that open a question with a capital and are no name."""


def asked_names(generation: Generation, evidence: Evidence) -> Mask:
    """Which of the question's words (``evidence.query.groups``) are names.

    Those with a capital, and, however they are typed, those in the metadata of a brief that was found as one of its actors
    or regions.
    """
    capital = _CAPITAL.finditer(evidence.query.searched)
    typed = [match[1] for match in capital if match.start() or match[1].lower() not in _OPENING]
    briefs = {generation.brief_ids[brief] for brief in set(generation.chunks.brief[evidence.found.chunks].tolist())}
    metadata = [generation.metadata(brief_id) for brief_id in briefs]
    known = [name for brief in metadata for name in (*brief.actors, *brief.region)]
    names = set(terms(" ".join([*typed, *known])))
    return np.array([not names.isdisjoint(group) for group in evidence.query.groups], dtype=bool)
