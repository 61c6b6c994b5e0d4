"""Gates: thresholds a run must reach, and no real regression against the baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from evals.baseline import DIGITS, Baseline, SuiteBaseline, changes
from evals.cases import GATES_FILE
from evals.metrics import MEASURES
from evals.reading import Strict, read_yaml
from evals.resampling import randomisation_tests
from evals.running import SuiteResult
from evals.scoring import SCORES

OWN = Path(__file__).with_name(GATES_FILE)
"""Gates of suites that have none near them."""

COMPARED = (
    "quotes_exact", "forbidden_absent", "abstention_right", "facts_present", "span_cited", "brief_retrieved",
    "citation_iou", "span_recall@5", "ndcg@10",
)  # fmt: skip
"""Scores that are compared with the baseline; of all, higher is better."""

Pairs = Mapping[str, tuple[float, float]]
"""A score before and now, by the ids of the cases that both runs have."""
Bound = Annotated[float, Field(allow_inf_nan=False)]
_STATISTICS: Mapping[str, Callable[[Any], float]] = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max}


class Threshold(Strict):
    """One bound, inclusive, on a statistic of one score."""

    score: str
    statistic: Literal["mean", "median", "min", "max"] = "mean"
    at_least: Bound | None = None
    at_most: Bound | None = None

    @field_validator("score")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in (known := (*SCORES, *MEASURES)):
            close = get_close_matches(name, known)
            raise ValueError(
                f"a score of docs/evals.md, found {name!r}" + (f"; did you mean {close[0]}?" if close else "")
            )
        return name

    @model_validator(mode="after")
    def _one_bound(self) -> Threshold:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("either at_least or at_most")
        return self


class Regression(Strict):
    """How sure and how large a fall must be: ``p`` below this, and in sum more than ``cases`` whole cases are worth."""

    p: float = Field(default=0.05, gt=0, le=1)
    cases: float = Field(default=1, ge=0, allow_inf_nan=False)


class Gates(Strict):
    """A file of gates. ``any`` stands for suites that are not named."""

    suites: dict[str, tuple[Threshold, ...]]
    regression: Regression = Regression()

    def of(self, suite: str) -> tuple[Threshold, ...]:
        """The thresholds of a suite."""
        return self.suites.get(suite, self.suites.get("any", ()))


@dataclass(frozen=True, slots=True)
class Verdict:
    """One gate. ``passed`` None means that no case is scored, so that nothing can be said.

    ``score`` is what it looks at and ``value`` what it found; where a score is compared with the baseline, ``before``
    is its mean there, ``p`` how likely chance alone makes a score as bad (see ``randomisation_tests``), and ``worse`` and
    ``better`` are the ids of the cases that changed.
    """

    name: str
    passed: bool | None
    why: str
    worse: tuple[str, ...] = ()
    better: tuple[str, ...] = ()
    score: str = ""
    value: float | None = None
    before: float | None = None
    p: float | None = None


def load_gates(path: Path) -> Gates:
    """The gates in a YAML file. :raises SuiteError: if it cannot be read or holds something else."""
    return read_yaml(path, Gates)


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
        return Verdict(name, None, "no case is scored", score=gate.score)
    low, high = gate.at_least, gate.at_most
    passed = (low is None or found >= low - 1e-9) and (high is None or found <= high + 1e-9)
    count = len(values) or result.estimates[gate.score].count
    return Verdict(name, passed, f"{found:.4g} over {count} cases", score=gate.score, value=found)


def check_regression(result: SuiteResult, baseline: SuiteBaseline, limits: Regression) -> list[Verdict]:
    """One verdict for each score that both runs have, over the cases that are the same in both."""
    same = changes(result, baseline).same
    pairs: dict[str, Pairs] = {}
    for score in COMPARED:
        now = {case_id: round(value, DIGITS) for case_id, value in result.values(score).items()}
        before = {case_id: case.scores[score] for case_id, case in baseline.cases.items() if score in case.scores}
        if paired := {
            case_id: (before[case_id], now[case_id]) for case_id in same if case_id in before and case_id in now
        }:
            pairs[score] = paired
    return compare(pairs, limits)


def compare(pairs: Mapping[str, Pairs], limits: Regression) -> list[Verdict]:
    """Whether any of several scores, higher being better, fell: one verdict each, p adjusted for all of them."""
    cases = sorted({case for paired in pairs.values() for case in paired})
    differences = np.zeros((len(pairs), len(cases)))
    for row, paired in enumerate(pairs.values()):
        for column, case in enumerate(cases):
            before, after = paired.get(case, (0.0, 0.0))
            differences[row, column] = after - before
    chances = randomisation_tests(differences)
    return [_fell(score, paired, float(p), limits) for (score, paired), p in zip(pairs.items(), chances, strict=True)]


def _fell(score: str, paired: Pairs, p: float, limits: Regression) -> Verdict:
    worse = tuple(case for case, (old, new) in paired.items() if new < old)
    better = tuple(case for case, (old, new) in paired.items() if new > old)
    before, after = zip(*paired.values(), strict=True)
    fell = p < limits.p and sum(before) - sum(after) > limits.cases
    then, now = float(np.mean(before)), float(np.mean(after))
    why = f"{then:.4g} before, {now:.4g} now over {len(paired)} cases; {len(worse)} worse, {len(better)} better, p {p:.3f}"
    return Verdict(
        f"{score.replace('_', ' ')} no worse than the baseline", not fell, why, worse, better, score, now, then, p
    )


def check_ran(result: SuiteResult) -> Verdict:
    """Whether every case could be run: its brief and words are still there, and nothing failed."""
    broken = [one.case.id for one in result.results if one.error]
    return Verdict(
        "every case ran", not broken, f"not run: {', '.join(broken)}" if broken else f"{len(result.results)} cases"
    )


def check(result: SuiteResult, gates: Gates, baseline: Baseline | None) -> list[Verdict]:
    """All gates of one suite."""
    thresholds = gates.of(result.suite.name)
    verdicts = [check_ran(result), *check_thresholds(result, thresholds)]
    if not thresholds:
        verdicts.append(Verdict("thresholds", None, f"the gates set none for {result.suite.name}"))
    if baseline and (known := baseline.suites.get(result.suite.name)):
        verdicts += check_regression(result, known, gates.regression)
    return verdicts
