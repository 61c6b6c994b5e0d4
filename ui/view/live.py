"""An answer under way in a thread of its own, so that the page can notice its stop button meanwhile."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator

from assistant.types import Event

Stream = Callable[[threading.Event], Iterator[Event]]
"""Given what is set when nobody wants its events any more."""


class Live:
    """The events of ``stream``, which starts at once. The page may leave and come back to it."""

    def __init__(self, stream: Stream) -> None:
        self._arrived: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._error: Exception | None = None
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(stream,), name="answer", daemon=True)
        self._thread.start()

    def next(self, timeout_s: float) -> Event | None:
        """The next event, None if there is none within ``timeout_s``. Raises what ended the stream."""
        try:
            return self._arrived.get(timeout=timeout_s)
        except queue.Empty:
            if self._error is not None and self._arrived.empty():
                raise self._error from None
            return None

    def cancel(self) -> None:
        """Take no more; the stream is closed as soon as it lets go of its thread."""
        self._cancelled.set()

    def _run(self, stream: Stream) -> None:
        try:
            events = stream(self._cancelled)
            for event in events:
                if self._cancelled.is_set():
                    break
                self._arrived.put(event)
            if isinstance(events, Generator):
                events.close()
        except Exception as error:  # noqa: BLE001  (raised where the answer is awaited)
            self._error = error
