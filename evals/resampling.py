"""How far a figure can be trusted: bootstrap intervals, and tests of one run against another on the same cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
SEED = 20251207
EXACT, DRAWS = 12, 10_000
"""Differing cases up to which every way is counted, and random ways that are drawn beyond."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure over ``count`` cases with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    count: int


def bootstrap(rows: NDArray[np.float64], statistic: Callable[[NDArray[np.float64]], float]) -> Estimate | None:
    """``statistic`` of ``rows``, shape (cases, ...), with a percentile interval over resamples of cases (Efron 1979).

    Seeded, hence the same for the same rows. None where the statistic is undefined (NaN); resamples in which it is are
    left out.
    """
    value = statistic(rows) if len(rows) else float("nan")
    if np.isnan(value):
        return None
    random = np.random.default_rng(SEED)
    drawn = random.integers(0, len(rows), (RESAMPLES, len(rows)))
    values = np.array([statistic(rows[picked]) for picked in drawn])
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return Estimate(value, float(low), float(high), len(rows))


def randomisation_tests(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """One-sided p that nothing has become worse, for each of several scores on the same cases; shape (scores,), in (0, 1].

    ``differences``, shape (scores, cases), are after minus before, higher being better; 0 where a score does not apply. If
    nothing had changed for the worse, all differences of a case could as well have the other sign. With T the sum of a
    score's differences over the root of the sum of their squares:

        p of a score = share of the 2^m ways to give m cases signs in which the lowest T of all scores is as low as its own

    (Fisher 1935; adjusted for several scores by the extreme of them all, Westfall and Young 1993, so that the chance of any
    false alarm keeps to p, whatever the scores have in common.) Exact up to ``EXACT`` cases that changed, over ``DRAWS``
    seeded draws and the one found beyond. A score without a difference has p 1.
    """
    p = np.ones(len(differences))
    moved = np.flatnonzero((differences != 0).any(axis=1))
    if not len(moved):
        return p
    changed = differences[moved][:, (differences != 0).any(axis=0)]
    standard = changed / np.sqrt((changed**2).sum(axis=1, keepdims=True))
    found = standard.sum(axis=1) + 1e-9
    lowest = (_signs(standard.shape[1]) @ standard.T).min(axis=1)
    ways = np.count_nonzero(lowest[:, None] <= found, axis=0)
    exact = standard.shape[1] <= EXACT
    p[moved] = ways / len(lowest) if exact else (1 + ways) / (1 + len(lowest))
    return p


def _signs(count: int) -> NDArray[np.int64]:
    """Ways to give ``count`` cases signs, shape (ways, count): all of them, or ``DRAWS`` seeded ones."""
    if count <= EXACT:
        positive = np.arange(2**count)[:, None] >> np.arange(count) & 1
    else:
        positive = np.random.default_rng(SEED).integers(0, 2, (DRAWS, count))
    return 2 * positive - 1
