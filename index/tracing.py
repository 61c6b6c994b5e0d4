"""Spans: what took how long, sent to the OpenTelemetry collector that ``otlp_url`` names. Without one nothing is imported or recorded.

Attributes are counts, ids and names of ours, never text of a brief or a question.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TypeVar

from index.settings import Settings

if TYPE_CHECKING:
    from index.otlp import Recorder

Value = str | int | float | bool
"""What an attribute may be."""
_Event = TypeVar("_Event")
_Result = TypeVar("_Result")


class _Nothing:
    """What is recorded without a collector. One object for all spans: a span costs a call."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


_NOTHING = _Nothing()
_recorders: list[Recorder] = []
_starting = threading.Lock()


def start(settings: Settings) -> None:
    """Record from now on if the settings name a collector. The first one stays that of the process.

    :raises SettingsError: if ``otlp_url`` is no address.
    """
    if not settings.otlp_url:
        return
    with _starting:
        if not _recorders:
            from index.otlp import Recorder

            _recorders.append(Recorder(settings.otlp_url))


def span(name: str, /, **attributes: Value) -> AbstractContextManager[None]:
    """Record the block as part of the span around it. The block must not yield: see ``steps``."""
    return _recorders[0].span(name, attributes) if _recorders else _NOTHING


def request_span(name: str, traceparent: str, /, **attributes: Value) -> AbstractContextManager[None]:
    """Record the block as the handling of a request; ``traceparent`` is the header in which the caller names its own span."""
    return _recorders[0].request(name, traceparent, attributes) if _recorders else _NOTHING


def steps(name: str, events: Generator[_Event, None, _Result]) -> Generator[_Event, None, _Result]:
    """``events``, recorded from the first step to the last: a generator shares the thread with whoever takes its events.

    Spans inside are part of it, those of the taker are not.
    """
    return _recorders[0].steps(name, events) if _recorders else events


def note(**attributes: Value) -> None:
    """Add to the span around."""
    if _recorders:
        _recorders[0].note(attributes)


def rename(name: str) -> None:
    """Call the span around otherwise."""
    if _recorders:
        _recorders[0].rename(name)


def trace_id() -> str:
    """The id of the trace around in 32 hexadecimal digits, empty where nothing is recorded."""
    return _recorders[0].trace_id() if _recorders else ""
