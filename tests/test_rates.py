"""Counts that several servers share, in a real Redis; and what each does while it is gone."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ports import await_port, free_port

from index.settings import Settings
from ui.api import rates
from ui.api.rates import Rates

REDIS = shutil.which("redis-server")


@pytest.fixture
def port() -> int:
    """Where a Redis may listen."""
    if REDIS is None:
        if os.environ.get("CI"):
            pytest.fail("no redis-server found; run `apt-get update && apt-get install -y redis-server`", pytrace=False)
        pytest.skip("no redis-server found; install it to run the tests of shared counts")
    return free_port()


@contextmanager
def redis_at(port: int) -> Iterator[None]:
    """A Redis that keeps nothing on disk."""
    assert REDIS
    command = [REDIS, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        await_port(port, server)
        yield
    finally:
        server.terminate()
        server.wait(30)


def _server(port: int) -> Rates:
    return Rates(Settings(rate_limit="3/hour", rate_store=f"redis://127.0.0.1:{port}"))


def _left(server: Rates, caller: str) -> tuple[bool, int]:
    within, left, wait_s = asyncio.run(server.count(caller))
    assert 1 <= wait_s <= 3600
    return within, left


def test_two_servers_count_together_and_callers_apart(port: int) -> None:
    with redis_at(port):
        one, other = _server(port), _server(port)
        assert [_left(server, "a") for server in (one, other, one)] == [(True, 2), (True, 1), (True, 0)]
        assert [_left(server, "a") for server in (one, other)] == [(False, 0)] * 2
        assert _left(other, "b") == (True, 2)


def test_each_counts_for_itself_while_the_store_is_gone_and_together_again_after(
    port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rates, "AWAY_S", 0)
    one, other = _server(port), _server(port)
    assert [_left(server, "a") for server in (one, other)] == [(True, 2)] * 2
    with redis_at(port):
        assert [_left(server, "a") for server in (one, other)] == [(True, 2), (True, 1)]
    assert [_left(server, "a") for server in (one, other)] == [(True, 1)] * 2
    assert _left(one, "a") == (True, 0)
    gone, back = ("the store of the rate limit cannot be reached", "the store of the rate limit is reached again")
    assert [message.partition(";")[0] for message in caplog.messages] == [gone, gone, back, back, gone, gone]


def test_a_store_that_failed_is_left_alone_for_a_while(port: int) -> None:
    server = _server(port)
    assert _left(server, "a") == (True, 2)
    with redis_at(port):
        assert _left(server, "a") == (True, 1)
        assert _left(_server(port), "a") == (True, 2)
