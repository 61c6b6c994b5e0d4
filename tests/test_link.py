"""The address that opens a brief at its words, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from gated import as_caller, user
from hypothesis import given
from hypothesis import strategies as st
from scripted_page import QUOTES, RED_LINES, ScriptedAssistant, indexed, with_a_hidden_brief
from streamlit.testing.v1 import AppTest
from test_ui_page import ask, components, configured, page

import ui.service
from index.generation import open_current
from index.settings import Settings
from index.types import Brief, Metadata
from ui.view.brief import NO_WORDS, linked_panel
from ui.view.link import Link
from ui.view.opened import NO_BRIEF

ILL_OFFSETS = [
    ("x", "9"),
    ("3", ""),
    ("", "9"),
    ("9", "3"),
    ("3", "3"),
    ("-4", "9"),
    ("0", "1000000"),
    ("1" * 5000, "2" * 5000),
    ("+3", "9"),
    ("3.0", "9"),
    (" 3", "9"),
    ("1_0", "20"),
    ("٣", "٩"),
    ("<img src=http://evil.example/i>", "![x](http://evil.example/j)"),
]


@given(st.text(min_size=1), st.integers(0, 10**8), st.integers(1, 10**8))
def test_a_link_is_read_as_it_was_written(brief_id: str, start: int, length: int) -> None:
    span = (start, start + length)
    link = Link.to(brief_id, span)
    assert Link.read(dict(parse_qsl(link.query.removeprefix("?"), strict_parsing=True))) == link
    assert link.query.isascii() and not set(link.query) & set("<>\"' #")
    assert (link.span(span[1]), link.span(span[1] - 1)) == (span, None)
    assert Link.to(brief_id).span(10**9) is None


@given(st.text(max_size=6), st.text(max_size=6), st.integers(0, 50))
def test_offsets_are_a_range_of_the_text_or_none(start: str, end: str, length: int) -> None:
    span = Link("b", start, end).span(length)
    assert span is None or (0 <= span[0] < span[1] <= length and (str(span[0]), str(span[1])) == (start, end))


def test_offsets_may_begin_with_zeros_no_more() -> None:
    assert Link("b", "03", "9").span(20) == (3, 9)


@pytest.mark.parametrize("parameters", [{}, {"brief": ""}, {"start": "1", "end": "2"}, {"q": "a", "briefs": "b"}])
def test_no_brief_no_link(parameters: dict[str, str]) -> None:
    assert Link.read(parameters) is None


def test_words_outside_the_body_are_not_there() -> None:
    """A link may not show more of a brief than the panel does."""
    text = "Masked words. Shown words."
    found = Brief("b", "b.md", "0" * 64, text, ((14, len(text)),), Metadata("Title"))
    shown = linked_panel(found, Link.to("b", (14, 19)))
    assert (marked(shown), shown["remark"]) == ("Shown", "")
    for span in ((0, 6), (13, 14)):
        shown = linked_panel(found, Link.to("b", span))
        assert (marked(shown), shown["remark"], shown["link"]) == ("", NO_WORDS, "?brief=b")


def marked(shown: dict[str, Any]) -> str:
    return "".join(text for block in shown["blocks"] for text, label in block["runs"] if label)


def opened(app: AppTest) -> dict[str, Any] | None:
    found: dict[str, Any] | None = components(app, "briefs_panel")[0]["brief"]
    return found


def words(settings: Settings, name: str) -> dict[str, str]:
    """The parameters of the address of one of the quotes."""
    brief_id, quote = QUOTES[name]
    start = open_current(settings).brief(brief_id).text.index(quote)
    return {"brief": brief_id, "start": str(start), "end": str(start + len(quote))}


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setattr(ui.service, "Assistant", ScriptedAssistant)
    yield from configured(indexed())


def test_the_address_opens_the_words_as_a_click_does(scripted: Settings) -> None:
    address = words(scripted, "winter")
    app = page(**address, utm="x")
    shown = opened(app)
    assert shown and (marked(shown), shown["remark"]) == (QUOTES["winter"][1], "")
    assert app.title[0].value == "Ask the briefs", "a newcomer's conversation is empty"
    assert not app.warning
    assert app.query_params == {**address, "utm": "x"}
    ask(app, RED_LINES)
    assert opened(app) == shown, "the brief stays open beside what is asked"
    clicked = app.session_state["conversation"]
    clicked.open(1, 2)
    app.run()
    by_click = opened(app)
    assert by_click and marked(by_click).count(QUOTES["winter"][1]) == 1
    assert {key: by_click[key] for key in ("title", "source", "link")} == {
        key: shown[key] for key in ("title", "source", "link")
    }
    assert dict(parse_qsl(by_click["link"][1:])) == address
    assert not {"brief", "start", "end"} & set(app.query_params), "the address no longer names what is open"


def test_closing_takes_it_out_of_the_address(scripted: Settings) -> None:
    app = page(**words(scripted, "groups"))
    app.session_state["conversation"].close()
    app.run()
    assert opened(app) is None
    assert not app.query_params
    app.run()
    assert opened(app) is None
    for name, value in words(scripted, "groups").items():  # the way back in the browser's history
        app.query_params[name] = value
    app.run()
    assert opened(app)


def test_a_brief_without_words(scripted: Settings) -> None:
    shown = opened(page(brief="corridor"))
    assert shown and (shown["title"], marked(shown), shown["remark"]) == ("Aid corridor at Torvale", "", "")


@pytest.mark.parametrize(("start", "end"), ILL_OFFSETS)
def test_offsets_that_do_not_fit_open_the_brief(scripted: Settings, start: str, end: str) -> None:
    app = page(brief="corridor", start=start, end=end)
    shown = opened(app)
    assert shown and (shown["title"], marked(shown)) == ("Aid corridor at Torvale", "")
    assert (shown["remark"], shown["link"]) == (NO_WORDS, "?brief=corridor")
    assert "evil" not in str([element.proto for element in app.main if hasattr(element, "proto")])


@pytest.fixture
def labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The tiny corpus, of which one brief is for staff alone."""
    settings = with_a_hidden_brief(tmp_path / "corpus", tmp_path / "store")
    monkeypatch.setattr(ui.service, "Assistant", ScriptedAssistant)
    yield from configured(settings)


def sent(app: AppTest) -> tuple[list[str], list[str]]:
    """All that the page sends to the browser."""
    elements = [str(element.proto) for element in [*app.main, *app.sidebar] if hasattr(element, "proto")]
    return elements, [element.proto.json for element in app.get("bidi_component")]


def test_a_hidden_brief_looks_like_none(labelled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    address = words(labelled, "winter")
    as_caller(monkeypatch, user("ann", ["staff"]))
    assert opened(page(**address))
    as_caller(monkeypatch, user("bob"))
    pages = [page(**{**address, **other}) for other in ({}, {"start": "x"}, {"brief": "nowhere"}, {"brief": "<b>"})]
    for app in pages:
        assert [warning.value for warning in app.warning] == [NO_BRIEF.replace(".", "\\.")]
        assert opened(app) is None
        assert not app.query_params
        assert sent(app) == sent(pages[0])
    ask(pages[0], "anything")
    assert not pages[0].warning


def test_who_loses_the_right_to_read_it_sees_it_no_more(labelled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    as_caller(monkeypatch, user("ann", ["staff"]))
    app = page(**words(labelled, "winter"))
    as_caller(monkeypatch, user("ann"))
    app.run()
    assert opened(app) is None
    assert not app.query_params
    assert "airspace" not in str(sent(app))
