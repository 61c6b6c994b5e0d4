"""A question against sentences, word by word: how well the tokens of each sentence answer every token of the question.

Late interaction (Khattab and Zaharia 2020, "ColBERT", arXiv:2004.12832) over the tokens that late chunking yields anyway:
a token of the question is matched by the most similar token of a sentence, and counts by how rare its word is among the
briefs that may be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from index.embedding import Asked, products
from index.generation import Generation
from index.lexical import Floats, Ints, stem, words
from index.query import Query

_WORD = re.compile(r"[\w’'-]+")
_SCALE = 127.0


class Matched(NamedTuple):
    """Similarities in about [-1, 1], one a row.

    Of the question's words by weight, of the word that is matched least, and of all the question's tokens alike.
    """

    weighted: Floats
    least: Floats
    whole: Floats

    def at(self, rows: npt.NDArray[Any]) -> Matched:
        """Those of ``rows``, a mask or positions."""
        return Matched(self.weighted[rows], self.least[rows], self.whole[rows])


def match_tokens(generation: Generation, asked: Asked, sentences: Ints) -> Floats | None:
    """The best similarity of each token of the question in each sentence, shape (tokens, sentences).

    ``sentences`` are rows of the table. None for an embedder that shows no tokens; a sentence without tokens is as unlike as
    the unlikest one.
    """
    if not asked.tokens.size or not generation.token_vectors.size or not len(sentences):
        return None
    ends = generation.token_ends[sentences]
    starts = np.where(sentences > 0, generation.token_ends[np.maximum(sentences - 1, 0)], 0)
    counts = ends - starts
    first = np.cumsum(counts) - counts
    rows = np.arange(int(counts.sum())) + np.repeat(starts - first, counts)
    similar = products(asked.tokens / _SCALE, generation.token_vectors[rows].astype(np.float32))
    filled = counts > 0
    best = np.full((len(asked.tokens), len(sentences)), similar.min(initial=1.0), np.float32)
    if filled.any():
        best[:, filled] = np.maximum.reduceat(similar, first[filled], axis=1)
    return best


def best_by_chunk(similar: Floats, owner: npt.NDArray[np.intp], chunks: int) -> Floats:
    """The best similarity of each token in each chunk, shape (tokens, chunks); ``owner`` are the sentences' chunks, ascending."""
    best = np.full((len(similar), chunks), similar.min(initial=1.0), np.float32)
    held, first = np.unique(owner, return_index=True)
    if len(held):
        best[:, held] = np.maximum.reduceat(similar, first, axis=1)
    return best


def summed(similar: Floats, weight: Floats) -> Matched:
    """One figure a row from the similarities of all tokens."""
    return Matched(weight @ similar, similar[weight > 0].min(axis=0), similar.mean(axis=0))


def token_weights(query: Query, asked: Asked, idf: Floats) -> Floats:
    """The weight of each token of the question, summing to 1.

    It is the idf of the group that its word belongs to, shared by the word's pieces. Words that are not searched for weigh
    nothing, unless all are such. ``idf`` goes with ``query.groups``.
    """
    weight = np.zeros(len(asked.tokens), np.float32)
    for pieces, held in _words(query, asked):
        weight[pieces] = float(idf[held].max()) / len(pieces)
    total = float(weight.sum())
    return weight / total if total > 0 else np.full(len(weight), 1 / max(len(weight), 1), np.float32)


def by_group(query: Query, asked: Asked, similar: Floats) -> Floats:
    """From the best similarity of each token in each row: that of each of ``query.groups``, shape (rows, groups).

    It is the mean of the pieces of its word; of all tokens for a group that the question, cut to what was embedded, does
    not hold.
    """
    tokens: list[list[int]] = [[] for _ in query.groups]
    for pieces, held in _words(query, asked):
        for group in held:
            tokens[group] += pieces
    columns = [similar[own or slice(None)].mean(axis=0) for own in tokens]
    return np.stack(columns, axis=1) if columns else np.empty((similar.shape[1], 0), np.float32)


def _words(query: Query, asked: Asked) -> Iterator[tuple[list[int], list[int]]]:
    """The words of the question that are searched: each one's tokens and its rows in ``query.groups``."""
    group_of = {term: row for row, group in enumerate(query.groups) for term in group}
    for word in _WORD.finditer(query.searched):
        pieces = [k for k, (start, end) in enumerate(asked.spans) if word.start() <= start < end <= word.end()]
        held = [group_of[term] for term in map(stem, words(word.group())) if term in group_of]
        if pieces and held:
            yield pieces, held
