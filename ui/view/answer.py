"""An exchange on the page: the question, the answer with its citations, or why there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import StopException, add_script_run_ctx

from assistant import Answer, Assistant, Citation
from assistant.types import Event, Sources, Stated
from index.errors import BriefsError
from index.search import MAX_QUESTION
from ui.view.brief import excerpt
from ui.view.components import show_sources, show_statement
from ui.view.conversation import Conversation, Exchange, nearest_passages
from ui.view.foot import show_foot
from ui.view.kept import settle
from ui.view.narrowing import in_words, plural
from ui.view.plain import plain
from ui.view.reader import reader

PACE_S = 0.12
"""Between statements while an answer appears, in seconds."""
POLL_S = 0.1
"""How long a pressed stop button may wait, in seconds."""
PATIENCE_S = 0.3
"""What takes longer says that it is searching, in seconds."""
CUT = "The model was cut short; what it had written and the briefs bear out is shown."
GONE = "[{}] The brief no longer says this. It was quoted as “{}”"
USER, ASSISTANT = ":material/person:", ":material/article:"


def show_question(exchange: Exchange) -> None:
    """The reader's words."""
    with st.container(key=f"asked-{exchange.number}"), st.chat_message("user", avatar=USER):
        st.text(exchange.question)


def show_answer(assistant: Assistant, talk: Conversation, exchange: Exchange) -> None:
    """The answer. One that is under way is followed to its end, or until it is stopped: what has come by then stays."""
    message = st.chat_message("assistant", avatar=ASSISTANT)
    with message:
        note = st.empty()
        try:
            exchange.shown = 0
            _standalone(talk, exchange)
            show_statements(talk, exchange)
            _follow(assistant, talk, exchange, note)
        except StopException:
            if exchange.is_live():
                exchange.stop(assistant.settings.engine, assistant.generation.id_for(reader().labels))
                _from_another_thread(lambda: _stopped(assistant, talk, exchange, message, note))
            raise
        _rest(assistant, talk, exchange)


def _follow(assistant: Assistant, talk: Conversation, exchange: Exchange, note: DeltaGenerator) -> None:
    """Draw what comes until there is no more, and keep it."""
    if not exchange.is_live():
        return
    started = time.monotonic()
    while True:
        event = _next(exchange)
        if not exchange.is_live():
            break
        # Any call to Streamlit is where a stop takes effect.
        note.caption(_so_far(assistant, exchange) if time.monotonic() - started > PATIENCE_S else " ")
        if isinstance(event, Sources):
            _standalone(talk, exchange)
        elif isinstance(event, Stated):
            show_statements(talk, exchange, exchange.shown)
            time.sleep(PACE_S)
    settle(assistant, talk, exchange)
    note.empty()
    if exchange.statements[: exchange.shown] != tuple(exchange.stated[: exchange.shown]):
        st.rerun()  # the whole answer has them in another order
    show_statements(talk, exchange, exchange.shown)


def _next(exchange: Exchange) -> Event | None:
    """What has come, noted before any call to Streamlit can end this run of the page."""
    try:
        event = exchange.live.next(POLL_S) if exchange.live else None
    except BriefsError as error:
        exchange.end(None, str(error))
        return None
    if event:
        exchange.take(event)
    return event


def _so_far(assistant: Assistant, exchange: Exchange) -> str:
    """What there is while there is more to come."""
    if exchange.stated:
        return f"Partial answer: {plural(len(exchange.stated), 'statement')} so far"
    if not exchange.found:
        return "No answer yet: searching the briefs …"
    titles = " · ".join(plain(near.title) for near in exchange.found)
    asked = f" {plain(assistant.settings.model_name)} is writing." if assistant.settings.engine == "model" else ""
    return f"No answer yet.{asked} Found in: {titles}"


def _from_another_thread(draw: Callable[[], None]) -> None:
    """Draw although the reader pressed stop, after which every call to Streamlit in the page's own thread ends it."""
    thread = threading.Thread(target=draw)
    add_script_run_ctx(thread)
    thread.start()
    thread.join()


def _stopped(
    assistant: Assistant, talk: Conversation, exchange: Exchange, message: DeltaGenerator, note: DeltaGenerator
) -> None:
    """Keep what stays of an answer that was stopped, and draw the rest of it."""
    settle(assistant, talk, exchange)
    note.empty()
    with message:
        show_statements(talk, exchange, exchange.shown)
        _rest(assistant, talk, exchange)


def _standalone(talk: Conversation, exchange: Exchange) -> None:
    """The question that was searched where it is not the one that was asked; it can be changed and asked again."""
    if exchange.searched in {"", exchange.question}:
        return
    key = f"edited-{exchange.number}"
    label = f"Searched for: {plain(exchange.searched)}"
    with (
        st.expander(label, type="compact", icon=":material/edit:", key=f"standalone-{exchange.number}"),
        st.form(f"edit-{exchange.number}", border=False),
    ):
        st.text_input("Question to search instead", exchange.searched, key=key, max_chars=MAX_QUESTION)
        st.form_submit_button("Ask this", on_click=lambda: talk.pick(st.session_state[key], alone=True))


def show_statements(talk: Conversation, exchange: Exchange, start: int = 0) -> None:
    """The statements there are from number ``start`` on, with their citations."""
    for k in range(start, len(exchange.statements)):
        exchange.shown = k + 1
        _statement(talk, exchange, k)


