"""Everything that is known about how the candidates fit a question, as two tables of features.

One row a candidate chunk, one row a sentence of those chunks. The features are what the models in
``index/ranking.py`` weigh; their order is fixed by ``CHUNK_FEATURES`` and ``SENTENCE_FEATURES``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from index.embedding import Asked
from index.generation import Generation
from index.lexical import ChunkScores, Floats, Ints, Mask
from index.matching import Matched, best_by_chunk, by_group, match_tokens, summed, token_weights
from index.query import Query
from index.traits import NEVER_QUOTED, Asks, Trait, wanted_traits

CHUNK_FEATURES = (
    "cosine", "best_sentence", "bm25", "bm25_to_best", "covered", "cosine_gap", "best_sentence_gap", "best_bm25", "rarest_held", "agree",
    "matched", "matched_least", "matched_gap", "best_matched",
)  # fmt: skip
SENTENCE_FEATURES = (
    "cosine", "chunk_cosine", "best_sentence", "bm25", "chunk_bm25", "covered", "covered_in_context", "chunk_covered",
    "cosine_gap", "chunk_cosine_gap", "bm25_to_best", "chunk_bm25_to_best", "chunk_gap", "below_best_sentence", "below_best_bm25",
    "previous_cosine", "next_cosine", "previous_bm25", "next_bm25", "log_length", "leans_back", "is_question", "is_item",
    "holds_number", "holds_date", "holds_name", "fits", "misfits", "first_chunk", "log_rank", "rarest_held",
    "asks_list", "asks_reason", "asks_definition", "asks_kind", "terms", "sentences", "place",
    "matched", "matched_least", "matched_whole", "matched_gap", "chunk_matched", "chunk_matched_gap", "previous_matched", "next_matched",
    "log_brief_size", "small_brief", "small_cosine", "small_chunk_gap", "small_matched", "small_whole",
)  # fmt: skip


Neighbours = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""Rows of the sentence before and of the one after, for each."""
SMALL = 12
"""Sentences from which on a brief is more than one passage. Of a passage that is wholly on the question's topic, more
belongs to the answer."""


@dataclass(frozen=True)
class Candidates:
    """The chunks in question, and their sentences that can be quoted.

    ``chunks`` and ``sentences`` are positions in the generation's tables; ``owner[k]`` is the row in ``chunks`` of
    sentence row ``k``.
    """

    chunks: Ints
    sentences: Ints
    owner: npt.NDArray[np.intp]
    chunk_cosine: Floats
    chunk_bm25: Floats
    cosine: Floats
    bm25: Floats
    covered: Mask
    """Shape (sentences, groups): which words of the question each sentence covers."""
    chunk_covered: Mask
    """Shape (chunks, groups)."""
    group_idf: Floats
    best_possible: float
    matched: Matched
    """Of each sentence, word by word."""
    chunk_matched: Matched
    """Of each chunk: every word of the question by the best of its sentences."""
    chunk_words: Floats
    """Shape (chunks, groups): how well each word of the question is matched in each chunk, in about [-1, 1]."""

    def only(self, kept: npt.NDArray[np.integer[Any]]) -> Candidates:
        """The candidates without the chunks whose rows are not in ``kept`` (ascending), and without their sentences."""
        place = np.full(len(self.chunks), -1)
        place[kept] = np.arange(len(kept))
        rows = place[self.owner] >= 0
        return replace(
            self,
            chunks=self.chunks[kept],
            sentences=self.sentences[rows],
            owner=place[self.owner[rows]],
            chunk_cosine=self.chunk_cosine[kept],
            chunk_bm25=self.chunk_bm25[kept],
            cosine=self.cosine[rows],
            bm25=self.bm25[rows],
            covered=self.covered[rows],
            chunk_covered=self.chunk_covered[kept],
            matched=self.matched.at(rows),
            chunk_matched=self.chunk_matched.at(kept),
            chunk_words=self.chunk_words[kept],
        )


