"""The load benchmark: its arithmetic, and a small run on a real server."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from command import clean_environment, settle
from hypothesis import given
from hypothesis import strategies as st
from serving import served
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from evals.load import Round, Server, ask_for, quantile
from evals.pagesession import open_page
from index.settings import Settings


def test_quantiles_by_hand() -> None:
    assert [quantile([1.0, 2.0, 3.0, 4.0], share) for share in (0.25, 0.5, 0.95, 1.0)] == [1.0, 2.0, 4.0, 4.0]
    assert quantile(list(range(1, 101)), 0.95) == 95
    assert math.isnan(quantile([], 0.5))


@given(st.lists(st.floats(0, 100), min_size=1).map(sorted), st.floats(0.01, 1))
def test_enough_values_do_not_exceed_a_quantile(ordered: list[float], share: float) -> None:
    found = quantile(ordered, share)
    assert sum(value <= found for value in ordered) >= share * len(ordered) - 1e-9


def test_refusals_are_told_by_status() -> None:
    told = Round(2, 4.0, [0.5, 0.1], Counter({200: 2, 429: 1, 0: 3})).to_json()
    assert (told["requests"], told["errors"], told["answers_a_second"]) == (6, {"0": 3, "429": 1}, 0.5)
    assert (told["p50_s"], told["p95_s"]) == (0.1, 0.5)


def test_nobody_there() -> None:
    nobody = Server("http://127.0.0.1:9", 0)
    result = ask_for(nobody, ["q"], 2, 0.05)
    assert set(result.statuses) == {0}
    with pytest.raises(ConnectionRefusedError):
        open_page(nobody.address)


def test_a_page_stays_connected_longer_than_the_head_of_a_request_may_take(indexed: Settings) -> None:
    with served(indexed, patches={"ui.connection.HEAD_S": 0.3}) as server:
        stream = f"ws{server.address.removeprefix('http')}/_stcore/stream"
        with connect(
            stream, origin=Origin(server.address), subprotocols=[Subprotocol("streamlit")], proxy=None
        ) as socket:
            with pytest.raises(TimeoutError):  # and not an end
                socket.recv(timeout=1.5)
            socket.ping().wait(5)


def test_a_small_run(indexed: Settings, tmp_path: Path) -> None:
    place = settle(indexed, tmp_path)
    words = ["--seconds", "1", "--callers", "3", "--sessions", "2", "4", "--json"]
    command = [sys.executable, "-m", "evals.load", *words]
    done = subprocess.run(command, cwd=place, env=clean_environment(), capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)
    assert figures["one"]["errors"] == figures["many"]["errors"] == {}
    assert figures["many"]["requests"] > 3
    assert figures["sessions_failed"] == 0
    assert figures["p95_ratio"] > 0
    assert list(figures["memory_mb"]) == ["2", "4"]
    assert not (place / ".briefs" / "conversations.sqlite").exists()  # the server had a store of its own
