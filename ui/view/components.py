"""The page's own components: a statement with its citations, the lists of sources and conversations, the reading panel.

They draw with ``textContent`` alone, so nothing in a brief can become markup, an image or a link.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from assistant import Citation
from assistant.conversations import Listed
from ui.view.brief import day

ASSETS = Path(__file__).parent.parent / "assets"


def asset(name: str) -> str:
    """The text of a file of ``ui/assets``."""
    return (ASSETS / name).read_text(encoding="utf-8")


_statement = st.components.v2.component(
    "briefs_statement",
    html='<div class="statement"></div>\n',
    css=asset("statement.css"),
    js=asset("statement.js"),
)
_sources = st.components.v2.component(
    "briefs_sources", html=asset("sources.html"), css=asset("sources.css"), js=asset("sources.js")
)
_panel = st.components.v2.component(
    "briefs_panel", html=asset("panel.html"), css=asset("panel.css"), js=asset("panel.js")
)
_conversations = st.components.v2.component(
    "briefs_conversations",
    html='<nav aria-label="Conversations"><ol></ol></nav>\n',
    css=asset("conversations.css"),
    js=asset("conversations.js"),
)

_address = st.components.v2.component("briefs_address", js=asset("address.js"))

Opening = Callable[[int], None]
"""Called with the label of the citation that was clicked."""


def show_statement(
    key: str,
    text: str,
    group: str,
    citations: Sequence[Citation],
    opened: int,
    on_open: Opening,
    unsupported: str = "",
    notes: Sequence[str] = (),
    focus: dict[str, Any] | None = None,
    lead: str = "",
) -> None:
    """A statement and its citations as buttons; ``opened`` is the label that the panel shows, 0 for none.

    ``unsupported`` is why it is struck out, empty if it is not; ``notes`` are lines below it. ``focus`` is {"id", "label"} of
    a button to give the keyboard back to, once an id. ``lead`` is the key of the container to scroll to when the statement
    first appears.
    """
    data = {
        "text": text,
        "group": group,
        "unsupported": unsupported,
        "notes": list(notes),
        "citations": [_shown(citation) for citation in citations],
        "open": opened,
        "focus": focus,
        "lead": lead,
    }
    _statement(key=key, data=data, on_open_change=lambda: on_open(st.session_state[key].open))


def show_sources(
    key: str, citations: Sequence[Citation], question: str, opened: int, on_open: Opening, lead: str = ""
) -> None:
    """The cited briefs as a list that opens them, and a button that copies a link asking ``question``.

    ``lead`` is the key of the container to scroll to when this first appears.
    """
    by_brief: dict[str, list[Citation]] = {}
    for citation in citations:
        by_brief.setdefault(citation.brief_id, []).append(citation)
    data = {
        "briefs": [
            {"labels": [citation.label for citation in cited], "title": cited[0].title, "day": day(cited[0].published)}
            for cited in by_brief.values()
        ],
        "question": question,
        "open": opened,
        "lead": lead,
    }
    _sources(key=key, data=data, on_open_change=lambda: on_open(st.session_state[key].open))


def show_conversations(listed: Sequence[Listed], current: str, on_open: Callable[[str], None]) -> None:
    """Kept conversations as links, each to its own address; a plain click calls ``on_open`` with the id."""
    key = "conversations"
    rows = [{"id": kept.id, "title": kept.title, "day": day(kept.updated[:10])} for kept in listed]
    data = {"conversations": rows, "current": current}
    _conversations(key=key, data=data, on_open_change=lambda: on_open(st.session_state[key].open))


def show_panel(
    brief: dict[str, Any] | None, said: str, opening: int, on_open: Opening, on_close: Callable[[], None]
) -> None:
    """The reading panel with ``brief`` (of ``brief.panel``), or closed. ``said`` is read out to screen readers.

    ``opening`` numbers the openings; the panel scrolls to its words when the number changes.
    """
    key = "panel"
    data = {"brief": brief, "said": said, "id": opening}
    _panel(
        key=key,
        data=data,
        on_open_change=lambda: on_open(st.session_state[key].open),
        on_close_change=on_close,
    )


def keep_address(signed_in: bool) -> None:
    """Note the parameters of the address before somebody signs in, and go back to them afterwards."""
    _address(key="address", data={"signed_in": signed_in})


def _shown(citation: Citation) -> dict[str, Any]:
    published = day(citation.published)
    page = f"page {citation.page}" if citation.page else ""
    return {
        "label": citation.label,
        "title": citation.title,
        "day": ", ".join(part for part in (published, page) if part),
        "place": ", ".join(part for part in (citation.title, published, page) if part),
        "quote": citation.quote,
    }