def gather(generation: Generation, query: Query, asked: Asked, pool: Ints, scored: ChunkScores) -> Candidates:
    """Look up vectors, postings and layout of the chunks ``pool`` and their sentences."""
    table, lines = generation.chunks, generation.sentences
    rows = (
        np.concatenate([np.arange(table.first[c], table.last[c]) for c in pool]).astype(np.int32) if len(pool) else pool
    )
    owner = np.repeat(np.arange(len(pool)), table.last[pool] - table.first[pool])
    unquoted = (lines.traits[rows] & NEVER_QUOTED.value) > 0
    bm25, holds = generation.lexical.score_sentences(rows, query.weights, scored.idf)
    groups = [[k for k, term in enumerate(query.weights) if term in group] for group in query.groups]
    chunk_holds = generation.lexical.chunks_hold(pool, list(query.weights))
    keep = ~unquoted
    idf = np.array([max(scored.idf[term] for term in group) for group in query.groups], dtype=np.float32)
    chunk_cosine = generation.chunk_vectors[pool].astype(np.float32) @ asked.vector
    cosine = generation.sentence_vectors[rows[keep]].astype(np.float32) @ asked.vector
    similar = match_tokens(generation, asked, rows[keep])
    matched, chunk_matched = Matched(cosine, cosine, cosine), Matched(chunk_cosine, chunk_cosine, chunk_cosine)
    chunk_words = np.repeat(chunk_cosine[:, None], len(query.groups), axis=1)
    if similar is not None:
        weight, by_chunk = token_weights(query, asked, idf), best_by_chunk(similar, owner[keep], len(pool))
        matched, chunk_matched = summed(similar, weight), summed(by_chunk, weight)
        chunk_words = by_group(query, asked, by_chunk)
    return Candidates(
        chunks=pool,
        sentences=rows[keep],
        owner=owner[keep],
        chunk_cosine=chunk_cosine,
        chunk_bm25=scored.scores[pool],
        cosine=cosine,
        bm25=bm25[keep],
        covered=_any_of(holds[keep], groups),
        chunk_covered=_any_of(chunk_holds, groups),
        group_idf=idf,
        best_possible=max(scored.best_possible, 1e-6),
        matched=matched,
        chunk_matched=chunk_matched,
        chunk_words=chunk_words,
    )


def _any_of(holds: Mask, groups: Sequence[Sequence[int]]) -> Mask:
    """From which terms each row holds to which groups of terms it holds any of: shape (rows, groups)."""
    covered = np.zeros((len(holds), len(groups)), dtype=bool)
    for column, group in enumerate(groups):
        covered[:, column] = holds[:, group].any(axis=1)
    return covered


def chunk_features(found: Candidates) -> Floats:
    """Shape (chunks, len(CHUNK_FEATURES))."""
    best_sentence = _by_chunk(found, found.cosine, found.chunk_cosine)
    best_bm25 = _by_chunk(found, found.bm25, np.zeros_like(found.chunk_bm25))
    top_bm25 = max(float(found.chunk_bm25.max(initial=0.0)), 1e-6)
    agree = (found.chunk_cosine == found.chunk_cosine.max()) & (found.chunk_bm25 == found.chunk_bm25.max())
    columns = (
        found.chunk_cosine,
        best_sentence,
        found.chunk_bm25 / found.best_possible,
        found.chunk_bm25 / top_bm25,
        share_covered(found, found.chunk_covered),
        found.chunk_cosine - found.chunk_cosine.max(),
        best_sentence - best_sentence.max(),
        best_bm25 / max(float(best_bm25.max(initial=0.0)), 1e-6),
        _holds_rarest(found, found.chunk_covered),
        agree,
        found.chunk_matched.weighted,
        found.chunk_matched.least,
        found.chunk_matched.weighted - found.chunk_matched.weighted.max(),
        _by_chunk(found, found.matched.weighted, found.chunk_matched.weighted),
    )
    return np.stack(columns, axis=1).astype(np.float32)


def sentence_features(generation: Generation, query: Query, found: Candidates, chunk_score: Floats) -> Floats:
    """Shape (sentences, len(SENTENCE_FEATURES)); ``chunk_score`` is the ranking's score of each candidate chunk."""
    neighbours = _neighbours(found)
    columns = {
        **_likeness(found, chunk_score, neighbours),
        **_words_matched(found, neighbours),
        **_kind(generation, query, found),
        **_place(generation, found, chunk_score),
    }
    small = columns["small_brief"]
    columns["small_cosine"] = small * columns["cosine"]
    columns["small_chunk_gap"] = small * columns["chunk_cosine_gap"]
    columns["small_matched"] = small * columns["matched"]
    columns["small_whole"] = small * columns["matched_whole"]
    return np.stack([columns[name] for name in SENTENCE_FEATURES], axis=1).astype(np.float32)


def _likeness(found: Candidates, chunk_score: Floats, neighbours: Neighbours) -> dict[str, Any]:
    """How like the question a sentence, its chunk and its neighbours are, by vectors and by BM25."""
    own = found.owner
    best_sentence = _by_chunk(found, found.cosine, found.chunk_cosine)
    best_bm25 = _by_chunk(found, found.bm25, np.zeros_like(found.chunk_bm25))
    top_bm25 = max(float(found.bm25.max(initial=0.0)), 1e-6)
    top_chunk_bm25 = max(float(found.chunk_bm25.max(initial=0.0)), 1e-6)
    before, after = neighbours
    return {
        "cosine": found.cosine,
        "chunk_cosine": found.chunk_cosine[own],
        "best_sentence": best_sentence[own],
        "bm25": found.bm25 / found.best_possible,
        "chunk_bm25": found.chunk_bm25[own] / found.best_possible,
        "cosine_gap": found.cosine - found.cosine.max(initial=-1.0),
        "chunk_cosine_gap": (found.chunk_cosine - found.chunk_cosine.max())[own],
        "bm25_to_best": found.bm25 / top_bm25,
        "chunk_bm25_to_best": found.chunk_bm25[own] / top_chunk_bm25,
        "chunk_gap": (chunk_score - chunk_score.max())[own],
        "below_best_sentence": found.cosine - best_sentence[own],
        "below_best_bm25": (found.bm25 - best_bm25[own]) / top_bm25,
        "previous_cosine": found.cosine[before],
        "next_cosine": found.cosine[after],
        "previous_bm25": found.bm25[before] / top_bm25,
        "next_bm25": found.bm25[after] / top_bm25,
    }


