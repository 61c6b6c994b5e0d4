"""The log: one line an event on standard error, without secrets, whoever wrote it.

On a terminal those are warnings and errors in words, anywhere else every event as JSON. docs/observability.md lists the fields.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from pydantic import SecretStr

from assistant.generative.access import access_of
from index.errors import SettingsError
from index.settings import Settings

OWN = "briefs"
"""Loggers below this name are ours."""
FIELDS, EVENT = "briefs_fields", "briefs_event"
"""Where ``log`` puts what it was given into a record."""
REDACTED = "[redacted]"
_LONGEST = 500
"""Characters of a message that are kept."""
_SHORTEST = 4
"""A secret of fewer characters is no secret, and would be found in every word."""
_LOOKS_SECRET = re.compile(
    r"""
    (?<=://)[^/\s@]+(?=@)                                                   # password in an address
    | (?<=\?)[^\s"'?=]+=[^\s"']*                                            # query string
    | \bey[JK][\w-]{8,}\.[\w-]+\.[\w-]*                                     # JSON web token
    | \b(?:bk|sk|pk|ghp|xox[abp])[_-][\w.-]{6,}                             # keys with a well-known beginning
    | -----BEGIN[ ][A-Z ]+-----.*?(?:-----END[ ][A-Z ]+-----|$)             # key in a file
    | (?i:(?<=bearer\ )|(?<=basic\ ))[^\s"',;]+                             # credentials
    | (?i:(?<=cookie)|(?<=authorization))["']?\s*[=:].*                     # header of a request
    | (?i:(?<=token)|(?<=secret)|(?<=password)|(?<=api_key)|(?<=api-key))["']?\s*[=:]\s*["']?[^\s"',;}]+
    """,
    re.X | re.S,
)
REQUEST: ContextVar[str] = ContextVar("briefs.request", default="")
"""The id of the request that is handled here."""
_log = logging.getLogger(OWN)


def log(name: str, event: str, level: int = logging.INFO, **fields: Any) -> None:
    """Log ``event`` with its fields under the logger ``briefs.NAME``."""
    logging.getLogger(f"{OWN}.{name}").log(level, "%s", event, extra={EVENT: event, FIELDS: fields})


def log_error(name: str, error: BaseException, **fields: Any) -> None:
    """Log an exception that nobody caught: its class and where it was raised, not its message."""
    log(name, "error", logging.ERROR, **fields, **_of_error(error))


def _of_error(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "locations": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


class Redaction:
    """Replaces the secrets of ``settings``, and what looks like one, in everything that is logged."""

    def __init__(self, settings: Settings) -> None:
        values = {value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)}
        with suppress(SettingsError):  # no model, or none that can be asked
            values.add(access_of(settings).key.get_secret_value())  # also if it lies in a file
        known = sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, value: Any) -> Any:
        """``value`` without secrets: a text, or lists and dictionaries of texts."""
        if isinstance(value, str):
            shown = self._known.sub(REDACTED, value) if self._known else value
            return _LOOKS_SECRET.sub(REDACTED, shown)
        if isinstance(value, Mapping):
            return {str(name): self(one) for name, one in value.items()}
        if isinstance(value, Iterable):
            return [self(one) for one in value]
        return value


class _Lines(logging.Formatter):
    """One line a record, as a dictionary of fields."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__()
        self._redaction = redaction

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """What is logged, redacted."""
        found: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, EVENT, "line"),
        }
        if request := REQUEST.get():
            found["request_id"] = request
        if hasattr(record, FIELDS):
            found |= getattr(record, FIELDS)
        else:
            # Further lines hold what was worked on: the values of an expression, the source, the message of an error.
            found["message"] = record.getMessage().strip().partition("\n")[0][:_LONGEST]
        if record.exc_info and record.exc_info[1]:
            found |= _of_error(record.exc_info[1])
        redacted: dict[str, Any] = self._redaction(found)
        return redacted


class JsonLines(_Lines):
    """Each record as a line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return json.dumps(self.fields(record), ensure_ascii=False, default=str)


class PlainLines(_Lines):
    """Each record as a line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        fields = self.fields(record)
        error = ": ".join([fields["error"], *fields["locations"][-1:]]) if "error" in fields else ""
        number = f"(request {fields['request_id']})" if "request_id" in fields else ""
        return " ".join(part for part in (fields["level"] + ":", fields.get("message", ""), error, number) if part)


class _Wanted(logging.Filter):
    """Warnings from anybody, the rest from our own loggers unless ``quiet``."""

    def __init__(self, quiet: bool) -> None:
        super().__init__()
        self._quiet = quiet

    def filter(self, record: logging.LogRecord) -> bool:
        ours = record.name == OWN or record.name.startswith(f"{OWN}.")
        return record.levelno >= logging.WARNING or (ours and not self._quiet)


def start_log(settings: Settings, stream: TextIO | None = None) -> None:
    """From now on everything that this process logs is written to ``stream``, else standard error, in one form."""
    out = stream or sys.stderr
    terminal = out.isatty()
    redaction = Redaction(settings)
    handler = logging.StreamHandler(out)
    handler.setFormatter(PlainLines(redaction) if terminal else JsonLines(redaction))
    handler.addFilter(_Wanted(quiet=terminal))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    _log.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    _take_over_streamlit()
    threading.excepthook = lambda given: _raised(given.exc_value)
    sys.unraisablehook = lambda given: _raised(given.exc_value)
    sys.excepthook = lambda _, error, __: _raised(error)


def _take_over_streamlit() -> None:
    """Streamlit gives each of its loggers, and those of uvicorn, a handler of its own, also later; they go to ours instead.

    Only where it is loaded: not every process that logs shows the page.
    """
    if "streamlit" not in sys.modules:
        return
    import streamlit.logger

    def hand_up(logger: logging.Logger) -> None:
        if own := vars(logger).pop("streamlit_console_handler", None):
            logger.removeHandler(own)
        logger.propagate = True

    vars(streamlit.logger)["setup_formatter"] = hand_up
    streamlit.logger.update_formatter()


def _raised(error: BaseException | None) -> None:
    if error is not None and not isinstance(error, SystemExit):
        log_error("process", error)
