"""An exchange on the page: the question, the answer with its citations, or why there is none."""

from __future__ import annotations

import re
import time
from concurrent.futures import wait

import streamlit as st

from assistant import Answer, Assistant
from assistant.feedback import record
from index.errors import BriefsError
from ui.view.brief import excerpt
from ui.view.components import show_sources, show_statement
from ui.view.conversation import Conversation, Exchange, ask, nearest_passages
from ui.view.narrowing import allowed_count, in_words, plural

PACE_S = 0.12
"""Between statements while an answer appears, in seconds."""
POLL_S = 0.1
"""How long a pressed stop button may wait, in seconds."""
PATIENCE_S = 0.3
"""What takes longer says that it is searching, in seconds."""
CONFIDENCE = ((0.8, "High confidence"), (0.5, "Fair confidence"), (0.0, "Low confidence"))
_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")
USER, ASSISTANT = ":material/person:", ":material/article:"


def plain(text: str) -> str:
    """``text`` so that Markdown shows it as it is: no links, no images, no directives."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def confidence_in_words(confidence: float) -> str:
    """High, fair or low."""
    return next(words for least, words in CONFIDENCE if confidence >= least)


def show_question(exchange: Exchange) -> None:
    """The reader's words."""
    with st.container(key=f"asked-{exchange.number}"), st.chat_message("user", avatar=USER):
        st.text(exchange.question)


def answer_live(assistant: Assistant, talk: Conversation, exchange: Exchange) -> None:
    """Ask and show the answer statement by statement. A stop leaves what was shown so far in ``exchange``."""
    with st.chat_message("assistant", avatar=ASSISTANT):
        note = st.empty()
        started = time.monotonic()
        future = ask(assistant, exchange, talk.history(exchange))
        while not future.done():
            wait([future], timeout=POLL_S)
            # Any call to Streamlit is where a stop takes effect.
            waited = time.monotonic() - started > PATIENCE_S
            note.caption("No answer yet: searching the briefs …" if waited else " ")
        try:
            exchange.answer = future.result()
        except BriefsError as error:
            exchange.trouble = str(error)
        answer = exchange.answer
        if answer is None:
            note.empty()
            st.error(plain(exchange.trouble), icon=":material/error:")
            return
        for k in range(len(answer.statements)):
            if k:
                note.caption(f"Partial answer: {k} of {plural(len(answer.statements), 'statement')}")
                time.sleep(PACE_S)
            _statement(talk, exchange, answer, k)
            exchange.shown = k + 1
        note.empty()
        _rest(assistant, talk, exchange, answer)


def show_answer(assistant: Assistant, talk: Conversation, exchange: Exchange) -> None:
    """An answer of an earlier run of the page."""
    with st.chat_message("assistant", avatar=ASSISTANT):
        if exchange.trouble:
            st.error(plain(exchange.trouble), icon=":material/error:")
            return
        note = st.empty()
        answer = exchange.answer
        if answer is None:
            note.caption("Stopped before there was an answer.")
            return
        for k in range(exchange.shown):
            _statement(talk, exchange, answer, k)
        if exchange.stopped:
            st.warning(
                f"Partial answer: stopped after {exchange.shown} of {plural(len(answer.statements), 'statement')}.",
                icon=":material/stop_circle:",
            )
        _rest(assistant, talk, exchange, answer)


def _opened(talk: Conversation, exchange: Exchange) -> int:
    return talk.opened.label if talk.opened and talk.opened.exchange == exchange.number else 0


def _statement(talk: Conversation, exchange: Exchange, answer: Answer, k: int) -> None:
    statement = answer.statements[k]
    new_group = k == 0 or answer.statements[k - 1].group != statement.group
    focus = talk.focus
    lends = focus is not None and focus.exchange == exchange.number and _first_with(answer, focus.label) == k
    show_statement(
        key=f"statement-{exchange.number}-{k}",
        text=statement.text,
        group=statement.group if new_group else "",
        citations=[citation for citation in answer.citations if citation.label in statement.citations],
        opened=_opened(talk, exchange),
        focus={"id": str(talk.opening), "label": focus.label} if focus and lends else None,
        on_open=lambda label: talk.open(exchange.number, label),
        lead=_lead(talk, exchange) if k == 0 else "",
    )


