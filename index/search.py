"""From a question to ranked chunks and sentences: two legs find candidates, learned models order them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from index.embedding import Embedder
from index.errors import QuestionError
from index.evidence import Candidates, chunk_features, gather, sentence_features
from index.filters import Filters, allowed_briefs
from index.generation import Generation
from index.lexical import ChunkScores, Floats, Ints
from index.query import Query, parse_question
from index.ranking import RankingModel, load_ranking
from index.scope import Scope, cosines
from index.spelling import known_word
from index.tracing import span
from index.types import Span

POOL = 32
"""Candidates that each leg brings; more did not change what is found (docs/ranking.md)."""
KEPT = 12
"""Chunks whose sentences are looked at."""
SECTIONS = 5
"""Best chunks whose whole sections are looked at, as far as they are candidates."""
SAME_PASSAGE = 0.9
"""Share of the shorter of two passages from which on they count as one."""
MAX_QUESTION = 2000
"""Longest question, in characters."""


@dataclass(frozen=True)
class Evidence:
    """Candidates of one question, scored: all of them in ``pool``, those whose sentences are looked at in ``found``.

    ``chunk_score`` (log-odds) and ``sentence_score`` (the expected share of the sentence that is part of the answer, in
    (0, 1)) go with the rows of ``found``. Sentences that are ``excluded`` (positions in the table) cannot answer, whatever
    their likeness. ``allowed`` are the briefs that were searched, None for all.
    """

    query: Query
    pool: Candidates
    found: Candidates
    chunk_score: Floats
    sentence_score: Floats
    excluded: frozenset[int] = frozenset()
    allowed: frozenset[str] | None = None

    @property
    def best_chunks(self) -> Ints:
        """Rows of ``found.chunks``, best first."""
        return np.argsort(-self.chunk_score, kind="stable").astype(np.int32)


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found: ``text[start:end]`` of the brief, at most about a chunk long, best at ``rank`` 1.

    ``score`` is the probability-like fused score in (0, 1), higher is better; ``dense`` the cosine and ``lexical`` the
    BM25 of the chunk behind it.
    """

    brief_id: str
    source: str
    start: int
    end: int
    text: str
    score: float
    rank: int
    dense: float
    lexical: float


def find_evidence(
    generation: Generation,
    embedder: Embedder,
    question: str,
    filters: Filters | None = None,
    model: RankingModel | None = None,
    keep: int = KEPT,
) -> Evidence:
    """Candidates for ``question`` among the briefs that ``filters`` allow, scored.

    :raises QuestionError: if the question is empty or longer than ``MAX_QUESTION`` characters.
    :raises StoreError: if the index fails.
    """
    text = check_question(question)
    allowed = allowed_briefs(generation.manifest.metadata, filters or Filters())
    scope = None if allowed is None else generation.scope(allowed)
    mask = scope.chunks if scope else None
    query = parse_question(text, generation.lexical, generation.aliases, known_word(embedder), mask, allowed)
    with span("embed"):
        asked = embedder.embed_question(query.searched)
    scored = generation.lexical.score_chunks(query.weights, mask)
    rows = _candidates(generation, asked.vector, scored, scope, max(POOL, 2 * keep))
    found = gather(generation, query, asked, rows, scored)
    evidence = score(generation, query, found, model or load_ranking(), keep)
    return replace(evidence, allowed=allowed)


def score(generation: Generation, query: Query, found: Candidates, model: RankingModel, keep: int = KEPT) -> Evidence:
    """Order all candidate chunks, keep the best ``keep``, and score their sentences."""
    if not len(found.chunks):
        none = np.zeros(0, np.float32)
        return Evidence(query, found, found, none, none)
    chunk_score = model.chunk.logit(chunk_features(found))
    ranked = np.argsort(-chunk_score, kind="stable")
    best = np.union1d(ranked[:keep], _same_sections(generation, found, ranked[:SECTIONS]))
    kept, chunk_score = found.only(best), chunk_score[best]
    table = sentence_features(generation, query, kept, chunk_score)
    return Evidence(query, found, kept, chunk_score, model.sentence.probability(table))


