"""The baseline: what every case scored in a run that was accepted, and what that run was made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from evals.cases import SuiteError
from evals.files import write_whole
from evals.running import SuiteResult

SCHEMA = 1
BASELINE_FILE = "baseline.json"
DIGITS = 6
"""Decimals of the scores that are kept."""


class CaseBaseline(BaseModel):
    """One case: the fingerprint of its question and gold, and its scores, unscored ones left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: str
    status: str
    scores: dict[str, float]


class SuiteBaseline(BaseModel):
    """One suite, with fingerprints of the corpus and of how it was indexed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    corpus: str
    recipe: str
    cases: dict[str, CaseBaseline]


class Baseline(BaseModel):
    """A baseline file: suites by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = SCHEMA
    suites: dict[str, SuiteBaseline] = {}


@dataclass(frozen=True, slots=True)
class Changes:
    """Case ids by what became of them since the baseline. Only ``same`` ones are compared."""

    same: tuple[str, ...]
    new: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    corpus: bool
    recipe: bool


def load_baseline(path: Path) -> Baseline:
    """The baseline in a file. :raises SuiteError: if it is missing or no baseline of this version."""
    try:
        baseline = Baseline.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SuiteError(f"baseline {path}: {error.strerror}; make it with --update-baseline") from error
    except ValidationError as error:
        raise SuiteError(
            f"baseline {path}: no baseline ({error.errors()[0]['msg']}); make it with --update-baseline"
        ) from error
    if baseline.schema_version != SCHEMA:
        raise SuiteError(
            f"baseline {path}: schema {baseline.schema_version}, expected {SCHEMA}; make it with --update-baseline"
        )
    return baseline


def changes(result: SuiteResult, baseline: SuiteBaseline) -> Changes:
    """How the cases, the corpus and the index of ``result`` differ from the baseline's."""
    now = {one.case.id: one.case.fingerprint for one in result.results}
    before = {case_id: case.fingerprint for case_id, case in baseline.cases.items()}
    return Changes(
        same=tuple(case_id for case_id in now if before.get(case_id) == now[case_id]),
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
            status=one.answer.status if one.answer else ("error" if one.error else "searched"),
            scores={name: round(score.value, DIGITS) for name, score in one.scores.items() if score.value is not None},
        )
        for one in result.results
    }
    return SuiteBaseline(corpus=result.corpus, recipe=result.recipe, cases=cases)
