"""The boundary to the ``openai`` client and the ``httpx`` below it: one request, streamed, that anyone can stop waiting for.

A request has a connection and a thread of its own. The thread reads and hands over; the caller waits on a queue for as
long as it chooses and then cuts the connection, whatever the server, the name service or the encryption are busy with.
"""

from __future__ import annotations

import email.utils
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import httpx
import openai
import openai.resources.chat  # now, not in the time of the first request

from assistant.generative.access import Access

SENT = frozenset({"accept", "connection", "content-length", "content-type", "host", "transfer-encoding", "user-agent"})
"""Headers that leave the machine, beside the key: none that the client reads from the environment, none about the machine."""

Kind = Literal["unreachable", "late", "untrusted", "cut", "status", "event", "type", "unreadable", "oversized"]


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event of the stream adds. ``unseen`` counts characters that a model thinks and nobody is to read."""

    text: str = ""
    unseen: int = 0
    finish: str = ""
    usage: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request ended, as the wire tells it.

    ``code`` and ``message`` are the server's own words, which may repeat the prompt or the key. ``retry_after`` is in
    seconds, None where the server asks for no pause.
    """

    kind: Kind
    status: int = 0
    code: str = ""
    message: str = ""
    retry_after: float | None = None


Event = Literal["connected", "end", "late"] | Piece | Failure


class Call:
    """One request on its way."""

    def __init__(
        self, access: Access, body: Mapping[str, Any], connect_s: float, total_s: float, most_bytes: int
    ) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._wire = _Wire(access, most_bytes, lambda: self._events.put("connected"))
        timeout = httpx.Timeout(total_s, connect=connect_s)
        threading.Thread(target=self._read, args=(access.url, timeout, dict(body)), name="model", daemon=True).start()

    def next(self, timeout_s: float) -> Event:
        """The next event, "late" if none comes within ``timeout_s`` seconds; after a failure or "end" there is none."""
        try:
            return self._events.get(timeout=max(timeout_s, 0.0))
        except queue.Empty:
            return "late"

    def cut(self) -> None:
        """Break the connection; the thread ends by itself."""
        self._wire.cut()

    def _read(self, url: str, timeout: httpx.Timeout, body: dict[str, Any]) -> None:
        try:
            below = httpx.Client(transport=self._wire, trust_env=False, follow_redirects=False)
            client = openai.OpenAI(
                api_key="added on the wire", base_url=url, max_retries=0, timeout=timeout, http_client=below
            )
            with client, client.chat.completions.create(**body, stream=True) as stream:
                kind = stream.response.headers.get("content-type", "")
                if kind.partition(";")[0].strip().lower() != "text/event-stream":
                    self._events.put(Failure("type", message=kind))
                    return
                for chunk in stream:
                    self._events.put(_piece(chunk))
            self._events.put("end")
        except Exception as error:  # noqa: BLE001 - whatever it is, the one who waits must hear of it
            self._events.put(_failure(error))


