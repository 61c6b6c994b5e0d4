"""The outermost middleware: ids, lines, errors, callers who leave."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import logged
import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from hypothesis import given
from hypothesis import strategies as st
from logged import Log
from starlette.applications import Starlette
from starlette.exceptions import WebSocketException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import Message, Scope
from starlette.websockets import WebSocket

from ui.access.caller import CALLER, Caller
from ui.telemetry import note
from ui.telemetry.metrics import REGISTRY
from ui.telemetry.requests import RequestTelemetry, route_of

log = logged.log
SECRET = "quicksilver"
WHO = Caller("key", "key:1", name="Portal of the north")


async def model(name: str, request: Request) -> str:
    request.scope[CALLER] = WHO
    note(request.scope, chunks=["c1"])
    return name


async def refused() -> str:
    raise HTTPException(403)


async def broken(request: Request) -> Response:
    raise ValueError(f"the {SECRET} of {request.url}")


async def half(_: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield SECRET.encode()
        raise ValueError(SECRET)

    return StreamingResponse(parts())


async def slow(_: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    return StreamingResponse(parts())


async def found(_: Request) -> Response:
    return PlainTextResponse("x")


async def talk(websocket: WebSocket) -> None:
    if "bad" in websocket.query_params:
        raise WebSocketException(1008)
    await websocket.accept()
    await websocket.receive_text()
    if "broken" in websocket.query_params:
        raise ValueError(SECRET)
    await websocket.close()


def build() -> RequestTelemetry:
    """An app with every kind of route that there is, and some that go wrong."""
    api, deep = FastAPI(), APIRouter()
    deep.add_api_route("/models/{name}", model)
    deep.add_api_route("/refused", refused)
    api.include_router(deep, prefix="/openai/v1")
    api.mount("/mcp", Starlette(routes=[Route("/", found)]))
    api.add_route("/broken", broken)
    routes = [
        Mount("/api", api),
        Route("/broken", broken),
        Route("/half", half),
        Route("/slow", slow),
        Route("/media/{name:path}", found),
        WebSocketRoute("/stream", talk),
    ]
    return RequestTelemetry(Starlette(routes=routes))


def call(
    path: str, headers: Sequence[tuple[str, str]] = (), method: str = "GET", leave_after: int | None = None
) -> list[Message]:
    """What the app sends; the caller leaves after so many messages."""
    path, _, query = path.partition("?")
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }
    sent: list[Message] = []

    async def run() -> None:
        left = asyncio.Event()
        asked = False

        async def receive() -> Message:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)
            if len(sent) == leave_after:
                left.set()

        await build()(scope, receive, send)

    asyncio.run(run())
    return sent


def id_of(sent: list[Message]) -> str:
    """The request's id as the caller gets it."""
    found: bytes = dict(sent[0]["headers"])[b"x-request-id"]
    return found.decode()


def body_of(sent: list[Message]) -> bytes:
    return b"".join(message.get("body", b"") for message in sent)


def test_a_request_is_one_line_with_what_routes_add(log: Log) -> None:
    sent = call(f"/api/openai/v1/models/{SECRET}?q={SECRET}", [("cookie", f"a={SECRET}"), ("authorization", SECRET)])
    (line,) = log.of("request")
    assert line["request_id"] == id_of(sent)
    assert {
        name: line[name] for name in ("level", "method", "route", "status", "bytes", "kind", "caller", "chunks")
    } == {
        "level": "info",
        "method": "GET",
        "route": "/api/openai/v1/models/{name}",
        "status": 200,
        "bytes": len(body_of(sent)),
        "kind": "key",
        "caller": WHO.hash,
        "chunks": ["c1"],
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert SECRET not in log.getvalue()
    assert WHO.name not in log.getvalue()


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/mcp/", "/api/mcp/"),
        ("/media/a/b.png", "/media/{name}"),
        ("/api/openapi.json", "/api/openapi.json"),
        ("/api/openai/v1/refused", "/api/openai/v1/refused"),
        ("/api/openai/v1/models/a/b", "other"),
        ("/api/mcp/x", "other"),
        ("/api/zzz", "other"),
        ("/zzz", "other"),
    ],
)
def test_routes_are_templates(log: Log, path: str, route: str) -> None:
    call(path)
    assert [line["route"] for line in log.of("request")] == [route]


def test_other_methods_have_no_name(log: Log) -> None:
    call("/api/openai/v1/refused", method="BREW")
    (line,) = log.of("request")
    assert (line["method"], line["status"]) == ("other", 405)
    assert "BREW" not in log.getvalue()


