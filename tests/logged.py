"""The log of this process while a test runs. The fixture is taken over by name."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import streamlit.logger

from index.settings import Settings
from ui.telemetry.logs import start_log


class Log(io.StringIO):
    """What was logged; ``terminal`` is what it claims to be."""

    terminal = False

    def isatty(self) -> bool:
        return self.terminal

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Every line so far, as JSON."""
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        """The lines of one event."""
        return [line for line in self.lines if line["event"] == event]


@contextmanager
def logging_to(out: Log, settings: Settings) -> Iterator[None]:
    """``start_log``, and everything as it was afterwards."""
    root, hooks = logging.getLogger(), (sys.excepthook, sys.unraisablehook, threading.excepthook)
    handlers, set_up = root.handlers[:], streamlit.logger.setup_formatter
    start_log(settings, out)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        logging.captureWarnings(capture=False)
        vars(streamlit.logger)["setup_formatter"] = set_up
        streamlit.logger.update_formatter()
        sys.excepthook, sys.unraisablehook, threading.excepthook = hooks


@pytest.fixture
def log() -> Iterator[Log]:
    """The log as JSON."""
    out = Log()
    with logging_to(out, Settings()):
        yield out
