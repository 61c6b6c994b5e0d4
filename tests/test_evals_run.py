"""Whole runs over a tiny corpus with the real assistant: exit codes, reports, baseline, feedback."""

from __future__ import annotations

import json
import re
import sys
import threading
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from conftest import ROOT

from assistant import Answer, Assistant, Turn
from assistant.cli import main
from assistant.feedback import append_line, record
from evals import feedback
from evals.baseline import Changes
from evals.cases import Case, Suite, SuiteError
from evals.cli import run_eval
from evals.formats import load_suite
from evals.gates import Gates, Verdict
from evals.judging import Judged, Run, judge
from evals.metrics import MEASURES
from evals.report import junit, markdown, page, print_run
from evals.running import CaseResult, SuiteResult, run_suite
from evals.scoring import SCORES, Score
from index.settings import Settings

CASES = """
suite: tiny
cases:
  - id: closed-when
    kind: fact
    question: When did Pakistan close the Torkham crossing?
    answerable: true
    facts: [{any: ["12 October 2025"]}]
    spans: [{brief: border, quote: Pakistan closed the Torkham crossing on 12 October 2025.}]
  - id: corridor
    kind: fact
    question: Who asked for a humanitarian corridor?
    answerable: true
    facts: [{any: ["United Nations"]}]
    spans: [{brief: aid, quote: The United Nations asked for a humanitarian corridor.}]
  - id: cup
    kind: off-topic
    question: Who won the football world cup in Brazil?
    answerable: false
  - id: searched
    kind: search
    question: Chabahar transit
    answerable: null
    relevant: {trade.md: 1}
  - id: draft
    kind: feedback
    draft: true
    question: Anything?
    answerable: true
    spans: [{brief: gone, quote: nothing of this}]
"""
LOOSE = "suites: {any: [{score: quotes_exact, statistic: min, at_least: 1}]}\n"
STRICT = "suites: {any: [{score: words, statistic: max, at_most: 1}]}\n"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    folder = tmp_path / "checks" / "tiny"
    folder.mkdir(parents=True)
    (folder / "cases.yaml").write_text(CASES)
    (folder.parent / "gates.yaml").write_text(LOOSE)
    return folder


@pytest.fixture
def arguments(indexed: Settings, tmp_path: Path, suite: Path) -> list[str]:
    places = ["--corpus", str(indexed.corpus), "--store", str(indexed.store), "--report", str(tmp_path / "report")]
    return ["eval", str(suite), *places]


def hostile() -> Run:
    """A run in which every text that a report shows tries to be markup."""
    bad = '</details><script src="//x.test/a.js">alert(1)</script> ![x](http://x.test/i.png) @all | `x` \x00\x1b'
    case = Case.model_validate(
        {"id": "a<b>", "kind": "k&k", "question": bad, "answerable": True, "facts": [{"any": [bad]}], "note": bad}
    )
    answer = Answer(bad, "answered", bad, 0.5)
    one = CaseResult(case, {"facts_present": Score(0.0, bad), "quotes_exact": Score(0.0, bad)}, answer)
    other = CaseResult(case.model_copy(update={"id": "b", "answerable": False, "facts": ()}), {}, answer)
    result = SuiteResult(Suite("s<i>", Path("s"), (case,)), (one, other), drafts=("d",), seconds=1.5)
    verdicts = (Verdict("g|<u>", False, bad, ("a<b>",), ("b",)), Verdict("other", None, "no case is scored"))
    return Run("2026-01-02T03:04:05+00:00", (Judged(result, verdicts),))


def test_a_run_end_to_end(indexed: Settings, suite: Path) -> None:
    stages: list[str] = []
    found = run_suite(load_suite(str(suite)), indexed, lambda stage, _done, _total: stages.append(stage))
    by_id = {one.case.id: one for one in found.results}
    assert set(by_id) == {"closed-when", "corridor", "cup", "searched"}
    assert found.drafts == ("draft",)
    assert stages[-1] == "asking"
    answered = by_id["closed-when"]
    assert answered.scores["brief_retrieved"].value == 1
    assert answered.scores["mrr"].value == 1
    assert by_id["searched"].answer is None
    assert by_id["searched"].scores["mrr"].value == 1
    assert "abstention_right" not in by_id["searched"].scores
    for one in found.results:
        assert one.scores.get("quotes_exact", Score(None, "")).value != 0
    assert found.estimates["auroc"].count == 3
    again = run_suite(load_suite(str(suite)), indexed)
    assert (again.corpus, again.recipe, again.estimates) == (found.corpus, found.recipe, found.estimates)