def _lead(talk: Conversation, exchange: Exchange) -> str:
    """The key of the newest question, which goes to the top of the window when its answer appears."""
    return f"asked-{exchange.number}" if exchange is talk.exchanges[-1] else ""


def _first_with(answer: Answer, label: int) -> int:
    """The first statement that carries a label: the one whose button gets the keyboard back."""
    return next((k for k, statement in enumerate(answer.statements) if label in statement.citations), -1)


def _rest(assistant: Assistant, talk: Conversation, exchange: Exchange, answer: Answer) -> None:
    if answer.status == "abstained":
        _abstention(assistant, talk, exchange, answer)
    elif answer.missing:
        st.info(plain(answer.missing), icon=":material/info:")
    shown = {label for statement in answer.statements[: exchange.shown] for label in statement.citations}
    show_sources(
        key=f"sources-{exchange.number}",
        citations=[citation for citation in answer.citations if citation.label in shown],
        question=answer.searched or exchange.question,
        opened=_opened(talk, exchange),
        on_open=lambda label: talk.open(exchange.number, label),
        lead="" if answer.statements else _lead(talk, exchange),
    )
    with st.container(horizontal=True, vertical_alignment="top", key=f"foot-{exchange.number}"):
        _searched(assistant, exchange, answer)
        _feedback(assistant, talk, exchange, answer)


def _abstention(assistant: Assistant, talk: Conversation, exchange: Exchange, answer: Answer) -> None:
    """Says that there is no answer, names the nearest briefs and offers to look into them."""
    with st.container(border=True, key=f"abstained-{exchange.number}"):
        st.markdown("**The briefs do not answer this.**")
        if in_words(exchange.filters):
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
        exchange.passages = nearest_passages(assistant, exchange, answer)
    except BriefsError as error:
        exchange.trouble = str(error)


def _searched(assistant: Assistant, exchange: Exchange, answer: Answer) -> None:
    """How sure the answer is, and what was searched, behind it."""
    label = confidence_in_words(answer.confidence) if answer.statements else "What was searched"
    with st.expander(label, type="compact", icon=":material/manage_search:", key=f"searched-{exchange.number}"):
        generation = assistant.generation
        total = len(generation.brief_ids)
        narrowed = in_words(exchange.filters)
        count = allowed_count(generation, exchange.filters)
        rows = [
            ("Searched for", answer.searched or exchange.question),
            ("In", f"{count} of {plural(total, 'brief')}" + (f" ({narrowed})" if narrowed else "")),
            ("Chance that the briefs hold an answer", f"{answer.confidence:.0%}"),
            ("Index", answer.generation),
            ("Answered by", f"{answer.engine}, {answer.timings_ms.get('total', 0):.0f} ms"),
        ]
        st.caption("  \n".join(f"{name}: **{plain(value)}**" for name, value in rows if value))


def _feedback(assistant: Assistant, talk: Conversation, exchange: Exchange, answer: Answer) -> None:
    """Thumbs; down asks what was wrong and keeps it with the question and the answer."""
    key = f"thumbs-{exchange.number}"
    with st.container(width="content", key=f"feedback-{exchange.number}"):
        value = st.feedback("thumbs", key=key)
        sent = f"sent-{exchange.number}"
        if st.session_state.get(sent):
            st.caption("Thank you, noted.")
        elif value == 0:
            with st.form(f"wrong-{exchange.number}", border=False):
                wrong = st.text_input("What was wrong?", max_chars=2000, placeholder="What is missing or false")
                if st.form_submit_button("Send"):
                    try:
                        record(assistant.settings, answer, wrong, talk.history(exchange))
                    except BriefsError as error:
                        st.error(plain(str(error)))
                    else:
                        st.session_state[sent] = True
                        st.rerun()
        elif value == 1:
            st.caption("Thank you.")
