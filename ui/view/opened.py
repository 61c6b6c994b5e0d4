"""The brief that is open beside an answer."""

from __future__ import annotations

import streamlit as st

from assistant import Assistant
from ui.view.brief import panel
from ui.view.components import show_panel
from ui.view.conversation import Conversation
from ui.view.reader import reader

BESIDE = """
.st-key-talk, .st-key-asking, .st-key-evals { --beside: 46vw; }
@media (max-width: 1600px) { [data-testid="stSidebar"] { display: none; } }
"""
"""Room for the brief: the answer moves aside, and in a window of common width the list at the side goes meanwhile."""


def show_opened(assistant: Assistant, talk: Conversation, said: str = "") -> None:
    """The panel, if something is open; the page makes room for it. ``said`` is read out to screen readers."""
    opened, content = talk.opened, None
    if opened:
        exchange = talk.find(opened.exchange)
        generation = assistant.generation
        allowed = reader().allowed(generation)
        if opened.brief_id not in (generation.manifest.briefs if allowed is None else allowed):
            st.toast("That brief is no longer in the index.", icon=":material/error:")
            talk.close()
        else:
            brief = generation.brief(opened.brief_id)
            content = panel(brief, exchange.citations if exchange else (), opened.label)
            st.html(f"<style>{BESIDE}</style>")
    show_panel(
        content,
        said=said,
        opening=talk.opening,
        on_open=lambda label: talk.open(talk.opened.exchange, label) if talk.opened else None,
        on_close=talk.close,
    )
