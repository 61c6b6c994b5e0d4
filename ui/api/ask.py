"""``/ask``: answers as JSON or as events, taken up again, stopped."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Header, Path, Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Send

from ui.access.caller import caller_of
from ui.answering import Asked
from ui.api.problems import Problem, problem_json
from ui.api.repeats import PATTERN, REPLAYED
from ui.api.results import AnswerResult
from ui.api.routing import EVENTS, JSON, described, preferred, problem_for
from ui.api.schemas import AskBody
from ui.api.service import Service
from ui.api.underway import Frame, Underway, encoded
from ui.telemetry.metrics import STREAMS

T = TypeVar("T")
BEAT_S = 15.0
"""A comment is sent when nothing else was for so long, in seconds."""
RETRY_MS = 2000
"""When readers should come back to a stream that broke, in milliseconds."""
_EVENTS = """\
retry: 2000

event: sources
id: 6bTzW1pGk0mXx2v3q9rZ4A.1
data: {"searched": "When was the crossing closed?", "briefs": [{"brief_id": "border", "source": "border.md", "title": "Border closure"}]}

event: statement
id: 6bTzW1pGk0mXx2v3q9rZ4A.2
data: {"statement": {"text": "Pakistan closed the Torkham crossing on 12 October 2025.", "citations": [1]}, "citations": [...]}

event: done
id: 6bTzW1pGk0mXx2v3q9rZ4A.3
data: {"schema": 1, "status": "answered", ...}

