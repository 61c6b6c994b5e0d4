"""Whose a sentence speaks of: what is another's does not answer a question that names its owner."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from assistant.expectations import names_owner, owned_by_another, stands_under_another
from assistant.lists import asked_list
from index.generation import Generation
from index.lexical import Floats, Mask, terms
from index.search import Evidence

OTHERS = 0.01
"""Probability left to a sentence about another owner's."""
LISTED = 0.5
"""Probability at least of an item in the owner's own list, when another owner's sentences stood in its place."""
HELD, UNNAMED = 0.6, 0.3
"""Asked for somebody's position: probability of a sentence with its holder as subject that matches every word, and what is left
of one that does not name the holder."""
MATCHED = 0.6
"""How well the words of the question must be matched (see ``index/matching.py``) for a position to be on what is asked at all."""
OPENING = 3
"""Words of a sentence, those without meaning left out, among which its subject is looked for."""
STEM = 4
"""Letters that "Iran" and "Iranian" must share to be one name."""
_STANCE = re.compile(
    r"([A-Z]\w+)['’]s? (?:\w+ )?(?:position|view|stance|attitude|line|policy|response|reaction|claim|charge|case|argument|objection"
    r"|reading|account|condition|term)s?\b"
)
_ACTOR = re.compile(r"(\w+) \((\w+)[^)]*\)")


def of_the_asked_owner(generation: Generation, evidence: Evidence) -> Evidence:
    """``evidence`` for the owner that the question names: "Pakistan's red lines" are not answered with Kabul's.

    Sentences on another's of the same thing are left next to no probability: those that say so, and in a brief that is
    titled so all that do not name the owner first. A list that title and heading announce as the owner's own answers in
    their place, though its items need not repeat "red line". Nothing changes where no other owner's is found.
    """
    question, found = evidence.query.searched, evidence.found
    if not names_owner(question) or not len(found.sentences):
        return evidence
    evidence = _of_the_holder(generation, evidence)
    same = names_of(generation, evidence)
    others = []
    for row in found.sentences:
        title, sentence = _title_and_sentence(generation, int(row))
        others.append(
            owned_by_another(question, sentence, same) or stands_under_another(question, title, sentence, same)
        )
    if not any(others):
        return evidence
    put_down = np.array(others, dtype=bool)
    left = replace(_put_down(evidence, put_down, OTHERS), excluded=frozenset(found.sentences[put_down].tolist()))
    items = np.isin(found.sentences, asked_list(generation, left))
    return replace(left, sentence_score=np.maximum(left.sentence_score, LISTED * items.astype(np.float32)))


def _of_the_holder(generation: Generation, evidence: Evidence) -> Evidence:
    """``evidence`` on somebody's position, view or policy: what is said of its holder by name, and matches, answers first.

    A sentence that does not name the holder, in a brief whose title does not start with it, counts ``UNNAMED`` of what it did.
    """
    stance, found = _STANCE.search(evidence.query.searched), evidence.found
    if stance is None:
        return evidence
    side = _side_of([stems_of(stance[1], names_of(generation, evidence))])
    fit = np.clip((found.matched.weighted - MATCHED) / (1 - MATCHED), 0.0, 1.0)
    chance = evidence.sentence_score.copy()
    for k, row in enumerate(found.sentences):
        title, sentence = _title_and_sentence(generation, int(row))
        named, headed = _named(sentence, side), any(place == 0 for place, _ in _named(title, side))
        if named and named[0][0] < OPENING:
            chance[k] = max(chance[k], HELD * fit[k])
        elif not named and not headed:
            chance[k] *= UNNAMED
    return replace(evidence, sentence_score=chance)


def of_the_compared(generation: Generation, evidence: Evidence, actor: str, actors: Sequence[str]) -> Evidence:
    """``evidence`` for one of the ``actors`` that a question compares: what is said of the others alone is put down.

    A sentence of another's that names ``actor`` too counts half.
    """
    names = names_of(generation, evidence)
    whose = attribution(generation, names, actors)
    speaks = _speaks_of(generation, names, actor, [other for other in actors if other != actor])
    factor = []
    for row in evidence.found.sentences:
        own = whose(int(row)) in {actor, ""}
        factor.append(1.0 if own else 0.5 if speaks(int(row)) else OTHERS)
    return replace(evidence, sentence_score=evidence.sentence_score * np.array(factor, dtype=np.float32))


