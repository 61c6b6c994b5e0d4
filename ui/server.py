"""Chat page and HTTP API in one process on one port."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import anyio.to_thread
import streamlit as st
import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.errors import BriefsError
from index.settings import Settings
from ui.service import configure, open_assistant

SCRIPT = Path(__file__).with_name("app.py")
PROBE = "What do the briefs say?"
GRACE_S = 5
"""How long open connections may take to end when the server stops, in seconds."""
# Streamlit loads components from blobs and styles its widgets inline.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob: data:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' blob: data:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Sent with every response: the page may load from its own origin only, whatever a brief contains."""


class SafeHeaders:
    """Middleware that adds ``HEADERS``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; set the headers where a response starts."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def build_app(settings: Settings) -> st.App:
    """The ASGI app: the chat page at ``/``, ``/api/healthz`` and ``/api/readyz`` beside it.

    One app per process, which is what Streamlit supports.
    """
    configure(settings)

    async def healthz(_: Request) -> JSONResponse:
        """The process is alive."""
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> JSONResponse:
        """The index is open and finds something: 200, else 503 and the reason, which names the remedy."""
        return await anyio.to_thread.run_sync(_readiness, settings)

    return st.App(
        SCRIPT,
        routes=[Mount("/api", routes=[Route("/healthz", healthz), Route("/readyz", readyz)])],
        middleware=[Middleware(SafeHeaders)],
    )


def _readiness(settings: Settings) -> JSONResponse:
    assistant = open_assistant(settings)
    try:
        generation = assistant.generation
        hits = assistant.search(PROBE, top_k=1)
    except BriefsError as error:
        return JSONResponse({"status": "unavailable", "reason": str(error)}, status_code=503)
    if not hits:
        return JSONResponse({"status": "unavailable", "reason": "the index finds nothing; run `briefs index`"}, 503)
    return JSONResponse({"status": "ready", "generation": generation.id, "briefs": len(generation.brief_ids)})


def main(settings: Settings, host: str = "127.0.0.1", port: int = 8501) -> int:
    """Serve until stopped by a signal; returns the exit code, 0.

    :raises BriefsError: if the address cannot be used.
    """
    listening = _listen(host, port)
    with listening:
        shown = f"[{host}]" if ":" in host else host
        print(f"Briefs on http://{shown}:{listening.getsockname()[1]} (Ctrl-C stops)", flush=True)
        config = uvicorn.Config(
            build_app(settings), log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_S
        )
        uvicorn.Server(config).run(sockets=[listening])
    return 0


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise BriefsError(f"port {port} is no port: expected 0 to 65535")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise BriefsError(
                f"port {port} on {host} is in use; stop what listens there or choose another --port"
            ) from error
        raise BriefsError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}; choose another address"
        ) from error
