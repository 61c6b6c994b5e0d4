"""A circuit breaker: a server that keeps failing is left alone for a while, so that nobody waits for it in vain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Breaker:
    """Closed until ``failures`` calls in a row have failed; then open, and every ``pause_s`` seconds one call is let through.

    Shared by threads. A call that is let through while it is open and never reports back costs one more pause, no more.
    """

    def __init__(self, failures: int, pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = failures
        self._pause = pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0
        self._until = 0.0

    def admit(self) -> float:
        """0 if a call may be made now, else the seconds until one may."""
        with self._lock:
            if self._failed < self._most:
                return 0.0
            now = self._clock()
            if now < self._until:
                return self._until - now
            self._until = now + self._pause
            return 0.0

    def succeeded(self) -> None:
        """The server did its part: the breaker closes."""
        with self._lock:
            self._failed = 0

    def failed(self) -> None:
        """The server failed once more."""
        with self._lock:
            self._failed += 1
            self._until = self._clock() + self._pause


_breakers: dict[tuple[str, str, int, float], Breaker] = {}
_lock = threading.Lock()


def breaker_for(url: str, model: str, failures: int, pause_s: float) -> Breaker:
    """The one breaker of a model at an address in this process."""
    with _lock:
        return _breakers.setdefault((url, model, failures, pause_s), Breaker(failures, pause_s))
