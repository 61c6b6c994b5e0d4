"""A whole run: suites with the verdicts on them, and the words that every report uses for them."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from evals.baseline import Baseline, Changes, changes
from evals.gates import Gates, Verdict, check
from evals.running import CaseResult, SuiteResult

TITLES = {
    "brief_retrieved": "brief found",
    "span_cited": "spans cited",
    "facts_present": "facts said",
    "abstention_right": "abstention right",
    "quotes_exact": "quotes exact",
    "ndcg@10": "nDCG@10",
    "auroc": "AUROC",
}
"""Figures to look at first, with their headings; those of single cases are in the table by kind too."""
SHOWN = 5
"""Briefs that are shown of those found, where a case is only searched."""


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
        return [one for one in self.result.results if not one.passed]

    @property
    def counts(self) -> str:
        """How many cases pass, as a sentence."""
        cases = len(self.result.results)
        return f"{cases - len(self.failed_cases)} of {cases} cases pass."

    def flips(self) -> list[str]:
        """Cases that pass no more and cases that pass now, one line each."""
        if not self.changes:
            return []
        told = {
            "failing now, passing in the baseline": self.changes.broken,
            "passing now, failing in the baseline": self.changes.mended,
        }
        return [f"{what}: {', '.join(ids)}" for what, ids in told.items() if ids]

    def remarks(self) -> list[str]:
        """What a reader should know beside the figures, one line each."""
        lines = []
        if self.result.drafts:
            lines.append(f"drafts, not run: {', '.join(self.result.drafts)}")
        lines += [f"cannot be read: {source}: {reason}" for source, reason in self.result.unread.items()]
        if self.changes:
            told = {
                "new since the baseline, not compared": self.changes.new,
                "changed since the baseline, not compared": self.changes.changed,
                "removed since the baseline, not compared": self.changes.removed,
            }
            lines += [f"{what}: {', '.join(ids)}" for what, ids in told.items() if ids]
            if self.changes.corpus:
                lines.append("the corpus is another than the baseline's")
            if self.changes.recipe:
                lines.append("the index was made in another way than the baseline's")
        return lines


@dataclass(frozen=True, slots=True)
class Run:
    """Everything one call of ``briefs eval`` found.

    ``at`` is UTC, ISO 8601; ``commit`` what git has checked out, with ``-dirty`` for changes, empty if unknown.
    """

    at: str
    suites: tuple[Judged, ...]
    commit: str = ""

    @property
    def passed(self) -> bool:
        """Whether no gate of any suite fell."""
        return all(judged.passed for judged in self.suites)


def judge(results: Sequence[SuiteResult], gates: Sequence[Gates], baselines: Sequence[Baseline | None]) -> Run:
    """Hold each result against its gates and its baseline."""
    judged = []
    for result, gate, baseline in zip(results, gates, baselines, strict=True):
        known = baseline.suites.get(result.suite.name) if baseline else None
        difference = changes(result, known) if known else None
        judged.append(Judged(result, tuple(check(result, gate, baseline)), difference))
    return Run(dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), tuple(judged), _commit())


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    command = [git, "--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def kind_table(result: SuiteResult) -> tuple[list[str], list[list[str]]]:
    """Headings and rows, one row a kind and one for all: cases, cases passed, means of ``TITLES``, median words."""
    names = [name for name in TITLES if result.values(name)]
    kinds = [*result.by_kind().items(), ("all", list(result.results))]
    rows = []
    for kind, cases in kinds:
        passed = sum(one.passed for one in cases)
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


def account(one: CaseResult) -> dict[str, list[str]]:
    """One case for people, line by line: asked, expected, found, cited and why it failed; nothing to say is left out."""
    case, answer = one.case, one.answer
    expected = ["an abstention"] if case.answerable is False else [" or ".join(fact.any) for fact in case.facts]
    expected += [f"not: {wording}" for wording in case.forbidden]
    found = [answer.text, f"{answer.status}, confidence {answer.confidence:.2f}"] if answer else []
    told = {
        "asked": [*(f"{turn.role}: {turn.content}" for turn in case.history), case.question],
        "why it failed": reasons(one),
        "expected": expected,
        "gold words": [f"{'or ' if span.alternative else ''}{span.brief}: “{span.quote}”" for span in case.spans],
        "found": found or list(one.ranked[:SHOWN]),
        "cited": [f"[{c.label}] {c.source} {c.start}:{c.end}: “{c.quote}”" for c in answer.citations] if answer else [],
        "note": [case.note] if case.note else [],
    }
    return {name: lines for name, lines in told.items() if lines}


def _value(one: CaseResult, name: str) -> float | None:
    return one.scores[name].value if name in one.scores else None


def _mean(cases: Sequence[CaseResult], name: str) -> str:
    values = [value for one in cases if (value := _value(one, name)) is not None]
    return f"{sum(values) / len(values):.2f}" if values else "–"