def test_the_fingerprint_follows_the_corpus(indexed: Settings, suite: Path) -> None:
    loaded = load_suite(str(suite))
    before = run_suite(loaded, indexed)
    (indexed.corpus / "more.md").write_text("# More\n\nAnother brief about wheat prices in Herat.\n")
    after = run_suite(loaded, indexed)
    assert before.corpus != after.corpus
    assert before.recipe == after.recipe


def test_a_suite_with_a_corpus_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    paragraphs = [
        {
            "context": "The harbour of Doran froze in March 1911. Ships waited outside for nine weeks.",
            "qas": [
                {"id": "q1", "question": "When did the harbour of Doran freeze?", "is_impossible": False,
                 "answers": [{"text": "March 1911", "answer_start": 30}]},
            ],
        }
    ]  # fmt: skip
    path = tmp_path / "harbours.json"
    path.write_text(json.dumps({"data": [{"title": "Doran", "paragraphs": paragraphs}]}))
    found = run_suite(load_suite(str(path)), settings)
    assert found.results[0].scores["span_recall@5"].value == 1
    assert not settings.store.exists()
    [cache] = (tmp_path / "tmp").iterdir()
    assert cache.stat().st_mode & 0o077 == 0
    assert run_suite(load_suite(str(path)), settings).generation == found.generation


