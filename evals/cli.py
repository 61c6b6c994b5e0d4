"""``briefs eval``: run suites, hold them against gates and a baseline, write the reports."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant import Assistant
from assistant.cli.terminal import print_json, progress_bar
from evals import baseline as baselines
from evals import judging
from evals.baseline import BASELINE_FILE, Baseline, held, load_baseline
from evals.cases import GATES_FILE, Suite, SuiteError
from evals.corpora import index_corpus
from evals.feedback import drafts, read, write_drafts
from evals.files import make_folder
from evals.formats import load_suite
from evals.gates import OWN, load_gates, near
from evals.report import case_record, print_case, print_run, run_record, write_reports
from evals.running import CaseResult, SuiteResult, run_suite
from index.settings import Settings

if TYPE_CHECKING:
    from assistant.generative.writer import Speaker
    from evals.judge import Opinion

DEFAULT_SUITES = ("briefs", "unprepared")


def run_eval(
    suites: Sequence[str],
    baseline: Path | None,
    report: Path | None,
    case: str | None,
    explain: bool,
    from_feedback: Path | None,
    corpus: Path | None,
    store: Path | None,
    settings: Settings,
    *,
    gates: Path | None = None,
    update_baseline: bool = False,
    judge: bool = False,
    json: bool = False,
) -> int:
    """Do what the command line says. 0 when all gates hold, 1 when one fell or the one case failed.

    No suites stand for the project's own, None for defaults. ``corpus`` and ``store`` override those of ``settings``.
    ``judge`` adds a model's opinion, which decides nothing.

    :raises BriefsError: for wrong input, an index that cannot be used, or reports that cannot be written.
    """
    if explain and case is None:
        raise SuiteError("--explain goes with --case ID")
    if case is not None and update_baseline:
        raise SuiteError("--update-baseline goes with whole suites, not with --case")
    places = {name: value for name, value in (("corpus", corpus), ("store", store)) if value is not None}
    settings = settings.model_copy(update=places)
    loaded = [load_suite(where) for where in suites or DEFAULT_SUITES]
    names = [suite.name for suite in loaded]
    if len(set(names)) < len(names):
        raise SuiteError(f"suites of the same name in {', '.join(names)}; run them one after the other")
    if from_feedback:
        return _write_drafts(from_feedback, loaded[0])
    if case is not None:
        return _run_one(case, explain, loaded, settings, baseline, json)
    speaker = _speaker(settings) if judge else None
    return _run(loaded, settings, baseline, gates, report or settings.report, update_baseline, json, speaker)


def _speaker(settings: Settings) -> Speaker:
    """The model that the settings name, whichever engine answers. :raises SettingsError: if they name none."""
    from assistant.generative.caller import Caller

    return Caller(settings.model_copy(update={"engine": "model"}))


def _run(
    suites: Sequence[Suite],
    settings: Settings,
    baseline: Path | None,
    gates: Path | None,
    report: Path,
    update: bool,
    json: bool,
    speaker: Speaker | None,
) -> int:
    """Whole suites, with reports. What can be wrong with the files is found before the questions are asked."""
    limits = [load_gates(gates or near(suite.path, GATES_FILE) or OWN) for suite in suites]
    known = [_baseline(suite, baseline, optional=update or baseline is None) for suite in suites]
    make_folder(report)
    results = [_run_suite(suite, settings, old) for suite, old in zip(suites, known, strict=True)]
    run = judging.judge(results, limits, known)
    if update:
        for suite, result in zip(suites, results, strict=True):
            baselines.update_baseline(_baseline_file(suite, baseline), [result])
    paths = write_reports(run, report)
    thought = _opinion(speaker, results) if speaker else None
    if json:
        print_json(run_record(run) | ({"opinion": asdict(thought)} if thought else {}), line=True)
    else:
        print_run(run, sys.stdout)
        if thought:
            print(thought)
        print(f"{'passed' if run.passed else 'failed'}; reports: {', '.join(str(path) for path in paths)}")
    return 0 if run.passed else 1


def _opinion(speaker: Speaker, results: Sequence[SuiteResult]) -> Opinion:
    from evals.judge import opinion

    return opinion(speaker, [one.answer for result in results for one in result.results if one.answer])


def _run_suite(suite: Suite, settings: Settings, known: Baseline | None, only: str | None = None) -> SuiteResult:
    with progress_bar() as progress:
        return run_suite(suite, settings, progress, only, held(suite, known))


def _baseline_file(suite: Suite, given: Path | None) -> Path:
    return given or near(suite.path, BASELINE_FILE) or _folder(suite) / BASELINE_FILE


def _baseline(suite: Suite, given: Path | None, *, optional: bool) -> Baseline | None:
    file = _baseline_file(suite, given)
    return load_baseline(file) if file.exists() or not optional else None


def _run_one(
    case: str, explain: bool, suites: Sequence[Suite], settings: Settings, baseline: Path | None, json: bool
) -> int:
    """One case, with its scores and, if asked for, what every stage made of it."""
    suite = next((suite for suite in suites if any(one.id == case for one in suite.cases)), None)
    if suite is None:
        ids = [one.id for suite in suites for one in suite.cases]
        close = get_close_matches(case, ids)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise SuiteError(f"--case {case}: no case of that id among {len(ids)}{hint}")
    known = _baseline(suite, baseline, optional=baseline is None)
    one = _run_suite(suite, settings, known, only=case).results[0]
    explanation = _explanation(suite, one, settings) if explain else {}
    if json:
        print_json(case_record(one) | ({"explanation": explanation} if explain else {}), line=True)
    else:
        print_case(one, explanation, sys.stdout)
    return 0 if one.passed else 1


def _explanation(suite: Suite, one: CaseResult, settings: Settings) -> dict[str, Any]:
    indexed, _ = index_corpus(suite, settings)
    return Assistant(indexed).explain(one.case.question, one.case.turns)


def _write_drafts(where: Path, suite: Suite) -> int:
    records, broken = read(where)
    for line in broken:
        print(line, file=sys.stderr)
    cases = list(drafts(records, {case.id for case in suite.cases}))
    if not cases:
        print(f"no new drafts: {len(records)} records, all of them known to {suite.name}")
        return 0
    path = write_drafts(_folder(suite), suite.name, cases)
    print(f"{path}: {len(cases)} drafts; complete them and delete `draft: true`")
    return 0


def _folder(suite: Suite) -> Path:
    return suite.path if suite.path.is_dir() else suite.path.parent
