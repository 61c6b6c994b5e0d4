"""The OpenAI-compatible endpoint below ``/openai/v1``; docs/machines.md tells its contract."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from assistant import Answer, Citation, Statement, Turn
from assistant.conversations.export import escaped
from assistant.extractive import plain
from assistant.types import Done, Event, Stated
from index.errors import QuestionError
from index.search import check_question
from ui.answering import Asked
from ui.api.ask import BEAT_S, EventStream, Gone, unless_gone
from ui.api.problems import Problem, openai_json
from ui.api.routing import problem_for
from ui.api.schemas import FiltersBody
from ui.api.service import Service
from ui.api.underway import Underway, encoded
from ui.view.link import Link

MODEL = "briefs"
OWNER = "briefs-assistant"
MOST_MESSAGES = 1000
TURNS = 50
"""Messages before the question that are looked at, the last ones."""
_TEXTS = ("text", "refusal")
_SPEAKERS: Mapping[str, Literal["user", "assistant"]] = {"user": "user", "assistant": "assistant"}


class _Read(BaseModel):
    """What is read of a part of a request; members that are not named are ignored."""

    model_config = ConfigDict(strict=True)


class _Part(_Read):
    type: str
    text: str = ""
    refusal: str = ""


class _Message(_Read):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[_Part] | None = None


class _StreamOptions(_Read):
    include_usage: bool | None = None


class _Format(_Read):
    type: str


class CompletionBody(_Read):
    """A request for a completion."""

    model: str
    messages: list[_Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: int | None = None
    tool_choice: str | dict[str, Any] | None = None
    function_call: str | dict[str, Any] | None = None
    response_format: _Format | None = None
    modalities: list[str] | None = None
    filters: FiltersBody | None = None


def add_completions(api: FastAPI, service: Service) -> None:
    """The routes below ``/openai/v1``."""
    model = {"id": MODEL, "object": "model", "created": int(time.time()), "owned_by": OWNER}

    @api.get("/openai/v1/models", include_in_schema=False)
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [model]}

    @api.get("/openai/v1/models/{name:path}", include_in_schema=False)
    async def one_model(name: str) -> dict[str, Any]:
        _check_model(name)
        return model

    @api.post("/openai/v1/chat/completions", include_in_schema=False)
    async def complete(request: Request, body: CompletionBody) -> Response:
        _check_model(body.model)
        _check_wishes(body)
        underway = service.shelf.begin(request.scope, _asked(body))
        completion = _Completion(underway.id, _address(service, request))
        headers = {"Answer-Id": underway.id, "Cache-Control": "no-store"}
        if body.stream:
            with_usage = bool(body.stream_options and body.stream_options.include_usage)
            wire = _wire(request, underway, completion, with_usage)
            return EventStream(wire, headers={**headers, "X-Accel-Buffering": "no"})
        try:
            whole = await unless_gone(request, completion.whole(underway))
        except Gone:
            return Response(status_code=499)  # seen by the log alone
        return JSONResponse(whole, headers=headers)


def _check_model(name: str) -> None:
    if name != MODEL:
        detail = f"found the model {name[:100]!r}, expected {MODEL!r}"
        raise _refusal("model", detail, "model_not_found", status=404, kind="not-found")


def _check_wishes(body: CompletionBody) -> None:
    """Refuse what cannot be done and would be missed."""
    if body.n not in {None, 1}:
        raise _refusal("n", f"found {body.n}, expected 1: the same question has one answer")
    for name, wish in (("tool_choice", body.tool_choice), ("function_call", body.function_call)):
        if isinstance(wish, dict) or wish not in {None, "none", "auto"}:
            raise _refusal(name, "no tool is ever called; leave it out, or send none or auto")
    if body.response_format and body.response_format.type != "text":
        detail = f"found {body.response_format.type[:100]!r}, expected 'text'; the field citations is for programs"
        raise _refusal("response_format", detail)
    if body.modalities not in (None, ["text"]):
        raise _refusal("modalities", "expected text alone")


def _asked(body: CompletionBody) -> Asked:
    """The question and the conversation before it. :raises Problem: if there is no question that can be asked."""
    last = max((k for k, message in enumerate(body.messages) if message.role == "user"), default=None)
    if last is None:
        raise _refusal(
            "messages", "found no message of the role user, expected the question in the last one", "invalid_value"
        )
    try:
        question = check_question(_text(body.messages[last], last))
    except QuestionError as error:
        raise _refusal("messages", str(error), "invalid_question") from error
    turns = tuple(
        Turn(role, text)
        for k, message in enumerate(body.messages[:last])
        if (role := _SPEAKERS.get(message.role)) and (text := _text(message, k))
    )
    return Asked(question, turns[-TURNS:], body.filters.filters() if body.filters else None)


def _text(message: _Message, number: int) -> str:
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    strange = next((part.type for part in message.content if part.type not in _TEXTS), None)
    if strange is not None:
        detail = f"found a part of the type {strange[:100]!r}, expected 'text': images, sounds and files are not read"
        raise _refusal(f"messages.{number}.content", detail)
    return "\n".join(part.text or part.refusal for part in message.content)


def _refusal(
    param: str, detail: str, code: str = "unsupported_value", *, status: int = 422, kind: str = "invalid"
) -> Problem:
    errors = [{"loc": ["body", param], "msg": detail}]
    return Problem(status, kind, f"{param}: {detail}", errors=errors, code=code)


def _address(service: Service, request: Request) -> str:
    """Where the page is reached from outside, without a slash at the end."""
    url = request.url
    return service.settings.public_url.rstrip("/") or f"{url.scheme}://{url.netloc}"


async def _wire(
    request: Request, underway: Underway, completion: _Completion, with_usage: bool
) -> AsyncIterator[bytes]:
    """The chunks on the wire."""

    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return completion.chunk([choice], {"usage": None} if with_usage else {})

    yield chunk({"role": "assistant", "content": ""})
    try:
        async with aclosing(underway.frames(beat_s=BEAT_S)) as frames:  # type: ignore[type-var]  # a generator
            async for frame in frames:
                if frame is None:
                    yield b": more is to come\n\n"
                    continue
                if piece := completion.piece(frame.event):
                    yield chunk({"content": piece})
        yield chunk(completion.fields, completion.finish)
        if with_usage:
            yield completion.chunk([], {"usage": completion.usage})
    except Exception as error:  # noqa: BLE001  (told to the reader, and logged)
        yield _data(openai_json(problem_for(error, underway.caller), request.scope))
        return
    yield b"data: [DONE]\n\n"


class _Completion:
    """One answer in OpenAI's form. What concerns its end is known once ``piece`` has had its ``Done``."""

    def __init__(self, id: str, address: str) -> None:
        """``address`` is that of the page, for links to briefs."""
        self._id, self._address, self._created = f"chatcmpl-{id}", address, int(time.time())
        self._transcript = Transcript()
        self._answer: Answer | None = None

    def piece(self, event: Event) -> str:
        """What ``event`` adds to the content."""
        if isinstance(event, Stated):
            return self._transcript.state(event.statement)
        if isinstance(event, Done):
            self._answer = event.answer
            return self._transcript.close(event.answer)
        return ""

    async def whole(self, underway: Underway) -> dict[str, Any]:
        """The completion, once the answer is there. Raises what ended the answer."""
        await underway.last()
        content = "".join(self.piece(frame.event) for frame in underway.job.items)
        message = {"role": "assistant", "content": content, "refusal": None, **self.fields}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish}
        return {**self._frame("chat.completion"), "choices": [choice], "usage": self.usage}

    def chunk(self, choices: Sequence[Mapping[str, Any]], more: Mapping[str, Any]) -> bytes:
        """A chunk on the wire."""
        return _data({**self._frame("chat.completion.chunk"), "choices": choices, **more})

    @property
    def fields(self) -> dict[str, Any]:
        """What the message says beside its content."""
        answer = self._ended
        cited = {citation.label: citation for citation in answer.citations}
        return {
            "citations": [citation.to_json() for citation in answer.citations],
            "annotations": [
                self._annotation(cited[label], start, end)
                for label, start, end in self._transcript.spans
                if label in cited
            ],
            "status": answer.status,
            "nearest": [asdict(near) for near in answer.nearest],
        }

    @property
    def finish(self) -> str:
        """Why the content ends."""
        return "length" if self._ended.truncated else "stop"

    @property
    def usage(self) -> dict[str, int]:
        """Tokens of the model behind the assistant."""
        asked, written = (self._ended.usage.get(name, 0) for name in ("prompt_tokens", "completion_tokens"))
        return {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}

    @property
    def _ended(self) -> Answer:
        assert self._answer, "an answer that has not ended has no end"
        return self._answer

    def _frame(self, kind: str) -> dict[str, Any]:
        generation = self._answer.generation if self._answer else None
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": MODEL,
            "system_fingerprint": generation,
        }

    def _annotation(self, citation: Citation, start: int, end: int) -> dict[str, Any]:
        query = Link.to(citation.brief_id, (citation.start, citation.end)).query
        title = ", ".join(part for part in (citation.title, citation.published) if part)
        link = {"start_index": start, "end_index": end, "url": f"{self._address}/{query}", "title": title}
        return {"type": "url_citation", "url_citation": link}


