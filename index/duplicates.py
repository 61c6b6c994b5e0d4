"""Briefs that say almost the same in the same words: copies, reprints, lightly edited versions."""

from __future__ import annotations

import datetime as dt
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from index.types import Brief, Metadata

SHINGLE = 5
"""Words of a shingle."""
THRESHOLD = 0.6
"""Least Jaccard similarity of two shingle sets. One word in twenty changed at random leaves about .63 of them."""
_SKETCH = 24
"""Briefs are compared when they share one of their 24 smallest hashes; at the threshold hardly a pair shares none."""
_NEIGHBOURS = 50
"""Of briefs with a hash in common, each is compared with this many before it: shared boilerplate costs no square."""

_WORD = re.compile(r"\w+")


def near_duplicates(briefs: Iterable[Brief]) -> tuple[tuple[str, ...], ...]:
    """Groups of ids, each with its primary first: the newest, then the longest, then the first by id."""
    shingles: dict[str, NDArray[np.uint32]] = {}
    rank: dict[str, tuple[int, int, str]] = {}
    for brief in briefs:
        found = shingle_hashes(brief)
        if found.size:
            shingles[brief.id] = found
            rank[brief.id] = (-_day(brief.metadata).toordinal(), -found.size, brief.id)
    groups = _Groups(shingles)
    for left, right in _candidates(shingles):
        if jaccard(shingles[left], shingles[right]) >= THRESHOLD:
            groups.join(left, right)
    return tuple(sorted(tuple(sorted(group, key=rank.__getitem__)) for group in groups.several()))


def shingle_hashes(brief: Brief) -> NDArray[np.uint32]:
    """Hashes of all runs of five words of the body, lower case, sorted, each once; of all its words if fewer."""
    words = _WORD.findall(" ".join(brief.text[start:end] for start, end in brief.body).lower())
    runs = range(max(1, len(words) - SHINGLE + 1)) if words else ()
    hashes = (zlib.crc32(" ".join(words[k : k + SHINGLE]).encode("utf-8", "replace")) for k in runs)
    return np.unique(np.fromiter(hashes, np.uint32))


def jaccard(left: NDArray[np.uint32], right: NDArray[np.uint32]) -> float:
    """Size of the intersection by size of the union, in [0, 1], of two sorted sets that are not both empty."""
    common = np.intersect1d(left, right, assume_unique=True).size
    return float(common / (left.size + right.size - common))


def _candidates(shingles: Mapping[str, NDArray[np.uint32]]) -> set[tuple[str, str]]:
    """Pairs that share a hash of their sketches (bottom-k sampling, Broder 1997)."""
    holders: defaultdict[int, list[str]] = defaultdict(list)
    pairs: set[tuple[str, str]] = set()
    for brief_id, hashes in shingles.items():
        for value in hashes[:_SKETCH].tolist():
            pairs.update((other, brief_id) for other in holders[value][-_NEIGHBOURS:])
            holders[value].append(brief_id)
    return pairs


def _day(metadata: Metadata) -> dt.date:
    return metadata.date or dt.date.min


class _Groups:
    """Sets that grow together (union-find)."""

    def __init__(self, members: Iterable[str]) -> None:
        self._parent = {member: member for member in members}

    def join(self, left: str, right: str) -> None:
        self._parent[self._root(left)] = self._root(right)

    def several(self) -> list[list[str]]:
        """The sets of two or more."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for member in self._parent:
            found[self._root(member)].append(member)
        return [members for members in found.values() if len(members) > 1]

    def _root(self, member: str) -> str:
        while self._parent[member] != member:
            self._parent[member] = self._parent[self._parent[member]]
            member = self._parent[member]
        return member