class _Wire(httpx.HTTPTransport):
    """The connection: sends what ``SENT`` allows, reads at most ``most_bytes``, and can be cut by another thread."""

    def __init__(self, access: Access, most_bytes: int, connected: Callable[[], None]) -> None:
        super().__init__(verify=_trust(), trust_env=False)
        self._key = access.key.get_secret_value()
        self._most_bytes = most_bytes
        self._connected = connected
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._is_cut = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for name in [name for name in request.headers if name.lower() not in SENT]:
            del request.headers[name]
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        request.headers["Accept-Encoding"] = "identity"
        request.extensions = {**request.extensions, "trace": self._note}
        response = super().handle_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            response.close()
            raise _Oversized
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _Bounded(response.stream, self._most_bytes)
        return response

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                _shut(self._socket)

    def _note(self, event: str, info: Mapping[str, Any]) -> None:
        """What httpx tells of its progress: keeps the newest socket, which encryption replaces."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
                if self._is_cut and self._socket is not None:
                    _shut(self._socket)
        elif event.endswith("send_request_headers.started"):
            self._connected()


class _Oversized(httpx.TransportError):
    """More bytes than any answer has, or packed ones, whose size nobody knows."""

    def __init__(self) -> None:
        super().__init__("too large")


class _Bounded(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, most_bytes: int) -> None:
        self._stream = stream
        self._left = most_bytes

    def __iter__(self) -> Iterator[bytes]:
        for part in self._stream:
            self._left -= len(part)
            if self._left < 0:
                raise _Oversized
            yield part

    def close(self) -> None:
        self._stream.close()


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has gone already
        return


@cache
def _trust() -> ssl.SSLContext:
    """Whom to trust: the certificates that come with the client, or SSL_CERT_FILE. Reading them takes a while."""
    return httpx.create_ssl_context()


def _piece(chunk: Any) -> Piece:
    """What is understood of an event; servers leave out and add what they like."""
    counted = getattr(chunk, "usage", None)
    usage = _count(counted, "prompt_tokens"), _count(counted, "completion_tokens")
    choices = getattr(chunk, "choices", None)
    first = choices[0] if isinstance(choices, list) and choices else None
    delta = getattr(first, "delta", None)
    text, *unseen = (getattr(delta, name, None) for name in ("content", "reasoning_content", "reasoning", "refusal"))
    finish = getattr(first, "finish_reason", None)
    return Piece(
        text if isinstance(text, str) else "",
        sum(len(part) for part in unseen if isinstance(part, str)),
        finish if isinstance(finish, str) else "",
        usage if any(usage) else None,
    )


def _count(usage: Any, name: str) -> int:
    found = getattr(usage, name, None)
    return found if isinstance(found, int) and 0 < found < 10**9 else 0


def _failure(error: Exception) -> Failure:
    """An error of the libraries in our own terms."""
    causes = {type(cause) for cause in _causes(error)}
    if _Oversized in causes:
        return Failure("oversized")
    if isinstance(error, openai.APIStatusError):
        code, message = _words(error.body)
        pause = _retry_after(error.response.headers)
        return Failure("status", error.status_code, code, message or error.response.reason_phrase, pause)
    if any(issubclass(cause, ssl.SSLError) for cause in causes):
        return Failure("untrusted")
    if any(issubclass(cause, (httpx.ConnectError, httpx.InvalidURL)) for cause in causes):
        return Failure("unreachable", message=_reason(error))
    if any(issubclass(cause, httpx.ConnectTimeout) for cause in causes):
        return Failure("late")
    if isinstance(error, (openai.APIConnectionError, httpx.HTTPError, OSError)):
        return Failure("cut")
    if isinstance(error, openai.APIError):
        code, message = _words(error.body)
        return Failure("event", int(code) if re.fullmatch(r"[45]\d\d", code) else 0, code, message)
    return Failure("unreadable", message=type(error).__name__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: Exception) -> str:
    """The system's words for why there is no connection; a host and a port may be in them, nothing of the request."""
    return next((cause.strerror for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror), "")


def _words(body: object) -> tuple[str, str]:
    """The code and the message of an error's JSON, whichever of the usual forms it has."""
    if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping):
        body = body["error"]
    if not isinstance(body, Mapping):
        return "", body if isinstance(body, str) else ""
    code = body.get("code") or body.get("type")
    message = body.get("message") or body.get("detail") or body.get("error") or ""
    return str(code) if isinstance(code, (str, int)) else "", str(message)


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds that the server asks to wait: a number, or a date."""
    try:
        if "retry-after-ms" in headers:
            return max(float(headers["retry-after-ms"]) / 1000, 0.0)
        asked = headers.get("retry-after", "")
        if re.fullmatch(r"[\d.]+", asked):
            return float(asked)
        return max(email.utils.parsedate_to_datetime(asked).timestamp() - time.time(), 0.0) if asked else None
    except (ValueError, OverflowError):
        return None
