"""An OpenAI-compatible server on the loopback that does what a test tells it to, faults included.

    with ScriptedModel(status(429, retry_after="0"), says("Hello")) as model:
        settings = Settings(engine="model", model_url=model.url, ...)

Each request meets the next play; the last one is repeated.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

EVENTS = "text/event-stream"
NOTHING: Mapping[str, str] = MappingProxyType({})
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}

Play = Callable[["Stage"], None]


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


class Stage(BaseHTTPRequestHandler):
    """One request, and what can be done to it."""

    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked = Asked(self.path, dict(self.headers.items()), body)
        self.close_connection = True
        try:
            self.server.next_play(self.asked)(self)
        except OSError:  # the client has left
            self.server.left.set()

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] = NOTHING) -> None:
        """A whole answer at once."""
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def begin(self, content_type: str = EVENTS, headers: Mapping[str, str] = NOTHING) -> None:
        """The head of a stream, and the event without a token that servers start with."""
        self.send_response(200)
        for name, value in {"Content-Type": content_type, "Transfer-Encoding": "chunked", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})

    def raw(self, data: bytes) -> None:
        """Bytes of the stream."""
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def event(self, data: object) -> None:
        """One event with JSON."""
        self.raw(b"data: " + json.dumps(data).encode() + b"\n\n")

    def token(self, text: str, name: str = "content") -> None:
        """One event with text."""
        self.event({"id": "1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {name: text}}]})

    def conclude(self, reason: str | None = "stop", usage: object = None) -> None:
        """The event that ends the answer, and the one that counts its tokens."""
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        if usage is not None:
            self.event({"choices": [], "usage": usage})

    def end(self) -> None:
        """The orderly end of the stream."""
        self.raw(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def hang(self) -> None:
        """Nothing more, until the client leaves or the test ends."""
        while not self.server.closing.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.02)
            if readable and not self.connection.recv(1024):
                raise ConnectionResetError

    def cut(self) -> None:
        """Reset the connection."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, plays: tuple[Play, ...]) -> None:
        super().__init__(("127.0.0.1", 0), Stage)
        self.plays = plays
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.left = threading.Event()

    def next_play(self, asked: Asked) -> Play:
        with self.lock:
            self.asked.append(asked)
            return self.plays[min(len(self.asked), len(self.plays)) - 1]


class ScriptedModel:
    """The server, from entering to leaving the ``with`` block."""

    def __init__(self, *plays: Play, certificate: Path | None = None) -> None:
        """``certificate`` holds a certificate and its key; with it the server is reached over https."""
        self._server = _Server(plays)
        self._scheme = "http"
        if certificate:
            self._scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """To be set as ``model_url``."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def asked(self) -> list[Asked]:
        """The requests so far."""
        return self._server.asked

    def was_left(self, timeout_s: float) -> bool:
        """Whether a client has gone away in the middle of a play, waiting for it up to ``timeout_s``."""
        return self._server.left.wait(timeout_s)


def says(*texts: str, finish: str | None = "stop", usage: object = USAGE) -> Play:
    """A good answer in so many pieces, or one with another ending."""

    def play(stage: Stage) -> None:
        stage.begin()
        for text in texts:
            stage.token(text)
        stage.conclude(finish, usage)
        stage.end()

    return play


def status(code: int, message: str = "no", error_code: str | None = None, **headers: str) -> Play:
    """An error; ``headers`` are written with underscores."""

    def play(stage: Stage) -> None:
        body = json.dumps({"error": {"message": message, "type": "error", "code": error_code}}).encode()
        stage.answer(code, body, {name.replace("_", "-"): value for name, value in headers.items()})

    return play


def then(*texts: str, do: Play) -> Play:
    """So many tokens, and then something else."""

    def play(stage: Stage) -> None:
        stage.begin()
        for text in texts:
            stage.token(text)
        do(stage)

    return play


def hangs(stage: Stage) -> None:
    """No answer at all."""
    stage.hang()
