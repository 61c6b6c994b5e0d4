"""Gates: thresholds a run must reach, and no real regression against the baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evals.baseline import DIGITS, Baseline, SuiteBaseline, changes
from evals.cases import GATES_FILE, SuiteError, read_yaml, validation_line
from evals.resampling import paired_bootstrap, sign_test
from evals.running import SuiteResult

OWN = Path(__file__).with_name(GATES_FILE)
"""Gates of suites that have none near them."""

COMPARED = (
    "quotes_exact", "forbidden_absent", "abstention_right", "facts_present", "span_cited", "brief_retrieved",
    "citation_iou", "span_recall@5", "ndcg@10",
)  # fmt: skip
"""Scores that are compared with the baseline; of all, higher is better."""

_STATISTICS: Mapping[str, Callable[[Any], float]] = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max}


class Threshold(BaseModel):
    """One bound, inclusive, on a statistic of one score."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    score: str
    statistic: Literal["mean", "median", "min", "max"] = "mean"
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Threshold:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("either at_least or at_most")
        return self


class Regression(BaseModel):
    """How sure a regression must be: ``p`` below this, and more than ``cases`` cases worse."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    p: float = Field(default=0.05, gt=0, le=1)
    cases: int = Field(default=1, ge=0)


class Gates(BaseModel):
    """A file of gates. ``any`` stands for suites that are not named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    suites: dict[str, tuple[Threshold, ...]]
    regression: Regression = Regression()

    def of(self, suite: str) -> tuple[Threshold, ...]:
        """The thresholds of a suite."""
        return self.suites.get(suite, self.suites.get("any", ()))


@dataclass(frozen=True, slots=True)
class Verdict:
    """One gate. ``passed`` None means that no case is scored, so that nothing can be said."""

    name: str
    passed: bool | None
    why: str
    worse: tuple[str, ...] = ()
    better: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The verdict as the reports have it."""
        return {name: getattr(self, name) for name in self.__slots__}


def load_gates(path: Path) -> Gates:
    """The gates in a YAML file. :raises SuiteError: if it cannot be read or holds something else."""
    found = read_yaml(path)
    try:
        return Gates.model_validate(found)
    except ValidationError as error:
        raise SuiteError(f"{path}: {validation_line(error, found)}") from error


def near(suite: Path, name: str) -> Path | None:
    """The file ``name`` in the folder of a suite or one of the two above it, the nearest first."""
    folder = suite.resolve() if suite.is_dir() else suite.resolve().parent
    places = [folder, *list(folder.parents)[:2]]
    return next((place / name for place in places if (place / name).is_file()), None)


def check_thresholds(result: SuiteResult, thresholds: Sequence[Threshold]) -> list[Verdict]:
    """One verdict a threshold."""
    return [_check(result, threshold) for threshold in thresholds]


def _check(result: SuiteResult, gate: Threshold) -> Verdict:
    bound = f"at least {gate.at_least:g}" if gate.at_least is not None else f"at most {gate.at_most:g}"
    statistic = "" if gate.statistic == "mean" else f"{gate.statistic} "
    name = f"{statistic}{gate.score.replace('_', ' ')} {bound}"
    values = list(result.values(gate.score).values())
    if values:
        found = float(_STATISTICS[gate.statistic](values))
    elif gate.score in result.estimates:
        found = result.estimates[gate.score].value
    else:
        return Verdict(name, None, "no case is scored")
    low, high = gate.at_least, gate.at_most
    passed = (low is None or found >= low - 1e-9) and (high is None or found <= high + 1e-9)
    return Verdict(name, passed, f"{found:.4g} over {len(values) or result.estimates[gate.score].count} cases")


def check_regression(result: SuiteResult, baseline: SuiteBaseline, limits: Regression) -> list[Verdict]:
    """One verdict for each score that both runs have, over the cases that are the same in both."""
    same = set(changes(result, baseline).same)
    verdicts = []
    for score in COMPARED:
        now = {case_id: round(value, DIGITS) for case_id, value in result.values(score).items()}
        before = {case_id: case.scores[score] for case_id, case in baseline.cases.items() if score in case.scores}
        paired = [case_id for case_id in now if case_id in before and case_id in same]
        if paired:
            verdicts.append(compare(score, paired, [before[k] for k in paired], [now[k] for k in paired], limits))
    return verdicts


def compare(
    score: str, cases: Sequence[str], before: Sequence[float], after: Sequence[float], limits: Regression
) -> Verdict:
    """Whether a score, higher being better, fell on the same ``cases``.

    A sign test where all values are 0 or 1, a paired bootstrap elsewhere.
    """
    worse = tuple(case for case, old, new in zip(cases, before, after, strict=True) if new < old)
    better = tuple(case for case, old, new in zip(cases, before, after, strict=True) if new > old)
    if {*before, *after} <= {0.0, 1.0}:
        p, test = sign_test(len(worse), len(better)), "exact sign test"
    else:
        p, test = paired_bootstrap(np.array(before), np.array(after)), "paired bootstrap"
    fell = p < limits.p and len(worse) > limits.cases
    means = f"{np.mean(before):.4g} before, {np.mean(after):.4g} now over {len(cases)} cases"
    counts = f"{len(worse)} worse, {len(better)} better, p {p:.3f} ({test})"
    return Verdict(
        f"{score.replace('_', ' ')} no worse than the baseline", not fell, f"{means}; {counts}", worse, better
    )


def check(result: SuiteResult, gates: Gates, baseline: Baseline | None) -> list[Verdict]:
    """All gates of one suite."""
    verdicts = check_thresholds(result, gates.of(result.suite.name))
    if baseline and (known := baseline.suites.get(result.suite.name)):
        verdicts += check_regression(result, known, gates.regression)
    return verdicts
