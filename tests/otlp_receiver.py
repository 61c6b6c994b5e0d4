"""An OpenTelemetry collector on the loopback that keeps what it is sent.

with Receiver() as receiver:
    Settings(otlp_url=receiver.url, ...)
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Received:
    """A span: ids in hexadecimal digits, no parent for the first of a trace."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    failed: bool


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.arrived:
            self.server.requests.append((self.path, dict(self.headers.items()), body))
            self.server.arrived.notify_all()
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.arrived = threading.Condition()


class Receiver:
    """The collector, from entering to leaving the ``with`` block. It answers ``status``."""

    def __init__(self, status: int = 200) -> None:
        self._server = _Server(status)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """To be set as ``otlp_url``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def requests(self) -> list[tuple[str, dict[str, str], bytes]]:
        """Path, headers and body of what came."""
        return self._server.requests

    @property
    def spans(self) -> list[Received]:
        """What came, in the order in which it ended."""
        return [span for _, _, body in list(self._server.requests) for span in _spans(body)]

    def wait_for(self, name: str, timeout_s: float = 30) -> list[Received]:
        """What came, once a span of that name is there."""
        with self._server.arrived:
            assert self._server.arrived.wait_for(lambda: name in {span.name for span in self.spans}, timeout_s), [
                span.name for span in self.spans
            ]
        return self.spans


def _spans(body: bytes) -> list[Received]:
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    return [
        Received(
            span.name,
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "") for pair in span.attributes},
            span.status.code == span.status.STATUS_CODE_ERROR,
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
