"""A small application behind the real gate and headers, on the loopback; and callers for pages that run without a server."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import streamlit as st
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from index.settings import Settings
from ui.access.caller import Caller, caller_of
from ui.access.gate import Gate
from ui.access.headers import SafeHeaders
from ui.access.tickets import HEADER, TICKETS


def told(caller: Caller) -> dict[str, Any]:
    labels = None if caller.labels is None else sorted(caller.labels)
    return {"kind": caller.kind, "owner": caller.owner, "labels": labels, "name": caller.name}


async def _tell(request: Request) -> Response:
    """Who asks, and with which headers the request got here."""
    response = JSONResponse(told(caller_of(request.scope)) | {"headers": sorted(dict(request.headers))})
    response.set_cookie("crumb", "1")
    return response


async def _talk(websocket: WebSocket) -> None:
    """Tells at every message who holds the ticket of this connection."""
    await websocket.accept()
    try:
        while True:
            await websocket.receive_text()
            await websocket.send_json(told(TICKETS.caller(websocket.headers.get(HEADER, ""))))
    except WebSocketDisconnect:
        pass


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@contextmanager
def gated(settings: Settings, *, sign_in: bool = True) -> Iterator[str]:
    """The address of a server on which every path tells who asks, if the gate lets the request through."""
    routes = [WebSocketRoute("/_stcore/stream", _talk), Route("/{path:path}", _tell, methods=METHODS)]
    guards = [Middleware(guard, settings=settings, sign_in=sign_in) for guard in (SafeHeaders, Gate)]
    app = Starlette(routes=routes, middleware=guards)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", proxy_headers=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found


def send(address: str, path: str, *headers: tuple[str, str], method: str = "GET") -> Reply:
    """One request with exactly these headers, of which there may be two of a name; ``Host`` is added unless it is among them."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    try:
        named = {name.lower() for name, _ in headers}
        connection.putrequest(method, path, skip_host="host" in named, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value.encode("utf-8"))
        if method not in ("GET", "HEAD", "OPTIONS"):
            connection.putheader("Content-Length", "0")
        connection.endheaders()
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read().decode())
    finally:
        connection.close()


def bearer(credential: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {credential}")


def as_caller(monkeypatch: pytest.MonkeyPatch, caller: Caller) -> None:
    """Have pages that run without a server drawn for ``caller``, as if the gate had admitted them."""
    monkeypatch.setattr(type(st.context), "headers", property(lambda _: {HEADER: "ticket"}))
    monkeypatch.setitem(TICKETS._admitted, "ticket", (caller, float("inf")))


def user(name: str, groups: Sequence[str] = ()) -> Caller:
    """A user of the page."""
    return Caller("user", f"login:{name}", frozenset(groups), name)
