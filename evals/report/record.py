"""The report as JSON, and a run in one line for the history; docs/evals.md describes both."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from evals.judging import TITLES, Judged, Run, reasons
from evals.metrics import reliability, risk_coverage
from evals.running import CaseResult

SCHEMA = 1
"""Raised when a key changes its meaning or disappears; new keys may come."""
POINTS = 200
"""Points of the risk-coverage curve at most."""


def run_record(run: Run) -> dict[str, Any]:
    """The whole report."""
    return {**_head(run), "suites": [_suite(judged) for judged in run.suites]}


def history_row(run: Run) -> dict[str, Any]:
    """The run in one line: figures without cases."""
    suites = {
        judged.result.suite.name: {
            "passed": judged.passed,
            "cases": len(judged.result.results),
            "failed": len(judged.failed_cases),
            "gates_failed": [verdict.name for verdict in judged.verdicts if verdict.passed is False],
            "generation": judged.result.generation,
            "corpus": judged.result.corpus,
            "figures": {name: round(one.value, 4) for name, one in judged.result.estimates.items()},
        }
        for judged in run.suites
    }
    return {**_head(run), "suites": suites}


def case_record(one: CaseResult) -> dict[str, Any]:
    """One case: everything its suite says about it, and what came of it."""
    return {
        **one.case.model_dump(mode="json", by_alias=True),
        "passed": one.passed,
        "failures": list(one.failures),
        "why": reasons(one),
        "scores": {name: asdict(score) for name, score in one.scores.items()},
        "answer": one.answer.to_json() if one.answer else None,
        "ranked": list(one.ranked[:10]),
        "error": one.error,
    }


def _head(run: Run) -> dict[str, Any]:
    return {"schema": SCHEMA, "at": run.at, "commit": run.commit or None, "passed": run.passed}


def _suite(judged: Judged) -> dict[str, Any]:
    result = judged.result
    failed = len(judged.failed_cases)
    return {
        "suite": result.suite.name,
        "path": str(result.suite.path),
        "passed": judged.passed,
        "generation": result.generation,
        "corpus": result.corpus,
        "recipe": result.recipe,
        "seconds": round(result.seconds, 2),
        "counts": {"cases": len(result.results), "passed": len(result.results) - failed, "failed": failed},
        "remarks": judged.remarks(),
        "drafts": list(result.drafts),
        "headline": [name for name in TITLES if name in result.estimates],
        "estimates": {name: asdict(estimate) for name, estimate in result.estimates.items()},
        "gates": [asdict(verdict) for verdict in judged.verdicts],
        "changes": asdict(judged.changes) if judged.changes else None,
        "kinds": {kind: _kind(cases) for kind, cases in result.by_kind().items()},
        **_confidence(judged),
        "cases": [case_record(one) for one in result.results],
    }


def _kind(cases: list[CaseResult]) -> dict[str, Any]:
    values: dict[str, list[float]] = {}
    for one in cases:
        for name, score in one.scores.items():
            if score.value is not None:
                values.setdefault(name, []).append(score.value)
    means = {name: sum(found) / len(found) for name, found in values.items()}
    return {"cases": len(cases), "passed": sum(one.passed for one in cases), "means": means}


def _confidence(judged: Judged) -> dict[str, Any]:
    """Bins and curve, empty unless there are answerable questions and others."""
    answerable, confidence = judged.result.confidences()
    if not 0 < answerable.sum() < len(answerable):
        return {"reliability": [], "risk_coverage": []}
    coverage, risk = risk_coverage(answerable, confidence)
    points = [[round(x, 4), round(y, 4)] for x, y in zip(coverage.tolist(), risk.tolist(), strict=True)]
    step = -(-len(points) // POINTS)
    return {
        "reliability": [asdict(part) for part in reliability(answerable, confidence)],
        "risk_coverage": points[-1::-step][::-1],
    }
