"""Conversations that are kept: in the store as they go, in a list at the side, under an address of their own."""

from __future__ import annotations

import re
from functools import partial

import streamlit as st

from assistant import Assistant
from assistant.conversations import ConversationStore, Listed, export
from index.errors import BriefsError
from index.filters import Filters
from ui.access.caller import Caller
from ui.telemetry import answered
from ui.view.components import show_conversations
from ui.view.conversation import Conversation, Exchange
from ui.view.live import Live
from ui.view.plain import plain
from ui.view.reader import reader

PARAMETER, QUESTION = "c", "q"
"""In the address of the page: the id of the conversation that is shown; a question to ask."""
FORMATS = {
    "Markdown": (".md", "text/markdown"),
    "Word": (".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
}


def reopen(assistant: Assistant, talk: Conversation) -> None:
    """Show the conversation that the address names, unless it is there already; and have the address name it."""
    wanted = st.query_params.get(PARAMETER, "")
    if wanted and wanted != talk.id:
        leave(assistant, talk)
        try:
            talk.resume(_store(assistant).open(wanted, reader().owner))
        except BriefsError as error:
            talk.trouble = str(error)
    _name_in_address(talk)


def begin(assistant: Assistant, talk: Conversation, question: str, filters: Filters, alone: bool) -> Exchange:
    """Ask; the answer comes while the page is drawn. The first question of a conversation creates it."""
    talk.trouble = ""
    if not talk.id:
        try:
            talk.id = _store(assistant).create(question, reader().owner).id
        except BriefsError as error:
            talk.trouble = f"This conversation is not kept: {error}"
    exchange = talk.begin(question, filters, alone)
    history = () if alone else talk.history(exchange)
    exchange.live = Live(lambda stopped: assistant.stream(question, history, filters, stopped=stopped), reader().hash)
    _name_in_address(talk)
    return exchange


def settle(assistant: Assistant, talk: Conversation, exchange: Exchange) -> None:
    """Keep what came of a question, and log it; a conversation in which nothing was answered is not kept."""
    if exchange.given:
        log_questions = assistant.settings.log_questions
        answered(exchange.given, assistant.generation, reader(), log_questions=log_questions)
    if not talk.id:
        return
    store, owner = _store(assistant), reader().owner
    try:
        if exchange.given:
            store.append(talk.id, exchange.given, owner)
        elif not any(other.given for other in talk.exchanges):
            store.delete(talk.id, owner)
            talk.id = ""
            _name_in_address(talk)
    except BriefsError as error:
        talk.trouble = f"This answer is not kept: {error}"


def leave(assistant: Assistant, talk: Conversation) -> None:
    """Clear the page; what is under way is stopped and kept as far as it came."""
    for exchange in talk.exchanges:
        if exchange.live:
            exchange.stop(assistant.settings.engine, assistant.generation.id_for(reader().labels))
            settle(assistant, talk, exchange)
    talk.clear()


def start_anew(assistant: Assistant, talk: Conversation) -> None:
    """An empty page."""
    leave(assistant, talk)
    _name_in_address(talk)


def show_kept(assistant: Assistant, talk: Conversation) -> None:
    """The list at the side, and what can be done with the conversation that is shown."""
    with st.sidebar:
        st.subheader("Conversations", anchor=False)
        try:
            listed = _store(assistant).listed(reader().owner)
        except BriefsError as error:
            st.warning(plain(str(error)), icon=":material/error:")
            return
        if not listed:
            st.caption("What you ask is kept here.")
            return
        show_conversations(listed, talk.id, _open)
        current = next((kept for kept in listed if kept.id == talk.id), None)
        if current:
            _this_one(assistant, talk, current)


def _open(conversation_id: str) -> None:
    st.query_params[PARAMETER] = conversation_id


def _this_one(assistant: Assistant, talk: Conversation, current: Listed) -> None:
    store, owner = _store(assistant), reader().owner
    key = f"title-{current.id}"
    name = re.sub(r"\W+", "-", current.title).strip("-")[:60] or "conversation"

    def rename() -> None:
        try:
            store.rename(current.id, st.session_state[key], owner)
        except BriefsError as error:
            talk.trouble = str(error)

    with st.popover("This conversation", icon=":material/more_horiz:", width="stretch", key="this"):
        st.text_input("Title", current.title, key=key, on_change=rename)
        st.caption("Export with every quote")
        for label, (suffix, kind) in FORMATS.items():
            st.download_button(
                label,
                partial(_file, assistant, current.id, suffix, reader()),
                f"{name}{suffix}",
                kind,
                key=f"export{suffix}",
                on_click="ignore",
                icon=":material/download:",
                width="stretch",
            )
        _deleting(assistant, talk, current)


def _file(assistant: Assistant, conversation_id: str, suffix: str, who: Caller) -> bytes:
    """The export as it is when the button is clicked, with what ``who`` may read then, in a thread that knows no reader."""
    generation, kept = assistant.generation, _store(assistant).open(conversation_id, who.owner)
    return export(kept, generation, suffix, who.allowed(generation))


def _deleting(assistant: Assistant, talk: Conversation, current: Listed) -> None:
    def delete() -> None:
        try:
            _store(assistant).delete(current.id, reader().owner)
        except BriefsError as error:
            talk.trouble = str(error)
            return
        for exchange in talk.exchanges:
            if exchange.live:
                exchange.live.cancel()
        talk.clear()
        _name_in_address(talk)

    def ask_again(yes: bool) -> None:
        talk.deleting = yes

    if not talk.deleting:
        st.button("Delete …", icon=":material/delete:", on_click=ask_again, args=(True,), key="delete", width="stretch")
        return
    st.markdown(f"Delete “{plain(current.title)}”?")
    with st.container(horizontal=True):
        st.button("Delete for good", type="primary", on_click=delete, key="delete-yes")
        st.button("Keep", on_click=ask_again, args=(False,), key="delete-no")


def _store(assistant: Assistant) -> ConversationStore:
    return ConversationStore(assistant.settings.store)


def _name_in_address(talk: Conversation) -> None:
    """The conversation's id in place of the question that a link asks."""
    if talk.linked:
        st.query_params.pop(QUESTION, None)
    if not talk.id:
        st.query_params.pop(PARAMETER, None)
    elif st.query_params.get(PARAMETER) != talk.id:
        st.query_params[PARAMETER] = talk.id