"""
_EVENT = {
    "type": "object",
    "description": "One event, whose data is JSON: docs/api.md tells of what.",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"enum": ["sources", "statement", "done", "error"]},
        "id": {"type": "string", "pattern": r"^[A-Za-z0-9_-]{22}\.[0-9]+$"},
        "data": {"type": "string", "contentMediaType": JSON},
        "retry": {"type": "integer"},
    },
}
ANSWERED: dict[str, Any] = {
    "description": "The answer, or its events as they come.",
    "headers": {
        "Answer-Id": {"description": "Takes it up again, or stops it.", "schema": {"type": "string"}},
        "Idempotency-Replayed": {"description": "true if it is the first one's.", "schema": {"type": "string"}},
    },
    "links": {
        "TakeUp": {"operationId": "take_up_answer", "parameters": {"answer_id": "$response.header.Answer-Id"}},
        "Stop": {"operationId": "stop_answer", "parameters": {"answer_id": "$response.header.Answer-Id"}},
        "Rate": {
            "operationId": "give_feedback",
            "requestBody": {"answer": "$response.header.Answer-Id", "rating": "up"},
        },
    },
    "model": AnswerResult,
    "content": {EVENTS: {"schema": _EVENT, "example": _EVENTS}},
}
AnswerId = Annotated[str, Path(description="What came as Answer-Id.", examples=["6bTzW1pGk0mXx2v3q9rZ4A"])]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", pattern=PATTERN, description="Makes sending it again have no further effect."),
]


class Gone(Exception):
    """Who asked has left."""


class EventStream(StreamingResponse):
    """Server-sent events. Whatever ends it, the source of its events is told."""

    media_type = EVENTS

    async def stream_response(self, send: Send) -> None:
        """Send the events; close their source."""
        with STREAMS.track_inprogress():
            async with aclosing(self.body_iterator):  # type: ignore[type-var]  # a generator, as ``_wire`` is
                await super().stream_response(send)


def add_ask(api: FastAPI, service: Service) -> None:
    """The routes below ``/v1/ask``."""
    shelf = service.shelf

    @api.post(
        "/v1/ask",
        tags=["asking"],
        summary="Ask a question",
        responses=described("conflict", "not-found", body=True, s200=ANSWERED),
    )
    async def ask(request: Request, body: AskBody, key: Key = None) -> Response:
        patient = _wants_events(request) or key is not None
        asked = Asked(
            body.question,
            tuple(turn.turn() for turn in body.history),
            body.filters.filters() if body.filters else None,
            body.id,
            body.conversation or "",
        )

        async def begin() -> Underway:
            return shelf.begin(request.scope, asked, patient=patient)

        underway, replayed = await service.repeats.once(request, begin, _is_good)
        return await _response(service, request, underway, REPLAYED if replayed else {})

    @api.get(
        "/v1/ask/{answer_id}",
        tags=["asking"],
        summary="Take an answer up again",
        responses=described("not-found", s200=ANSWERED),
    )
    async def take_up_answer(
        request: Request,
        answer_id: AnswerId,
        last_event_id: Annotated[str | None, Header(description="The last event seen.", max_length=64)] = None,
    ) -> Response:
        underway = _found(service, request, answer_id)
        return await _response(service, request, underway, {}, _after(answer_id, last_event_id))

    @api.delete(
        "/v1/ask/{answer_id}",
        tags=["asking"],
        summary="Stop an answer",
        status_code=204,
        responses=described("not-found", s204={"description": "It is stopped."}),
    )
    async def stop_answer(request: Request, answer_id: AnswerId) -> Response:
        _found(service, request, answer_id)
        shelf.drop(answer_id)
        return Response(status_code=204)


async def unless_gone(request: Request, awaited: Coroutine[Any, Any, T]) -> T:
    """What is ``awaited``. :raises Gone: if who asked leaves first; nothing is awaited any more then."""

    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    found, gone = asyncio.create_task(awaited), asyncio.create_task(left())
    try:
        await asyncio.wait({found, gone}, return_when=asyncio.FIRST_COMPLETED)
        if found.done():
            return found.result()
        raise Gone
    finally:
        found.cancel()
        gone.cancel()
        await asyncio.gather(found, gone, return_exceptions=True)


async def _response(
    service: Service, request: Request, underway: Underway, headers: dict[str, str], after: int = 0
) -> Response:
    headers = {"Answer-Id": underway.id, "Cache-Control": "no-store", **headers}
    anew = await service.shelf.as_it_stands(underway) if underway.job.ended else None
    if _wants_events(request):
        return EventStream(_wire(request, underway, after, anew), headers={**headers, "X-Accel-Buffering": "no"})
    try:
        frame = await unless_gone(request, underway.last()) if anew is None else anew
    except Gone:
        return Response(status_code=499)  # seen by the log alone
    return Response(frame.data, headers=headers, media_type=JSON)


async def _wire(request: Request, underway: Underway, after: int, anew: Frame | None) -> AsyncIterator[bytes]:
    """The events on the wire."""
    yield b"retry: %d\n\n" % RETRY_MS
    if anew:
        yield _event(underway, len(underway.job.items), anew)
        return
    try:
        async with aclosing(underway.frames(after, BEAT_S)) as frames:  # type: ignore[type-var]  # a generator
            async for frame in frames:
                after += frame is not None
                yield _event(underway, after, frame) if frame else b": more is to come\n\n"
    except Exception as error:  # noqa: BLE001  (told to the reader, and logged)
        problem = problem_for(error, underway.caller)
        yield b"event: error\nid: %b.%d\ndata: %b\n\n" % (
            underway.id.encode(),
            after + 1,
            encoded(problem_json(problem, request.scope)),
        )


def _event(underway: Underway, number: int, frame: Frame) -> bytes:
    return b"event: %b\nid: %b.%d\ndata: %b\n\n" % (frame.name.encode(), underway.id.encode(), number, frame.data)


def _wants_events(request: Request) -> bool:
    return preferred(request.headers.get("accept", ""), [JSON, EVENTS]) == EVENTS


def _is_good(underway: Underway) -> bool:
    """Whether the outcome of a request is kept for the same one sent again."""
    return not underway.job.error and not underway.job.stopped.is_set()


def _found(service: Service, request: Request, answer_id: str) -> Underway:
    if underway := service.shelf.find(answer_id, caller_of(request.scope)):
        return underway
    raise Problem(404, "not-found", "no answer of this id is under way or kept for you; ask again")


def _after(answer_id: str, last_event_id: str | None) -> int:
    """How many events were seen: none if what was sent is no id of an event of this answer."""
    key, _, number = (last_event_id or "").rpartition(".")
    return int(number) if key == answer_id and re.fullmatch(r"[0-9]{1,6}", number) else 0