def _data(value: Any) -> bytes:
    return b"data: %b\n\n" % encoded(value)


@dataclass
class Transcript:
    """An answer as Markdown, piece by piece; the pieces one after the other are the content of the message.

    ``spans`` are the labels of citations with where the statement that they bear out stands: half-open, code points.
    """

    length: int = 0
    spans: list[tuple[int, int, int]] = field(default_factory=list)
    _group: str = ""
    _said: set[str] = field(default_factory=set)

    def state(self, statement: Statement) -> str:
        """The piece for one more statement."""
        heading = ""
        if statement.group != self._group:
            self._group = statement.group
            heading = f"**{escaped(statement.group)}**" if statement.group else ""
        before = self._add(heading) if heading else ""
        text = escaped(statement.text)
        if statement.unsupported:
            text = f"~~{text}~~ (not supported: {escaped(statement.unsupported)})"
        marks = "".join(f"[{label}]" for label in statement.citations)
        piece = self._add(f"{text} {marks}" if marks else text)
        start = self.length - len(piece.lstrip("\n"))
        self.spans += [(label, start, self.length) for label in statement.citations]
        self._said.add(statement.text)
        return before + piece

    def close(self, answer: Answer) -> str:
        """The last piece: what is missing, what else to read, and the sources."""
        blocks = [] if answer.statements else [escaped(answer.text)]
        blocks += [escaped(remark) for remark in (answer.missing, answer.notice) if remark]
        if answer.readings:
            blocks.append("\n".join(f"- {escaped(reading)}" for reading in answer.readings))
        if answer.nearest:
            lines = [f"- {escaped(near.title)} ({escaped(near.source)})" for near in answer.nearest]
            blocks.append("\n".join(["**Nearest briefs**\n", *lines]))
        if answer.citations:
            blocks.append("\n".join(["**Sources**\n", *map(self._source, answer.citations)]))
        return self._add("\n\n".join(blocks))

    def _source(self, citation: Citation) -> str:
        page = f"page {citation.page}" if citation.page else ""
        facts = ", ".join(escaped(fact) for fact in (citation.source, citation.published, page) if fact)
        words = plain(citation.quote)
        quoted = "" if words in self._said else f": “{escaped(words)}”"
        return f"- [{citation.label}] {escaped(citation.title)} ({facts}){quoted}"

    def _add(self, block: str) -> str:
        piece = f"\n\n{block}" if self.length and block else block
        self.length += len(piece)
        return piece
