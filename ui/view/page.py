"""The page as a whole: conversation, question box with filters, and the brief beside them."""

from __future__ import annotations

import streamlit as st

from assistant import Assistant
from index.errors import BriefsError, SettingsError
from index.generation import Generation
from index.settings import Settings
from ui.service import current_settings, open_assistant
from ui.view import condition
from ui.view.answer import answer_live, plain, show_answer, show_question
from ui.view.brief import panel
from ui.view.components import ASSETS, show_panel
from ui.view.conversation import Conversation, Exchange, conversation
from ui.view.narrowing import plural, read_filters, show_filters, span_of
from ui.view.suggestions import suggested_questions

LONGEST = 2000
"""Characters that the question box takes."""
STALE_AFTER_S = 30
"""How often the corpus is compared with the index, in seconds."""


def show_page() -> None:
    """Draw the page once, from top to bottom, and answer what was asked."""
    st.set_page_config("Briefs", page_icon=str(ASSETS / "icon.png"), layout="wide")
    st.logo(ASSETS / "logo.svg", size="large")
    st.html(ASSETS / "page.css")
    try:
        settings = current_settings()
    except SettingsError as error:
        _explain(condition.Trouble("The settings cannot be used", str(error), "briefs doctor"))
        return
    assistant = open_assistant(settings)
    talk = conversation()
    try:
        generation = assistant.generation
    except BriefsError as error:
        _explain(condition.unusable(error, settings.corpus))
        return
    question = _question_box(generation, talk)
    with st.container(key="talk"):
        _warn_if_stale(settings, generation.id, assistant)
        _talk(assistant, generation, talk, question)
    _show_opened(assistant, talk)


def _explain(trouble: condition.Trouble) -> None:
    """Instead of the page: what is wrong and the command that mends it."""
    with st.container(key="talk"), st.container(border=True, key="trouble"):
        st.header(trouble.title, anchor=False)
        st.text(trouble.reason)
        st.markdown("Run this, then ask again:")
        st.code(trouble.command, language=None)
        st.button("Try again", icon=":material/refresh:", type="primary")


def _warn_if_stale(settings: Settings, generation_id: str, assistant: Assistant) -> None:
    @st.cache_data(ttl=STALE_AFTER_S, show_spinner=False, max_entries=4)
    def look(generation_id: str, corpus: str) -> condition.Trouble | None:
        return condition.stale(assistant.generation, settings.corpus)

    trouble = look(generation_id, str(settings.corpus))
    if trouble:
        st.warning(f"{plain(trouble.reason)} Run `{trouble.command}`.", title=trouble.title, icon=":material/history:")


def _question_box(generation: Generation, talk: Conversation) -> str | None:
    """The box, the filters above it, and what was asked: typed, picked from the suggestions, or linked to."""
    # In a container, so that Streamlit does not scroll to the end of an answer: its beginning is what to read first.
    with st.bottom, st.container(key="asking"):
        tools = st.container(horizontal=True, vertical_alignment="center", key="tools")
        typed = st.chat_input("Ask the briefs a question", key="question", max_chars=LONGEST, submit_mode="stop")
    linked = None if talk.linked else st.query_params.get("q")
    question = typed or talk.pending or linked
    with tools:
        show_filters(generation)
        if talk.exchanges or question:
            st.button(
                "New conversation",
                icon=":material/add:",
                type="tertiary",
                on_click=_start_anew,
                args=(talk,),
                key="new",
            )
    talk.pending, talk.linked = None, True
    return question


def _start_anew(talk: Conversation) -> None:
    talk.clear()
    st.query_params.pop("q", None)


def _talk(assistant: Assistant, generation: Generation, talk: Conversation, question: str | None) -> None:
    if question and question.strip():
        earlier = list(talk.exchanges)
        exchange = talk.begin(question.strip(), read_filters())
    elif talk.exchanges:
        earlier, exchange = talk.exchanges, None
    else:
        _welcome(assistant, generation, talk)
        return
    for past in earlier:
        show_question(past)
        show_answer(assistant, talk, past)
    if exchange:
        show_question(exchange)
        answer_live(assistant, talk, exchange)
        searched = exchange.answer.searched if exchange.answer else ""
        st.query_params["q"] = searched or exchange.question


def _welcome(assistant: Assistant, generation: Generation, talk: Conversation) -> None:
    with st.container(key="welcome"):
        st.title("Ask the briefs", anchor=False)
        dates = span_of(generation.manifest.metadata.values())
        held = plural(len(generation.brief_ids), "brief") + (f", {dates}" if dates else "")
        st.markdown(
            f"{held}. Every statement of an answer cites the exact words of a brief; click a number to read them there."
        )
        try:
            suggestions = suggested_questions(assistant, generation.id)
        except BriefsError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        if suggestions:
            st.caption("Try one of these")
            with st.grid(2, min_column_width=260, gap="small"):
                for k, question in enumerate(suggestions):
                    st.button(
                        plain(question),
                        key=f"suggestion-{k}",
                        width="stretch",
                        wrap=True,
                        on_click=_pick,
                        args=(talk, question),
                    )


def _pick(talk: Conversation, question: str) -> None:
    talk.pending = question


def _show_opened(assistant: Assistant, talk: Conversation) -> None:
    """The panel, if something is open; the page makes room for it."""
    opened, content = talk.opened, None
    if opened:
        exchange = talk.find(opened.exchange)
        try:
            brief = assistant.generation.brief(opened.brief_id)
        except KeyError:
            st.toast("That brief is no longer in the index.", icon=":material/error:")
            talk.close()
        else:
            content = panel(brief, exchange.citations if exchange else (), opened.label)
            st.html("<style>.st-key-talk, .st-key-asking { --beside: 46vw; }</style>")
    show_panel(
        content,
        said=_said(talk.exchanges[-1]) if talk.exchanges else "",
        opening=talk.opening,
        on_open=lambda label: talk.open(talk.opened.exchange, label) if talk.opened else None,
        on_close=talk.close,
    )


def _said(exchange: Exchange) -> str:
    """What a screen reader says about the newest answer."""
    answer = exchange.answer
    if exchange.trouble or answer is None:
        return exchange.trouble or "Stopped."
    if answer.status == "abstained":
        return f"No answer. {plural(len(answer.nearest), 'near brief')} named."
    return f"Answered in {plural(exchange.shown, 'statement')} with {plural(len(answer.citations), 'citation')}."
