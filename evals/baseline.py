"""The baseline: what every case scored in a run that was accepted, and what that run was made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from evals.cases import Suite
from evals.files import write_whole
from evals.reading import Strict, SuiteError, read_json
from evals.running import SuiteResult
from evals.scoring import failures

SCHEMA: Literal[1] = 1
BASELINE_FILE = "baseline.json"
FAILED = "error"
"""Status of a case that could not be run."""
DIGITS = 6
"""Decimals of the scores that are kept."""


class CaseBaseline(Strict):
    """One case: the fingerprint of its question and gold, and its scores, unscored ones left out."""

    fingerprint: str
    status: str
    scores: dict[str, Annotated[float, Field(allow_inf_nan=False)]]

    @property
    def passed(self) -> bool:
        """Whether the case passed, as the scores count today."""
        return self.status != FAILED and not failures(self.scores)


class SuiteBaseline(Strict):
    """One suite, with fingerprints of the corpus and of how it was indexed."""

    corpus: str
    recipe: str
    cases: dict[str, CaseBaseline]


class Baseline(Strict, title="a baseline"):
    """A baseline file: suites by name."""

    schema_version: Literal[1] = SCHEMA
    suites: dict[str, SuiteBaseline] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changes:
    """Case ids by what became of them since the baseline. Only ``same`` ones are compared.

    ``broken`` are those of them that pass no more, ``mended`` those that pass now; ``corpus`` and ``recipe`` say
    whether the briefs and the way they are indexed are others.
    """

    same: tuple[str, ...]
    broken: tuple[str, ...]
    mended: tuple[str, ...]
    new: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    corpus: bool
    recipe: bool


def load_baseline(path: Path) -> Baseline:
    """The baseline in a file. :raises SuiteError: if it is missing or no baseline of this version."""
    try:
        return read_json(path, Baseline)
    except SuiteError as error:
        raise SuiteError(f"baseline {error}; make it with --update-baseline") from error


def held(suite: Suite, baseline: Baseline | None) -> frozenset[str]:
    """Ids of cases that are as they were when the baseline was made, and could be run then."""
    known = baseline.suites[suite.name].cases if baseline and suite.name in baseline.suites else {}
    now = {case.id: case.fingerprint for case in suite.cases}
    return frozenset(
        case_id for case_id, case in known.items() if case.status != FAILED and now.get(case_id) == case.fingerprint
    )


def changes(result: SuiteResult, baseline: SuiteBaseline) -> Changes:
    """How the cases, the corpus and the index of ``result`` differ from the baseline's."""
    now = {one.case.id: one.case.fingerprint for one in result.results}
    before = {case_id: case.fingerprint for case_id, case in baseline.cases.items()}
    same = [one for one in result.results if before.get(one.case.id) == one.case.fingerprint]
    passed = {one.case.id: baseline.cases[one.case.id].passed for one in same}
    return Changes(
        same=tuple(passed),
        broken=tuple(one.case.id for one in same if passed[one.case.id] and not one.passed),
        mended=tuple(one.case.id for one in same if one.passed and not passed[one.case.id]),
        new=tuple(case_id for case_id in now if case_id not in before),
        changed=tuple(case_id for case_id in now if case_id in before and before[case_id] != now[case_id]),
        removed=tuple(case_id for case_id in before if case_id not in now),
        corpus=result.corpus != baseline.corpus,
        recipe=result.recipe != baseline.recipe,
    )


def update_baseline(path: Path, results: Sequence[SuiteResult]) -> None:
    """Put ``results`` into the baseline at ``path``; other suites in it stay.

    :raises SuiteError: if what is there is no baseline.
    :raises ReportError: if it cannot be written.
    """
    known = load_baseline(path).suites if path.exists() else {}
    suites = {**known, **{result.suite.name: _outcomes(result) for result in results}}
    write_whole(path, Baseline(suites=suites).model_dump_json(indent=1) + "\n")


def _outcomes(result: SuiteResult) -> SuiteBaseline:
    cases = {
        one.case.id: CaseBaseline(
            fingerprint=one.case.fingerprint,
            status=FAILED if one.error else one.answer.status if one.answer else "searched",
            scores={name: round(score.value, DIGITS) for name, score in one.scores.items() if score.value is not None},
        )
        for one in result.results
    }
    return SuiteBaseline(corpus=result.corpus, recipe=result.recipe, cases=cases)
