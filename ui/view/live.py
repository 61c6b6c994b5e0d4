"""An answer under way in another thread, so that the page can notice its stop button meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator

from assistant.types import Event
from ui.desk import Full
from ui.service import current_settings, open_desk

Stream = Callable[[threading.Event], Iterator[Event]]
"""Given what is set when nobody wants its events any more."""


class Live:
    """The events of ``stream``, which starts when it is the turn of ``caller``. The page may leave and come back to it."""

    def __init__(self, stream: Stream, caller: str = "") -> None:
        self._seen = 0
        self._full: Full | None = None
        try:
            self._job = open_desk(current_settings()).submit(lambda stopped: _wanted(stream, stopped), caller)
        except Full as error:
            self._full = error

    def next(self, timeout_s: float) -> Event | None:
        """The next event, None if there is none within ``timeout_s``. Raises what ended the stream.

        :raises Full: if as many answers wait as may.
        """
        if self._full:
            raise self._full
        job = self._job
        job.wait(self._seen, timeout_s)
        if self._seen < len(job.items):
            self._seen += 1
            return job.items[self._seen - 1]
        if job.ended and job.error:
            raise job.error
        return None

    def cancel(self) -> None:
        """Take no more; the stream is closed as soon as it lets go of its thread."""
        if not self._full:
            self._job.stop()


def _wanted(stream: Stream, stopped: threading.Event) -> Iterator[Event]:
    """The events until nobody wants them."""
    if stopped.is_set():
        return
    events = stream(stopped)
    for event in events:
        if stopped.is_set():
            break
        yield event
    if isinstance(events, Generator):
        events.close()
