"""Answers under way: read as they come, taken up again, stopped, left alone, and finished when the server stops."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import paced
import pytest
from conftest import write_topics
from serving import EVENTS, QUESTION, Served, events, served

from index.build import build
from index.settings import Settings
from ui.access.keys import KeyStore

PACE_S, AWAY_S, HEAD_S, BODY_S = 0.8, 1.5, 3.0, 2.0
PATCHES = {
    "ui.api.ask.BEAT_S": 0.1,
    "ui.api.underway.AWAY_S": AWAY_S,
    "ui.connection.HEAD_S": HEAD_S,
    "paced.PACE_S": PACE_S,
    "ui.api.intake.BODY_S": BODY_S,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("streams")
    write_topics(folder / "corpus")
    settings = Settings(
        corpus=folder / "corpus", store=folder / "store", rate_limit="100000/minute", answer_threads=1, answer_queue=3
    )
    build(settings)
    return settings


@pytest.fixture(scope="module")
def server(home: Settings) -> Iterator[Served]:
    with served(home, patches=PATCHES, before=paced.BEFORE) as found:
        yield found


@pytest.fixture
def api(server: Served) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client
        _until_idle(client)


def _until_idle(api: httpx.Client) -> None:
    """Until no answer is under way."""
    for _ in range(200):
        if _metric(api, "briefs_streams") == _metric(api, "briefs_queue_length") == 0:
            return
        time.sleep(0.1)
    raise AssertionError("something is still under way")


def _metric(api: httpx.Client, name: str) -> float:
    lines = api.get("/metrics").text.splitlines()
    return float(next(line.split()[-1] for line in lines if line.startswith(f"{name} ")))


def _ask(api: httpx.Client, question: str = paced.SLOW, **body: Any) -> Any:
    return api.stream("POST", "/v1/ask", json={"question": question, **body}, headers=EVENTS)


def _told(response: httpx.Response) -> list[tuple[str, str, Any]]:
    return [event for event in events(response) if event[0] != ":"]


def test_events_come_as_they_are_there_with_heartbeats_between(api: httpx.Client) -> None:
    seen: list[tuple[float, str]] = []
    with _ask(api) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-accel-buffering"] == "no"
        key = response.headers["answer-id"]
        told = []
        for event in events(response):
            seen.append((time.monotonic(), event[0]))
            told += [event] if event[0] != ":" else []
    names = [name for name, *_ in told]
    assert names[0] == "sources"
    assert names[-1] == "done"
    assert set(names[1:-1]) == {"statement"}
    assert [event_id for _, event_id, _ in told] == [f"{key}.{k}" for k in range(1, len(told) + 1)]
    assert [name for _, name in seen].count(":") >= 3
    sources, *statements, (*_, answer) = told
    assert {near["brief_id"] for near in sources[2]["briefs"]} >= {"border"}
    assert [one[2]["statement"] for one in statements] == answer["statements"]
    assert [citation for one in statements for citation in one[2]["citations"]] == answer["citations"]
    at = [moment for moment, name in seen if name != ":"]
    assert at[-1] - at[0] > PACE_S


def test_a_broken_stream_goes_on_where_it_broke(api: httpx.Client) -> None:
    with _ask(api) as response:
        key = response.headers["answer-id"]
        first = next(event for event in events(response) if event[0] != ":")
    with api.stream("GET", f"/v1/ask/{key}", headers={**EVENTS, "Last-Event-ID": first[1]}) as response:
        assert response.headers["answer-id"] == key
        rest = _told(response)
    assert [event_id for _, event_id, _ in rest] == [f"{key}.{k}" for k in range(2, len(rest) + 2)]
    assert rest[-1][0] == "done"
    assert not rest[-1][2].get("truncated")
    for last in (None, "other.1", f"{key}.x", ""):
        headers = EVENTS if last is None else {**EVENTS, "Last-Event-ID": last}
        with api.stream("GET", f"/v1/ask/{key}", headers=headers) as response:
            assert _told(response) == [first, *rest]
    with api.stream("GET", f"/v1/ask/{key}", headers={**EVENTS, "Last-Event-ID": rest[-1][1]}) as response:
        assert _told(response) == []
    assert api.get(f"/v1/ask/{key}").json() == rest[-1][2]


def test_several_read_the_same_answer(api: httpx.Client, server: Served) -> None:
    with _ask(api) as response:
        key = response.headers["answer-id"]

        def read(_: int) -> list[tuple[str, str, Any]]:
            with server.client() as other, other.stream("GET", f"/v1/ask/{key}", headers=EVENTS) as found:
                return _told(found)

        with ThreadPoolExecutor(4) as pool:
            others = list(pool.map(read, range(4)))
        assert [_told(response)] * 4 == others


def test_who_stops_an_answer_keeps_what_was_verified(api: httpx.Client, server: Served) -> None:
    conversation = api.post("/v1/conversations", json={}).json()["id"]
    with _ask(api, conversation=conversation) as response, server.client() as other:
        key = response.headers["answer-id"]
        told = []
        for event in events(response):
            told += [event] if event[0] != ":" else []
            if event[0] == "statement" and len(told) == 2:
                assert other.delete(f"/v1/ask/{key}").status_code == 204
    answer = told[-1][2]
    assert (told[-1][0], answer["status"], answer["truncated"]) == ("done", "partial", True)
    assert answer["notice"].startswith("Stopped by the reader after ")
    assert answer["statements"] == [event[2]["statement"] for event in told if event[0] == "statement"]
    [turn] = api.get(f"/v1/conversations/{conversation}").json()["turns"]
    assert turn["answer"]["statements"] == answer["statements"]
    for method in ("GET", "DELETE"):
        assert api.request(method, f"/v1/ask/{key}").status_code == 404


def test_an_answer_that_nobody_reads_goes_on_for_a_while_and_then_stops(api: httpx.Client) -> None:
    conversation = api.post("/v1/conversations", json={}).json()["id"]
    with _ask(api, conversation=conversation) as response:
        key = response.headers["answer-id"]
    with api.stream("GET", f"/v1/ask/{key}", headers=EVENTS) as response:  # in time
        assert not _told(response)[-1][2].get("truncated")
    with _ask(api) as response:
        key = response.headers["answer-id"]
    time.sleep(AWAY_S + 0.5)
    assert api.get(f"/v1/ask/{key}").json()["truncated"]
    assert len(api.get(f"/v1/conversations/{conversation}").json()["turns"]) == 1


def test_who_asked_for_json_and_leaves_is_not_answered(api: httpx.Client, server: Served) -> None:
    with pytest.raises(httpx.ReadTimeout), server.client(timeout=PACE_S) as other:
        other.post("/v1/ask", json={"question": paced.SLOW})
    _until_idle(api)
    line = _line_of_the_last_answer(server)
    assert line["answer"]["truncated"]
    assert line.get("gone", True)


def _line_of_the_last_answer(server: Served) -> dict[str, Any]:
    def stopped(lines: list[dict[str, Any]]) -> dict[str, Any] | None:
        last = next((line for line in reversed(lines) if "answer" in line), None)
        return last if last and last["answer"].get("truncated") else None

    return server.awaited(stopped)


def test_a_full_queue_is_said_and_who_leaves_makes_room(api: httpx.Client, server: Served, home: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        clients = [server.client() for _ in range(7)]
        answers = [pool.submit(client.post, "/v1/ask", json={"question": paced.SLOW}) for client in clients]
        found = [answer.result() for answer in answers]
    refused = [response for response in found if response.status_code == 429]
    answered = [response for response in found if response.status_code == 200]
    assert len(refused) + len(answered) == 7
    assert len(answered) >= home.answer_queue
    assert refused
    for response in refused:
        assert response.json()["type"] == "/api/v1/problems/too-many-requests"
        assert 1 <= int(response.headers["retry-after"]) <= 60
    for client in clients:
        client.close()
    assert _metric(api, 'briefs_refused_total{limit="queue"}') == len(refused)
    assert _metric(api, "briefs_queue_length") == 0


def test_slow_and_broken_requests_end_and_leave_no_trace(api: httpx.Client, server: Served) -> None:
    head = b"POST /api/v1/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    pieces = {
        "nothing": b"",
        "half a head": head,
        "half a body": head + b"Content-Length: 40\r\n\r\n{",
        "half a chunk": head + b"Transfer-Encoding: chunked\r\n\r\n20\r\n{",
        "a second half": b"GET /api/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /api/hea",
    }
    with ThreadPoolExecutor(len(pieces)) as pool:
        ends = dict(
            zip(pieces, pool.map(lambda piece: _said_until_closed(server, piece), pieces.values()), strict=True)
        )
    assert ends["nothing"] == ends["half a head"] == b""
    for name in ("half a body", "half a chunk"):
        assert ends[name].startswith(b"HTTP/1.1 408 "), name
        assert b"/api/v1/problems/timeout" in ends[name]
    assert ends["a second half"].startswith(b"HTTP/1.1 200 OK")
    for piece in pieces.values():  # closed by the caller at once
        with socket.create_connection(("127.0.0.1", server.port), 20) as raw:
            raw.sendall(piece)
    for nonsense in (b"\x16\x03\x01\x02\x00" * 20, b"GET\r\n\r\n", head + b"Content-Length: -1\r\n\r\n", b"A" * 70_000):
        assert _said_until_closed(server, nonsense)[:13] in {b"", b"HTTP/1.1 400 "}
    assert api.get("/healthz").status_code == 200


def _said_until_closed(server: Served, piece: bytes) -> bytes:
    """What the server says to a caller who sends ``piece`` and then waits, until it closes the connection."""
    said = b""
    with socket.create_connection(("127.0.0.1", server.port), 60) as raw:
        raw.sendall(piece)
        try:
            while part := raw.recv(4096):
                said += part
        except ConnectionResetError:
            pass
    return said


def test_long_heads_are_refused(server: Served) -> None:
    said = _said_until_closed(server, b"GET /api/healthz HTTP/1.1\r\nX: " + b"a" * 200_000)
    assert said[:13] in {b"", b"HTTP/1.1 400 "}


def test_answers_belong_to_who_asked(home: Settings) -> None:
    store = KeyStore(home.store)
    secrets = [
        store.add(name, "key", frozenset(groups))[1] for name, groups in (("one", ["staff"]), ("two", ["staff"]))
    ]
    with served(home.model_copy(update={"auth": "on"}), before=paced.BEFORE) as server:
        one, two = (server.client(headers={"Authorization": f"Bearer {secret}"}) for secret in secrets)
        with one, two:
            key = one.post("/v1/ask", json={"question": QUESTION}).headers["answer-id"]
            made = one.post("/v1/conversations", json={}, headers={"Idempotency-Key": "k"}).json()["id"]
            assert one.get(f"/v1/ask/{key}").status_code == 200
            unknown = two.get(f"/v1/ask/{'x' * 22}").json()
            for method in ("GET", "DELETE"):
                found = two.request(method, f"/v1/ask/{key}")
                assert found.status_code == 404
                assert found.json() | {"request_id": ""} == unknown | {"request_id": ""}
            assert two.post("/v1/feedback", json={"answer": key, "rating": "up"}).status_code == 404
            assert two.get(f"/v1/conversations/{made}").status_code == 404
            assert two.get("/v1/conversations").json()["total"] == 0
            assert two.post("/v1/conversations", json={}, headers={"Idempotency-Key": "k"}).json()["id"] != made
            assert two.post("/v1/ask", json={"question": QUESTION, "conversation": made}).status_code == 404
            assert one.get(f"/v1/ask/{key}").status_code == 200
            ready = httpx.get(f"{server.address}/api/readyz").json()
            assert ready == one.get("/readyz").json() == {"status": "ready"}


def test_a_changed_index_is_seen_when_an_answer_is_taken_up(
    home: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    write_topics(folder / "corpus")
    settings = home.model_copy(update={"corpus": folder / "corpus", "store": folder / "store"})
    build(settings)
    with served(settings) as server, server.client() as api:
        with _ask(api, QUESTION) as response:
            key, before = response.headers["answer-id"], _told(response)
        path = folder / "corpus" / "border.md"
        path.write_text(path.read_text().replace("# Border", "Moved by a line.\n\n# Border"))
        build(settings)
        with api.stream("GET", f"/v1/ask/{key}", headers=EVENTS) as response:
            [(name, event_id, answer)] = _told(response)
        assert (name, event_id) == ("done", before[-1][1])
        [citation] = answer["citations"]
        assert citation["start"] > before[-1][2]["citations"][0]["start"]
        assert path.read_text()[citation["start"] : citation["end"]] == citation["quote"]
        assert api.get(f"/v1/ask/{key}").json() == answer


def test_a_stopping_server_finishes_what_is_under_way_and_takes_nothing_new(home: Settings) -> None:
    with served(home, before=paced.BEFORE) as server, server.client() as api, server.client() as other:
        other.get("/healthz")
        with _ask(api) as response:
            told = events(response)
            next(told)
            server.process.send_signal(signal.SIGTERM)
            for _ in range(100):
                if (ready := other.get("/readyz")).status_code == 503:
                    break
                time.sleep(0.02)
            assert ready.json() == {"status": "stopping"}
            refused = other.post("/v1/ask", json={"question": QUESTION})
            assert refused.status_code == 503
            assert refused.json()["type"] == "/api/v1/problems/unavailable"
            assert int(refused.headers["retry-after"]) > 0
            name, _, answer = list(told)[-1]
        assert (name, answer.get("truncated", False)) == ("done", False)
        assert server.process.wait(30) == 0


def test_a_stopping_server_stops_what_takes_too_long(home: Settings) -> None:
    short = home.model_copy(update={"shutdown_s": 1})
    with served(short, patches={"paced.PACE_S": 5.0}, before=paced.BEFORE) as server, server.client() as api:
        with _ask(api) as response:
            threading.Timer(0.5, server.process.send_signal, [signal.SIGTERM]).start()
            name, _, answer = _told(response)[-1]
        assert (name, answer["truncated"]) == ("done", True)
        assert server.process.wait(30) == 0


def test_every_line_of_the_log_is_json_and_none_is_a_fault(server: Served) -> None:
    lines = server.lines()
    assert json.dumps(lines)
    assert not [line for line in lines if line["event"] == "error"]
