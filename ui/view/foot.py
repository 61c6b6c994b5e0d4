"""Below an answer: how sure it is and what was searched, and the reader's verdict."""

from __future__ import annotations

import streamlit as st

from assistant import Answer, Assistant
from assistant.feedback import Verdict, record
from index.errors import BriefsError
from ui.view.conversation import Conversation, Exchange
from ui.view.narrowing import allowed_count, in_words, plural, readable
from ui.view.plain import plain
from ui.view.reader import reader

CONFIDENCE = ((0.8, "High confidence"), (0.5, "Fair confidence"), (0.0, "Low confidence"))
DOWN = 0
"""What the thumbs widget says for a thumb down."""


def confidence_in_words(confidence: float) -> str:
    """High, fair or low."""
    return next(words for least, words in CONFIDENCE if confidence >= least)


def show_foot(assistant: Assistant, talk: Conversation, exchange: Exchange, answer: Answer) -> None:
    """Both in a line."""
    with st.container(horizontal=True, vertical_alignment="top", key=f"foot-{exchange.number}"):
        _searched(assistant, exchange, answer)
        _feedback(assistant, talk, exchange, answer)


def _searched(assistant: Assistant, exchange: Exchange, answer: Answer) -> None:
    """How sure the answer is, and what was searched, behind it. A stopped answer came before it was known how sure it is."""
    sure = bool(answer.statements) and not exchange.stopped
    label = confidence_in_words(answer.confidence) if sure else "What was searched"
    with st.expander(label, type="compact", icon=":material/manage_search:", key=f"searched-{exchange.number}"):
        model = f"{answer.engine}, {answer.model}" if answer.model else answer.engine
        took = f", {answer.timings_ms['total']:,.0f} ms" if "total" in answer.timings_ms else ""
        rows = [
            ("Searched for", answer.searched or exchange.question),
            ("In", _where(assistant, exchange)),
            ("Chance that the briefs hold an answer", "" if exchange.stopped else f"{answer.confidence:.0%}"),
            ("Index", answer.generation),
            ("Answered by", f"{model}{took}"),
        ]
        st.caption("  \n".join(f"{name}: **{plain(value)}**" for name, value in rows if value))


def _where(assistant: Assistant, exchange: Exchange) -> str:
    """Which briefs were searched; empty where that is not known any more."""
    if exchange.filters is None:
        return ""
    generation, narrowed = assistant.generation, in_words(exchange.filters)
    count = allowed_count(generation, reader().narrowed(exchange.filters))
    return f"{count} of {plural(len(readable(generation)), 'brief')}" + (f" ({narrowed})" if narrowed else "")


def _feedback(assistant: Assistant, talk: Conversation, exchange: Exchange, answer: Answer) -> None:
    """Thumbs, kept with the question and the answer; down asks what was wrong first."""
    with st.container(width="content", key=f"feedback-{exchange.number}"):
        value = st.feedback("thumbs", key=f"thumbs-{exchange.number}")
        if value is None:
            return
        wrong = ""
        if exchange.thumb != value and value == DOWN:
            with st.form(f"wrong-{exchange.number}", border=False):
                wrong = st.text_input("What was wrong?", max_chars=2000, placeholder="What is missing or false")
                if not st.form_submit_button("Send"):
                    return
        if exchange.thumb != value:
            verdict: Verdict = "down" if value == DOWN else "up"
            try:
                record(assistant.settings, answer, wrong, talk.history(exchange), verdict=verdict)
            except BriefsError as error:
                st.error(plain(str(error)))
                return
            exchange.thumb = value
            if value == DOWN:
                st.rerun()
        st.caption("Thank you, noted.")
