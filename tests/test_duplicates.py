"""Near-duplicate briefs: who is grouped, who is not, who comes first."""

from __future__ import annotations

import datetime as dt
import random
from itertools import combinations

import numpy as np
import pytest

from index.duplicates import THRESHOLD, jaccard, near_duplicates, shingle_hashes
from index.types import Brief, Metadata

WORDS = [f"word{k}" for k in range(400)]


def brief(brief_id: str, text: str, day: int | None = None, start: int = 0) -> Brief:
    date = None if day is None else dt.date(2025, 12, day)
    body = ((start, len(text)),) if start < len(text) else ()
    return Brief(brief_id, f"{brief_id}.md", "", text, body, Metadata(brief_id, published=date))


def prose(seed: int, words: int = 600) -> list[str]:
    return random.Random(seed).choices(WORDS, k=words)


def edited(words: list[str], share: float, seed: int = 0) -> str:
    chance = random.Random(seed)
    return " ".join("changed" if chance.random() < share else word for word in words)


def test_copies_are_grouped_newest_first() -> None:
    text = prose(1)
    briefs = [
        brief("old", edited(text, 0), 1),
        brief("new", edited(text, 0.03), 9),
        brief("other", edited(prose(2), 0), 5),
    ]
    assert near_duplicates(briefs) == (("new", "old"),)


def test_without_dates_the_longest_comes_first() -> None:
    text = " ".join(prose(1))
    groups = near_duplicates([brief("a", text), brief("b", text + " " + " ".join(prose(3, 60))), brief("c", text)])
    assert groups == (("b", "a", "c"),)


def test_heavily_edited_texts_are_not_duplicates() -> None:
    assert near_duplicates([brief("a", edited(prose(1), 0)), brief("b", edited(prose(1), 0.3))]) == ()


def test_only_the_body_counts() -> None:
    footer = " ".join(prose(9, 300))
    texts = [f"{footer} {' '.join(prose(seed, 200))}" for seed in (1, 2)]
    assert near_duplicates([brief(str(k), text, start=len(footer)) for k, text in enumerate(texts)]) == ()
    assert near_duplicates([brief(str(k), footer) for k in range(2)]) == (("0", "1"),)


def test_short_and_empty_briefs() -> None:
    assert near_duplicates([brief("a", "Two words"), brief("b", "two  WORDS."), brief("c", "Two birds")]) == (
        ("a", "b"),
    )
    assert near_duplicates([brief("a", ""), brief("b", "")]) == ()


def test_jaccard_by_hand() -> None:
    left, right = np.array([1, 2, 3, 4], np.uint32), np.array([3, 4, 5], np.uint32)
    assert jaccard(left, right) == pytest.approx(2 / 5)
    five = shingle_hashes(brief("a", "a b c d e f"))
    assert five.size == 2 and jaccard(five, shingle_hashes(brief("b", "a b c d e"))) == pytest.approx(1 / 2)


def test_finds_what_comparing_all_pairs_finds() -> None:
    briefs = [
        brief(f"{seed}-{k}", edited(prose(seed, 200), share, k))
        for seed in range(15)
        for k, share in enumerate((0, 0.02, 0.2))
    ]
    shingles = {one.id: shingle_hashes(one) for one in briefs}
    expected = {
        frozenset(pair)
        for pair in combinations(shingles, 2)
        if jaccard(shingles[pair[0]], shingles[pair[1]]) >= THRESHOLD
    }
    found = {frozenset(pair) for group in near_duplicates(briefs) for pair in combinations(group, 2)}
    assert expected and found == expected
