"""The page without a browser: what it asks, shows and explains."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_page import CUP, RED_LINES, ScriptedAssistant
from scripted_page import indexed as tiny_index
from streamlit.testing.v1 import AppTest

import ui.service
from index.build import build
from index.settings import Settings, load_settings

SCRIPT = str(Path(__file__).parent.parent / "ui" / "app.py")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The page with the hand-written answers over the tiny corpus."""
    monkeypatch.setattr(ui.service, "Assistant", ScriptedAssistant)
    yield from configured(tiny_index())


def configured(settings: Settings) -> Iterator[Settings]:
    """``settings`` while a test runs."""
    before = list(ui.service._chosen)
    ui.service.open_assistant.cache_clear()
    ui.service.configure(settings)
    yield settings
    ui.service._chosen[:] = before
    ui.service.open_assistant.cache_clear()


def page(**query: str) -> AppTest:
    app = AppTest.from_file(SCRIPT, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def ask(app: AppTest, question: str) -> None:
    app.chat_input[0].set_value(question).run()
    assert not app.exception


def components(app: AppTest, name: str) -> list[dict[str, Any]]:
    """What the page's own components were given, in order."""
    protos = [element.proto for element in app.get("bidi_component")]
    return [json.loads(proto.json) for proto in protos if proto.component_name == name]


def test_asks_and_cites(scripted: Settings) -> None:
    app = page()
    assert app.title[0].value == "Ask the briefs"
    ask(app, RED_LINES)
    assert not app.title
    shown = components(app, "briefs_statement")
    assert [[citation["label"] for citation in statement["citations"]] for statement in shown] == [[1], [2], [3]]
    assert [statement["group"] for statement in shown] == ["North says", "", "South says"]
    assert app.query_params["q"] == RED_LINES
    assert components(app, "briefs_panel")[0]["said"] == "Answered in 3 statements with 3 citations."
    assert any("High confidence" in expander.label for expander in app.expander)


def test_abstains_and_looks_into_the_nearest(scripted: Settings) -> None:
    app = page()
    ask(app, CUP)
    assert any("do not answer this" in markdown.value for markdown in app.markdown)
    near = [button.label for button in app.button if button.key and button.key.startswith("near-")]
    assert len(near) == 3
    app.button(key="look-1").click().run()
    assert not app.exception
    assert len(components(app, "briefs_statement")) == 3
    app.button(key="near-1-0").click().run()
    opened = components(app, "briefs_panel")[0]["brief"]
    assert opened["title"] == "Aid corridor at Torvale"
    assert opened["blocks"]


def test_filters_limit_what_is_searched(scripted: Settings) -> None:
    app = page(topic="aid", q=CUP)
    assert app.session_state["topic"] == ["aid"]
    exchange = app.session_state["conversation"].exchanges[0]
    assert exchange.filters.topics == {"aid"}
    assert any("1 of 3 briefs" in caption.value for caption in app.caption)
    app.button(key="clear").click().run()
    assert app.session_state["topic"] == []


def test_link_asks_once(scripted: Settings) -> None:
    app = page(q=RED_LINES)
    assert len(components(app, "briefs_statement")) == 3
    app.run()
    assert len(app.session_state["conversation"].exchanges) == 1
    app.button(key="new").click().run()
    assert app.title[0].value == "Ask the briefs"
    assert "q" not in app.query_params


def test_question_that_cannot_be_asked_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in configured(tiny_index()):
        app = page(q="x " * 3000)
        assert "characters" in app.error[0].value
        ask(app, "???")
        assert len(app.error) == 2


def test_thumbs_down_is_recorded(scripted: Settings) -> None:
    app = page(q=RED_LINES)
    app.feedback(key="thumbs-1").set_value(0).run()
    app.text_input[0].set_value("misses December")
    app.form_submit_button[0].click().run()
    assert not app.exception
    lines = (scripted.store / "feedback.jsonl").read_text(encoding="utf-8").splitlines()
    row = json.loads(lines[-1])
    assert (row["question"], row["wrong"]) == (RED_LINES, "misses December")


def test_missing_index_names_the_command_and_a_new_one_is_picked_up(tmp_path: Path, corpus: Path) -> None:
    for settings in configured(load_settings(corpus=corpus, store=tmp_path / "none")):
        app = page()
        assert app.header[0].value == "The briefs are not indexed yet"
        assert app.code[0].value == "briefs index"
        assert not app.chat_input
        build(settings)
        app.run()
        assert not app.exception
        assert app.title[0].value == "Ask the briefs"
        first = next(corpus.glob("*.md"))
        first.write_text(first.read_text(encoding="utf-8") + "\nOne more line.\n", encoding="utf-8")
        (corpus / "new.md").write_text("# New\n\nA new brief about the ferry to Torvale.\n", encoding="utf-8")
        build(settings)
        app.run()
        assert any("5 briefs" in markdown.value for markdown in app.markdown)


def test_stale_index_is_said_and_still_answers(indexed: Settings) -> None:
    for settings in configured(indexed):
        (settings.corpus / "late.md").write_text("# Late\n\nThis brief came late.\n", encoding="utf-8")
        app = page()
        assert "1 new" in app.warning[0].value
        assert "briefs index" in app.warning[0].value
        assert app.chat_input


def test_empty_corpus_is_explained(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    for _ in configured(load_settings(corpus=tmp_path / "corpus", store=tmp_path / "store")):
        assert page().header[0].value == "There are no briefs yet"
