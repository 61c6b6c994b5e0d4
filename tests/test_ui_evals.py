"""The evals page without a browser: what it shows of a report, and what instead of one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_page import ROOT, reported
from streamlit.testing.v1 import AppTest
from test_ui_page import components, configured

from index.settings import Settings


def script() -> None:
    from ui.view.evals_page import show_evals

    show_evals()


@pytest.fixture
def tiny() -> Iterator[Settings]:
    """The page with the real report over the tiny corpus."""
    yield from configured(reported())


def page(**query: str) -> AppTest:
    app = AppTest.from_function(script, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def listed(app: AppTest) -> list[str]:
    return [case["id"] for case in components(app, "briefs_cases")[0]["cases"]]


def test_figures_gates_and_failed_cases(tiny: Settings) -> None:
    app = page()
    cards = {metric.label: metric.value for metric in app.metric}
    assert (cards["Cases passed"], cards["Facts said"], cards["Quotes exact"]) == ("0.60", "0.67", "1.00")
    captions = [caption.value for caption in app.caption]
    assert any("cancel" in caption and "gate ≥ 0.9" in caption for caption in captions)
    assert any("check_circle" in caption and "gate lowest ≥ 1" in caption for caption in captions)
    assert any("1 of " in badge.value and "fell" in badge.value for badge in app.markdown)
    assert listed(app) == ["north-guarantees", "hostile-<b>x</b>"]
    charts = [element.proto for element in app.get("vega_lite_chart")]
    assert len(charts) == 4
    assert all(chart.alt for chart in charts)


def test_cases_are_narrowed(tiny: Settings) -> None:
    app = page()
    kind = app.multiselect[0]
    assert kind.options == ["position (1)", "trap (1)"]
    kind.select("trap").run()
    assert listed(app) == ["hostile-<b>x</b>"]
    app.multiselect[0].unselect("trap")
    app.multiselect[1].select("facts_present").run()
    assert listed(app) == ["north-guarantees"]
    app.multiselect[1].unselect("facts_present")
    app.segmented_control[-1].set_value("all").run()
    assert len(listed(app)) == 5


def test_case_says_what_was_expected_found_and_cited(tiny: Settings) -> None:
    app = page(case="north-guarantees")
    assert app.header[0].value == "What guarantees does North ask for\\?"
    shown = " ".join(element.value for element in [*app.markdown, *app.caption, *app.error])
    assert "a treaty before the winter" in shown
    assert ":green-background[North asks for written guarantees on trade\\.]" in shown
    assert "yellow-background[" in shown
    assert "**Facts said**" in app.error[0].value
    assert "not said" in app.error[0].value
    assert app.code[0].value.endswith("--case north-guarantees --explain")
    assert components(app, "briefs_statement")


def test_passed_case_has_a_link_too_and_an_unknown_one_is_said(tiny: Settings) -> None:
    app = page(case="cup")
    assert app.header[0].value.startswith("Who won")
    assert not app.error
    app = page(case="nothing *b*")
    assert "nothing \\*b\\*" in app.warning[0].value
    assert app.title[0].value == "Evaluation"


def test_several_suites_are_picked_from(tmp_path: Path) -> None:
    content = json.loads((reported().report / "report.json").read_text(encoding="utf-8"))
    content["suites"].append({**content["suites"][0], "suite": "second", "cases": content["suites"][0]["cases"][:1]})
    (tmp_path / "report.json").write_text(json.dumps(content), encoding="utf-8")
    for _ in configured(reported().model_copy(update={"report": tmp_path})):
        app = page()
        app.multiselect[0].select("trap").run()
        assert listed(app) == ["hostile-<b>x</b>"]
        app.segmented_control[0].set_value("second").run()
        assert not app.exception
        assert not listed(app)
        app.segmented_control[-1].set_value("all").run()
        assert not app.exception
        assert listed(app) == ["north-airspace"]


def test_no_report_names_the_command_and_a_broken_one_is_one_line(tmp_path: Path) -> None:
    for _ in configured(reported().model_copy(update={"report": tmp_path})):
        app = page()
        assert app.header[0].value == "There is no report yet"
        assert app.code[0].value == "briefs eval"
        (tmp_path / "report.json").write_text("{", encoding="utf-8")
        app.run()
        assert not app.exception
        assert app.header[0].value == "The report cannot be read"


def test_report_of_a_corpus_that_is_not_indexed_here(tmp_path: Path) -> None:
    for _ in configured(reported().model_copy(update={"store": tmp_path / "none"})):
        app = page(case="north-airspace")
        assert any("yellow-background" in markdown.value for markdown in app.markdown)
        talk = app.session_state["case-talk"]
        talk.open(talk.exchanges[0].number, 1)
        app.run()
        assert not app.exception
        assert any("cannot be opened here" in caption.value for caption in app.caption)


def test_chat_page_does_not_load_it() -> None:
    check = "import sys, ui.view.frame; sys.exit(any(name.startswith('ui.view.report') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False).returncode == 0
