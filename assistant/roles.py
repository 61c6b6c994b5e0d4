"""Questions about one actor as a whole, such as "what part has Saudi Arabia played?".

Hardly a sentence that answers is like such a question: each brief tells one thing that the actor did, in words of its own.
So the sentences that name the actor are what is asked for, those with it as their subject first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from assistant.owners import OPENING, OTHERS, names_of, naming
from assistant.sentences import sentence_text
from index.generation import Generation
from index.lexical import STOP_WORDS, words
from index.search import Evidence

_ROLE = r"(?:roles?|parts?|stakes?|interests?|involvement|contribution)"
_HAVE = r"(?:has|have|had|did|does|do|is|was|were|are)"
_ACTOR = r"(?:the )?(?P<actor>[^\W\d_][\w’'-]*(?: (?!(?:or|and)\b)(?:of )?[\w’'-]+){0,3}?)"
_PATTERNS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        rf"\bwhat (?:kind of |sort of )?{_ROLE} {_HAVE} {_ACTOR} (?:really |actually |so far )?(?:play|taken?|had|have)",
        rf"\bwhat (?:is|are|was|were) {_ACTOR}(?:['’]s|(?<=s)['’]) (?:own )?{_ROLE}\b",
        rf"\bwhat (?:is|are|was|were) the {_ROLE} (?:of|played by) {_ACTOR}(?= (?:in|since|between|during|on)\b|\W*$)",
        rf"\bwhat {_HAVE} {_ACTOR} (?:really |actually |itself |so far )*(?:done|do|doing)\b",
        rf"\bhow {_HAVE} {_ACTOR} (?:figured?|featured?|involved|come in(?:to)?|fit in(?:to)?)\b",
        rf"^{_ACTOR}(?:['’]s|(?<=s)['’]) {_ROLE}\b",
    )
)
SUBJECT, NAMED = 0.5, 0.2
"""Probability at least of a sentence that has the actor as its subject, and of one that names it elsewhere; the latter stays
below the former."""
AGAIN = 0.5
"""What a further sentence of the same brief counts: each brief is heard before one is heard twice."""


def asked_actor(question: str) -> str:
    """The actor whose part ``question`` asks for, as it stands there; empty when it asks for something else."""
    for pattern in _PATTERNS:
        match = pattern.search(question)
        if match and any(word not in STOP_WORDS for word in words(match["actor"])):
            return match["actor"]
    return ""


def of_the_actor(generation: Generation, evidence: Evidence, actor: str) -> Evidence:
    """``evidence`` in which the sentences that name ``actor`` answer, each brief's best one first; others hardly do.

    Unchanged where nothing names it.
    """
    place = _place_of(generation, evidence, actor)
    found, lines = evidence.found, generation.sentences
    at = [place(int(row)) for row in found.sentences]
    if not any(k is not None for k in at):
        return evidence
    least = np.array([0.0 if k is None else SUBJECT if k < OPENING else NAMED for k in at], dtype=np.float32)
    most = np.select([least == SUBJECT, least == NAMED], [1.0, SUBJECT], OTHERS)
    chance = least + (most - least) * evidence.sentence_score
    heard: set[int] = set()
    for row in np.argsort(-chance, kind="stable"):
        brief = int(lines.brief[found.sentences[row]])
        if brief in heard:
            chance[row] *= AGAIN
        heard.add(brief)
    return replace(evidence, sentence_score=chance.astype(np.float32))


def told_of(generation: Generation, evidence: Evidence, actor: str) -> float:
    """How sure it is in [0, 1) that the briefs tell of ``actor``: n / (n + 1) for n sentences that have it as their subject."""
    place = _place_of(generation, evidence, actor)
    told = sum((k := place(int(row))) is not None and k < OPENING for row in evidence.found.sentences)
    return told / (told + 1)


def _place_of(generation: Generation, evidence: Evidence, actor: str) -> Callable[[int], int | None]:
    """A function that tells where a sentence first names ``actor``, in words that carry meaning; None where it does not."""
    named = naming(names_of(generation, evidence), actor)
    return lambda row: next((place for place, _ in named(sentence_text(generation, row))), None)
