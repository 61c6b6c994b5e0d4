"""A question of a caller on its way to an answer: what was said before, what may be read, what stays when it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from assistant import Answer, Assistant, Citation, Statement, Turn
from assistant.conversations import Conversation, ConversationStore, review
from assistant.extractive import answer_text
from assistant.types import Done, Event, Sources, Stated
from index.errors import BriefsError, StoreMissing
from index.filters import Filters
from index.generation import Generation
from ui.access.caller import Caller

STOPPED = "Stopped by the reader"
"""The notice on an answer that was stopped starts so."""


class NoConversation(BriefsError):
    """The caller has no conversation of that id."""

    def __init__(self) -> None:
        super().__init__("you have no conversation of this id; it may have been deleted")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the turns before it; ``conversation`` is the id of the kept one that the answer is added to, or empty.

    ``id`` comes back with the answer. ``filters`` can only narrow what the caller may read.
    """

    question: str
    history: tuple[Turn, ...] = ()
    filters: Filters | None = None
    id: str | None = None
    conversation: str = ""


def answering(assistant: Assistant, caller: Caller, asked: Asked, stopped: threading.Event) -> Iterator[Event]:
    """The events of the answer. Once ``stopped`` is set, ``Done`` follows at once with what was verified until then.

    An answer in a kept conversation is on disk before its ``Done`` comes.

    :raises QuestionError: if the question is empty or too long.
    :raises NoConversation: if the caller has no such conversation, or has deleted it meanwhile.
    :raises StoreError: if the index or the conversations cannot be used.
    """
    store = ConversationStore(assistant.settings.store)
    told: list[Event] = []
    answer: Answer | None = None
    if not stopped.is_set():
        history = asked.history
        if asked.conversation:
            kept = opened(store, asked.conversation, caller)
            history = (*readable_history(kept, assistant.generation, caller), *history)
        filters = caller.narrowed(asked.filters)
        answer = yield from _told(assistant.stream(asked.question, history, filters, asked.id, stopped), stopped, told)
    if answer is None:
        answer = _stopped(assistant, caller, asked, told)
    if asked.conversation and (answer.statements or not answer.notice.startswith(STOPPED)):
        try:
            store.append(asked.conversation, answer, caller.owner)
        except StoreMissing as error:
            raise NoConversation from error
    yield Done(answer)


def _told(
    events: Iterator[Event], stopped: threading.Event, told: list[Event]
) -> Generator[Event, None, Answer | None]:
    """The events before the last, which are added to ``told``, and the answer of the last; None if it was stopped before."""
    for event in events:
        if stopped.is_set():
            break
        if isinstance(event, Done):
            return event.answer
        told.append(event)
        yield event
    if isinstance(events, Generator):
        events.close()
    return None


def _stopped(assistant: Assistant, caller: Caller, asked: Asked, told: Sequence[Event]) -> Answer:
    stated = [event for event in told if isinstance(event, Stated)]
    return stopped_answer(
        asked.question,
        [one.statement for one in stated],
        [citation for one in stated for citation in one.citations],
        searched=next((event.searched for event in told if isinstance(event, Sources)), ""),
        engine=assistant.settings.engine,
        generation_id=assistant.generation.id_for(caller.labels),
        id=asked.id,
    )


def stopped_answer(
    question: str,
    statements: Sequence[Statement],
    citations: Sequence[Citation],
    *,
    searched: str,
    engine: str,
    generation_id: str,
    id: str | None = None,
) -> Answer:
    """What was verified until a reader stopped the answer, marked as partial."""
    supported = [statement for statement in statements if not statement.unsupported]
    count = f"{len(statements)} statement{'' if len(statements) == 1 else 's'}"
    notice = f"{STOPPED} {f'after {count}' if statements else 'before there was an answer'}."
    return Answer(
        question,
        "partial" if supported else "abstained",
        answer_text(supported) or notice,
        0.0,
        tuple(statements),
        tuple(citations),
        engine=engine,
        generation=generation_id,
        searched=searched or question,
        id=id,
        notice=notice,
        truncated=True,
    )


def opened(store: ConversationStore, conversation_id: str, caller: Caller) -> Conversation:
    """A conversation of the caller. :raises NoConversation: if there is none of that id."""
    try:
        return store.open(conversation_id, caller.owner)
    except StoreMissing as error:
        raise NoConversation from error


def readable_history(kept: Conversation, generation: Generation, caller: Caller) -> tuple[Turn, ...]:
    """The turns of a kept conversation without what was taken from briefs that the caller may not read now."""
    allowed = caller.allowed(generation)
    return tuple(
        turn
        for one in kept.turns
        for turn in (
            Turn("user", one.question),
            Turn("assistant", review(generation, one.answer, allowed)[0].text),
        )
    )