def test_exit_codes_and_report_files(
    arguments: list[str], suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    report = tmp_path / "report"
    names = {"report.json", "junit.xml", "summary.md", "report.html", "history.jsonl"}
    assert {path.name for path in report.iterdir()} == names
    assert "passed" in capsys.readouterr().out
    (suite.parent / "gates.yaml").write_text(STRICT)
    assert main([*arguments, "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((report / "report.json").read_text())
    assert printed["passed"] is False
    rows = [json.loads(line) for line in (report / "history.jsonl").read_text().splitlines()]
    assert [row["passed"] for row in rows] == [True, False]
    assert rows[0]["suites"]["tiny"]["figures"]["mrr"] == 1.0


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        (["--baseline", "missing.json"], "make it with --update-baseline"),
        (["--case", "closed-wen"], "did you mean closed-when"),
        (["--explain"], "--explain goes with --case"),
        (["--case", "cup", "--update-baseline"], "not with --case"),
        (["--gates", "missing.yaml"], "cannot be read"),
        (["--from-feedback", "missing.jsonl"], "expected feedback"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(
    arguments: list[str], extra: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, *extra]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


def test_a_quote_that_no_brief_holds_is_wrong_input(
    arguments: list[str], suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (suite / "cases.yaml").write_text(CASES.replace("quote: The United", "quote: The Untied"))
    assert main(arguments) == 2
    assert f"{suite}: case corridor: key spans.0.quote" in capsys.readouterr().err


def test_without_corpus_and_index_it_says_what_to_do(
    tmp_path: Path, suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", str(suite), "--corpus", str(tmp_path / "none"), "--store", str(tmp_path / "none")]) == 2
    assert "briefs index" in capsys.readouterr().err


def test_a_report_that_cannot_be_written(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report").write_text("a file")
    assert main(arguments) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_json_report_has_what_the_documentation_says(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--update-baseline"]) == 0
    assert main([*arguments, "--json"]) == 0
    capsys.readouterr()
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    row = json.loads((tmp_path / "report" / "history.jsonl").read_text().splitlines()[-1])
    [suite] = report["suites"]
    text = (ROOT / "docs" / "evals.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(\w+)`", text.partition("## Reports")[2].partition("## Public formats")[0]))
    for part in (report, row, suite, row["suites"]["tiny"], suite["counts"], suite["gates"][0], suite["changes"]):
        assert set(part) <= documented
    example = text.partition("## A case")[2].partition("## Scores")[0]
    for case in suite["cases"]:
        assert all(key in documented or f" {key}:" in example or f"`{key}:" in example for key in case), set(case)
    by_id = {case["id"]: case for case in suite["cases"]}
    asked = by_id["closed-when"]
    assert asked["facts"] == [{"any": ["12 October 2025"]}]
    assert asked["spans"][0]["or"] is False
    assert asked["passed"] is (not asked["why"])
    assert asked["answer"]["citations"]
    assert suite["counts"] == {"cases": 4, "passed": sum(case["passed"] for case in suite["cases"]),
                               "failed": sum(not case["passed"] for case in suite["cases"])}  # fmt: skip
    assert sum(part["count"] for part in suite["reliability"]) == 3
    assert suite["risk_coverage"][-1][0] == 1.0
    assert suite["kinds"]["off-topic"]["cases"] == 1
    assert suite["changes"]["same"] == [case["id"] for case in suite["cases"]]
    assert set(suite["headline"]) <= set(suite["estimates"])
    compared = [gate for gate in suite["gates"] if gate["before"] is not None]
    assert compared
    assert all(gate["p"] == 1 and gate["value"] == gate["before"] for gate in compared)


def test_every_score_can_be_gated(indexed: Settings, suite: Path) -> None:
    found = run_suite(load_suite(str(suite)), indexed)
    assert {name for one in found.results for name in one.scores} <= {*SCORES, *MEASURES}
    assert set(found.estimates) <= {*SCORES, *MEASURES}


def test_a_case_whose_brief_is_gone_fails_where_the_baseline_knows_it(
    arguments: list[str], indexed: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--update-baseline"]) == 0
    (indexed.corpus / "aid.md").unlink()
    assert main(arguments) == 1
    out = capsys.readouterr().out
    assert "every case ran" in out
    assert "corridor: the corpus no longer has what the case rests on: key spans.0.brief: found 'aid'" in out
    assert main([*arguments, "--case", "corridor"]) == 1
    assert "the corpus no longer has what the case rests on" in capsys.readouterr().out


def test_a_brief_that_cannot_be_read_is_named(
    arguments: list[str], indexed: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    (indexed.corpus / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    main(arguments)
    assert "cannot be read: broken.pdf: " in capsys.readouterr().out


def test_one_case_for_people(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main([*arguments, "--case", "closed-when", "--explain"])
    out = capsys.readouterr().out
    for heading in ("asked", "expected", "found", "cited", "scores", "chunks", "sentences", "chosen"):
        assert re.search(rf"^{heading}\b", out, re.M), heading
    assert "“Pakistan closed the Torkham crossing on 12 October 2025.”" in out


def test_one_case_explained(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([*arguments, "--case", "closed-when", "--explain", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == (1 if found["failures"] else 0)
    assert found["id"] == "closed-when"
    assert found["explanation"]
    assert not (tmp_path / "report").exists()


def test_the_baseline_is_made_found_and_held(
    arguments: list[str], suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--update-baseline"]) == 0
    path = suite / "baseline.json"
    assert main(arguments) == 0
    assert "no worse than the baseline" in capsys.readouterr().out
    baseline = json.loads(path.read_text())
    baseline["suites"]["tiny"]["cases"]["was-there"] = {"fingerprint": "0", "status": "answered", "scores": {}}
    path.write_text(json.dumps(baseline))
    assert main(arguments) == 0
    assert "removed since the baseline, not compared: was-there" in capsys.readouterr().out


def test_run_eval_is_what_the_command_calls(indexed: Settings, suite: Path, tmp_path: Path) -> None:
    code = run_eval(
        [str(suite)], None, tmp_path / "r", None, False, None, indexed.corpus, indexed.store, indexed, json=True
    )
    assert code == 0
    with pytest.raises(SuiteError, match="no such file"):
        run_eval(["nowhere"], None, None, None, False, None, None, None, indexed)


def test_two_suites_of_one_name_are_refused(
    arguments: list[str], suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments[:2], str(suite), *arguments[2:]]) == 2
    assert "suites of the same name in tiny, tiny" in capsys.readouterr().err


def test_junit_has_the_shape_that_servers_read() -> None:
    root = ET.fromstring(junit(hostile()))
    assert root.tag == "testsuites"
    [found] = root
    cases = found.findall("testcase")
    counts = {name: int(found.get(name, "-1")) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": len(cases), "failures": 2, "errors": 0, "skipped": 2}
    assert {name: int(root.get(name, "-1")) for name in counts} == counts
    assert all(case.get("name") and case.get("classname") and float(case.get("time", "x")) >= 0 for case in cases)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", found.get("timestamp", ""))


def test_junit_is_red_when_the_gates_are() -> None:
    [judged] = hostile().suites
    fine = replace(judged, verdicts=(Verdict("fine", True, "1 over 2 cases"),))
    root = ET.fromstring(junit(Run("2026-01-02T03:04:05+00:00", (fine,))))
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("0", "0", "2")
    since = Changes(same=("a<b>",), broken=(), mended=(), new=(), changed=(), removed=(), corpus=False, recipe=False)
    for broken, failures in (((), "1"), (("a<b>",), "2")):
        known = replace(judged, changes=replace(since, broken=broken))
        assert ET.fromstring(junit(Run("2026-01-02T03:04:05+00:00", (known,)))).get("failures") == failures


class _Page(HTMLParser):
    """Tags, and every attribute that can fetch or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.reaching: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.reaching += [
            (name, value) for name, value in attrs if name in {"src", "href", "srcset"} or name.startswith("on")
        ]


def test_the_page_reaches_nothing_and_runs_nothing(indexed: Settings, suite: Path) -> None:
    real = judge([run_suite(load_suite(str(suite)), indexed)], [Gates(suites={})], [None])
    for run in (hostile(), real):
        text = page(run)
        parsed = _Page()
        parsed.feed(text)
        assert parsed.reaching == []
        assert not {"script", "link", "img", "iframe", "object", "form"} & set(parsed.tags)
        assert "url(" not in text
        assert "@import" not in text
        assert "default-src 'none'" in text
    assert text.count("<svg") == 2
    assert text.count('role="img"') == 2


def test_every_failed_case_is_told_whole(indexed: Settings, suite: Path) -> None:
    text = CASES.replace("12 October 2025", "13 October 2025", 1)
    (suite / "cases.yaml").write_text(text)
    found = judge([run_suite(load_suite(str(suite)), indexed)], [Gates(suites={})], [None])
    [failed] = [one for one in found.suites[0].failed_cases if one.case.id == "closed-when"]
    assert failed.answer is not None
    told = (failed.case.question, "13 October 2025", failed.answer.citations[0].quote, "not said", "--case closed-when")
    for wanted in told:
        assert escape(wanted) in page(found), wanted
    assert "facts present: not said: 13 October 2025" in markdown(found)


def test_markdown_makes_no_links_images_or_mentions() -> None:
    text = markdown(hostile())
    assert "![x]" not in text
    assert re.search(r"(?<!\\)<script", text) is None
    assert "http://" not in text
    assert re.search(r"(?<!\\)@", text) is None
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows[:4]} == {4}


def test_the_terminal_report_is_plain_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_run(hostile(), sys.stdout)
    out = capsys.readouterr().out
    assert "FAILED" in out
    assert "drafts, not run: d" in out


def wrong_answer(settings: Settings) -> Answer:
    return Assistant(settings).ask("When did Pakistan close the Torkham crossing?")


def test_feedback_becomes_drafts_once(
    indexed: Settings, suite: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = wrong_answer(indexed)
    record(indexed, answer, "  the date is wrong ", [Turn("user", "hello")])
    record(indexed, replace(answer, question="Another: 'question' #2?"), "")
    assert main([*arguments, "--from-feedback"]) == 0
    drafts = [case for case in load_suite(str(suite)).cases if case.kind == "feedback" and case.id != "draft"]
    assert [case.question for case in drafts] == [answer.question, "Another: 'question' #2?"]
    assert all(case.draft for case in drafts)
    assert drafts[0].turns == (Turn("user", "hello"),)
    assert "the date is wrong" in drafts[0].note
    assert [span.quote for span in drafts[0].spans] == [citation.quote for citation in answer.citations]
    capsys.readouterr()
    assert main([*arguments, "--from-feedback", str(indexed.store / "feedback.jsonl")]) == 0
    assert "no new drafts" in capsys.readouterr().out
    assert main(arguments) == 0
    assert drafts[0].id in capsys.readouterr().out


def test_a_broken_row_of_feedback_is_left_out_by_line(indexed: Settings) -> None:
    record(indexed, wrong_answer(indexed), "bad")
    path = indexed.store / "feedback.jsonl"
    path.write_bytes(path.read_bytes() + b'{"question": "half')
    record(indexed, wrong_answer(indexed), "worse")
    rows, broken = feedback.read(indexed.store)
    assert [row.wrong for row in rows] == ["bad", "worse"]
    assert len(broken) == 1
    assert "line 2" in broken[0]


def test_lines_of_many_writers_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lines.jsonl"

    def write(writer: int) -> None:
        for k in range(20):
            append_line(path, json.dumps([writer, k, "x" * 2000]))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows: list[Any] = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(row[:2] for row in rows) == [[writer, k] for writer in range(4) for k in range(20)]
