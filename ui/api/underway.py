"""Answers under way, and those that ended a short while ago: who may read them, how long they go on unread, how long they are kept."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import anyio.to_thread
from starlette.types import Scope

from assistant import Answer, Assistant
from assistant.conversations import review
from assistant.types import Done, Event, Sources, Stated
from ui.access.caller import Caller, caller_of
from ui.answering import Asked, answering
from ui.desk import Desk, Job
from ui.telemetry import answered

AWAY_S = 20.0
"""How long an answer goes on while nobody reads it, in seconds."""
KEPT_S = 300.0
"""How long the events of an answer that ended are kept, in seconds."""
MOST, MOST_BYTES = 1000, 32 * 2**20
"""Answers kept at most, and bytes of their events."""


@dataclass(frozen=True, slots=True)
class Frame:
    """An event with its name and its JSON on the wire."""

    event: Event
    name: Literal["sources", "statement", "done"]
    data: bytes


def framed(event: Event) -> Frame:
    """The event as it is sent."""
    if isinstance(event, Sources):
        briefs = [{"brief_id": near.brief_id, "source": near.source, "title": near.title} for near in event.briefs]
        return Frame(event, "sources", encoded({"searched": event.searched, "briefs": briefs}))
    if isinstance(event, Stated):
        one = event.statement
        statement: dict[str, Any] = {"text": one.text, "citations": list(one.citations)}
        statement |= {"group": one.group} if one.group else {}
        statement |= {"unsupported": one.unsupported} if one.unsupported else {}
        citations = [citation.to_json() for citation in event.citations]
        return Frame(event, "statement", encoded({"statement": statement, "citations": citations}))
    return Frame(event, "done", encoded(event.answer.to_json()))


def encoded(value: Any) -> bytes:
    """JSON in UTF-8 on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Underway:
    """One answer of one caller. It is stopped when nobody has read it for ``AWAY_S`` seconds, or at once unless ``patient``."""

    def __init__(self, job: Job[Frame], id: str, caller: Caller, asked: Asked, *, patient: bool) -> None:
        self.job, self.id, self.caller, self.asked, self.patient = job, id, caller, asked, patient
        self._readers = 0
        asyncio.get_running_loop().call_later(AWAY_S, self._stop_if_unread)

    @property
    def answer(self) -> Answer | None:
        """The answer, if it ended well."""
        last = self.job.items[-1].event if self.job.ended and self.job.items else None
        return last.answer if isinstance(last, Done) else None

    async def frames(self, after: int = 0, beat_s: float | None = None) -> AsyncIterator[Frame | None]:
        """The frames from number ``after`` on as they come; None whenever there was none for ``beat_s`` seconds.

        Raises what ended the answer.
        """
        with self._read():
            async for frame in self.job.follow(after, beat_s):
                yield frame

    async def last(self) -> Frame:
        """The frame of the whole answer, once it is there. Raises what ended the answer."""
        with self._read():
            return (await self.job.all())[-1]

    @contextmanager
    def _read(self) -> Iterator[None]:
        self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1
            if not self.job.ended:
                asyncio.get_running_loop().call_later(AWAY_S if self.patient else 0, self._stop_if_unread)

    def _stop_if_unread(self) -> None:
        if not self._readers and not self.job.ended:
            self.job.stop()


class Shelf:
    """The answers that can be read again. Belongs to the event loop; nothing here is shared between threads."""

    def __init__(self, assistant: Assistant, desk: Desk) -> None:
        self._assistant, self._desk = assistant, desk
        self._answers: dict[str, Underway] = {}
        self._ended: OrderedDict[str, int] = OrderedDict()
        self._bytes = 0

    def begin(self, scope: Scope, asked: Asked, *, patient: bool = False) -> Underway:
        """Have a question of the request in ``scope`` answered when it is its turn. :raises Full: if as many wait as may."""
        caller = caller_of(scope)
        assistant, loop, key = self._assistant, asyncio.get_running_loop(), secrets.token_urlsafe(16)

        def work(stopped: threading.Event) -> Iterator[Frame]:
            for event in answering(assistant, caller, asked, stopped):
                if isinstance(event, Done):
                    answered(event.answer, assistant.generation, caller, scope, assistant.settings.log_questions)
                yield framed(event)

        def ended() -> None:
            with suppress(RuntimeError):  # the loop is closed: the server has ended
                loop.call_soon_threadsafe(self._keep, key)

        underway = Underway(self._desk.submit(work, caller.hash, ended), key, caller, asked, patient=patient)
        self._answers[key] = underway
        return underway

    def find(self, key: str, caller: Caller) -> Underway | None:
        """The answer of that id, for who asked for it and still is in the same groups."""
        found = self._answers.get(key)
        return found if found and found.caller == caller else None

    def drop(self, key: str) -> None:
        """Stop an answer, and forget it."""
        underway = self._answers.pop(key, None)
        if underway:
            underway.job.stop()
        self._bytes -= self._ended.pop(key, 0)

    def _keep(self, key: str) -> None:
        """Note that an answer has ended, and make room."""
        underway = self._answers.get(key)
        if underway is None:
            return
        self._ended[key] = sum(len(frame.data) for frame in underway.job.items)
        self._bytes += self._ended[key]
        while len(self._ended) > MOST or self._bytes > MOST_BYTES:
            self.drop(next(iter(self._ended)))
        asyncio.get_running_loop().call_later(KEPT_S, self.drop, key)

    async def as_it_stands(self, underway: Underway) -> Frame | None:
        """The whole answer with its quotes looked up again, if it ended and the index has changed since for its caller."""
        return await anyio.to_thread.run_sync(self._reviewed, underway)

    def _reviewed(self, underway: Underway) -> Frame | None:
        answer, caller = underway.answer, underway.caller
        if answer is None:
            return None
        generation = self._assistant.generation
        if answer.generation == generation.id_for(caller.labels):
            return None
        return framed(Done(review(generation, answer, caller.allowed(generation))[0]))