def attribution(
    generation: Generation, names: Mapping[str, frozenset[str]], actors: Sequence[str]
) -> Callable[[int], str]:
    """A function that tells which of ``actors`` a sentence is on, by its place in the sentence table; "" for no one alone.

    It is the one whom the first words of the sentence name, without another beside it as in "Pakistan and Afghanistan
    agreed"; else the owner that the brief's title starts with; else the only one that the sentence names. ``names`` is what
    :func:`names_of` gives.
    """
    side = _side_of([stems_of(actor, names) for actor in actors])

    def whose(row: int) -> str:
        title, sentence = _title_and_sentence(generation, row)
        named = _named(sentence, side)
        if named and named[0][0] < OPENING:
            together = named[1:] and named[1][0] == named[0][0] + 1 and named[1][1] != named[0][1]
            return "" if together else actors[named[0][1]]
        headed = [who for place, who in _named(title, side) if place == 0]
        found = set(headed or (who for _, who in named))
        return actors[found.pop()] if len(found) == 1 else ""

    return whose


def _speaks_of(
    generation: Generation, names: Mapping[str, frozenset[str]], actor: str, others: Sequence[str]
) -> Callable[[int], bool]:
    """A function that tells whether a sentence names ``actor`` by a name that is none of ``others``, by its place."""
    side = _side_of([stems_of(name, names) for name in (actor, *others)])
    return lambda row: any(who == 0 for _, who in _named(_title_and_sentence(generation, row)[1], side))


def _title_and_sentence(generation: Generation, row: int) -> tuple[str, str]:
    lines = generation.sentences
    brief = generation.brief(generation.brief_ids[lines.brief[row]])
    return brief.metadata.title, brief.text[lines.start[row] : lines.end[row]]


def stems_of(actor: str, same: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The stems that stand for ``actor``."""
    return frozenset[str]().union(*({stem, *same.get(stem, ())} for stem in terms(actor)))


def _side_of(sides: Sequence[Collection[str]]) -> Callable[[str], int | None]:
    """A function that tells which of ``sides`` a stem names; None for none, and where it names several."""

    @cache
    def side(stem: str) -> int | None:
        named = [k for k, names in enumerate(sides) if any(_akin(stem, name) for name in names)]
        return named[0] if len(named) == 1 else None

    return side


def _named(text: str, side: Callable[[str], int | None]) -> list[tuple[int, int]]:
    """The words of ``text`` that name a side: place among the words that carry meaning, and which side."""
    return [(place, named) for place, word in enumerate(terms(text)) if (named := side(word)) is not None]


def _akin(word: str, name: str) -> bool:
    return word == name or (min(len(word), len(name)) >= STEM and (word.startswith(name) or name.startswith(word)))


def names_of(generation: Generation, evidence: Evidence) -> Mapping[str, frozenset[str]]:
    """By stem of a name, the stems that stand for the same actor in the briefs found.

    They come from the aliases of one word, and from actors that the briefs give two names, as in
    "Afghanistan (Taliban administration)".
    """
    briefs = {generation.brief_ids[brief] for brief in set(generation.chunks.brief[evidence.found.chunks].tolist())}
    actors = sorted({actor for brief_id in briefs for actor in generation.metadata(brief_id).actors})
    pairs = [terms(f"{match[1]} {match[2]}") for actor in actors if (match := _ACTOR.fullmatch(actor))]
    short = [(a.short, *a.long) for a in generation.aliases if len(a.long) == 1 and not briefs.isdisjoint(a.brief_ids)]
    return _joined([*evidence.query.groups, *short, *pairs])


def _joined(groups: Iterable[Iterable[str]]) -> Mapping[str, frozenset[str]]:
    """Each stem with all that are linked to it through shared stems."""
    found: dict[str, frozenset[str]] = {}
    for group in groups:
        whole = frozenset(group).union(*(found.get(stem, ()) for stem in group))
        found.update(dict.fromkeys(whole, whole))
    return found


def _put_down(evidence: Evidence, rows: Mask, most: float) -> Evidence:
    """``evidence`` with at most the probability ``most`` for the sentence ``rows``; chunks of nothing else rank last."""
    found = evidence.found
    left = np.bincount(found.owner[~rows], minlength=len(found.chunks)) > 0
    had = np.bincount(found.owner, minlength=len(found.chunks)) > 0
    last = np.minimum(evidence.chunk_score, evidence.chunk_score.min(initial=0.0) - 1.0)
    chunk_score: Floats = np.where(left | ~had, evidence.chunk_score, last).astype(np.float32)
    chance: Floats = np.where(rows, np.minimum(evidence.sentence_score, most), evidence.sentence_score)
    return replace(evidence, chunk_score=chunk_score, sentence_score=chance.astype(np.float32))
