"""The inverted index: words, BM25 by hand, and no influence of what a caller may not read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.aliases import Alias, find_aliases
from index.lexical import B_CHUNK, B_SENTENCE, K1, LexicalIndex, fold, terms, words


def index_of(folder: Path, chunks: Sequence[Sequence[str]], contexts: Sequence[str] | None = None) -> LexicalIndex:
    """An index of chunks that are lists of sentences."""
    owner = np.repeat(np.arange(len(chunks)), [len(chunk) for chunk in chunks])
    LexicalIndex.build([s for chunk in chunks for s in chunk], owner, contexts or [""] * len(chunks), folder)
    return LexicalIndex.open(folder)


def test_words_are_folded() -> None:
    assert fold("Türkiye’s ÉTAT") == "turkiye’s etat"
    assert words("Kabul’s red-lines: don't cross_them (TTP's)") == [
        "kabul",
        "red",
        "lines",
        "dont",
        "cross",
        "them",
        "ttp",
    ]
    assert terms("What are the demands of the demanding?") == ["demand", "demand"]


def test_bm25_by_hand(tmp_path: Path) -> None:
    # Lengths in words that are no stop words: 3, 2 and 4 with the context, mean 3.
    index = index_of(
        tmp_path, [["Torkham border closed"], ["border trade"], ["trucks waited"]], ["", "", "Torkham Torkham"]
    )
    scored = index.score_chunks({"torkham": 1.0, "trade": 0.4, "unknown": 1.0})

    def idf(holding: int) -> float:
        return math.log(1 + (3 - holding + 0.5) / (holding + 0.5))

    def part(count: int, length: int) -> float:
        return count * (K1 + 1) / (count + K1 * (1 - B_CHUNK + B_CHUNK * length / 3))

    assert scored.idf == pytest.approx({"torkham": idf(2), "trade": idf(1), "unknown": idf(0)})
    assert scored.scores == pytest.approx([idf(2) * part(1, 3), 0.4 * idf(1) * part(1, 2), idf(2) * part(2, 4)])
    assert scored.best_possible == pytest.approx((idf(2) + idf(0)) * (K1 + 1))


def test_sentences_score_with_the_idf_of_chunks(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["Torkham closed", "trucks waited for weeks"], ["Torkham opened"]], ["Torkham", ""])
    rows = np.array([0, 1], np.int32)
    scores, holds = index.score_sentences(rows, {"torkham": 1.0, "week": 1.0}, {"torkham": 0.5, "week": 2.0})
    # Lengths 2 and 3 of the two sentences in question, mean 2.5; the title counts for none.
    part = [(K1 + 1) / (1 + K1 * (1 - B_SENTENCE + B_SENTENCE * length / 2.5)) for length in (2, 3)]
    assert scores == pytest.approx([0.5 * part[0], 2.0 * part[1]])
    assert holds.tolist() == [[True, False], [False, True]]
    assert index.chunks_hold(rows, ["torkham", "week", "none"]).tolist() == [[True, True, False], [True, False, False]]


WORDS = ["torkham", "chaman", "border", "trade", "talks", "kabul", "trucks"]
chunk_lists = st.lists(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join), min_size=1, max_size=3),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(chunk_lists, st.data())
def test_hidden_chunks_have_no_influence(chunks: list[list[str]], data: st.DataObject) -> None:
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=len(chunks), max_size=len(chunks))))
    asked = {stem: 1.0 for word in WORDS for stem in terms(word)}
    with TemporaryDirectory() as everything, TemporaryDirectory() as visible:
        masked = index_of(Path(everything), chunks).score_chunks(asked, allowed)
        kept = [chunk for chunk, inside in zip(chunks, allowed, strict=True) if inside]
        alone = index_of(Path(visible), kept).score_chunks(asked)
    assert masked.scores[allowed] == pytest.approx(alone.scores)
    assert masked.idf == pytest.approx(alone.idf)
    assert masked.best_possible == pytest.approx(alone.best_possible)
    assert not masked.scores[~allowed].any()


def test_frequency_counts_chunks_that_are_allowed(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["Iran and Iran"], ["Iran"], ["Qatar"]])
    assert (index.frequency("iran"), index.frequency("qatar"), index.frequency("iraq")) == (2, 1, 0)
    only = np.array([True, False, False])
    assert (index.frequency("iran", only), index.holds("qatar", only)) == (1, False)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    index_of(tmp_path, [["Iran"]])
    (tmp_path / "chunks.rows.npy").unlink()
    with pytest.raises(OSError, match=r"chunks\.rows\.npy"):
        LexicalIndex.open(tmp_path)


@pytest.mark.parametrize(
    ("sentence", "short", "long"),
    [
        ("The Tehrik-e-Taliban Pakistan (TTP) denied it.", "ttp", "tehrik taliban pakistan"),
        ("Inter-Services Public Relations (ISPR) gave a toll.", "ispr", "inter servic public relat"),
        ("The Economic Cooperation Organization (ECO) met.", "eco", "econom cooper organiz"),
        ("He joined the (TTP), also known as the Pakistani Taliban, in 2014.", "ttp", "pakistani taliban"),
    ],
)
def test_aliases_that_a_brief_introduces(sentence: str, short: str, long: str) -> None:
    assert find_aliases({"a": [sentence]}) == [Alias(short, tuple(long.split()), ("a",))]


@pytest.mark.parametrize(
    "sentence",
    [
        "Pakistan closed Torkham (TTP) again.",  # nothing before it spells it
        "It was signed in Doha (Qatar).",
        "The toll rose (AP) on Monday.",
        "The Taliban (T) refused.",
        "(TTP) came first.",
        "",
    ],
)
def test_brackets_that_introduce_nothing(sentence: str) -> None:
    assert find_aliases({"a": [sentence]}) == []


def test_an_alias_names_each_of_its_briefs_once() -> None:
    line = "The Economic Cooperation Organization (ECO) met."
    assert [alias.brief_ids for alias in find_aliases({"a": [line, line], "b": ["ECO met."], "c": [line]})] == [
        ("a", "c")
    ]
