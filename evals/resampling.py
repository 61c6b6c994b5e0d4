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


def randomisation_test(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """One-sided p that ``after`` is no worse than ``before`` (higher is better), both of shape (cases,), paired.

    If nothing had changed for the worse, each of the m differences that are not zero could as well have the other sign:

        p = share of the 2^m ways to give them signs whose sum is as low as the one found, or lower

    (Fisher 1935; for retrieval Smucker, Allan and Carterette 2007.) Exact up to ``EXACT`` differences, over ``DRAWS``
    seeded draws and the one found beyond. On outcomes of right and wrong it is McNemar's exact test, the sign test.
    """
    differences = (after - before)[after != before]
    sizes, found = np.abs(differences), differences.sum() + 1e-9
    if len(sizes) <= EXACT:
        positive = np.arange(2 ** len(sizes))[:, None] >> np.arange(len(sizes)) & 1
        return float(np.mean((2 * positive - 1) @ sizes <= found))
    positive = np.random.default_rng(SEED).integers(0, 2, (DRAWS, len(sizes)))
    return float((1 + np.count_nonzero((2 * positive - 1) @ sizes <= found)) / (1 + DRAWS))
