"""Measures of citations and of abstention, which no library of retrieval measures has; and those that one has.

In the formulas y is 1 for an answerable question and 0 for another, p in [0, 1] the confidence that it is answerable,
and n the number of questions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.regions import Chosen, Gold, Region, shared, size, union

Floats = NDArray[np.float64]
RANKING = ("ndcg@10", "map", "mrr", "recall@10")
"""Measures of the ranking of briefs."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Citations against gold, by characters. All in [0, 1]; ``precision`` is None where nothing was cited."""

    precision: float | None
    recall: float
    iou: float


def citation_overlap(cited: Region, golds: Sequence[Gold], chosen: Sequence[Chosen]) -> Overlap:
    r"""Precision, recall and intersection over union of cited characters.

    With C the cited characters, G those of the spans that were chosen (one for each required span), A those of all gold
    spans, and D = C without A \\ G, because an alternative that was not needed does neither good nor harm:

        precision = |D ∩ G| / |D|      recall = |D ∩ G| / |G|      IoU = |D ∩ G| / |D ∪ G|
    """
    wanted = union(one.place for one in chosen)
    held = shared(cited, wanted)
    surplus = shared(cited, union((gold.brief_id, place) for gold in golds for place in gold.places)) - held
    counted = size(cited) - surplus
    return Overlap(held / counted if counted else None, held / size(wanted), held / (counted + size(wanted) - held))


def auroc(answerable: Floats, confidence: Floats) -> float:
    """Area under the ROC curve: how likely an answerable question has more confidence than another; ties count half.

        AUROC = (R - n1 (n1 + 1) / 2) / (n1 n0)

    with R the sum of the mid-ranks of the n1 answerable questions among all, n0 the number of the others (Mann and
    Whitney 1947).
    NaN unless there are questions of both kinds.
    """
    positives = int(answerable.sum())
    negatives = len(answerable) - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    mid_rank = np.cumsum(counts) - (counts - 1) / 2
    return float((mid_rank[inverse][answerable == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def balanced_accuracy(answerable: Floats, answered: Floats) -> float:
    """Mean of the share of answerable questions that were answered and the share of the others that were not.

        BA = (TP / (TP + FN) + TN / (TN + FP)) / 2

    NaN unless there are questions of both kinds.
    """
    if not 0 < answerable.sum() < len(answerable):
        return float("nan")
    return float((answered[answerable == 1].mean() + 1 - answered[answerable == 0].mean()) / 2)


def brier(answerable: Floats, confidence: Floats) -> float:
    """Mean squared error of the confidence: sum of (p - y)² / n; saying one half throughout gives 0.25 (Brier 1950)."""
    return float(np.mean((confidence - answerable) ** 2)) if len(answerable) else float("nan")


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions of similar confidence: how many, their mean confidence, and the share that is answerable."""

    count: int
    confidence: float
    answerable: float


def reliability(answerable: Floats, confidence: Floats, bins: int = 10) -> list[Bin]:
    """Questions sorted by confidence, cut into ``bins`` parts of equal size, give or take one; no empty ones."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [Bin(len(part), float(confidence[part].mean()), float(answerable[part].mean())) for part in parts]


def calibration_error(answerable: Floats, confidence: Floats) -> float:
    """Expected calibration error over ten bins B of equal mass: sum of |B| / n · |mean y in B - mean p in B|.

    Equal mass, because equal width leaves bins with a handful of questions (Nixon et al. 2019). Few questions make it
    large by chance alone, and resampling makes that worse: bootstrap intervals of it lie high.
    """
    if not len(answerable):
        return float("nan")
    gaps = [part.count * abs(part.answerable - part.confidence) for part in reliability(answerable, confidence)]
    return float(sum(gaps) / len(answerable))


def risk_coverage(answerable: Floats, confidence: Floats) -> tuple[Floats, Floats]:
    """Coverage k / n and risk when only the k most confident questions are answered, for k = 1 … n, shape (n,) each.

    The risk is the share of the answered questions that are not answerable. Within a tie of confidence the risk is that
    of a random order: each question of the tie counts with the tie's mean.
    """
    if not len(answerable):
        return np.zeros(0), np.zeros(0)
    values, inverse = np.unique(-confidence, return_inverse=True)
    wrong = np.bincount(inverse, 1 - answerable, len(values)) / np.bincount(inverse, minlength=len(values))
    counts = np.arange(1, len(answerable) + 1)
    return counts / len(answerable), np.cumsum(wrong[np.sort(inverse)]) / counts


def area_under_risk_coverage(answerable: Floats, confidence: Floats) -> float:
    """AURC = mean of the risks r_k over k = 1 … n; lower is better (Geifman, Uziel and El-Yaniv 2019)."""
    risk = risk_coverage(answerable, confidence)[1]
    return float(risk.mean()) if len(risk) else float("nan")


ABSTENTION: Mapping[str, Callable[[Floats, Floats], float]] = {
    "auroc": auroc, "calibration_error": calibration_error, "brier": brier, "aurc": area_under_risk_coverage,
}  # fmt: skip
"""Measures of confidence against what is answerable, by name."""

MEASURES = (*RANKING, *ABSTENTION, "balanced_accuracy")
"""Names of everything measured here: of the ranking by case, of abstention over a suite."""


def rank_scores(
    relevant: Mapping[str, Mapping[str, int]], ranked: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """nDCG@10, average precision, reciprocal rank and recall@10 as trec_eval has them, by case and name.

    ``relevant`` grades briefs by case, ``ranked`` lists the briefs found, best first, each once. Cases without a
    relevant brief are left out.
    """
    import ir_measures
    from ir_measures import AP, RR, R, nDCG

    names = {str(nDCG @ 10): "ndcg@10", str(AP): "map", str(RR): "mrr", str(R @ 10): "recall@10"}
    judged = {case: dict(grades) for case, grades in relevant.items() if any(grade > 0 for grade in grades.values())}
    run = {case: {brief: -float(k) for k, brief in enumerate(ranked.get(case, ()))} for case in judged}
    scores = {case: dict.fromkeys(RANKING, 0.0) for case in judged}
    if judged:
        for row in ir_measures.iter_calc([nDCG @ 10, AP, RR, R @ 10], judged, run):
            scores[row.query_id][names[str(row.measure)]] = float(row.value)
    return scores