def _same_sections(generation: Generation, found: Candidates, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The candidate chunks that stand under the same heading as one of ``rows``: a section may be cut in several."""
    table = generation.chunks
    section = table.brief[found.chunks].astype(np.int64) << 32 | table.heading[found.chunks]
    return np.flatnonzero(np.isin(section, section[rows]))


def check_question(question: str) -> str:
    """The question in valid Unicode without white space around it. :raises QuestionError: if it cannot be asked."""
    text = " ".join(question.encode(errors="replace").decode().split())
    if not any(character.isalnum() for character in text):
        raise QuestionError("the question is empty: expected a question in words")
    if len(text) > MAX_QUESTION:
        raise QuestionError(
            f"the question has {len(text):,} characters: at most {MAX_QUESTION:,} are searched; shorten it"
        )
    return text


def _candidates(generation: Generation, vector: Floats, scored: ChunkScores, scope: Scope | None, pool: int) -> Ints:
    """The best of both legs, without repetition, in the order of the table.

    Where some briefs are left out, all vectors that remain are compared: that is quicker than to have Chroma filter, and
    what is left out has no say in it.
    """
    if scope is None:
        place = generation.chunk_positions
        dense = np.array([place[chunk_id] for chunk_id, _ in generation.vectors.query(vector, pool)], np.int32)
    else:
        dense = _largest(cosines(vector, generation.chunk_vectors, scope.rows), scope.rows, pool)
    matching = np.flatnonzero(scored.scores > 0)
    return np.union1d(dense, _largest(scored.scores[matching], matching, pool))


def _largest(scores: Floats, rows: npt.NDArray[np.integer[Any]], count: int) -> Ints:
    """The ``rows`` with the highest ``scores``, at most ``count``; of equal ones the first."""
    if len(rows) > count:
        near = scores >= np.partition(scores, len(scores) - count)[len(scores) - count]
        scores, rows = scores[near], rows[near]
    return rows[np.argsort(-scores, kind="stable")[:count]].astype(np.int32)


def passage(generation: Generation, evidence: Evidence, row: int, chunk_chars: int) -> Span:
    """Where the passage for candidate chunk ``row`` starts and ends.

    It is the chunk, moved within its brief to where the sentences around it answer best, so that an answer cut by a
    chunk's edge is whole again.
    """
    table, lines, found = generation.chunks, generation.sentences, evidence.found
    chunk = int(found.chunks[row])
    near = [
        int(k)
        for k in np.flatnonzero(np.abs(found.chunks - chunk) <= 1)
        if table.brief[found.chunks[k]] == table.brief[chunk]
    ]
    rows = np.flatnonzero(np.isin(found.owner, near))
    inside = np.flatnonzero(found.owner[rows] == row)
    if not len(inside):
        return int(table.start[chunk]), int(table.end[chunk])
    starts, ends = lines.start[found.sentences[rows]], lines.end[found.sentences[rows]]
    gains = evidence.sentence_score[rows]
    best = max((_gain(k, starts, ends, gains, chunk_chars, inside), -k) for k in range(int(inside[-1]) + 1))
    first = -best[1]
    last = (
        int(np.flatnonzero(ends <= starts[first] + chunk_chars)[-1])
        if ends[first] <= starts[first] + chunk_chars
        else first
    )
    return int(starts[first]), int(ends[max(first, last)])


def _gain(first: int, starts: Ints, ends: Ints, gains: Floats, chunk_chars: int, inside: npt.NDArray[np.intp]) -> float:
    """Sum of scores in the window that starts at sentence ``first``; it must touch the chunk it stands for."""
    window = (ends <= starts[first] + chunk_chars) & (starts >= starts[first])
    window[first] = True
    if not window[inside].any():
        return -1.0
    return float(gains[window].sum())


def top_hits(generation: Generation, evidence: Evidence, top_k: int, chunk_chars: int) -> list[Hit]:
    """The best ``top_k`` passages, without one that repeats a better one.

    Only the first is moved to where it answers best: moving them all draws neighbours to the same words and loses others
    (recall@5 .890 instead of .931 on spans).
    """
    hits: list[Hit] = []
    found, table = evidence.found, generation.chunks
    for row in evidence.best_chunks:
        if len(hits) == top_k:
            break
        chunk = int(found.chunks[row])
        start, end = int(table.start[chunk]), int(table.end[chunk])
        if not hits:
            start, end = passage(generation, evidence, int(row), chunk_chars)
        brief = generation.brief(generation.brief_ids[table.brief[chunk]])
        if any(
            hit.brief_id == brief.id and _overlap((hit.start, hit.end), (start, end)) > SAME_PASSAGE for hit in hits
        ):
            continue
        score = float(1 / (1 + np.exp(-evidence.chunk_score[row])))
        dense, lexical = float(found.chunk_cosine[row]), float(found.chunk_bm25[row])
        hits.append(
            Hit(brief.id, brief.source, start, end, brief.text[start:end], score, len(hits) + 1, dense, lexical)
        )
    return hits


def _overlap(left: Span, right: Span) -> float:
    shared = min(left[1], right[1]) - max(left[0], right[0])
    return max(0, shared) / max(1, min(left[1] - left[0], right[1] - right[0]))
