"""The brief that is open beside an answer, or that the address of the page names."""

from __future__ import annotations

from typing import Any

import streamlit as st

from assistant import Assistant
from index.generation import Generation
from ui.view.brief import linked_panel, panel
from ui.view.components import show_panel
from ui.view.conversation import Conversation, Opened
from ui.view.link import NAMES, Link
from ui.view.reader import reader

NO_BRIEF = "There is no brief at this address that you may read. It may have been removed."
"""Of a brief that is hidden and of one that never was: the same."""


def follow_link(generation: Generation, talk: Conversation) -> None:
    """Open the brief that the address names, unless it was opened before: what is open can be closed again."""
    link = Link.read(st.query_params)
    if link and link != talk.followed:
        if _may_read(generation, link.brief_id):
            talk.open_link(link)
        else:
            talk.trouble = NO_BRIEF
    talk.followed = link


def show_opened(assistant: Assistant, talk: Conversation, said: str = "") -> None:
    """The panel, if something is open. ``said`` is read out to screen readers."""
    opened, content = talk.opened, None
    if opened:
        generation = assistant.generation
        if _may_read(generation, opened.brief_id):
            content = _content(generation, talk, opened)
        else:
            st.toast("That brief is no longer in the index.", icon=":material/error:")
            talk.close()
    if not (talk.opened and talk.opened.link):  # the address names a brief for as long as it is what is open
        for name in NAMES:
            st.query_params.pop(name, None)
    show_panel(
        content,
        said=said,
        opening=talk.opening,
        on_open=lambda label: talk.open(talk.opened.exchange, label) if talk.opened else None,
        on_close=talk.close,
    )


def _content(generation: Generation, talk: Conversation, opened: Opened) -> dict[str, Any]:
    brief = generation.brief(opened.brief_id)
    if opened.link:
        return linked_panel(brief, opened.link)
    exchange = talk.find(opened.exchange)
    return panel(brief, exchange.citations if exchange else (), opened.label)


def _may_read(generation: Generation, brief_id: str) -> bool:
    allowed = reader().allowed(generation)
    return brief_id in (generation.manifest.briefs if allowed is None else allowed)
