"""A whole run: suites with the verdicts on them, and the words that every report uses for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from evals.baseline import Baseline, Changes, changes
from evals.gates import Gates, Verdict, check
from evals.running import CaseResult, SuiteResult

SCHEMA = 1
TITLES = {
    "brief_retrieved": "brief found",
    "span_cited": "spans cited",
    "facts_present": "facts said",
    "abstention_right": "abstention right",
    "quotes_exact": "quotes exact",
    "ndcg@10": "nDCG@10",
}
"""Scores of the table by kind, with their headings."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One suite with its verdicts, and what changed since the baseline (None without one)."""

    result: SuiteResult
    verdicts: tuple[Verdict, ...]
    changes: Changes | None = None

    @property
    def passed(self) -> bool:
        """Whether no gate fell."""
        return all(verdict.passed is not False for verdict in self.verdicts)

    @property
    def failed_cases(self) -> list[CaseResult]:
        """Cases that do not pass, in the order of the suite."""
        return [one for one in self.result.results if one.failures or one.error]

    def remarks(self) -> list[str]:
        """What a reader should know beside the figures, one line each."""
        lines = []
        if self.result.drafts:
            lines.append(f"drafts, not run: {', '.join(self.result.drafts)}")
        if self.changes:
            for what in ("new", "changed", "removed"):
                ids = getattr(self.changes, what)
                if ids:
                    lines.append(f"{what} since the baseline, not compared: {', '.join(ids)}")
            if self.changes.corpus:
                lines.append("the corpus is another than the baseline's")
            if self.changes.recipe:
                lines.append("the index was made in another way than the baseline's")
        return lines


@dataclass(frozen=True, slots=True)
class Run:
    """Everything one call of ``briefs eval`` found. ``at`` is UTC, ISO 8601."""

    at: str
    suites: tuple[Judged, ...]

    @property
    def passed(self) -> bool:
        """Whether no gate of any suite fell."""
        return all(judged.passed for judged in self.suites)

    def to_json(self) -> dict[str, Any]:
        """The JSON report."""
        suites = [
            {
                **judged.result.to_json(),
                "passed": judged.passed,
                "gates": [verdict.to_json() for verdict in judged.verdicts],
                "changes": asdict(judged.changes) if judged.changes else None,
            }
            for judged in self.suites
        ]
        return {"schema": SCHEMA, "at": self.at, "passed": self.passed, "suites": suites}

    def history_row(self) -> dict[str, Any]:
        """The run in one line: figures without cases."""
        suites = {
            judged.result.suite.name: {
                "passed": judged.passed,
                "cases": len(judged.result.results),
                "failed": len(judged.failed_cases),
                "generation": judged.result.generation,
                "corpus": judged.result.corpus,
                "figures": {name: round(one.value, 4) for name, one in judged.result.estimates.items()},
            }
            for judged in self.suites
        }
        return {"schema": SCHEMA, "at": self.at, "passed": self.passed, "suites": suites}


def judge(results: Sequence[SuiteResult], gates: Sequence[Gates], baselines: Sequence[Baseline | None]) -> Run:
    """Hold each result against its gates and its baseline."""
    judged = []
    for result, gate, baseline in zip(results, gates, baselines, strict=True):
        known = baseline.suites.get(result.suite.name) if baseline else None
        difference = changes(result, known) if known else None
        judged.append(Judged(result, tuple(check(result, gate, baseline)), difference))
    return Run(dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), tuple(judged))


def kind_table(result: SuiteResult) -> tuple[list[str], list[list[str]]]:
    """Headings and rows, one row a kind and one for all: cases, cases passed, means of ``TITLES``, median words."""
    names = [name for name in TITLES if result.values(name)]
    kinds = [*result.by_kind().items(), ("all", list(result.results))]
    rows = []
    for kind, cases in kinds:
        passed = sum(not one.failures and not one.error for one in cases)
        words = [value for one in cases if (value := _value(one, "words")) is not None]
        cells = [_mean(cases, name) for name in names]
        rows.append([kind, str(len(cases)), str(passed), *cells, f"{median(words):.0f}" if words else "–"])
    return ["kind", "cases", "passed", *(TITLES[name] for name in names), "median words"], rows


def estimate_rows(result: SuiteResult) -> list[list[str]]:
    """Figure, value, 95 % interval and number of cases."""
    return [
        [name.replace("_", " "), f"{one.value:.3f}", f"{one.low:.3f} – {one.high:.3f}", str(one.count)]
        for name, one in result.estimates.items()
    ]


def reasons(one: CaseResult) -> list[str]:
    """Why a case does not pass, one line a score; of an abstention that was wrong, just that."""
    if one.error:
        return [one.error]
    if "abstention_right" in one.failures:
        return [f"abstention right: {one.scores['abstention_right'].why}"]
    return [f"{name.replace('_', ' ')}: {one.scores[name].why}" for name in one.failures]


def _value(one: CaseResult, name: str) -> float | None:
    return one.scores[name].value if name in one.scores else None


def _mean(cases: Sequence[CaseResult], name: str) -> str:
    values = [value for one in cases if (value := _value(one, name)) is not None]
    return f"{sum(values) / len(values):.2f}" if values else "–"
