"""What of an index one caller may read: whatever is counted or named over briefs is taken over these alone.

docs/labels.md tells which parts of an answer depend on what, and how that is tested.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from index.generation import Entry, Recipe

_BLOCK = 1024
"""Vectors compared at a time: as many as the processor's cache holds in float32."""


@dataclass(frozen=True)
class Scope:
    """``briefs`` are the ids that may be read, ``chunks`` says which chunks are theirs, shape (all chunks,).

    ``rows`` are the positions of these, ascending.
    """

    briefs: frozenset[str]
    chunks: NDArray[np.bool_]
    rows: NDArray[np.int32]


def scope_of(briefs: frozenset[str], brief_ids: Sequence[str], brief_of_chunk: NDArray[np.int32]) -> Scope:
    """The scope of ``briefs`` in an index with these tables; ids that it does not hold count for nothing."""
    readable = np.array([brief_id in briefs for brief_id in brief_ids], dtype=bool)
    mask = readable[brief_of_chunk]
    return Scope(briefs, mask, np.flatnonzero(mask).astype(np.int32))


def cosines(
    vector: NDArray[np.float32], chunk_vectors: NDArray[np.float16], rows: NDArray[np.int32]
) -> NDArray[np.float32]:
    """The cosine of ``vector`` with each of the chunks ``rows``, in their order, one by one.

    An approximate index such as Chroma's finds its way over all vectors: what it returns for some of them may depend on
    the others.
    """
    found = np.empty(len(rows), np.float32)
    for first in range(0, len(rows), _BLOCK):
        part = slice(first, first + _BLOCK)
        found[part] = chunk_vectors[rows[part]].astype(np.float32) @ vector
    return found


def seen_id(recipe: Recipe, entries: Mapping[str, Entry]) -> str:
    """A name for an index of which a caller sees ``entries``: another one only when something that is seen has changed."""
    digest = hashlib.blake2b(recipe.model_dump_json(exclude={"vector_url"}).encode(), digest_size=8)
    for brief_id, entry in entries.items():
        digest.update(f"{brief_id}\0{entry.model_dump_json()}\0".encode())
    return f"seen-{digest.hexdigest()}"
