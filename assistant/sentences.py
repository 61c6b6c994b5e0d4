"""Sentences of the table: their words, what they repeat, and how they stand together in paragraphs and lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from index.generation import Generation
from index.lexical import terms
from index.search import Evidence
from index.traits import NEVER_QUOTED, Trait

SAME = 0.92
"""Cosine above which two sentences say the same, if their words do."""


def sentence_text(generation: Generation, row: int) -> str:
    """The words of a sentence by its place in the sentence table."""
    lines = generation.sentences
    brief = generation.brief(generation.brief_ids[lines.brief[row]])
    return brief.text[lines.start[row] : lines.end[row]]


def count_words(generation: Generation, row: int) -> int:
    """How many words a sentence has, by white space."""
    return len(sentence_text(generation, row).split())


def count_all_words(generation: Generation, positions: Iterable[int]) -> int:
    """How many words several sentences have together."""
    return sum(count_words(generation, position) for position in positions)


def chances(evidence: Evidence) -> dict[int, float]:
    """The probability of each candidate sentence by its position in the sentence table."""
    return dict(zip(evidence.found.sentences.tolist(), evidence.sentence_score.tolist(), strict=True))


def repeats(generation: Generation, taken: Sequence[int], position: int) -> bool:
    """Whether a sentence says what one of ``taken`` says."""
    if not taken:
        return False
    vector = generation.sentence_vectors[position].astype(np.float32)
    others = generation.sentence_vectors[list(taken)].astype(np.float32)
    near = np.flatnonzero(others @ vector > SAME)
    return any(_same_words(generation, taken[int(k)], position) for k in near)


def _same_words(generation: Generation, left: int, right: int) -> bool:
    one, two = set(terms(sentence_text(generation, left))), set(terms(sentence_text(generation, right)))
    return len(one & two) >= 0.6 * min(len(one), len(two))


def joined(generation: Generation, position: int) -> bool:
    """Whether nothing but white space stands between a sentence and the one before it, in one paragraph."""
    lines = generation.sentences
    if lines.brief[position] != lines.brief[position - 1] or lines.paragraph[position] != lines.paragraph[position - 1]:
        return False
    text = generation.brief(generation.brief_ids[lines.brief[position]]).text
    return not text[lines.end[position - 1] : lines.start[position]].strip()


def follows(generation: Generation, position: int) -> bool:
    """Whether the sentence before stands in the same paragraph and may be quoted."""
    lines = generation.sentences
    return position > 0 and not lines.traits[position - 1] & NEVER_QUOTED.value and joined(generation, position)


def paragraph_of(generation: Generation, position: int) -> list[int]:
    """The sentences of a paragraph in their order, by one of them."""
    first = last = position
    while first > 0 and joined(generation, first):
        first -= 1
    while last + 1 < len(generation.sentences) and joined(generation, last + 1):
        last += 1
    return list(range(first, last + 1))


def is_item(generation: Generation, position: int) -> bool:
    """Whether a sentence stands in a list."""
    return bool(generation.sentences.traits[position] & Trait.ITEM.value)


def leads(generation: Generation, position: int) -> bool:
    """Whether a sentence of a list is the first one of its item."""
    return position == 0 or not is_item(generation, position - 1) or not joined(generation, position)


def siblings_of(generation: Generation, position: int) -> list[int]:
    """The other sentences of the unbroken list that a sentence stands in; none when it is of no list."""
    lines = generation.sentences
    if not is_item(generation, position):
        return []
    siblings: list[int] = []
    for step in (-1, 1):
        at = position + step
        while 0 <= at < len(lines) and lines.brief[at] == lines.brief[position] and is_item(generation, at):
            siblings.append(at)
            at += step
    return sorted(k for k in siblings if not lines.traits[k] & NEVER_QUOTED.value)
