"""Matching a question word by word."""

from __future__ import annotations

import numpy as np
import pytest

from evals.projection import fit_projection
from index.build import build
from index.embedding import Asked, load_embedder
from index.embedding.minilm import DIMENSIONS, PROJECTION, TOKEN_DIMENSIONS
from index.generation import Generation, open_current
from index.matching import best_by_chunk, by_group, match_tokens, summed, token_weights
from index.query import Query
from index.settings import Settings
from index.traits import Asks

ASKED = Asked(np.eye(2, dtype=np.float32)[0], np.eye(2, dtype=np.float32), ((0, 5), (6, 8)))


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    folder = tmp_path_factory.mktemp("matching")
    corpus = folder / "corpus"
    corpus.mkdir()
    (corpus / "border.md").write_text(
        "# Border\n\nKabul rejects the fence along the border. Islamabad wants written guarantees. Apples are cheap.\n"
    )
    settings = Settings(corpus=corpus, store=folder / "store")
    build(settings)
    return open_current(settings)


def query(*groups: tuple[str, ...]) -> Query:
    return Query("fence it", "fence it", {term: 1.0 for group in groups for term in group}, groups, Asks(0))


def test_each_sentence_is_compared_with_its_own_tokens(generation: Generation) -> None:
    rows = np.flatnonzero(~generation.sentences.heading).astype(np.int32)
    asked = load_embedder(Settings()).embed_question("who wants written guarantees?")
    similar = match_tokens(generation, asked, rows)
    assert similar is not None and similar.shape == (len(asked.tokens), len(rows))
    text = generation.brief(generation.brief_ids[0]).text
    best = rows[int(similar[2:-2].mean(axis=0).argmax())]
    assert text[generation.sentences.start[best] :].startswith("Islamabad wants")
    alone = match_tokens(generation, asked, rows[1:2])
    assert alone is not None and np.allclose(alone[:, 0], similar[:, 1]), "other candidates change nothing"


def test_an_embedder_without_tokens_matches_nothing(generation: Generation) -> None:
    asked = Asked(ASKED.vector, np.empty((0, 0), np.float32), ())
    assert match_tokens(generation, asked, np.array([0], np.int32)) is None


def test_a_chunk_is_as_good_as_its_best_sentence_for_each_word() -> None:
    similar = np.array([[0.9, 0.1, 0.3], [0.2, 0.8, 0.4]], np.float32)
    best = best_by_chunk(similar, np.array([0, 0, 2]), 3)
    assert np.allclose(best, [[0.9, 0.1, 0.3], [0.8, 0.2 - 0.1, 0.4]]), (
        "a chunk without sentences is as unlike as can be"
    )
    matched = summed(best, np.array([0.75, 0.25], np.float32))
    assert matched.weighted[0] == pytest.approx(0.75 * 0.9 + 0.25 * 0.8)
    assert matched.least[0] == pytest.approx(0.8) and matched.whole[0] == pytest.approx(0.85)


def test_rare_words_weigh_more_and_words_not_searched_nothing() -> None:
    two = query(("fenc",), ("it",))
    assert token_weights(two, ASKED, np.array([3.0, 1.0], np.float32)).tolist() == [0.75, 0.25]
    assert token_weights(query(("fenc",)), ASKED, np.array([3.0], np.float32)).tolist() == [1.0, 0.0]
    assert token_weights(query(("other",)), ASKED, np.array([3.0], np.float32)).tolist() == [0.5, 0.5]


def test_each_word_of_the_question_is_matched_by_the_mean_of_its_pieces() -> None:
    similar = np.array([[0.9, 0.1], [0.5, 0.3]], np.float32)
    assert np.allclose(by_group(query(("it",), ("fenc",)), ASKED, similar), [[0.5, 0.9], [0.3, 0.1]])
    pieces = ASKED._replace(spans=((0, 3), (3, 5)))
    assert np.allclose(by_group(query(("fenc",)), pieces, similar), [[0.7], [0.2]])
    assert np.allclose(by_group(query(("gate",)), ASKED, similar), [[0.7], [0.2]]), (
        "not in the question: all its tokens"
    )
    assert by_group(query(), ASKED, similar).shape == (2, 0)


def test_projection_finds_the_directions_of_most_variance() -> None:
    random = np.random.default_rng(3)
    axes = np.linalg.qr(random.normal(size=(6, 6)))[0]
    rows = (random.normal(size=(4000, 6)) * [5, 3, 0.1, 0.1, 0.1, 0.1]) @ axes.T + 2
    batches = [rows[:1500].astype(np.float32), rows[1500:].astype(np.float32)]
    projection, kept = fit_projection(batches, 2)
    assert kept > 0.99 and np.allclose(projection[0], rows.mean(axis=0), atol=1e-4)
    assert np.abs(projection[1:] @ axes[:, :2]) == pytest.approx(np.eye(2), abs=0.02)


def test_shipped_projection_is_one() -> None:
    projection = np.load(PROJECTION).astype(np.float32)
    assert projection.shape == (1 + TOKEN_DIMENSIONS, DIMENSIONS)
    assert projection[1:] @ projection[1:].T == pytest.approx(np.eye(TOKEN_DIMENSIONS), abs=2e-3)
