"""The recipe of docs/evals.md for another repository's CI, run as it stands there in a fresh clone of such a repository."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from command import clean_environment
from conftest import ROOT, write_brief

BRIEFS = {
    "ferry": """The Marsa Line will run four sailings a week to Tolfray from 1 March 2026.
        The harbour master cancelled eleven sailings in December 2025 because of swell.""",
    "dredging": """Dredging of the north basin starts on 9 February 2026.
        The council expects the channel to be 5.5 metres deep afterwards.""",
    "quota": """The ministry cut the inshore cod quota to 1,150 tonnes.
        Boats under eight metres are exempt from the cod quota.""",
    "wind": """Nordhav Energy wants to build 42 turbines west of the island.
        A public hearing on the wind park is set for 18 April 2026.""",
}
CASES: tuple[tuple[str, str, str, str], ...] = (
    ("sailings", "How many sailings a week will there be to Tolfray from March?", "four sailings", "ferry"),
    ("swell", "Why were sailings cancelled in December 2025?", "because of swell", ""),
    ("dredging", "When does dredging of the north basin start?", "9 February 2026", "dredging"),
    ("quota", "How large is the inshore cod quota?", "1,150 tonnes", "quota"),
    ("exempt", "Which boats are exempt from the cod quota?", "under eight metres", "quota"),
    ("turbines", "How many turbines does Nordhav Energy want to build?", "42 turbines", "wind"),
    ("hearing", "When is the public hearing on the wind park?", "18 April 2026", "wind"),
)
"""Id, question, what has to be said, and the brief that has to be cited for it (empty: any)."""
GATES = """
suites:
  islands:
    - {score: quotes_exact, statistic: min, at_least: 1.0}
    - {score: facts_present, at_least: 0.6}
"""


def block(name: str) -> str:
    """The indented text between ``<!-- name -->`` and ``<!-- /name -->`` in docs/evals.md."""
    text = (ROOT / "docs" / "evals.md").read_text(encoding="utf-8")
    inside = text.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- /{name} -->")[0]
    return "".join(line.removeprefix("    ") for line in inside.strip("\n").splitlines(keepends=True)) + "\n"


def git(*words: str, cwd: Path) -> None:
    identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    subprocess.run(["git", *identity, *words], cwd=cwd, check=True, capture_output=True)


def install(clone: Path) -> None:
    """What the first half of the script would do over the network: this interpreter and this project instead."""
    commit = next(line for line in block("recipe").splitlines() if line.startswith("commit=")).removeprefix("commit=")
    program = clone / f".venv-{commit}" / "bin" / "briefs"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m assistant "$@"\n', encoding="utf-8")
    program.chmod(0o755)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone of a repository with its own briefs, cases and gates, and the script of the recipe."""
    origin, clone = (tmp_path_factory.mktemp("recipe") / name for name in ("origin", "clone"))
    for name, body in BRIEFS.items():
        write_brief(origin / "briefs", name, f"On the {name}", " ".join(body.split()), published="2026-01-12")
    cases: list[dict[str, Any]] = [
        {"id": case_id, "kind": "fact", "question": question, "answerable": True, "facts": [{"any": [fact]}]}
        | ({"spans": [{"brief": brief, "quote": fact}]} if brief else {})
        for case_id, question, fact, brief in CASES
    ]
    cases.append({"id": "cup", "kind": "off-topic", "question": "Who won the football world cup?", "answerable": False})
    files = {
        "cases/facts.yaml": yaml.safe_dump({"suite": "islands", "cases": cases}),
        "gates.yaml": GATES,
        "evals.sh": block("recipe"),
    }
    for name, text in files.items():
        path = origin / "checks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (origin / ".gitignore").write_text(".briefs/\n.venv-*/\neval-report/\n", encoding="utf-8")
    git("init", "-q", cwd=origin)
    git("add", ".", cwd=origin)
    git("commit", "-qm", "Briefs, cases and gates", cwd=origin)
    git("clone", "-q", str(origin), str(clone), cwd=origin)
    install(clone)
    return clone


def run(clone: Path, *words: str) -> tuple[int, str, dict[str, Any]]:
    """Exit code, what was printed, and the report of the suite."""
    done = subprocess.run(
        ["sh", "checks/evals.sh", *words],
        cwd=clone,
        env=clean_environment({"NO_COLOR": "1"}),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    report = json.loads((clone / "eval-report" / "report.json").read_text(encoding="utf-8"))
    return done.returncode, said, report["suites"][0]


@pytest.mark.timeout(900)
def test_the_recipe_from_a_clean_clone(clone: Path) -> None:
    code, said, suite = run(clone, "--update-baseline")
    assert (code, suite["suite"], suite["counts"]["cases"]) == (0, "islands", 8), said
    assert (clone / "checks" / "baseline.json").is_file()

    code, said, suite = run(clone)
    assert (code, suite["changes"]["broken"]) == (0, []), said
    assert "no worse than the baseline" in said
    summary = (clone / "eval-report" / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("# Evaluation: passed")
    assert "No score changed since the baseline." in summary

    ferry = clone / "briefs" / "ferry.md"
    whole = ferry.read_text(encoding="utf-8")
    ferry.write_text(whole.replace(" because of swell", ""), encoding="utf-8")
    code, said, suite = run(clone)
    assert (code, suite["changes"]["broken"]) == (0, ["swell"]), said
    assert "failing now, passing in the baseline: swell" in said
    ferry.write_text(whole, encoding="utf-8")

    (clone / "briefs" / "quota.md").unlink()
    code, said, suite = run(clone)
    assert (code, suite["changes"]["broken"]) == (1, ["quota", "exempt"]), said
    assert "not run: quota, exempt" in said
    summary = (clone / "eval-report" / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("# Evaluation: failed")
    assert summary.index("every case ran") < summary.index("<details>")
    tests = ET.parse(clone / "eval-report" / "junit.xml").getroot()
    assert [case.get("name") for case in tests.iter("testcase") if case.find("error") is not None] == [
        "quota",
        "exempt",
    ]
    rows = [json.loads(line) for line in (clone / "eval-report" / "history.jsonl").read_text().splitlines()]
    assert [row["passed"] for row in rows] == [True, True, True, False]
    assert "every case ran" in rows[-1]["suites"]["islands"]["gates_failed"]


def test_a_mistake_in_a_new_case_is_no_regression(clone: Path) -> None:
    path = clone / "checks" / "cases" / "more.yaml"
    text = "suite: islands\ncases:\n  - {id: new, kind: k, question: q, answerable: true, spans: [{brief: gone, quote: x}]}\n"
    path.write_text(text, encoding="utf-8")
    code, said, _ = run(clone)
    path.unlink()
    assert (code, said.count("\n")) == (2, 1), said
    assert "case new: key spans.0.brief: found 'gone'" in said


def test_the_workflow_runs_the_script() -> None:
    workflow = yaml.safe_load(block("workflow"))
    steps = workflow["jobs"]["evals"]["steps"]
    assert "sh checks/evals.sh" in [step.get("run") for step in steps]
    assert "summary.md" in steps[-2]["run"]
