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

from index.generation import Generation
from index.lexical import ChunkScores, Floats, Ints, Mask
from index.query import Query
from index.traits import NEVER_QUOTED, Asks, Trait, wanted_traits

CHUNK_FEATURES = (
    "cosine", "best_sentence", "bm25", "bm25_to_best", "covered", "cosine_gap", "best_sentence_gap", "best_bm25", "rarest_held", "agree",
)  # fmt: skip
SENTENCE_FEATURES = (
    "cosine", "chunk_cosine", "best_sentence", "bm25", "chunk_bm25", "covered", "covered_in_context", "chunk_covered",
    "cosine_gap", "chunk_cosine_gap", "bm25_to_best", "chunk_bm25_to_best", "chunk_gap", "below_best_sentence", "below_best_bm25",
    "previous_cosine", "next_cosine", "previous_bm25", "next_bm25", "log_length", "leans_back", "is_question", "is_item",
    "holds_number", "holds_date", "holds_name", "fits", "misfits", "first_chunk", "log_rank", "rarest_held",
    "asks_list", "asks_reason", "asks_definition", "asks_kind", "terms", "sentences", "place",
)  # fmt: skip


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
        )


def gather(generation: Generation, query: Query, vector: Floats, pool: Ints, scored: ChunkScores) -> Candidates:
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
    vectors = generation.sentence_vectors[rows[keep]].astype(np.float32)
    return Candidates(
        chunks=pool,
        sentences=rows[keep],
        owner=owner[keep],
        chunk_cosine=generation.chunk_vectors[pool].astype(np.float32) @ vector,
        chunk_bm25=scored.scores[pool],
        cosine=vectors @ vector,
        bm25=bm25[keep],
        covered=_any_of(holds[keep], groups),
        chunk_covered=_any_of(chunk_holds, groups),
        group_idf=np.array([max(scored.idf[term] for term in group) for group in query.groups], dtype=np.float32),
        best_possible=max(scored.best_possible, 1e-6),
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
    )
    return np.stack(columns, axis=1).astype(np.float32)


def sentence_features(generation: Generation, query: Query, found: Candidates, chunk_score: Floats) -> Floats:
    """Shape (sentences, len(SENTENCE_FEATURES)); ``chunk_score`` is the ranking's score of each candidate chunk."""
    lines, own = generation.sentences, found.owner
    traits = lines.traits[found.sentences]
    best_sentence = _by_chunk(found, found.cosine, found.chunk_cosine)
    best_bm25 = _by_chunk(found, found.bm25, np.zeros_like(found.chunk_bm25))
    top_bm25 = max(float(found.bm25.max(initial=0.0)), 1e-6)
    top_chunk_bm25 = max(float(found.chunk_bm25.max(initial=0.0)), 1e-6)
    before, after = _neighbours(found)
    wanted = wanted_traits(query.asks).value
    fits = (traits & wanted) > 0
    counts = np.bincount(own, minlength=len(found.chunks))[own]
    first_row = np.searchsorted(own, np.arange(len(found.chunks)))[own]
    rank = np.empty(len(found.chunks), dtype=np.float32)
    rank[np.argsort(-chunk_score, kind="stable")] = np.arange(len(found.chunks))

    def one(flag: bool) -> Floats:
        return np.full(len(own), float(flag), dtype=np.float32)

    def has(trait: Trait) -> Mask:
        held: Mask = (traits & trait.value) > 0
        return held

    columns = (
        found.cosine,
        found.chunk_cosine[own],
        best_sentence[own],
        found.bm25 / found.best_possible,
        found.chunk_bm25[own] / found.best_possible,
        share_covered(found, found.covered),
        share_covered(found, found.covered | found.covered[before]),
        share_covered(found, found.chunk_covered)[own],
        found.cosine - found.cosine.max(initial=-1.0),
        (found.chunk_cosine - found.chunk_cosine.max())[own],
        found.bm25 / top_bm25,
        found.chunk_bm25[own] / top_chunk_bm25,
        (chunk_score - chunk_score.max())[own],
        found.cosine - best_sentence[own],
        (found.bm25 - best_bm25[own]) / top_bm25,
        found.cosine[before],
        found.cosine[after],
        found.bm25[before] / top_bm25,
        found.bm25[after] / top_bm25,
        np.log1p(lines.end[found.sentences] - lines.start[found.sentences]),
        has(Trait.LEANS_BACK),
        has(Trait.QUESTION),
        has(Trait.ITEM),
        has(Trait.NUMBER),
        has(Trait.DATE),
        has(Trait.NAME),
        fits,
        ~fits & (wanted > 0),
        rank[own] == 0,
        np.log1p(rank[own]),
        _holds_rarest(found, found.covered),
        one(Asks.LIST in query.asks),
        one(bool(query.asks & (Asks.REASON | Asks.MANNER))),
        one(Asks.DEFINITION in query.asks),
        one(wanted > 0),
        np.full(len(own), min(len(query.groups), 15)),
        counts,
        (np.arange(len(own)) - first_row) / np.maximum(counts, 1),
    )
    return np.stack(columns, axis=1).astype(np.float32)


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


def _neighbours(found: Candidates) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows of the sentences before and after each, itself at the edge of its chunk."""
    rows = np.arange(len(found.sentences))
    before, after = np.maximum(rows - 1, 0), np.minimum(rows + 1, max(len(rows) - 1, 0))
    return (
        np.where(found.owner[before] == found.owner, before, rows),
        np.where(found.owner[after] == found.owner, after, rows),
    )
