"""Fit the confidence and the length of answers to one corpus, from cases that say which questions it answers.

    briefs calibrate [SUITE]

The shipped weights were fitted on public passages. Another corpus has other distances between questions and answers:
with fifty cases or more, of which a good part the corpus does not answer, the shipped model is corrected by a
regularised logistic regression on its own log-odds and all signals. The result lies beside the corpus, in
``.calibration.json``, and is used whenever that corpus is asked. Held-out figures are printed by folds.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from assistant import Assistant, answerability
from assistant.answerability import AnswerabilityModel
from assistant.findings import evidence_on
from assistant.followup import standalone_question
from assistant.selection import select
from assistant.sentences import count_words
from evals.cases import SuiteError
from evals.fitting import describe, fit_logistic, folds
from evals.formats import load_suite
from index.generation import Generation
from index.lexical import Floats
from index.ranking import Logistic
from index.search import Evidence
from index.settings import Settings

LEAST_CASES, LEAST_UNANSWERABLE = 50, 10
STRENGTH = 0.1
"""Inverse strength of the L2 penalty on the correction; the shipped log-odds enter ``SCALE`` times larger, so all but free."""
SCALE = 5.0
MEDIAN_WORDS = 70
"""Words of the median answer, at most: a corpus that tells one thing in many briefs has room for more of them."""
BREVITIES = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8)
"""What is tried, longest answers first."""
MOST_REFUSED = 0.09
"""Share of answerable questions that may be refused, held out: the threshold is the highest one that keeps to it."""


def calibrate(settings: Settings, suite: str) -> str:
    """Write the calibration of ``settings.corpus`` from the cases of ``suite``; returns a line with held-out figures.

    :raises SuiteError: if the suite has too few cases of either kind.
    :raises StoreError: if the corpus is not indexed.
    """
    cases = [case for case in load_suite(suite).cases if case.answerable is not None]
    gold = np.array([bool(case.answerable) for case in cases])
    if len(gold) < LEAST_CASES or int((~gold).sum()) < LEAST_UNANSWERABLE:
        raise SuiteError(
            f"{suite}: found {len(gold)} cases, {int((~gold).sum())} of them unanswerable; calibrating takes "
            f"{LEAST_CASES} and {LEAST_UNANSWERABLE} or more"
        )
    assistant = Assistant(settings)
    generation, embedder = assistant.generation, assistant.embedder
    searched = [standalone_question(case.question, case.turns) for case in cases]
    evidence = [evidence_on(generation, embedder, question) for question in searched]
    if not all(len(found.found.sentences) for found in evidence):
        raise SuiteError(
            f"{settings.corpus}: nothing in it can be quoted for some cases; index a corpus with running text"
        )
    table = np.stack([answerability.all_features(generation, found) for found in evidence])
    brevity = _brevity(generation, [found for found, case in zip(evidence, cases, strict=True) if case.answerable])
    shipped = answerability.load_answerability()
    chance = np.zeros(len(gold), np.float32)
    for fold in folds(len(gold)):
        chance[fold] = _corrected(shipped, table[~fold], gold[~fold]).probability(table[fold])
    threshold = _threshold(gold, chance)
    fitted = replace(_corrected(shipped, table, gold), embedder=settings.embedder, threshold=threshold, brevity=brevity)
    _write(settings, fitted)
    figures = describe(gold, chance, threshold)
    return f"{len(gold)} cases, held out by folds: {figures}; threshold {threshold:.2f}, brevity {brevity:.2f}"


def _brevity(generation: Generation, evidence: list[Evidence]) -> float:
    """The lowest brevity at which the median answer keeps to ``MEDIAN_WORDS``."""

    def median_words(brevity: float) -> float:
        lengths = [
            sum(
                count_words(generation, row)
                for run in select(generation, found, brevity)
                for row in range(run.first, run.last + 1)
            )
            for found in evidence
        ]
        return float(np.median(lengths))

    return next((brevity for brevity in BREVITIES if median_words(brevity) <= MEDIAN_WORDS), 1.0)


def _corrected(
    shipped: AnswerabilityModel, table: Floats, gold: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> AnswerabilityModel:
    """``shipped`` with its models corrected."""

    def corrected(model: Logistic) -> Logistic:
        return _fit(model, table[:, : len(model.features)], gold)

    return replace(
        shipped, quick=corrected(shipped.quick), read=corrected(shipped.read), careful=corrected(shipped.careful)
    )


def _fit(shipped: Logistic, table: Floats, gold: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Logistic:
    """The shipped model with a correction; both are linear in the signals, so their sum is one model again."""
    spread = np.maximum(table.std(axis=0), 1e-6)
    odds = shipped.logit(table)
    enlarged = np.concatenate([table / spread, (SCALE * odds / max(float(odds.std()), 1e-6))[:, None]], axis=1)
    ones = np.ones(len(gold), np.float32)
    corrected = fit_logistic(
        (*shipped.features, "shipped"), enlarged, gold.astype(np.float32), ones, STRENGTH, scaled=False
    )
    share = corrected.weights[-1] * SCALE / max(float(odds.std()), 1e-6)
    weights = corrected.weights[:-1] / spread + share * shipped.weights
    return Logistic(shipped.features, weights.astype(np.float32), corrected.bias + float(share * shipped.bias))


def _threshold(gold: np.ndarray[tuple[int], np.dtype[np.bool_]], chance: Floats) -> float:
    """The highest threshold of a grid that refuses at most ``MOST_REFUSED`` of the answerable questions, held out."""
    grid = np.arange(0.3, 0.81, 0.01)
    kept = [value for value in grid if float((chance < value)[gold].mean()) <= MOST_REFUSED]
    return float(max(kept, default=grid[0]))


def _write(settings: Settings, model: AnswerabilityModel) -> None:
    path = settings.corpus / answerability.CALIBRATION
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(model.to_json(), indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
