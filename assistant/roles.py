"""Questions about one actor as a whole, such as "what part has Saudi Arabia played?".

Hardly a sentence that answers is like such a question: each brief tells one thing that the actor did, in words of its own.
So the sentences that name the actor are what is asked for, those with it as their subject first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt

from assistant.owners import OPENING, OTHERS, STEM, names_of, stems_of
from assistant.sentences import sentence_text
from index.generation import Generation
from index.lexical import STOP_WORDS, terms, words
from index.search import Evidence

_ROLE = r"(?:roles?|parts?|stakes?|interests?|involvement|contribution)"
_HAVE = r"(?:has|have|had|did|does|do|is|was|were|are)"
_ACTOR = r"(?:the )?(?P<actor>[^\W\d_][\w’'-]*(?: (?!(?:or|and)\b)(?:of )?[\w’'-]+){0,3}?)"
_AT_LARGE = r" so far\b| since\b| as an?\b| about (?:it|this|that)\b|\W*$"
_PATTERNS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        rf"\bwhat (?:kind of |sort of )?{_ROLE} {_HAVE} {_ACTOR} (?:really |actually |so far )?(?:play|taken?|had|have)",
        rf"\bwhat (?:is|are|was|were) {_ACTOR}(?:['’]s|(?<=s)['’]) (?:own )?{_ROLE}\b",
        rf"\bwhat (?:is|are|was|were) the {_ROLE} (?:of|played by) {_ACTOR}(?= (?:in|since|between|during|on)\b|\W*$)",
        rf"\bwhat {_HAVE} {_ACTOR} (?:really |actually |itself |so far )*(?:done|do|doing)(?={_AT_LARGE})",
        rf"\bhow {_HAVE} {_ACTOR} (?:figured?|featured?|involved|come in(?:to)?|fit in(?:to)?)\b",
        rf"^{_ACTOR}(?:['’]s|(?<=s)['’]) {_ROLE}\b",
    )
)
_NAME = re.compile(r"(?<=\s)[A-Z][\w’'-]+")
_GENERIC = frozenset(
    terms("role part stake interest involvement contribution play take figure feature do done since between two kind")
)
SUBJECT, NAMED = 0.5, 0.2
"""Probability at least of a sentence that has the actor as its subject, and of one that names it elsewhere; the latter stays
below the former."""
ENDING = 3
"""Letters in which the stems of one name may differ at their ends, at most."""
ALIKE = 0.6
"""How well a word of the question must be matched in a passage that is to speak of it, as in ``index/matching.py``."""
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
    bounds = [(0.0, OTHERS) if k is None else (SUBJECT, 1.0) if k < OPENING else (NAMED, SUBJECT) for k in at]
    least, most = np.array(bounds).T
    chance = least + (most - least) * evidence.sentence_score
    heard: set[int] = set()
    for row in np.argsort(-chance, kind="stable"):
        brief = int(lines.brief[found.sentences[row]])
        if brief in heard:
            chance[row] *= AGAIN
        heard.add(brief)
    return replace(evidence, sentence_score=chance.astype(np.float32))


def told_of(generation: Generation, evidence: Evidence, actor: str) -> float:
    """How sure it is in [0, 1) that the briefs tell of ``actor``: n / (n + 1) for n sentences that have it as their subject.

    0 where the question asks for its part in something that the passages around these sentences do not speak of.
    """
    place, found = _place_of(generation, evidence, actor), evidence.found
    told = [k for k, row in enumerate(found.sentences) if (at := place(int(row))) is not None and at < OPENING]
    if not told or not _speak_of_the_rest(evidence, actor, np.unique(found.owner[told])):
        return 0.0
    return len(told) / (len(told) + 1)


def _speak_of_the_rest(evidence: Evidence, actor: str, chunks: npt.NDArray[np.intp]) -> bool:
    """Whether ``chunks`` hold every name of the question besides ``actor``, and words like its other ones."""
    query, found = evidence.query, evidence.found
    passed_over = {*terms(actor), *_GENERIC}
    names = set(terms(" ".join(_NAME.findall(query.searched))))
    for column, group in enumerate(query.groups):
        if not passed_over.isdisjoint(group):
            continue
        if names.isdisjoint(group):
            held = bool(found.chunk_words[chunks, column].max() >= ALIKE)
        else:
            held = bool(found.chunk_covered[chunks, column].any())
        if not held:
            return False
    return True


def _place_of(generation: Generation, evidence: Evidence, actor: str) -> Callable[[int], int | None]:
    """A function that tells where a sentence first names ``actor``, in words that carry meaning; None where it does not."""
    names = stems_of(actor, names_of(generation, evidence))
    named = cache(lambda word: any(_akin(word, name) for name in names))

    def place(row: int) -> int | None:
        return next((at for at, word in enumerate(terms(sentence_text(generation, row))) if named(word)), None)

    return place


def _akin(word: str, name: str) -> bool:
    """Whether two stems are of one name: "China" and "Chinese", "Turkey" and "Türkiye", but not "Turkmenistan"."""
    pairs = enumerate(zip(word, name, strict=False))
    shared = next((at for at, (one, other) in pairs if one != other), min(len(word), len(name)))
    return word == name or (shared >= STEM and max(len(word), len(name)) - shared <= ENDING)