def _words_matched(found: Candidates, neighbours: Neighbours) -> dict[str, Any]:
    """Which words of the question a sentence holds, and how well its tokens match each of them."""
    own, matched, chunk_matched = found.owner, found.matched, found.chunk_matched
    before, after = neighbours
    return {
        "covered": share_covered(found, found.covered),
        "covered_in_context": share_covered(found, found.covered | found.covered[before]),
        "chunk_covered": share_covered(found, found.chunk_covered)[own],
        "rarest_held": _holds_rarest(found, found.covered),
        "matched": matched.weighted,
        "matched_least": matched.least,
        "matched_whole": matched.whole,
        "matched_gap": matched.weighted - matched.weighted.max(initial=-1.0),
        "chunk_matched": chunk_matched.weighted[own],
        "chunk_matched_gap": (chunk_matched.weighted - chunk_matched.weighted.max())[own],
        "previous_matched": matched.weighted[before],
        "next_matched": matched.weighted[after],
    }


def _kind(generation: Generation, query: Query, found: Candidates) -> dict[str, Any]:
    """What a sentence is and holds, what the question asks for, and whether the one fits the other."""
    lines = generation.sentences
    traits = lines.traits[found.sentences]
    wanted = wanted_traits(query.asks).value
    fits = (traits & wanted) > 0

    def one(flag: bool) -> Floats:
        return np.full(len(traits), float(flag), dtype=np.float32)

    def has(trait: Trait) -> Mask:
        held: Mask = (traits & trait.value) > 0
        return held

    return {
        "log_length": np.log1p(lines.end[found.sentences] - lines.start[found.sentences]),
        "leans_back": has(Trait.LEANS_BACK),
        "is_question": has(Trait.QUESTION),
        "is_item": has(Trait.ITEM),
        "holds_number": has(Trait.NUMBER),
        "holds_date": has(Trait.DATE),
        "holds_name": has(Trait.NAME),
        "fits": fits,
        "misfits": ~fits & (wanted > 0),
        "asks_list": one(Asks.LIST in query.asks),
        "asks_reason": one(bool(query.asks & (Asks.REASON | Asks.MANNER))),
        "asks_definition": one(Asks.DEFINITION in query.asks),
        "asks_kind": one(wanted > 0),
        "terms": np.full(len(traits), min(len(query.groups), 15)),
    }


def _place(generation: Generation, found: Candidates, chunk_score: Floats) -> dict[str, Any]:
    """Where a sentence stands: the rank of its chunk, its place in it, and how much its brief holds besides."""
    own = found.owner
    counts = np.bincount(own, minlength=len(found.chunks))[own]
    first_row = np.searchsorted(own, np.arange(len(found.chunks)))[own]
    rank = np.empty(len(found.chunks), dtype=np.float32)
    rank[np.argsort(-chunk_score, kind="stable")] = np.arange(len(found.chunks))
    size = generation.brief_sizes[generation.sentences.brief[found.sentences]]
    return {
        "first_chunk": rank[own] == 0,
        "log_rank": np.log1p(rank[own]),
        "sentences": counts,
        "place": (np.arange(len(own)) - first_row) / np.maximum(counts, 1),
        "log_brief_size": np.log1p(size),
        "small_brief": (size < SMALL).astype(np.float32),
    }


def share_covered(found: Candidates, covered: Mask) -> Floats:
    """How much of the question's weight (idf) each row covers, in [0, 1]."""
    total = max(float(found.group_idf.sum()), 1e-6)
    share: Floats = ((covered * found.group_idf).sum(axis=1) / total).astype(np.float32)
    return share


def _holds_rarest(found: Candidates, covered: Mask) -> Mask:
    """Whether the two rarest words of the question are there, or the one it has."""
    rarest = np.argsort(-found.group_idf, kind="stable")[:2]
    return np.asarray(covered[:, rarest].all(axis=1))


def _by_chunk(found: Candidates, values: Floats, default: Floats) -> Floats:
    """The highest value among each chunk's sentences; ``default`` for a chunk of headings alone."""
    best = np.full(len(found.chunks), -np.inf, dtype=np.float32)
    np.maximum.at(best, found.owner, values)
    filled: Floats = np.where(np.isfinite(best), best, default).astype(np.float32)
    return filled


def _neighbours(found: Candidates) -> Neighbours:
    """Rows of the sentences before and after each, itself at the edge of its chunk."""
    rows = np.arange(len(found.sentences))
    before, after = np.maximum(rows - 1, 0), np.minimum(rows + 1, max(len(rows) - 1, 0))
    return (
        np.where(found.owner[before] == found.owner, before, rows),
        np.where(found.owner[after] == found.owner, after, rows),
    )
