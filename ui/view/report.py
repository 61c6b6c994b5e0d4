"""The files that ``briefs eval`` writes, read for the evals page: docs/evals.md describes them. Pure; no Streamlit."""

from __future__ import annotations

import datetime as dt
import math
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant import Answer
from ui.view.condition import Trouble

REPORT, HISTORY = "report.json", "history.jsonl"
SCHEMA = 1
COMMAND = "briefs eval"
OWN_SUITE = "evals/suites/briefs"
"""Where the suite lies that the command runs without being told which."""
RUNS_SHOWN = 40
"""Of the history, the newest runs."""
TITLES = {
    "passed": "Cases passed",
    "facts_present": "Facts said",
    "span_cited": "Gold words cited",
    "abstained_when_unanswerable": "Abstained rightly",
    "wrongly_abstained": "Abstained wrongly",
    "brief_retrieved": "Right brief found",
    "quotes_exact": "Quotes exact",
    "auroc": "Confidence AUROC",
    "abstention_right": "Status right",
    "forbidden_absent": "Nothing forbidden said",
    "words": "Length in words",
    "ndcg@10": "nDCG@10",
    "recall@10": "Recall@10",
    "mrr": "MRR",
    "map": "MAP",
    "citation_iou": "Citation IoU",
    "brier": "Brier score",
    "aurc": "AURC",
}
"""Figures and scores by name, as the page calls them, the ones to look at first first."""
HEADLINES, COLUMNS = 7, 5
"""How many of them have a card, and a column in the table by kind."""
STATISTICS = {"mean": "", "min": "lowest ", "max": "highest ", "median": "median "}
Z = 1.96
"""Quantile of the normal distribution that leaves 2.5 % above."""
_BOUND = re.compile(r"(?:(?P<statistic>min|max|median) )?.+ at (?P<side>least|most) (?P<value>[\d.e+-]+)$")


class _Part(BaseModel):
    """A part of a report. Keys that the page does not know are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Figure(_Part):
    """A value over ``count`` cases with its 95 % interval."""

    value: float
    low: float
    high: float
    count: int


class Score(_Part):
    """A score of a case, None where it does not apply, and where it comes from."""

    value: float | None
    why: str = ""


class Fact(_Part):
    """What an answer has to say: one of these wordings."""

    any: tuple[str, ...]


class Gold(_Part):
    """Words of a brief that support the answer; with ``alternative`` they make up for those before."""

    brief: str
    quote: str
    alternative: bool = Field(False, alias="or")


class Said(_Part):
    """A message before the question."""

    role: str
    content: str


class Case(_Part):
    """One case: what was asked and expected, how it went and why."""

    id: str
    kind: str
    question: str
    answerable: bool | None = None
    failures: tuple[str, ...] = ()
    scores: Mapping[str, Score] = {}
    answer: Answer | None = None
    error: str = ""
    history: tuple[Said, ...] = ()
    facts: tuple[Fact, ...] = ()
    spans: tuple[Gold, ...] = ()
    forbidden: tuple[str, ...] = ()
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing kept it from passing."""
        return not self.failures and not self.error

    @property
    def reasons(self) -> tuple[tuple[str, str], ...]:
        """Name and explanation of what kept it from passing; of an abstention that was wrong, just that."""
        if self.error:
            return (("error", self.error),)
        names = ("abstention_right",) if "abstention_right" in self.failures else self.failures
        return tuple((name, self.scores[name].why if name in self.scores else "") for name in names)

    def value(self, score: str) -> float | None:
        """A score, None where it does not apply; of ``passed``, 1 or 0."""
        if score == "passed":
            return float(self.passed)
        return self.scores[score].value if score in self.scores else None


class Gate(_Part):
    """A verdict on a score; ``passed`` None where nothing could be said. ``worse`` and ``better`` are ids of cases."""

    name: str
    score: str = ""
    passed: bool | None
    why: str = ""
    worse: tuple[str, ...] = ()
    better: tuple[str, ...] = ()


class Bin(_Part):
    """Questions of similar confidence: how many, their mean confidence, the share that is answerable."""

    count: int
    confidence: float
    answerable: float


