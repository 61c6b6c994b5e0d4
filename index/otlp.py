"""The boundary to OpenTelemetry: spans are recorded by its SDK and sent by OTLP over HTTP.

The provider is our own and not the global one, so that no other library records into it.
"""

from __future__ import annotations

import atexit
import http.client
import logging
import queue
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from index.errors import SettingsError
from index.tracing import Value

SERVICE = "briefs"
_KEPT, _BATCH = 2048, 512
"""Spans that wait at most, and that are sent at once at most."""
_GATHER_S, _PATIENCE_S = 1.0, 2.0
"""How long spans are gathered, and how long the collector may take to answer, in seconds."""
_log = logging.getLogger("briefs.traces")
_Event = TypeVar("_Event")
_Result = TypeVar("_Result")


class Recorder:
    """Records spans and has them sent to ``url``."""

    def __init__(self, url: str) -> None:
        """:raises SettingsError: if ``url`` is no address."""
        provider = TracerProvider(resource=Resource.create({SERVICE_NAME: SERVICE}), shutdown_on_exit=False)
        provider.add_span_processor(_Sender(_parsed(url)))
        self._tracer = provider.get_tracer(SERVICE)

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value]) -> Iterator[None]:
        """Record the block."""
        with _ended(self._tracer.start_span(name, attributes=attributes)) as recorded, _current(recorded):
            yield

    @contextmanager
    def request(self, name: str, traceparent: str, attributes: Mapping[str, Value]) -> Iterator[None]:
        """Record the block, as the continuation of the caller's trace if there is one."""
        above = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
        recorded = self._tracer.start_span(name, above, SpanKind.SERVER, attributes)
        with _ended(recorded), _current(recorded):
            yield

    def steps(self, name: str, events: Generator[_Event, None, _Result]) -> Generator[_Event, None, _Result]:
        """Record ``events``; the span is current while they are made and not while they are taken."""
        with _ended(self._tracer.start_span(name)) as recorded:
            try:
                while True:
                    with _current(recorded):
                        try:
                            event = next(events)
                        except StopIteration as stop:
                            result: _Result = stop.value
                            return result
                    yield event
            finally:
                with _current(recorded):
                    events.close()

    def note(self, attributes: Mapping[str, Value]) -> None:
        """Add to the current span."""
        trace.get_current_span().set_attributes(attributes)

    def rename(self, name: str) -> None:
        """Give the current span another name."""
        trace.get_current_span().update_name(name)

    def trace_id(self) -> str:
        """The id of the current trace."""
        context = trace.get_current_span().get_span_context()
        return f"{context.trace_id:032x}" if context.is_valid else ""


@contextmanager
def _ended(recorded: Span) -> Iterator[Span]:
    """End the span with the block. Of an error its class is recorded: messages may hold text."""
    try:
        yield recorded
    except Exception as error:
        recorded.set_attribute("error.type", type(error).__name__)
        recorded.set_status(StatusCode.ERROR)
        raise
    finally:
        recorded.end()


@contextmanager
def _current(recorded: Span) -> Iterator[None]:
    token = attach(trace.set_span_in_context(recorded))
    try:
        yield
    finally:
        detach(token)


def _parsed(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or parts.username or parts.query or parts.fragment:
        raise SettingsError("setting otlp_url: expected http(s)://host:port of an OpenTelemetry collector")
    return parts._replace(path=parts.path if parts.path.strip("/") else "/v1/traces")


class _Sender(SpanProcessor):
    """Sends ended spans from a thread of its own. What does not fit or is not taken is lost."""

    def __init__(self, url: SplitResult) -> None:
        self._url = url
        self._ended: queue.Queue[ReadableSpan | None] = queue.Queue(_KEPT)
        self._sent = threading.Event()
        self._failing = False
        threading.Thread(target=self._run, name="traces", daemon=True).start()
        atexit.register(self.shutdown)

    def on_end(self, span: ReadableSpan) -> None:
        with suppress(queue.Full):
            self._ended.put_nowait(span)

    def shutdown(self) -> None:
        """Send what waits; gives up after ``_PATIENCE_S``."""
        with suppress(queue.Full):
            self._ended.put(None, timeout=_PATIENCE_S)
            self._sent.wait(_PATIENCE_S)

    def _run(self) -> None:
        last = False
        while not last:
            batch = [self._ended.get()]
            until = time.monotonic() + _GATHER_S
            with suppress(queue.Empty):
                while batch[-1] is not None and len(batch) < _BATCH:
                    batch.append(self._ended.get(timeout=max(until - time.monotonic(), 0)))
            last = batch[-1] is None
            self._send([one for one in batch if one is not None])
        self._sent.set()

    def _send(self, spans: Sequence[ReadableSpan]) -> None:
        if not spans:
            return
        body = encode_spans(spans).SerializeToString()
        connect = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        connection = connect(self._url.hostname or "", self._url.port, timeout=_PATIENCE_S)
        try:
            connection.request("POST", self._url.path, body, {"Content-Type": "application/x-protobuf"})
            status = connection.getresponse().status
            self._tell("" if status < 300 else f"it answered {status}")
        except (OSError, http.client.HTTPException) as error:
            self._tell(str(error) or type(error).__name__)
        finally:
            connection.close()

    def _tell(self, trouble: str) -> None:
        """A warning when the trouble starts, not one for each batch."""
        if trouble and not self._failing:
            _log.warning("traces are lost: the collector at %s does not take them: %s", self._url.netloc, trouble)
        self._failing = bool(trouble)
