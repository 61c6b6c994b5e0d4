"""A server that speaks the HTTP API from a script, with the real widget: what the widget's tests need to break.

What a question is answered with is a list of connections, one for the ``POST`` and one for each attempt to go on; each is a
list of steps. ``portal`` serves the demonstration portal on another port.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from ui.api.problems import MEDIA_TYPE
from ui.portal.app import Portal, build_portal
from ui.widget import routes

ID = "answer-0123456789abcde"
TEXT = "Opening.\n\nNorth says 🚫 that its airspace is not to be crossed. لا أحد يعبر الحدود 🛑 ليلاً. It also asks for trade.\n"
QUOTES = (
    "North says 🚫 that its airspace is not to be crossed.",
    "لا أحد يعبر الحدود 🛑 ليلاً.",
    "It also asks for trade.",
)
HOSTILE = (
    '<img src=http://evil.example/a onerror="document.title=1"><script>document.title=2</script> [x](http://evil.example/b) '
    "![y](http://evil.example/c) <a href=javascript:document.title=3>z</a> &lt;b&gt; https://evil.example/d"
)
SUGGESTIONS = ["What are the red lines?", "Who won the cup?"]


class Cut(Exception):
    """The connection breaks here."""


@dataclass(frozen=True)
class Refusal:
    """A problem in place of a stream."""

    status: int
    kind: str
    headers: dict[str, str] = field(default_factory=dict)
    detail: str = "it was refused"


Step = str | bytes | float | type[Cut]
"""Text to send, bytes to send, seconds to wait, or the end of the connection."""
Connection = Sequence[Step] | Refusal


def citation(label: int, quote: str = QUOTES[0], **more: Any) -> dict[str, Any]:
    start = TEXT.index(quote) if quote in TEXT else 0
    found = {
        "label": label,
        "brief_id": "north",
        "source": "north.md",
        "title": "North's positions",
        "published": "2025-12-06",
    }
    return {**found, "quote": quote, "start": start, "end": start + len(quote), "page": None, **more}


def answer(*texts: str, **more: Any) -> dict[str, Any]:
    """An answer object that says ``texts``, each with a citation of its own."""
    citations = [citation(k, QUOTES[(k - 1) % len(QUOTES)]) for k in range(1, len(texts) + 1)]
    statements = [{"text": text, "citations": [k]} for k, text in enumerate(texts, 1)]
    whole = {"schema": 1, "id": None, "question": "?", "searched": "", "status": "answered" if texts else "abstained"}
    said = " ".join(f"{text} [{k}]" for k, text in enumerate(texts, 1)) or "The briefs do not answer this."
    return {
        **whole,
        "text": said,
        "confidence": 0.9,
        "statements": statements,
        "citations": citations,
        "nearest": [],
        "missing": "",
        **more,
    }


def event(name: str, data: Any, n: int | None = None, id: str = ID) -> str:
    head = "" if n is None else f"id: {id}.{n}\n"
    return f"{head}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def events(whole: dict[str, Any]) -> list[str]:
    """The stream of an answer: its sources, its statements, the answer."""
    found = [
        (
            "sources",
            {
                "searched": whole["searched"],
                "briefs": [{"brief_id": "north", "source": "north.md", "title": "North's positions"}],
            },
        )
    ]
    for statement in whole["statements"]:
        cited = [one for one in whole["citations"] if one["label"] in statement["citations"]]
        found.append(("statement", {"statement": statement, "citations": cited}))
    return [event(name, data, n) for n, (name, data) in enumerate([*found, ("done", whole)], 1)]


@dataclass
class ScriptedApi:
    """The script by question, and what was asked: method, path, headers and body of each request."""

    script: dict[str, list[Connection]] = field(default_factory=dict)
    suggestions: list[Any] = field(default_factory=lambda: list(SUGGESTIONS))
    briefs: dict[str, dict[str, Any]] = field(default_factory=dict)
    conversations: dict[str, dict[str, Any]] | None = None
    tokens: set[str] | None = None
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    current: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)

    def bodies(self, path: str) -> list[Any]:
        """What was sent to ``path``."""
        return [body for _, asked, _, body in self.requests if asked == path and body is not None]

    def seen(self, method: str, path: str) -> list[dict[str, str]]:
        """The headers of each request of that kind."""
        return [headers for how, asked, headers, _ in self.requests if (how, asked) == (method, path)]

    def app(self) -> Starlette:
        api = [
            Route("/ask", self._ask, methods=["POST"]),
            Route("/ask/{id}", self._again, methods=["GET"]),
            Route("/ask/{id}", self._stop, methods=["DELETE"]),
            Route("/suggestions", self._suggest),
            Route("/briefs/{id:path}", self._brief),
            Route("/feedback", self._feedback, methods=["POST"]),
            Route("/conversations", self._begin, methods=["POST"]),
            Route("/conversations/{id}", self._kept),
        ]
        exposed = ["Answer-Id", "Retry-After"]
        cors = Middleware(
            CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"], expose_headers=exposed
        )
        whole = Mount("/api", routes=[*routes(), Mount("/v1", routes=api, middleware=[cors])])
        return Starlette(routes=[whole])

    async def _note(self, request: Request) -> Any:
        body = await request.body()
        parsed = json.loads(body) if body else None
        path = request.url.path.removeprefix("/api/v1") + (f"?{request.url.query}" if request.url.query else "")
        self.requests.append((request.method, path, dict(request.headers), parsed))
        return parsed

    def _unknown(self, request: Request) -> Response | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return None if self.tokens is None or token in self.tokens else refused(Refusal(401, "unauthenticated"))

    async def _ask(self, request: Request) -> Response:
        body = await self._note(request)
        self.current = body["question"]
        return self._unknown(request) or self._next()

    async def _again(self, request: Request) -> Response:
        await self._note(request)
        return self._unknown(request) or self._next()

    def _next(self) -> Response:
        connections = self.script.get(self.current)
        if not connections:
            return refused(Refusal(404, "not-found"))
        connection = connections.pop(0)
        if isinstance(connection, Refusal):
            return refused(connection)
        return StreamingResponse(self._steps(connection), 200, {"Answer-Id": ID}, "text/event-stream")

    async def _steps(self, steps: Sequence[Step]) -> AsyncIterator[bytes]:
        for step in steps:
            if step is Cut:
                await asyncio.sleep(0.05)
                raise Cut
            if isinstance(step, float):
                await asyncio.sleep(step)
            elif isinstance(step, str | bytes):
                yield step.encode() if isinstance(step, str) else step
                await asyncio.sleep(0)

    async def _stop(self, request: Request) -> Response:
        await self._note(request)
        self.stopped.set()
        return Response(status_code=204)

    async def _suggest(self, request: Request) -> Response:
        await self._note(request)
        return self._unknown(request) or JSONResponse({"suggestions": self.suggestions})

    async def _brief(self, request: Request) -> Response:
        await self._note(request)
        brief = self.briefs.get(request.path_params["id"])
        if unknown := self._unknown(request):
            return unknown
        if brief is None:
            return refused(Refusal(404, "not-found"))
        mark = request.query_params
        span = (int(mark["start"]), int(mark["end"])) if mark else None
        if span and span[1] > len(brief["text"]):
            return refused(Refusal(404, "not-found"))
        return JSONResponse(laid_out(brief, span))

    async def _feedback(self, request: Request) -> Response:
        await self._note(request)
        return Response(status_code=204)

    async def _begin(self, request: Request) -> Response:
        await self._note(request)
        if self.conversations is None:
            return refused(Refusal(503, "unavailable"))
        id = f"{len(self.conversations):016x}"
        self.conversations[id] = {"id": id, "turns": []}
        return JSONResponse(self.conversations[id], 201)

    async def _kept(self, request: Request) -> Response:
        await self._note(request)
        kept = (self.conversations or {}).get(request.path_params["id"])
        return self._unknown(request) or (JSONResponse(kept) if kept else refused(Refusal(404, "not-found")))


def laid_out(brief: dict[str, Any], span: tuple[int, int] | None) -> dict[str, Any]:
    """A brief of one paragraph a line, cut at the ends of the range."""
    text: str = brief["text"]
    start, end = span or (0, 0)
    blocks, at = [], 0
    for line in text.splitlines(keepends=True):
        edges = sorted({at, at + len(line), *(edge for edge in (start, end) if at < edge < at + len(line))})
        runs = [{"text": text[a:b], "span": int(start <= a < end)} for a, b in pairwise(edges)]
        if line.strip():
            blocks.append({"kind": "text", "level": 0, "runs": runs})
        at += len(line)
    spans = [{"start": start, "end": end, "text": text[start:end], "page": None}] if span else []
    return {**brief, "spans": spans, "blocks": blocks}


def refused(refusal: Refusal) -> Response:
    body = {
        "type": f"/api/v1/problems/{refusal.kind}",
        "title": "-",
        "status": refusal.status,
        "detail": refusal.detail,
        "request_id": "r-17",
    }
    return JSONResponse(body, refusal.status, refusal.headers, MEDIA_TYPE)


@contextmanager
def serve(app: Any, port: int = 0) -> Iterator[str]:
    """The address of ``app``, served by a thread at ``port``, or at a free one."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_level="critical", timeout_graceful_shutdown=1, ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.01)
    found = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{found}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def portal(briefs: str, **more: Any) -> Iterator[str]:
    """The demonstration portal in front of the assistant at ``briefs``."""
    with serve(build_portal(Portal(briefs, **more))) as address:
        yield address
