"""The chat page: conversation, question box with filters, and the brief beside them."""

from __future__ import annotations

import streamlit as st

from assistant import Assistant
from assistant.generative.access import access_of
from index.errors import BriefsError, SettingsError
from index.generation import Generation
from index.settings import Settings
from ui.answering import STOPPED
from ui.service import current_settings, open_assistant
from ui.view import condition
from ui.view.answer import show_answer, show_question
from ui.view.condition import explain
from ui.view.conversation import Conversation, Exchange, conversation
from ui.view.kept import QUESTION, begin, reopen, show_kept, start_anew
from ui.view.narrowing import plural, read_filters, readable, show_filters, span_of
from ui.view.opened import follow_link, show_opened
from ui.view.plain import plain
from ui.view.reader import reader
from ui.view.suggestions import suggested_questions

LONGEST = 2000
"""Characters that the question box takes."""
STALE_AFTER_S = 30
"""How often the corpus is compared with the index, in seconds."""


def show_page() -> None:
    """Draw the page once, from top to bottom, and answer what was asked."""
    try:
        settings = current_settings()
    except SettingsError as error:
        explain(
            condition.Trouble("The settings cannot be used", str(error), "briefs doctor"), "Run this, then ask again:"
        )
        return
    assistant = open_assistant(settings)
    talk = conversation()
    try:
        generation = assistant.generation
    except BriefsError as error:
        explain(condition.unusable(error, settings.corpus), "Run this, then ask again:")
        return
    reopen(assistant, talk)
    alone = talk.alone
    question = _question_box(assistant, talk)
    if question and question.strip():
        begin(assistant, talk, question.strip(), read_filters(), alone)
    show_kept(assistant, talk)
    follow_link(generation, talk)
    with st.container(key="talk"):
        _warn_if_stale(settings, generation.id, assistant)
        _talk(assistant, generation, talk)
    show_opened(assistant, talk, _said(talk.exchanges[-1]) if talk.exchanges else "")


def _warn_if_stale(settings: Settings, generation_id: str, assistant: Assistant) -> None:
    """Tell who reads every brief that there are newer ones: nobody knows yet who else may know of those."""
    if reader().labels is not None:
        return

    @st.cache_data(ttl=STALE_AFTER_S, show_spinner=False, max_entries=4)
    def look(generation_id: str, corpus: str) -> condition.Trouble | None:
        return condition.stale(assistant.generation, settings.corpus)

    trouble = look(generation_id, str(settings.corpus))
    if trouble:
        st.warning(f"{plain(trouble.reason)} Run `{trouble.command}`.", title=trouble.title, icon=":material/history:")


def _question_box(assistant: Assistant, talk: Conversation) -> str | None:
    """The box, the filters above it, and what was asked: typed, picked from the suggestions, or linked to."""
    # In a container, so that Streamlit does not scroll to the end of an answer: its beginning is what to read first.
    with st.bottom, st.container(key="asking"):
        tools = st.container(horizontal=True, vertical_alignment="center", key="tools")
        typed = st.chat_input("Ask the briefs a question", key="question", max_chars=LONGEST, submit_mode="stop")
        _who_will_see_it(assistant.settings)
    linked = None if talk.linked else st.query_params.get(QUESTION)
    question = typed or talk.pending or linked
    with tools:
        show_filters(assistant.generation)
        if talk.exchanges or question:
            st.button(
                "New conversation",
                icon=":material/add:",
                type="tertiary",
                on_click=start_anew,
                args=(assistant, talk),
                key="new",
            )
    talk.pending, talk.alone, talk.linked = None, False, True
    return question


def _who_will_see_it(settings: Settings) -> None:
    """Which model at which address what is asked goes to, before anything is asked."""
    if settings.engine != "model":
        return
    try:
        access = access_of(settings)
    except SettingsError as error:
        st.warning(f"{plain(str(error))}. Run `briefs doctor`.", icon=":material/error:")
        return
    sees = f"Questions and the passages found for them go to **{plain(str(access))}**, which writes the answers."
    st.caption(" ".join([sees, *(f"**{plain(warning)}.**" for warning in access.warnings)]))


def _talk(assistant: Assistant, generation: Generation, talk: Conversation) -> None:
    if not talk.exchanges:
        _trouble(talk)
        _welcome(assistant, generation, talk)
        return
    for exchange in talk.exchanges:
        exchange.look_again(generation, reader())
        show_question(exchange)
        show_answer(assistant, talk, exchange)
    _trouble(talk)


def _trouble(talk: Conversation) -> None:
    if talk.trouble:
        st.warning(plain(talk.trouble), icon=":material/error:")


def _welcome(assistant: Assistant, generation: Generation, talk: Conversation) -> None:
    with st.container(key="welcome"):
        st.title("Ask the briefs", anchor=False)
        seen = readable(generation)
        dates = span_of(seen)
        held = plural(len(seen), "brief") + (f", {dates}" if dates else "")
        st.markdown(
            f"{held}. Every statement of an answer cites the exact words of a brief; click a number to read them there."
        )
        try:
            suggestions = suggested_questions(assistant, reader().labels)
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
                        on_click=talk.pick,
                        args=(question,),
                    )


def _said(exchange: Exchange) -> str:
    """What a screen reader says about the newest answer."""
    answer = exchange.answer
    if exchange.trouble or answer is None:
        return exchange.trouble or "Stopped."
    if answer.notice.startswith(STOPPED):
        return answer.notice
    if answer.readings:
        return f"{answer.text} {plural(len(answer.readings), 'reading')} offered."
    if answer.status == "abstained":
        return f"No answer. {plural(len(answer.nearest), 'near brief')} named."
    supported = [statement for statement in answer.statements if not statement.unsupported]
    struck = len(answer.statements) - len(supported)
    how = f"Answered in {plural(len(supported), 'statement')} with {plural(len(answer.citations), 'citation')}."
    also = f"{plural(struck, 'statement')} struck out." if struck else ""
    return " ".join(part for part in (how, also, answer.notice, answer.missing) if part)
