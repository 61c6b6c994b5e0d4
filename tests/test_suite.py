"""The project's own suite, as ``briefs eval`` runs it: a change that lets answers get worse does not pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.cli import run_eval
from index.settings import Settings


def test_the_gates_of_the_suite_hold(
    demonstration: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report"
    code = run_eval([], None, report, None, False, None, None, None, demonstration)
    assert code == 0, capsys.readouterr().out
    written = json.loads((report / "report.json").read_text(encoding="utf-8"))
    assert len(written["suites"][0]["cases"]) >= 150
    assert {path.name for path in report.iterdir()} >= {"report.json", "junit.xml", "summary.md", "report.html"}
