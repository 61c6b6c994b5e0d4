"""``/conversations``, ``/feedback``: what belongs to the caller."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import quote

import anyio.to_thread
from fastapi import Body, FastAPI, Path, Query, Request, Response

from assistant import Answer, Turn
from assistant.conversations import Conversation, KeptTurn, export, review
from assistant.feedback import record
from index.errors import StoreMissing
from ui.access.caller import Caller, caller_of
from ui.answering import NoConversation, opened, readable_history
from ui.api.ask import Key
from ui.api.problems import Problem
from ui.api.repeats import REPLAYED
from ui.api.results import ConversationResult, ConversationsResult, ListedResult
from ui.api.routing import JSON, described
from ui.api.schemas import (
    AnswerFeedbackBody,
    Feedback,
    Formats,
    NewConversationBody,
    Paging,
    TitleBody,
)
from ui.api.service import Service, T
from ui.api.underway import encoded

KINDS = {"md": "text/markdown", "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}
ConversationId = Annotated[str, Path(examples=["5f0c1d2e3a4b5c6d"])]
_FILE = {
    "description": "The file.",
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in KINDS.values()},
}
_LOCATION = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}


def add_conversations(api: FastAPI, service: Service) -> None:
    """The routes below ``/v1/conversations`` that begin and show one."""
    store = service.conversations
    one = {"description": "The conversation.", "model": ConversationResult}

    @api.get(
        "/v1/conversations",
        tags=["conversations"],
        summary="List conversations",
        responses=described(s200={"description": "A page of the list.", "model": ConversationsResult}),
    )
    async def list_conversations(request: Request, paging: Annotated[Paging, Query()]) -> Response:
        rows = await _in_thread(lambda: store.listed(caller_of(request.scope).owner))
        page = rows[paging.offset : paging.offset + paging.limit]
        found = {"total": len(rows), "offset": paging.offset, "limit": paging.limit}
        return Response(encoded({**found, "conversations": [asdict(row) for row in page]}), media_type=JSON)

    @api.post(
        "/v1/conversations",
        tags=["conversations"],
        summary="Begin a conversation",
        status_code=201,
        responses=described("conflict", "not-found", body=True, s201={**one, "headers": _LOCATION}),
    )
    async def create_conversation(request: Request, body: NewConversationBody, key: Key = None) -> Response:
        caller = caller_of(request.scope)

        async def make() -> Conversation:
            return await _in_thread(lambda: store.create(body.title, caller.owner))

        new, replayed = await service.repeats.once(request, make)
        if replayed:  # unless it was erased meanwhile
            await _in_thread(lambda: opened(store, new.id, caller))
        headers = {"Location": f"/api/v1/conversations/{new.id}", **(REPLAYED if replayed else {})}
        content = {"id": new.id, "title": new.title, "created": new.created, "updated": new.updated, "turns": []}
        return Response(encoded(content), 201, headers, JSON)

    @api.get(
        "/v1/conversations/{id}",
        tags=["conversations"],
        summary="Read a conversation",
        responses=described("not-found", s200=one),
    )
    async def get_conversation(request: Request, id: ConversationId) -> Response:
        body = await _in_thread(lambda: _shown(service, caller_of(request.scope), id))
        return Response(body, media_type=JSON)

    @api.get(
        "/v1/conversations/{id}/export",
        tags=["conversations"],
        summary="Export a conversation",
        responses=described("not-found", s200=_FILE),
    )
    async def export_conversation(
        request: Request, id: ConversationId, formats: Annotated[Formats, Query()]
    ) -> Response:
        suffix = f".{formats.format}"
        title, body = await _in_thread(lambda: _exported(service, caller_of(request.scope), id, suffix))
        name = re.sub(r"\W+", "-", title).strip("-")[:60] or "conversation"
        disposition = f"attachment; filename=\"conversation{suffix}\"; filename*=UTF-8''{quote(name + suffix)}"
        return Response(body, headers={"Content-Disposition": disposition}, media_type=KINDS[formats.format])


def add_changes(api: FastAPI, service: Service) -> None:
    """What changes a conversation."""
    store = service.conversations

    @api.patch(
        "/v1/conversations/{id}",
        tags=["conversations"],
        summary="Rename a conversation",
        responses=described("not-found", body=True, s200={"description": "The conversation.", "model": ListedResult}),
    )
    async def rename_conversation(request: Request, id: ConversationId, body: TitleBody) -> Response:
        owner = caller_of(request.scope).owner

        def work() -> dict[str, Any]:
            store.rename(id, body.title, owner)
            row = next((row for row in store.listed(owner) if row.id == id), None)
            if row is None:
                raise NoConversation
            return asdict(row)

        return Response(encoded(await _in_store(work)), media_type=JSON)

    @api.delete(
        "/v1/conversations/{id}",
        tags=["conversations"],
        summary="Erase a conversation",
        status_code=204,
        responses=described("not-found", s204={"description": "It is erased."}),
    )
    async def delete_conversation(request: Request, id: ConversationId) -> Response:
        await _in_store(lambda: store.delete(id, caller_of(request.scope).owner))
        return Response(status_code=204)


def add_feedback(api: FastAPI, service: Service) -> None:
    """``/v1/feedback``."""

    @api.post(
        "/v1/feedback",
        tags=["asking"],
        summary="Say what you think of an answer",
        status_code=204,
        responses=described("conflict", "not-found", body=True, s204={"description": "It is kept."}),
    )
    async def give_feedback(request: Request, body: Annotated[Feedback, Body()], key: Key = None) -> Response:
        caller = caller_of(request.scope)

        async def make() -> None:
            if isinstance(body, AnswerFeedbackBody):
                answer, history = _of_answer(service, caller, body.answer)
            else:
                answer, history = await _in_thread(lambda: _of_turn(service, caller, body.conversation, body.turn))
            await _in_thread(lambda: record(service.settings, answer, body.comment, history, verdict=body.rating))

        _, replayed = await service.repeats.once(request, make)
        return Response(status_code=204, headers=REPLAYED if replayed else {})


async def _in_thread(work: Callable[[], T]) -> T:
    """What ``work`` gives, which waits for the disk."""
    return await anyio.to_thread.run_sync(work)


async def _in_store(work: Callable[[], T]) -> T:
    """What ``work`` in the store of conversations gives. :raises NoConversation: if there is none of the id."""
    try:
        return await anyio.to_thread.run_sync(work)
    except StoreMissing as error:
        raise NoConversation from error


def _shown(service: Service, caller: Caller, id: str) -> bytes:
    kept = opened(service.conversations, id, caller)
    turns = [_turn(service, caller, turn) for turn in kept.turns]
    return encoded(
        {"id": kept.id, "title": kept.title, "created": kept.created, "updated": kept.updated, "turns": turns}
    )


def _turn(service: Service, caller: Caller, turn: KeptTurn) -> dict[str, Any]:
    generation = service.assistant.generation
    answer, checked = review(generation, turn.answer, caller.allowed(generation))
    standing = {str(found.citation.label): found.standing for found in checked if found.standing != "current"}
    return {
        "question": turn.question,
        "searched": answer.searched or turn.question,
        "at": turn.at,
        "answer": answer.to_json(),
        "standing": standing,
    }


def _exported(service: Service, caller: Caller, id: str, suffix: str) -> tuple[str, bytes]:
    kept, generation = opened(service.conversations, id, caller), service.assistant.generation
    return kept.title, export(kept, generation, suffix, caller.allowed(generation))


def _of_answer(service: Service, caller: Caller, answer_id: str) -> tuple[Answer, tuple[Turn, ...]]:
    underway = service.shelf.find(answer_id, caller)
    if underway is None or underway.answer is None:
        raise Problem(404, "not-found", "no answer of this id is kept for you; name the conversation and the turn")
    return underway.answer, underway.asked.history


def _of_turn(service: Service, caller: Caller, id: str, number: int) -> tuple[Answer, tuple[Turn, ...]]:
    kept = opened(service.conversations, id, caller)
    if number > len(kept.turns):
        raise Problem(404, "not-found", f"the conversation has {len(kept.turns)} turns, there is no turn {number}")
    before = Conversation(kept.id, kept.title, kept.created, kept.updated, kept.turns[: number - 1])
    return kept.turns[number - 1].answer, readable_history(before, service.assistant.generation, caller)