@given(st.text(st.characters(codec="latin-1"), max_size=80))
def test_only_good_ids_are_taken_over(given_id: str) -> None:
    found = id_of(call("/media/x", [("X-Request-Id", given_id)]))
    if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given_id):
        assert found == given_id
    else:
        assert re.fullmatch(r"[0-9a-f]{16}", found)


@pytest.mark.parametrize("path", ["/broken", f"/api/broken?q={SECRET}"])
def test_an_error_is_answered_and_logged_without_its_words(log: Log, path: str) -> None:
    sent = call(path, [("x-request-id", "abc")])
    assert (sent[0]["status"], id_of(sent)) == (500, "abc")
    assert SECRET.encode() not in body_of(sent)
    assert b"Traceback" not in body_of(sent)
    (error,), (line,) = log.of("error"), log.of("request")
    assert (error["request_id"], line["request_id"], line["status"]) == ("abc", "abc", 500)
    assert error["error"] == "ValueError"
    assert error["locations"][-1].endswith("broken")
    assert SECRET not in log.getvalue()


def test_an_error_in_the_middle_of_a_response_ends_it(log: Log) -> None:
    sent = call("/half")
    assert sent[-1].get("more_body") is True  # so that the server cuts the connection
    assert [line["status"] for line in log.of("request")] == [200]
    assert [line["error"] for line in log.of("error")] != []
    assert SECRET not in log.getvalue()


def test_a_caller_who_leaves_is_logged_as_gone(log: Log) -> None:
    call("/slow", leave_after=3)
    (line,) = log.of("request")
    assert (line["gone"], line["status"]) == (True, 200)
    assert log.of("error") == []


def test_who_stays_is_not_gone(log: Log) -> None:
    call("/media/x")
    assert all("gone" not in line for line in log.of("request"))


@pytest.mark.parametrize("query", [b"", b"broken=1", b"bad=1"])
def test_sessions_have_a_beginning_and_an_end(log: Log, query: bytes) -> None:
    scope: Scope = {
        "type": "websocket",
        "path": "/stream",
        "raw_path": b"/stream",
        "query_string": query,
        "root_path": "",
        "scheme": "ws",
        "headers": [],
        "subprotocols": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    before = REGISTRY.get_sample_value("briefs_page_sessions")

    async def run() -> None:
        waiting: list[Message] = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": SECRET}]

        async def receive() -> Message:
            return waiting.pop(0)

        async def send(_: Message) -> None:
            return None

        await build()(scope, receive, send)

    asyncio.run(run())
    lines = log.of("session")
    assert [line["state"] for line in lines] == (["refused"] if query == b"bad=1" else ["opened", "ended"])
    assert {line["route"] for line in lines} == {"/stream"}
    assert len({line["request_id"] for line in lines}) == 1
    assert len(log.of("error")) == (query == b"broken=1")
    assert SECRET not in log.getvalue()
    assert REGISTRY.get_sample_value("briefs_page_sessions") == before


def test_lines_of_others_carry_the_id_of_the_request(log: Log) -> None:
    async def app(scope: Scope, receive: Any, send: Any) -> None:
        logging.getLogger("somebody").warning("odd")
        await PlainTextResponse("x")(scope, receive, send)

    async def run() -> None:
        scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"x-request-id", b"abc")]}
        await RequestTelemetry(app)(scope, _nothing, _swallow)

    asyncio.run(run())
    assert [line["request_id"] for line in log.of("line")] == ["abc"]


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _swallow(_: Message) -> None:
    return None


def test_requests_are_counted_by_route() -> None:
    labels = {"route": "/media/{name}", "method": "GET", "status": "200"}
    before = REGISTRY.get_sample_value("briefs_requests_total", labels) or 0
    call("/media/x")
    call("/media/y")
    assert REGISTRY.get_sample_value("briefs_requests_total", labels) == before + 2
    assert REGISTRY.get_sample_value("briefs_requests_under_way") == 0


FIXED = ["briefs", "a", "v1"]
segments = st.text(
    st.characters(codec="utf-8", exclude_characters="/{}", exclude_categories=["Cs"]), min_size=1, max_size=8
).filter(lambda segment: segment not in FIXED)


@given(st.lists(st.tuples(st.sampled_from(FIXED), segments), min_size=1, max_size=3))
def test_no_value_of_a_parameter_is_in_a_template(parts: list[tuple[str, str]]) -> None:
    names = [f"p{k}" for k in range(len(parts))]
    path = "".join(f"/{fixed}/{value}" for fixed, value in parts)
    scope = {
        "path": path,
        "endpoint": build,
        "path_params": {name: value for name, (_, value) in zip(names, parts, strict=True)},
    }
    assert route_of(scope) == "".join(f"/{fixed}/{{{name}}}" for name, (fixed, _) in zip(names, parts, strict=True))
