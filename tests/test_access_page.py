"""What the page shows to whom, without a browser: nothing before the sign-in, nothing after it, nothing of somebody else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from gated import as_caller, user
from scripted_page import RED_LINES, STILL, ScriptedAssistant, indexed
from streamlit.testing.v1 import AppTest

import ui.service
from assistant.conversations import ConversationStore
from index.errors import StoreMissing
from index.settings import Settings
from ui.access.caller import ANONYMOUS, LOCAL
from ui.access.tickets import HEADER, TICKETS, Tickets
from ui.view import reader

SCRIPT = str(Path(__file__).parent.parent / "ui" / "app.py")
CANARIES = ("airspace", "North", "South", "Torvale", "brief,", "briefs,", "2025", "2026")


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setattr(ui.service, "Assistant", ScriptedAssistant)
    before = list(ui.service._chosen)
    ui.service.open_assistant.cache_clear()
    ui.service.configure(indexed())
    yield indexed()
    ui.service._chosen[:] = before
    ui.service.open_assistant.cache_clear()


def everything(app: AppTest) -> str:
    """All that the page sends to the browser."""
    shown = [str(element.proto) for element in [*app.main, *app.sidebar] if getattr(element, "proto", None)]
    return "\n".join(shown) + json.dumps([element.proto.json for element in app.get("bidi_component")])


def page(**query: str) -> AppTest:
    app = AppTest.from_file(SCRIPT, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def is_closed(app: AppTest) -> bool:
    """Whether nothing is shown but why."""
    assert not [word for word in CANARIES if word in everything(app)]
    return not (app.chat_input or app.button or app.expander or app.sidebar.children or app.multiselect)


def test_without_a_server_the_page_is_on_this_machine() -> None:
    assert page().title[0].value == "Ask the briefs"
    assert page().chat_input


@pytest.mark.parametrize("ticket", ["", "forged", "ticket"])
def test_nothing_is_shown_without_a_valid_ticket(monkeypatch: pytest.MonkeyPatch, ticket: str) -> None:
    monkeypatch.setattr(type(st.context), "headers", property(lambda _: {HEADER: ticket}))
    monkeypatch.setitem(TICKETS._admitted, "ticket", (user("ann"), time.time() - 1))
    for app in (page(), page(q=RED_LINES), page(c="0000")):
        assert is_closed(app)
        assert "has ended" in app.markdown[-1].value


def test_nothing_is_shown_where_the_gate_was_gone_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(st.context), "headers", property(lambda _: {"Host": "127.0.0.1:8501"}))
    app = page(q=RED_LINES)
    assert is_closed(app)
    assert "`briefs serve`" in app.markdown[-1].value


def test_a_page_forgets_what_it_held_when_the_sign_in_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    as_caller(monkeypatch, user("ann"))
    app = page(q=RED_LINES)
    assert "airspace" in everything(app)
    assert app.session_state["conversation"].exchanges
    TICKETS.end(user("ann").owner)
    app.run()
    assert is_closed(app)
    assert "conversation" not in app.session_state


def test_a_page_forgets_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that connects again goes on with the page that it had, whoever has signed in meanwhile."""
    as_caller(monkeypatch, user("ann"))
    app = page(q=RED_LINES)
    as_caller(monkeypatch, user("bob"))
    app.run()
    assert not app.session_state["conversation"].exchanges
    assert "airspace" not in everything(app)


def test_what_is_under_way_ends_for_whom_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the browser goes, so do its headers: that is not a page of this machine."""
    monkeypatch.setattr(reader, "_is_served", lambda: True)
    app = page(q=RED_LINES)
    assert is_closed(app)
    as_caller(monkeypatch, user("ann"))
    app = page(q=RED_LINES)
    kept = app.query_params["c"]
    monkeypatch.setattr(type(st.context), "headers", property(lambda _: {}))
    app.chat_input[0].set_value(STILL).run()
    store = ConversationStore(indexed().store)
    assert [turn.question for turn in store.open(kept, user("ann").owner).turns] == [RED_LINES, STILL]
    with pytest.raises(StoreMissing):
        store.open(kept, LOCAL.owner)


def test_the_user_is_named_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    as_caller(monkeypatch, user("![x](http://evil.example/i) **ann**"))
    (caption,) = [found.value for found in page().sidebar.caption if "Signed in" in found.value]
    assert "\\!\\[x\\]\\(" in caption
    as_caller(monkeypatch, LOCAL)
    assert not [found for found in page().sidebar.caption if "Signed in" in found.value]


def test_tickets_end() -> None:
    tickets = Tickets()
    with tickets.issue(user("ann"), time.time() + 60) as ann, tickets.issue(user("bob"), time.time() + 60) as bob:
        assert ann != bob
        assert tickets.caller(ann).name == "ann"
        tickets.end(user("ann").owner)
        assert tickets.caller(ann) == ANONYMOUS
        assert tickets.caller(bob).name == "bob"
    assert tickets.caller(bob) == ANONYMOUS
    with tickets.issue(user("ann"), time.time() - 1) as late:
        assert not tickets.is_valid(late)


def test_nobody_owns_nothing_of_this_machine() -> None:
    """Conversations from before sign-in was turned on have the owner of this machine."""
    assert ANONYMOUS.owner != LOCAL.owner
    assert ANONYMOUS.labels == frozenset()
