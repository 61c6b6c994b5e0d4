"""Chat page and HTTP API in one process on one port."""

from __future__ import annotations

import asyncio
import errno
import math
import socket
import threading
import time
from pathlib import Path

import streamlit as st
import uvicorn
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from index.errors import BriefsError
from index.settings import Settings
from ui.access.gate import Gate
from ui.access.headers import SafeHeaders
from ui.access.login import login_secrets, prepare_page
from ui.access.startup import sign_in_needed
from ui.api.app import build_api
from ui.api.service import Service
from ui.connection import Connection
from ui.service import configure
from ui.telemetry.logs import start_log
from ui.telemetry.requests import RequestTelemetry

SCRIPT = Path(__file__).with_name("app.py")
HEAD_BYTES = 64 * 1024
POLL_S = 0.05
GRACE_S = 3
"""How long what is still open after ``shutdown_s`` may take to close, in seconds."""


class Below:
    """Middleware that leads requests below ``path`` to another application."""

    def __init__(self, app: ASGIApp, path: str, other: ASGIApp) -> None:
        self.app, self.path, self.other = app, path, other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, here or there."""
        path = scope.get("path", "")
        if scope["type"] == "http" and (path == self.path or path.startswith(f"{self.path}/")):
            scope["root_path"] = scope.get("root_path", "") + self.path
            await self.other(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def build_app(settings: Settings, api: FastAPI, *, sign_in: bool) -> st.App:
    """The ASGI app: the chat page at ``/``, ``api`` beside it. ``sign_in`` says whether callers must say who they are.

    One app per process, which is what Streamlit supports.
    """
    configure(settings)
    app = st.App(
        SCRIPT,
        secrets=login_secrets(settings),
        lifespan=lambda _: api.state.run(),
        middleware=[
            Middleware(RequestTelemetry),
            Middleware(SafeHeaders, settings=settings, sign_in=sign_in),
            Middleware(Gate, settings=settings, sign_in=sign_in),
            # Streamlit's own middleware, which compresses and keeps sessions, is for the page alone.
            Middleware(Below, path="/api", other=api),
        ],
    )
    prepare_page(settings)
    return app


class Server(uvicorn.Server):
    """Ends gracefully: from the signal on the API takes nothing new, and what is under way may take ``shutdown_s``."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for what is under way, stop what is left, then close every connection."""
        self.service.traffic.stopping = True
        await self._idle(self.service.settings.shutdown_s)
        self.service.desk.stop_all()
        await self._idle(GRACE_S)
        await super().shutdown(sockets)
        # uvicorn would raise them again, and the process would end without what is registered with atexit.
        self._captured_signals.clear()

    async def _idle(self, seconds: float) -> None:
        """Until nothing is under way, for so long at most."""
        traffic, desk = self.service.traffic, self.service.desk
        for _ in range(math.ceil(seconds / POLL_S)):
            if self.force_exit or not (traffic.under_way or desk.waiting or desk.running):
                return
            await asyncio.sleep(POLL_S)


def main(settings: Settings, host: str = "127.0.0.1", port: int = 8501) -> int:
    """Serve until stopped by a signal; returns the exit code, 0.

    :raises BriefsError: if the address cannot be used, or the server must not start as the settings are.
    """
    start_log(settings)
    sign_in = sign_in_needed(settings, host)
    listening = _listen(host, port)
    with listening:
        api = build_api(settings, sign_in=sign_in)
        config = uvicorn.Config(
            build_app(settings, api, sign_in=sign_in),
            http=Connection,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            h11_max_incomplete_event_size=HEAD_BYTES,
            timeout_graceful_shutdown=GRACE_S,
        )
        shown = f"[{host}]" if ":" in host else host
        print(f"Briefs on http://{shown}:{listening.getsockname()[1]} (Ctrl-C stops)", flush=True)
        Server(config, api.state.service).run(sockets=[listening])
    _await_pages()
    return 0


def _await_pages() -> None:
    """Until no page is being drawn: a thread that the interpreter ends inside native code takes the process with it (exit code -6)."""
    until = time.monotonic() + GRACE_S
    for thread in threading.enumerate():
        if thread.name.startswith("ScriptRunner"):  # Streamlit's, which have been told to stop
            thread.join(max(0.0, until - time.monotonic()))


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
