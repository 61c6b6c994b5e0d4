"""The outermost middleware: ids, log lines, metrics and spans of requests, and the last place for errors."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.tracing import note as note_span
from index.tracing import rename, request_span, trace_id
from ui.access.caller import CALLER
from ui.api.problems import REQUEST_ID, Problem, problem_response
from ui.telemetry.logs import REQUEST, log, log_error
from ui.telemetry.metrics import ERRORS, LATENCY, REQUESTS, SESSIONS, UNDER_WAY
from ui.telemetry.notes import NOTES

HEADER = "X-Request-Id"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER, PAGE = "other", "page"
"""Stands for routes and methods that are none of ours: they are the callers' words, and there is no end to them. ``PAGE``
stands for the page and its files, which are found whatever the path."""


class RequestTelemetry:
    """Gives each request an id and says in the end what became of it. No error gets past it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        token = REQUEST.set(exchange.id)
        try:
            await (self._request(exchange) if scope["type"] == "http" else self._session(exchange))
        finally:
            REQUEST.reset(token)

    async def _request(self, exchange: _Exchange) -> None:
        UNDER_WAY.inc()
        try:
            if not _is_api(exchange.scope):
                await self._pass_on(exchange)
                return
            with request_span(exchange.method, Headers(scope=exchange.scope).get("traceparent", "")):
                exchange.fields["trace_id"] = trace_id()
                try:
                    await self._pass_on(exchange)
                finally:
                    rename(f"{exchange.method} {exchange.route}")
                    note_span(status=exchange.status, request_id=exchange.id, route=exchange.route)
        finally:
            UNDER_WAY.dec()
            exchange.tell()

    async def _pass_on(self, exchange: _Exchange) -> None:
        try:
            await self.app(exchange.scope, exchange.receive, exchange.send)
        except asyncio.CancelledError:
            exchange.gone = True
            raise
        except Exception as error:  # noqa: BLE001  (the last one who can answer)
            _report(error)
            if not exchange.status:
                await exchange.failure()(exchange.scope, exchange.receive, exchange.send)

    async def _session(self, exchange: _Exchange) -> None:
        SESSIONS.inc()
        try:
            await self.app(exchange.scope, exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001  (as above)
            _report(error)
        finally:
            SESSIONS.dec()
            state = "ended" if exchange.status else "refused"
            log("requests", "session", state=state, duration_ms=exchange.milliseconds(), **exchange.who())


def _report(error: Exception) -> None:
    ERRORS.inc()
    log_error("requests", error)


@dataclass(slots=True)
class _Exchange:
    """One request and its response. ``status`` is 0 before there is one; ``gone`` says that the caller left before its end."""

    scope: Scope
    _receive: Receive
    _send: Send
    id: str = ""
    status: int = 0
    bytes: int = 0
    gone: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    _ended: bool = False
    _began: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        given = Headers(scope=self.scope).get(HEADER, "")
        self.id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        self.scope[REQUEST_ID], self.scope[NOTES] = self.id, self.fields

    async def receive(self) -> Message:
        """The next part of the request; notes that the caller has left."""
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._ended:
            self.gone = True
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the response; adds the id."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[HEADER] = self.id
        elif message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
            self._ended = not message.get("more_body", False)
        elif message["type"] == "websocket.accept":
            self.status = 101
            log("requests", "session", state="opened", **self.who())
        await self._send(message)

    @property
    def method(self) -> str:
        """The method, if it is a usual one."""
        return self.scope["method"] if self.scope.get("method") in _METHODS else OTHER

    @property
    def route(self) -> str:
        """The template of the route that was taken."""
        return route_of(self.scope, self.status)

    def milliseconds(self) -> float:
        """Since the request came."""
        return round((time.perf_counter() - self._began) * 1000, 1)

    def who(self) -> dict[str, Any]:
        """Route and caller."""
        caller = self.scope.get(CALLER)
        known = {"kind": caller.kind, "caller": caller.hash} if caller else {}
        return {"route": self.route, **known}

    def failure(self) -> Response:
        """What a caller hears of an error that nobody caught."""
        if _is_api(self.scope):
            detail = f"the server failed; its log tells more under request {self.id}"
            return problem_response(Problem(500, "internal", detail), self.scope)
        return PlainTextResponse("The server failed.", 500)

    def tell(self) -> None:
        """Log and count."""
        duration, route = self.milliseconds(), self.route
        REQUESTS.labels(route, self.method, str(self.status)).inc()
        LATENCY.labels(route, self.method).observe(duration / 1000)
        noted = {name: value for name, value in self.fields.items() if value not in ("", None)}
        log(
            "requests",
            "request",
            **{**noted, **self.who(), "method": self.method, "status": self.status},
            bytes=self.bytes,
            duration_ms=duration,
            **({"gone": True} if self.gone else {}),
        )
        self.fields["ended"] = True


def _is_api(scope: Scope) -> bool:
    path: str = scope["path"]
    return path.startswith("/api/")


def route_of(scope: Scope, status: int = 0) -> str:
    """The template of the route that ``scope`` was led to: its path with the names of its parameters in their places.

    From the path, since routers below routers tell their own part of the template alone. A path without parameters that
    is not found has no route, whichever router looked for one.
    """
    endpoint, route, parameters = scope.get("endpoint"), scope.get("route"), scope.get("path_params", {})
    mounted = isinstance(route, Mount) and endpoint is route.app
    if endpoint is None or mounted or (status == 404 and not parameters):
        return PAGE if mounted and status < 400 and not _is_api(scope) else OTHER
    template: str = scope["path"]
    for name, value in reversed(parameters.items()):
        before, found, after = template.rpartition(f"/{value}")
        if not found or (after and not after.startswith("/")):
            return OTHER
        template = f"{before}/{{{name}}}{after}"
    return template