class Suite(_Part):
    """A suite as it was run.

    ``remarks`` are lines for people. ``risk_coverage`` holds coverage and risk when only the most confident questions are
    answered; the risk is the share of these that the briefs do not answer.
    """

    suite: str
    path: str
    passed: bool
    generation: str = ""
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()
    estimates: Mapping[str, Figure] = {}
    gates: tuple[Gate, ...] = ()
    reliability: tuple[Bin, ...] = ()
    risk_coverage: tuple[tuple[float, float], ...] = ()
    cases: tuple[Case, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its cases, in their order."""
        return tuple(dict.fromkeys(case.kind for case in self.cases))

    @property
    def worse(self) -> frozenset[str]:
        """Cases that some score finds worse than the baseline does."""
        return frozenset(case for gate in self.gates for case in gate.worse)

    def find(self, case_id: str) -> Case | None:
        """The case of that id."""
        return next((case for case in self.cases if case.id == case_id), None)

    def replay(self, case: Case) -> str:
        """The command that runs one case alone and shows what every stage made of it."""
        where = "" if Path(self.path).as_posix().endswith(OWN_SUITE) else f"{shlex.quote(self.path)} "
        return f"{COMMAND} {where}--case {shlex.quote(case.id)} --explain"


class Report(_Part):
    """A run of suites. ``at`` is UTC, ``commit`` what git had checked out, if that is known."""

    version: int = Field(alias="schema")
    at: dt.datetime
    commit: str | None = None
    passed: bool
    suites: tuple[Suite, ...] = Field(min_length=1)

    def find(self, case_id: str) -> tuple[Suite, Case] | None:
        """The case of that id and its suite."""
        found = ((suite, suite.find(case_id)) for suite in self.suites)
        return next(((suite, case) for suite, case in found if case), None)


class _SuiteRow(_Part):
    cases: int
    failed: int
    generation: str = ""
    figures: Mapping[str, float] = {}


class _Row(_Part):
    at: dt.datetime
    suites: Mapping[str, _SuiteRow]


@dataclass(frozen=True, slots=True)
class PastRun:
    """A line of the history for one suite: when (UTC), on which index, and its figures by name."""

    at: dt.datetime
    generation: str
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Bound:
    """What a gate asks of a figure, as people write it ("lowest ≥ 1"), and whether it holds."""

    asks: str
    passed: bool | None


def read_report(folder: Path) -> Report | Trouble:
    """The latest report of ``folder``, or why there is none to show."""
    path = folder / REPORT
    try:
        state = path.stat()
    except FileNotFoundError:
        return Trouble("There is no report yet", f"No {REPORT} in the folder {folder}.", COMMAND)
    except OSError as error:
        return _unusable(path, error.strerror or str(error))
    return _parsed(path, state.st_mtime_ns, state.st_size)


def _unusable(path: Path, what: str) -> Trouble:
    return Trouble("The report cannot be read", f"{path}: {what}.", COMMAND)


@lru_cache(maxsize=2)
def _parsed(path: Path, changed_ns: int, size: int) -> Report | Trouble:
    """What the file holds, parsed once as long as it stays the same."""
    try:
        report = Report.model_validate_json(path.read_bytes())
    except OSError as error:
        return _unusable(path, error.strerror or str(error))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return _unusable(path, f"{place}: {first['msg']}" if place else first["msg"])
    if report.version != SCHEMA:
        return _unusable(path, f"found schema {report.version}, expected {SCHEMA}")
    return report


def read_history(folder: Path, suite: str) -> tuple[list[PastRun], int]:
    """The last ``RUNS_SHOWN`` runs of a suite, oldest first, and how many lines of the file are none."""
    try:
        lines = (folder / HISTORY).read_bytes().splitlines()
    except OSError:
        return [], 0
    runs: list[PastRun] = []
    broken = 0
    for line in filter(None, lines):
        try:
            row = _Row.model_validate_json(line)
        except ValidationError:
            broken += 1
            continue
        if found := row.suites.get(suite):
            share = {"passed": 1 - found.failed / found.cases} if found.cases else {}
            runs.append(PastRun(row.at, found.generation, {**found.figures, **share}))
    return runs[-RUNS_SHOWN:], broken


def title(name: str) -> str:
    """What the page calls a figure or score."""
    return TITLES.get(name, name.replace("_", " ").capitalize())


def headlines(suite: Suite) -> list[tuple[str, Figure]]:
    """The share of cases that passed, and the figures to look at first."""
    found = [(name, suite.estimates[name]) for name in TITLES if name in suite.estimates and name != "words"]
    passed = mean_of(suite.cases, "passed")
    return [*([("passed", passed)] if passed else []), *found[:HEADLINES]]


def bounds(suite: Suite) -> dict[str, Bound]:
    """The thresholds of the gates by figure; of two on the same figure the first."""
    found: dict[str, Bound] = {}
    for gate in suite.gates:
        if match := _BOUND.match(gate.name):
            sign = "≥" if match["side"] == "least" else "≤"
            asks = f"{STATISTICS[match['statistic'] or 'mean']}{sign} {float(match['value']):g}"
            found.setdefault(gate.score, Bound(asks, gate.passed))
    return found


def mean_of(cases: Sequence[Case], score: str) -> Figure | None:
    """Mean of a score in [0, 1] over the n cases that have it, with a 95 % interval; None if none has.

        (p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n),  z = 1.96

    exact enough for the handful of cases of a kind (Wilson 1927), and on the wide side where scores lie between 0 and 1.
    """
    values = [value for case in cases if (value := case.value(score)) is not None]
    if not values:
        return None
    n, p = len(values), sum(values) / len(values)
    shift = Z * Z / n
    half = Z * math.sqrt(max(p * (1 - p), 0) / n + shift / (4 * n))
    low, high = ((p + shift / 2 + side * half) / (1 + shift) for side in (-1, 1))
    return Figure(value=p, low=min(max(low, 0), p), high=max(min(high, 1), p), count=n)


def by_kind(suite: Suite, score: str) -> Iterator[tuple[str, Figure]]:
    """``mean_of`` for each kind of case that the score applies to."""
    for kind in suite.kinds:
        if found := mean_of([case for case in suite.cases if case.kind == kind], score):
            yield kind, found


def kind_rows(suite: Suite) -> list[dict[str, str]]:
    """A table by kind, the whole suite last: cases, cases passed, means of the first scores, median words."""
    names = [name for name in TITLES if name != "words" and any(name in case.scores for case in suite.cases)][:COLUMNS]
    rows = []
    for kind in (*suite.kinds, ""):
        cases = [case for case in suite.cases if kind in ("", case.kind)]
        words = [value for case in cases if (value := case.value("words")) is not None]
        row = {"Kind": kind or "all", "Cases": str(len(cases)), "Passed": str(sum(case.passed for case in cases))}
        row |= {title(name): _share(mean_of(cases, name)) for name in names}
        rows.append({**row, "Median words": f"{median(words):.0f}" if words else "–"})
    return rows


def _share(figure: Figure | None) -> str:
    return f"{figure.value:.2f}" if figure else "–"
