"""The page without a browser: what it asks, shows and explains."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import model_settings
from conftest import write_brief
from gated import as_caller, user
from scripted_model import ScriptedModel, says
from scripted_page import (
    CUP,
    FOLLOW_UP,
    MISSING,
    NOTICE,
    PARTIAL,
    QUOTES,
    READINGS,
    REASON,
    RED_LINES,
    SEARCHED,
    STILL,
    STRUCK,
    VAGUE,
    ScriptedAssistant,
)
from scripted_page import indexed as tiny_index
from streamlit.testing.v1 import AppTest
from writing import reply

import ui.service
from assistant import Assistant
from assistant.ambiguity import CLARIFY
from assistant.conversations import HIDDEN, ConversationStore
from index.build import build
from index.settings import Settings, load_settings
from ui.access.caller import Caller
from ui.view.plain import plain

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
    assert "q" not in app.query_params
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


def test_reload_opens_the_kept_conversation(scripted: Settings) -> None:
    app = page()
    ask(app, RED_LINES)
    ask(app, CUP)
    kept = app.query_params["c"]
    again = page(c=kept)
    assert [exchange.question for exchange in again.session_state["conversation"].exchanges] == [RED_LINES, CUP]
    assert components(again, "briefs_statement") == components(app, "briefs_statement")
    listed = components(again, "briefs_conversations")[0]
    assert (listed["current"], listed["conversations"][0]["title"]) == (kept, RED_LINES)
    ask(again, STILL)
    assert len(ConversationStore(scripted.store).open(kept).turns) == 3
    again.button(key="new").click().run()
    assert "c" not in again.query_params
    assert again.title[0].value == "Ask the briefs"


def test_unknown_conversation_is_said(scripted: Settings) -> None:
    app = page(c="0000")
    assert "it may have been deleted" in app.warning[0].value
    assert "c" not in app.query_params
    assert app.title[0].value == "Ask the briefs"


def test_deleting_asks_again(scripted: Settings) -> None:
    app = page(q=RED_LINES)
    store, kept = ConversationStore(scripted.store), app.query_params["c"]
    app.text_input(key=f"title-{kept}").set_value("Lines").run()
    assert store.open(kept).title == "Lines"
    app.button(key="delete").click().run()
    app.button(key="delete-no").click().run()
    app.button(key="delete").click().run()
    assert any("Delete “Lines”?" in markdown.value for markdown in app.markdown)
    app.button(key="delete-yes").click().run()
    assert not app.exception
    assert app.title[0].value == "Ask the briefs"
    assert kept not in [one.id for one in store.listed()]


def test_a_conversation_without_an_answer_is_not_kept(scripted: Settings) -> None:
    before = ConversationStore(scripted.store).listed()
    for _ in configured(scripted):
        ui.service.open_assistant(scripted).stream = Assistant(scripted).stream  # type: ignore[method-assign]
        app = page(q="???")
        assert app.error
        assert "c" not in app.query_params
    assert ConversationStore(scripted.store).listed() == before


def test_store_that_cannot_be_read_does_not_keep_answers_away(scripted: Settings, tmp_path: Path) -> None:
    shutil.copytree(scripted.store, tmp_path / "store", ignore=shutil.ignore_patterns("conversations*"))
    (tmp_path / "store" / "conversations.sqlite").write_bytes(b"no database" * 100)
    for _ in configured(scripted.model_copy(update={"store": tmp_path / "store"})):
        app = page(q=RED_LINES)
        assert len(components(app, "briefs_statement")) == 3
        assert sum("damaged" in warning.value for warning in app.warning) == 2
        app.run()
        assert len(components(app, "briefs_statement")) == 3


def test_kept_quotes_are_checked_against_the_index(scripted: Settings, tmp_path: Path) -> None:
    shutil.copytree(scripted.corpus, tmp_path / "corpus")
    shutil.copytree(scripted.store, tmp_path / "store", ignore=shutil.ignore_patterns("conversations*"))
    settings = scripted.model_copy(update={"corpus": tmp_path / "corpus", "store": tmp_path / "store"})
    for _ in configured(settings):
        app = page(q=RED_LINES)
        kept = app.query_params["c"]
        path = tmp_path / "corpus" / "north.md"
        text = path.read_text(encoding="utf-8").replace("## Opening", "## News\n\nOne more line.\n\n## Opening")
        path.write_text(text.replace(QUOTES["winter"][1], "North demands nothing in winter."), encoding="utf-8")
        build(settings)
        app = page(c=kept)
        shown = components(app, "briefs_statement")
        gone = f"[2] The brief no longer says this. It was quoted as “{QUOTES['winter'][1]}”"
        assert [statement["notes"] for statement in shown] == [[], [gone], []]
        conversation = app.session_state["conversation"]
        moved = conversation.exchanges[0].citations[0]
        brief = Assistant(settings).generation.brief("north")
        assert brief.text[moved.start : moved.end] == moved.quote == QUOTES["airspace"][1]
        conversation.open(conversation.exchanges[0].number, 1)
        app.run()
        runs = [run for block in components(app, "briefs_panel")[0]["brief"]["blocks"] for run in block["runs"]]
        assert [text for text, label in runs if label == 1] == [QUOTES["airspace"][1]]


def test_of_a_hidden_brief_nothing_is_shown(
    scripted: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(scripted.corpus, tmp_path / "corpus")
    shutil.copytree(scripted.store, tmp_path / "store", ignore=shutil.ignore_patterns("conversations*"))
    settings = scripted.model_copy(update={"corpus": tmp_path / "corpus", "store": tmp_path / "store"})
    for _ in configured(settings):
        app = page(q=RED_LINES)
        kept = app.query_params["c"]
        ask(app, CUP)
        path = tmp_path / "corpus" / "north.md"
        path.write_text(path.read_text(encoding="utf-8").replace("kind:", "labels: [staff]\nkind:"), encoding="utf-8")
        build(settings)
        as_caller(monkeypatch, Caller("user", "", frozenset({"press"})))
        app = page(c=kept)
        assert [exchange.filters for exchange in app.session_state["conversation"].exchanges] == [None, None]
        shown = components(app, "briefs_statement")
        assert [statement["text"] for statement in shown] == [HIDDEN, HIDDEN, QUOTES["groups"][1]]
        assert [len(statement["citations"]) for statement in shown] == [0, 0, 1]
        everything = json.dumps([json.loads(element.proto.json) for element in app.get("bidi_component")])
        assert "airspace" not in everything
        assert "North's positions" not in everything + str([button.label for button in app.button])
        first = app.session_state["conversation"].exchanges[0]
        assert (
            "airspace"
            not in app.session_state["conversation"].history(app.session_state["conversation"].exchanges[1])[1].content
        )
        app.session_state["conversation"].open(first.number, 1)
        app.run()
        assert not app.exception
        assert components(app, "briefs_panel")[0]["brief"] is None
        as_caller(monkeypatch, Caller("user", "", frozenset({"staff"})))
        app.run()
        assert components(app, "briefs_statement")[0]["text"] == QUOTES["airspace"][1]


def test_readers_who_log_in_have_conversations_of_their_own(
    scripted: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_caller(monkeypatch, user("ann"))
    app = page(q=RED_LINES)
    kept = app.query_params["c"]
    as_caller(monkeypatch, user("bob"))
    other = page(c=kept)
    assert "it may have been deleted" in other.warning[0].value
    assert not components(other, "briefs_conversations")


def test_readings_are_asked_by_themselves(scripted: Settings) -> None:
    app = page()
    ask(app, RED_LINES)
    ask(app, VAGUE)
    assert any(plain(CLARIFY) == markdown.value for markdown in app.markdown)
    app.button(key="reading-2-1").click().run()
    assert not app.exception
    last = app.session_state["conversation"].exchanges[-1]
    assert (last.question, last.alone) == (READINGS[1], True)


def test_the_searched_question_can_be_changed(scripted: Settings) -> None:
    app = page()
    ask(app, FOLLOW_UP)
    assert any(expander.label == f"Searched for: {plain(SEARCHED)}" for expander in app.expander)
    app.text_input(key="edited-1").set_value(STILL)
    app.form_submit_button[0].click().run()
    assert not app.exception
    last = app.session_state["conversation"].exchanges[-1]
    assert (last.question, last.alone) == (STILL, True)
    assert last.statements


def test_what_a_model_did_is_said(scripted: Settings) -> None:
    app = page(q=STRUCK)
    shown = components(app, "briefs_statement")
    assert [statement["unsupported"] for statement in shown] == ["", REASON, ""]
    assert app.warning[0].value == plain(NOTICE)
    said = components(app, "briefs_panel")[0]["said"]
    assert said == f"Answered in 2 statements with 3 citations. 1 statement struck out. {NOTICE}"


def test_which_model_will_see_a_question_is_said_before_it_is_asked(scripted: Settings) -> None:
    model = {"engine": "model", "model_url": "http://models.example/v1", "model_name": "small"}
    for _ in configured(scripted.model_copy(update=model)):
        (sees,) = [caption.value for caption in page().caption if "go to" in caption.value]
        assert f"**{plain('small at http://models.example/v1')}**" in sees
        assert "without encryption" in sees
    for _ in configured(scripted.model_copy(update={**model, "model_url": "ftp://x"})):
        assert "model_url" in page().warning[0].value.replace("\\", "")


def test_statements_of_a_model_are_shown_and_kept(indexed: Settings) -> None:
    quote = "Pakistan closed the Torkham crossing on 12 October 2025"
    said = reply((f"{quote}.", "S1", quote), ("It was reopened in May.", "S1", "the crossing was reopened in May"))
    with ScriptedModel(says(said)) as model:
        settings = model_settings(model.url, corpus=indexed.corpus, store=indexed.store, unsupported="strike")
        for _ in configured(settings):
            app = page()
            assert any(plain(f"small at {model.url}") in caption.value for caption in app.caption)
            assert not model.asked
            ask(app, "When was the Torkham crossing closed?")
            assert model.asked
            shown = components(app, "briefs_statement")
            assert [statement["text"] for statement in shown] == [f"{quote}.", "It was reopened in May."]
            assert [bool(statement["unsupported"]) for statement in shown] == [False, True]
            again = page(c=app.query_params["c"])
            assert components(again, "briefs_statement") == shown
            kept = again.session_state["conversation"].exchanges[0].answer
            assert kept.verdicts
            assert kept.model == f"small at {model.url}"


def test_suggestions_ask_no_model(settings: Settings) -> None:
    write_brief(settings.corpus, "torkham", "What happened at Torkham", "Torkham was closed on 12 October 2025.")
    build(settings)
    with ScriptedModel(says("{}")) as model:
        changes = {"engine": "model", "model_url": model.url, "model_name": "small"}
        for _ in configured(settings.model_copy(update=changes)):
            assert page().button(key="suggestion-0").label == plain("What happened at Torkham?")
        assert not model.asked


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


def test_link_within_a_conversation(scripted: Settings) -> None:
    app = page(q=RED_LINES)
    kept = app.query_params["c"]
    app = page(c=kept, q=STILL)
    assert [exchange.question for exchange in app.session_state["conversation"].exchanges] == [RED_LINES, STILL]
    assert app.query_params["c"] == kept
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
    assert (row["question"], row["verdict"], row["wrong"]) == (RED_LINES, "down", "misses December")


def test_thumbs_up_is_recorded_once_and_apart(scripted: Settings) -> None:
    app = page(q=RED_LINES)
    before = rows(scripted, "feedback.jsonl")
    app.feedback(key="thumbs-1").set_value(1).run()
    app.run()
    assert not app.exception
    (row,) = rows(scripted, "feedback-up.jsonl")
    assert (row["question"], row["verdict"], row["answer"]["status"]) == (RED_LINES, "up", "answered")
    assert rows(scripted, "feedback.jsonl") == before
    app.feedback(key="thumbs-1").set_value(0).run()
    app.form_submit_button[0].click().run()
    assert len(rows(scripted, "feedback.jsonl")) == len(before) + 1


def rows(settings: Settings, name: str) -> list[dict[str, Any]]:
    path = settings.store / name
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def test_partial_answer_says_what_is_missing(scripted: Settings) -> None:
    app = page(q=PARTIAL)
    shown = components(app, "briefs_statement")
    assert [statement["group"] for statement in shown] == ["North says", "", "South says"]
    assert "what East wants" in app.info[0].value
    assert components(app, "briefs_panel")[0]["said"].endswith(MISSING)


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
