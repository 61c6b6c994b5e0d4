"""The queue before the processor: turns, order, bounds, and work that nobody wants any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.desk import Desk, Full, Job


class Gate:
    """Work that waits to be let through, and notes in which order it was done."""

    def __init__(self) -> None:
        self.open, self.entered = threading.Event(), threading.Event()
        self.order: list[str] = []

    def work(self, name: str) -> list[str]:
        self.entered.set()
        self.open.wait(20)
        self.order.append(name)
        return [name]


def held(desk: Desk) -> Gate:
    """A gate before which the only thread of ``desk`` waits."""
    gate = Gate()
    desk.submit(lambda _: gate.work("first"))
    assert gate.entered.wait(20)
    return gate


def finish(*jobs: Job[str]) -> list[str]:
    async def wait() -> list[str]:
        return [(await job.all())[0] for job in jobs]

    return asyncio.run(wait())


@given(st.lists(st.sampled_from("abc"), max_size=12))
def test_callers_take_turns_and_each_keeps_its_order(callers: list[str]) -> None:
    desk = Desk(threads=1, most=100)
    gate = held(desk)
    names = [f"{caller}{k}" for k, caller in enumerate(callers)]
    jobs = [desk.submit(lambda _, n=name: gate.work(n), name[0]) for name in names]  # type: ignore[misc]
    gate.open.set()
    finish(*jobs)
    rounds: list[list[str]] = []
    for name in names:
        own = [other for other in names if other[0] == name[0]].index(name)
        rounds += [[] for _ in range(own + 1 - len(rounds))]
        rounds[own].append(name)
    assert sorted(gate.order[1:]) == sorted(names)
    for caller in "abc":
        assert [name for name in gate.order[1:] if name[0] == caller] == [n for n in names if n[0] == caller]
    done = iter(gate.order[1:])
    for turn in rounds:
        assert {next(done) for _ in turn} == set(turn)


def test_no_more_than_so_many_wait() -> None:
    desk = Desk(threads=1, most=2)
    gate = held(desk)
    jobs = [desk.submit(lambda _: gate.work("next")) for _ in range(2)]
    assert (desk.waiting, desk.running) == (2, 1)
    with pytest.raises(Full, match="2 questions are waiting") as caught:
        desk.submit(lambda _: gate.work("one too many"))
    assert 1 <= caught.value.retry_s <= 60
    gate.open.set()
    finish(*jobs)
    assert gate.order == ["first", "next", "next"]
    assert (desk.waiting, desk.running) == (0, 0)


def test_what_is_stopped_while_it_waits_has_its_turn_at_once() -> None:
    desk = Desk(threads=1, most=10)
    gate = held(desk)

    def work(stopped: threading.Event) -> Iterator[str]:
        yield "stopped" if stopped.is_set() else "done"

    before, stopped = desk.submit(lambda _: gate.work("before")), desk.submit(work)
    stopped.stop()
    stopped.stop()
    gate.open.set()
    assert finish(stopped, before) == ["stopped", "before"]


def test_what_is_raised_is_raised_where_it_is_awaited_and_the_thread_goes_on() -> None:
    desk = Desk(threads=1, most=10)

    def work(_: threading.Event) -> Iterator[str]:
        yield "one"
        raise ZeroDivisionError

    async def follow(job: Job[str]) -> str | None:
        followed = job.follow()
        first = await anext(followed)
        with pytest.raises(ZeroDivisionError):
            await anext(followed)
        return first

    job = desk.submit(work)
    assert asyncio.run(follow(job)) == "one"
    assert asyncio.run(follow(job)) == "one"
    with pytest.raises(ZeroDivisionError):
        finish(job)
    assert finish(desk.submit(lambda _: ["two"])) == ["two"]


def test_followers_see_every_item_once_wherever_they_begin() -> None:
    desk = Desk(threads=2, most=10)
    going = threading.Semaphore(0)

    def work(_: threading.Event) -> Iterator[int]:
        for k in range(50):
            going.acquire(timeout=20)  # until somebody has noticed that nothing comes
            yield k

    async def follow() -> None:
        job = desk.submit(work)
        beats = 0

        async def collect(after: int) -> list[int]:
            nonlocal beats
            found = []
            async for item in job.follow(after, beat_s=0.01):
                if item is None:
                    beats += 1
                    going.release()
                else:
                    found.append(item)
            return found

        found = await asyncio.gather(*(collect(after) for after in (0, 0, 7, 50, 99)))
        assert found == [list(range(50)), list(range(50)), list(range(7, 50)), [], []]
        assert beats

    asyncio.run(follow())


def test_waits_are_told() -> None:
    waits: list[float] = []
    desk = Desk(threads=1, most=10, waited=waits.append)
    finish(desk.submit(lambda _: ["one"]), desk.submit(lambda _: ["two"]))
    assert len(waits) == 2
    assert all(wait >= 0 for wait in waits)
