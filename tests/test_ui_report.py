"""The report as the evals page reads it: written by the real command, or broken by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripted_page import reported

from ui.view.condition import Trouble
from ui.view.report import (
    Bound,
    Case,
    Report,
    bounds,
    by_kind,
    headlines,
    kind_rows,
    mean_of,
    read_history,
    read_report,
)


@pytest.fixture(scope="module")
def report() -> Report:
    found = read_report(reported().report)
    assert isinstance(found, Report)
    return found


def test_a_real_report_is_read(report: Report) -> None:
    suite = report.suites[0]
    assert (suite.suite, len(suite.cases), suite.passed, report.passed) == ("tiny", 5, False, False)
    assert {case.id for case in suite.cases if not case.passed} == {"north-guarantees", "hostile-<b>x</b>"}
    found = report.find("north-guarantees")
    assert found
    case = found[1]
    assert case.reasons == (("facts_present", "not said: a treaty before the winter"),)
    assert case.facts[0].any == ("a treaty before the winter",)
    assert case.spans[0].quote == "North asks for written guarantees on trade."
    assert case.answer
    assert case.answer.citations[0].brief_id == "north"
    assert report.find("nothing") is None


def test_figures_come_with_their_gates(report: Report) -> None:
    suite = report.suites[0]
    assert bounds(suite) == {"quotes_exact": Bound("lowest ≥ 1", True), "facts_present": Bound("≥ 0.9", False)}
    figures = dict(headlines(suite))
    assert next(iter(figures)) == "passed"
    assert (figures["passed"].value, figures["passed"].count) == (0.6, 5)
    assert figures["facts_present"].value == pytest.approx(2 / 3)


def test_confidence_is_that_of_the_command(report: Report) -> None:
    suite = report.suites[0]
    assert sum(one.count for one in suite.reliability) == 5
    assert len(suite.risk_coverage) == 5
    risks = [risk for _, risk in suite.risk_coverage]
    assert sum(risks) / 5 == pytest.approx(suite.estimates["aurc"].value, abs=1e-3)


def test_mean_has_the_interval_of_wilson() -> None:
    cases = [Case(id=str(k), kind="a", question="q", failures=("x",) if k < 2 else ()) for k in range(10)]
    found = mean_of(cases, "passed")
    assert found
    assert (found.value, found.count) == (0.8, 10)
    # By hand: centre (.8 + 1.96²/20) / (1 + 1.96²/10) = .7168, half-width 1.96 sqrt(.016 + 1.96²/400) / 1.38416 = .2265.
    assert found.low == pytest.approx(0.4902, abs=1e-3)
    assert found.high == pytest.approx(0.9433, abs=1e-3)
    assert mean_of(cases, "facts_present") is None
    alone = mean_of(cases[5:6], "passed")
    assert alone
    assert (alone.value, alone.high) == (1, 1)
    assert 0.2 < alone.low < 0.21


def test_kinds(report: Report) -> None:
    suite = report.suites[0]
    assert {kind: (figure.value, figure.count) for kind, figure in by_kind(suite, "passed")} == {
        "position": (0.5, 2), "count": (1, 1), "trap": (0.5, 2),
    }  # fmt: skip
    rows = {row["Kind"]: row for row in kind_rows(suite)}
    assert (rows["all"]["Cases"], rows["all"]["Passed"], rows["count"]["Facts said"]) == ("5", "3", "1.00")
    assert rows["trap"]["Facts said"] == "–"


def test_replay_is_the_command_of_the_case(report: Report) -> None:
    suite = report.suites[0]
    case = suite.cases[3]
    path = reported().store.parent / "cases.yaml"
    assert suite.replay(case) == f"briefs eval {path} --case 'hostile-<b>x</b>' --explain"
    own = suite.model_copy(update={"path": "/somewhere/evals/suites/briefs"})
    assert own.replay(suite.cases[0]) == "briefs eval --case north-airspace --explain"


def test_history_leaves_out_what_was_cut_off(tmp_path: Path) -> None:
    lines = (reported().report / "history.jsonl").read_text(encoding="utf-8")
    (tmp_path / "history.jsonl").write_text(lines + '{"schema": 1, "at": "2026', encoding="utf-8")
    runs, broken = read_history(tmp_path, "tiny")
    assert (len(runs), broken) == (2, 1)
    assert runs[-1].figures["passed"] == pytest.approx(0.6)
    assert runs[-1].generation
    assert read_history(tmp_path, "another") == ([], 1)
    assert read_history(tmp_path / "nowhere", "tiny") == ([], 0)


HEAD = '"at": "2026-01-01T00:00:00+00:00", "passed": true, "suites": '


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "EOF"),
        (f'{{"schema": 1, {HEAD}[{{"sui', "EOF"),
        ("\udcff{}", "invalid"),
        ("[]", "object"),
        ("{}", "schema: Field required"),
        (f'{{"schema": 1, {HEAD}[]}}', "suites: "),
        (f'{{"schema": 2, {HEAD}[{{"suite": "a", "path": "a", "passed": true}}]}}', "found schema 2, expected 1"),
    ],
)
def test_broken_report_is_one_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "report.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    trouble = read_report(tmp_path)
    assert isinstance(trouble, Trouble)
    assert said.casefold() in trouble.reason.casefold()
    assert str(tmp_path / "report.json") in trouble.reason
    assert "\n" not in trouble.reason
    assert trouble.command == "briefs eval"


def test_no_report_yet_and_a_new_one_is_seen(tmp_path: Path) -> None:
    missing = read_report(tmp_path)
    assert isinstance(missing, Trouble)
    assert missing.title == "There is no report yet"
    content = json.loads((reported().report / "report.json").read_text(encoding="utf-8"))
    (tmp_path / "report.json").write_text(json.dumps(content), encoding="utf-8")
    assert isinstance(read_report(tmp_path), Report)
    (tmp_path / "report.json").write_text(json.dumps(content)[:-20], encoding="utf-8")
    assert isinstance(read_report(tmp_path), Trouble)
    (tmp_path / "report.json").unlink()
    (tmp_path / "report.json").mkdir()
    assert isinstance(read_report(tmp_path), Trouble)