def _opened(talk: Conversation, exchange: Exchange) -> int:
    return talk.opened.label if talk.opened and talk.opened.exchange == exchange.number else 0


def _statement(talk: Conversation, exchange: Exchange, k: int) -> None:
    statement = exchange.statements[k]
    new_group = k == 0 or exchange.statements[k - 1].group != statement.group
    focus = talk.focus
    lends = focus is not None and focus.exchange == exchange.number and _first_with(exchange, focus.label) == k
    cited = [citation for citation in _readable(exchange) if citation.label in statement.citations]
    gone = [citation for citation in cited if exchange.standing.get(citation.label) == "gone"]
    show_statement(
        key=f"statement-{exchange.number}-{k}",
        text=statement.text,
        group=statement.group if new_group else "",
        citations=cited,
        unsupported=statement.unsupported,
        notes=[GONE.format(citation.label, " ".join(citation.quote.split())) for citation in gone],
        opened=_opened(talk, exchange),
        focus={"id": str(talk.opening), "label": focus.label} if focus and lends else None,
        on_open=lambda label: talk.open(exchange.number, label),
        lead=_lead(talk, exchange) if k == 0 else "",
    )


def _readable(exchange: Exchange) -> list[Citation]:
    """The citations that the reader may open."""
    return [citation for citation in exchange.citations if exchange.standing.get(citation.label) != "hidden"]


def _lead(talk: Conversation, exchange: Exchange) -> str:
    """The key of the newest question, which goes to the top of the window when its answer appears."""
    return f"asked-{exchange.number}" if exchange is talk.exchanges[-1] else ""


def _first_with(exchange: Exchange, label: int) -> int:
    """The first statement that carries a label: the one whose button gets the keyboard back."""
    return next((k for k, statement in enumerate(exchange.statements) if label in statement.citations), -1)


def _rest(assistant: Assistant, talk: Conversation, exchange: Exchange) -> None:
    """What stands below the statements."""
    answer = exchange.answer
    if exchange.trouble:
        st.error(plain(exchange.trouble), icon=":material/error:")
    if answer is None:
        return
    if answer.notice or answer.truncated:
        icon = ":material/stop_circle:" if exchange.stopped else ":material/warning:"
        st.warning(plain(answer.notice or CUT), icon=icon)
    if exchange.stopped and not answer.statements:
        return
    if answer.readings:
        _readings(talk, exchange, answer)
    elif answer.status == "abstained":
        _abstention(assistant, talk, exchange, answer)
    elif answer.missing:
        st.info(plain(answer.missing), title="Part of the question is not answered", icon=":material/info:")
    shown = {label for statement in answer.statements for label in statement.citations}
    show_sources(
        key=f"sources-{exchange.number}",
        citations=[citation for citation in _readable(exchange) if citation.label in shown],
        question=answer.searched or exchange.question,
        opened=_opened(talk, exchange),
        on_open=lambda label: talk.open(exchange.number, label),
        lead="" if answer.statements else _lead(talk, exchange),
    )
    show_foot(assistant, talk, exchange, answer)


def _readings(talk: Conversation, exchange: Exchange, answer: Answer) -> None:
    """What an ambiguous question may mean, each to be asked by itself."""
    with st.container(border=True, key=f"readings-{exchange.number}"):
        st.markdown(plain(answer.text))
        for k, reading in enumerate(answer.readings):
            st.button(
                plain(reading),
                key=f"reading-{exchange.number}-{k}",
                width="stretch",
                wrap=True,
                on_click=talk.pick,
                args=(reading, True),
            )


def _abstention(assistant: Assistant, talk: Conversation, exchange: Exchange, answer: Answer) -> None:
    """Says that there is no answer, names the nearest briefs and offers to look into them."""
    with st.container(border=True, key=f"abstained-{exchange.number}"):
        st.markdown("**The briefs do not answer this.**")
        if exchange.filters and in_words(exchange.filters):
            st.markdown(f"Only briefs that pass your filters were searched ({plain(in_words(exchange.filters))}).")
        if not answer.nearest:
            return
        st.caption("Nearest briefs")
        with st.container(gap="xsmall"):
            for k, near in enumerate(answer.nearest):
                st.button(
                    plain(near.title),
                    key=f"near-{exchange.number}-{k}",
                    type="tertiary",
                    icon=":material/description:",
                    on_click=talk.open_brief,
                    args=(exchange.number, near.brief_id),
                )
        if exchange.passages is None:
            st.button(
                "Show their nearest passages",
                key=f"look-{exchange.number}",
                icon=":material/search:",
                on_click=_look,
                args=(assistant, exchange, answer),
            )
            return
        st.caption("Nearest passages, which do not answer the question")
        for passage in exchange.passages:
            brief = assistant.generation.brief(passage.brief_id)
            show_statement(
                key=f"passage-{exchange.number}-{passage.label}",
                text=excerpt(brief, passage.start, passage.end) or passage.title,
                group="",
                citations=[passage],
                opened=_opened(talk, exchange),
                on_open=lambda label: talk.open(exchange.number, label),
            )


def _look(assistant: Assistant, exchange: Exchange, answer: Answer) -> None:
    try:
        exchange.passages = nearest_passages(assistant, answer, reader())
    except BriefsError as error:
        exchange.trouble = str(error)
