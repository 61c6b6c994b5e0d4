"""One queue for all that makes the processor work: a few threads, and callers who take turns."""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from index.errors import BriefsError

T = TypeVar("T")
Work = Callable[[threading.Event], Iterable[T]]
"""What a thread does: given what is set when nobody wants the rest, it yields what it has, soon after that no more."""


class Full(BriefsError):
    """As many wait as may; ``retry_s`` is about how long it takes until they do not, in whole seconds."""

    def __init__(self, waiting: int, retry_s: int) -> None:
        super().__init__(f"{waiting} questions are waiting, which is the most; try again in {retry_s} s")
        self.retry_s = retry_s


class Job(Generic[T]):
    """Work that waits, is done, or has ended. ``items`` only grows; it is whole once ``ended``, unless there is an ``error``.

    Any thread may read it and stop it.
    """

    def __init__(self, work: Work[T], hasten: Callable[[Job[Any]], None], ended: Callable[[], None]) -> None:
        self.items: list[T] = []
        self.error: Exception | None = None
        self.stopped = threading.Event()
        self.since = time.monotonic()
        self._ended = threading.Event()
        self._work, self._hasten, self._then = work, hasten, ended
        self._context = contextvars.copy_context()
        self._listeners: set[Callable[[], None]] = set()
        self._changed = threading.Condition()

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self._ended.is_set()

    def stop(self) -> None:
        """Nobody wants the rest. Work that still waits has its turn at once: it sees that it is to end."""
        self.stopped.set()
        self._hasten(self)

    def wait(self, after: int, timeout_s: float) -> None:
        """Until there are more than ``after`` items, or there is nothing more to come, for so long at most."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.items) > after or self.ended, timeout_s)

    async def follow(self, after: int = 0, beat_s: float | None = None) -> AsyncIterator[T | None]:
        """The items from number ``after`` on as they come; None whenever there was none for ``beat_s`` seconds.

        Raises what ended the work.
        """
        loop, moved = asyncio.get_running_loop(), asyncio.Event()

        def listener() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody reads any more
                loop.call_soon_threadsafe(moved.set)

        with self._changed:
            self._listeners.add(listener)
        try:
            while True:
                moved.clear()
                ended = self.ended  # before the items are read: what comes later sets ``moved``
                for item in self.items[after:]:
                    after += 1
                    yield item
                if ended:
                    break
                try:
                    await asyncio.wait_for(moved.wait(), beat_s)
                except TimeoutError:
                    yield None
        finally:
            with self._changed:
                self._listeners.discard(listener)
        if self.error:
            raise self.error

    async def all(self) -> list[T]:
        """Every item, once the work has ended. Raises what ended it."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def listener() -> None:
            if self.ended:
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(ended.set)

        with self._changed:
            self._listeners.add(listener)
        try:
            if not self.ended:
                await ended.wait()
        finally:
            with self._changed:
                self._listeners.discard(listener)
        if self.error:
            raise self.error
        return self.items

    def run(self) -> None:
        """Do the work, in the context of who asked for it."""
        self._context.run(self._run)

    def _run(self) -> None:
        try:
            for item in self._work(self.stopped):
                self.items.append(item)
                self._tell()
        except Exception as error:  # noqa: BLE001  (raised where the items are awaited)
            self.error = error
        finally:
            self._ended.set()
            self._tell()
            self._then()
            del self._work, self._then, self._context  # a job is kept longer than the request that it came from

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()


class Desk:
    """``threads`` that do one job after another, and up to ``most`` jobs that wait for them.

    Callers take turns; among the jobs of one caller the first is done first.
    """

    def __init__(self, threads: int, most: int, waited: Callable[[float], None] = lambda _: None) -> None:
        """``waited`` is told how long each job waited, in seconds."""
        self.threads, self.most, self._waited = threads, most, waited
        self._lanes: OrderedDict[str, deque[Job[Any]]] = OrderedDict()
        self._hasty: deque[Job[Any]] = deque()
        self._running: set[Job[Any]] = set()
        self._started = 0
        self._pace_s = 0.1
        self._work_there = threading.Condition()

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return sum(map(len, self._lanes.values())) + len(self._hasty)

    @property
    def running(self) -> int:
        """How many are done at this moment."""
        return len(self._running)

    def submit(self, work: Work[T], caller: str = "", ended: Callable[[], None] = lambda: None) -> Job[T]:
        """Have ``work`` done when it is its turn; its thread calls ``ended`` after it. :raises Full: if as many wait as may."""
        job = Job(work, self._hasten, ended)
        with self._work_there:
            waiting = self.waiting
            if waiting >= self.most:
                raise Full(waiting, max(1, min(60, math.ceil(waiting * self._pace_s / self.threads))))
            self._lanes.setdefault(caller, deque()).append(job)
            if self._started < self.threads and self._started <= waiting + len(self._running):
                self._started += 1
                threading.Thread(target=self._work, name=f"answers-{self._started}", daemon=True).start()
            self._work_there.notify()
        return job

    def stop_all(self) -> None:
        """Stop every job that waits or runs."""
        with self._work_there:
            jobs = [*self._hasty, *(job for lane in self._lanes.values() for job in lane), *self._running]
        for job in jobs:
            job.stop()

    def _hasten(self, job: Job[Any]) -> None:
        with self._work_there:
            for caller, lane in self._lanes.items():
                if job in lane:
                    lane.remove(job)
                    if not lane:
                        del self._lanes[caller]
                    self._hasty.append(job)
                    return

    def _work(self) -> None:
        while True:
            with self._work_there:
                while not (self._hasty or self._lanes):
                    self._work_there.wait()
                job = self._next()
                self._running.add(job)
            started = time.monotonic()
            self._waited(started - job.since)
            job.run()
            with self._work_there:
                self._running.discard(job)
                self._pace_s += 0.1 * (time.monotonic() - started - self._pace_s)
            del job  # what it holds is not kept until the next one comes

    def _next(self) -> Job[Any]:
        if self._hasty:
            return self._hasty.popleft()
        caller, lane = next(iter(self._lanes.items()))
        job = lane.popleft()
        if lane:
            self._lanes.move_to_end(caller)
        else:
            del self._lanes[caller]
        return job
