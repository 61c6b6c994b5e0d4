"""How far a figure can be trusted: bootstrap intervals, and tests of one run against another on the same cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
SEED = 20251207


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


def sign_test(worse: int, better: int) -> float:
    """One-sided exact p that so many of the changed cases, or more, are worse if either way were as likely.

        p = sum over k = w … w+b of C(w+b, k) / 2^(w+b)

    with w cases worse and b better. On outcomes of right and wrong this is McNemar's exact test.
    """
    changed = worse + better
    return float(sum(comb(changed, k) for k in range(worse, changed + 1)) / 2**changed)


def paired_bootstrap(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """One-sided p that ``after`` is not worse than ``before`` (higher is better), both of shape (cases,), paired.

    The share of resamples of cases in which the mean difference is zero or more.
    """
    difference = after - before
    drawn = np.random.default_rng(SEED).integers(0, len(difference), (RESAMPLES, len(difference)))
    return float(np.mean(difference[drawn].mean(axis=1) >= 0))
