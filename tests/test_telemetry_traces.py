"""Spans: what is sent to a real receiver, what a dead one costs, and what none costs."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from command import TORKHAM, briefs, clean_environment, complaint, settle
from otlp_receiver import Received, Receiver
from scripted_model import ScriptedModel, says
from test_writer_cli import ASKED, CLOSED, variables
from writing import reply

from index import tracing
from index.errors import SettingsError
from index.otlp import Recorder
from index.settings import Settings


@pytest.fixture
def place(indexed: Settings, tmp_path: Path) -> Path:
    """A folder with a corpus and an index where the command looks for them by default."""
    return settle(indexed, tmp_path)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A collector that takes everything."""
    with Receiver() as found:
        yield found


@pytest.fixture
def recording(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """The collector, with this process sending to it."""
    monkeypatch.setattr(tracing, "_recorders", [Recorder(receiver.url)])
    return receiver


def parents(spans: list[Received]) -> dict[str, set[str]]:
    """The names of the spans around those of each name."""
    names = {span.span_id: span.name for span in spans}
    found: dict[str, set[str]] = {}
    for span in spans:
        found.setdefault(span.name, set()).add(names.get(span.parent_id, ""))
    return found


def test_ask_sends_what_it_did(place: Path, receiver: Receiver) -> None:
    briefs("ask", TORKHAM, cwd=place, variables={"BRIEFS_OTLP_URL": receiver.url})
    spans = receiver.wait_for("ask")
    assert parents(spans) == {
        "ask": {""},
        "search": {"ask"},
        "embed": {"search"},
        "judge": {"ask"},
        "generate": {"ask"},
    }
    assert len({span.trace_id for span in spans}) == 1
    (ask,) = [span for span in spans if span.name == "ask"]
    assert (ask.attributes["status"], ask.attributes["engine"]) == ("answered", "extractive")
    assert 0 < ask.attributes["confidence"] <= 1
    assert [path for path, _, _ in receiver.requests] == ["/v1/traces"] * len(receiver.requests)


def test_ask_with_a_model_verifies_and_counts_tokens(place: Path, receiver: Receiver) -> None:
    with ScriptedModel(says(reply(CLOSED))) as model:
        asked = briefs("ask", ASKED, cwd=place, variables=variables(model, otlp_url=receiver.url))
    assert CLOSED[0] in asked.stdout
    spans = receiver.wait_for("ask")
    assert parents(spans)["verify"] == {"generate"}
    (ask,) = [span for span in spans if span.name == "ask"]
    assert (ask.attributes["prompt_tokens"], ask.attributes["completion_tokens"]) == (11, 7)


def test_index_sends_what_it_did(corpus: Path, tmp_path: Path, receiver: Receiver) -> None:
    briefs("index", cwd=tmp_path, variables={"BRIEFS_OTLP_URL": receiver.url})
    spans = receiver.wait_for("index")
    within = {"read", "chunk", "embed", "write", "prove"}
    assert parents(spans) == {"index": {""}, **{name: {"index"} for name in within}}
    read = [span.attributes["characters"] for span in spans if span.name == "read"]
    assert sum(read) == sum(len(path.read_text()) for path in corpus.iterdir())
    (index,) = [span for span in spans if span.name == "index"]
    assert index.attributes["briefs"] == 4


def test_no_text_of_questions_or_briefs_is_sent(place: Path, receiver: Receiver) -> None:
    (place / "corpus" / "canary.md").write_text("# Zanzibarium\n\nZanzibarium exports quicksilver to Qwertistan.\n")
    environment = {"BRIEFS_OTLP_URL": receiver.url}
    briefs("index", cwd=place, variables=environment)
    briefs("ask", "What does Zanzibarium export to Qwertistan?", cwd=place, variables=environment)
    receiver.wait_for("ask")
    sent = b"".join(body for _, _, body in receiver.requests).lower()
    assert b"characters" in sent
    assert not any(word in sent for word in (b"canary", b"zanzibarium", b"quicksilver", b"qwertistan"))


def test_traces_are_continued(recording: Receiver) -> None:
    above = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with tracing.request_span("GET", above, briefs=3):
        tracing.rename("GET /api/v1/briefs")
        assert tracing.trace_id() == "0af7651916cd43dd8448eb211c80319c"
    (span,) = recording.wait_for("GET /api/v1/briefs")
    assert (span.trace_id, span.parent_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert span.attributes == {"briefs": 3}


@pytest.mark.parametrize("header", ["", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "ff-x-y-z", "\x00"])
def test_other_traceparents_begin_a_new_trace(recording: Receiver, header: str) -> None:
    with tracing.request_span("GET", header):
        assert len(tracing.trace_id()) == 32
    (span,) = recording.wait_for("GET")
    assert span.parent_id == ""


def test_an_error_is_named_and_not_quoted(recording: Receiver) -> None:
    with pytest.raises(ValueError, match="secret"), tracing.span("search"):
        raise ValueError("the secret words")
    (span,) = recording.wait_for("search")
    assert (span.failed, span.attributes) == (True, {"error.type": "ValueError"})
    assert b"secret" not in recording.requests[0][2]


def counting(upto: int, inner: list[str]) -> Generator[int, None, str]:
    try:
        for number in range(upto):
            with tracing.span(f"inner{number}"):
                inner.append(tracing.trace_id())
            yield number
    finally:
        inner.append("closed")
    return "done"


def test_steps_give_what_the_generator_gives_and_leave_their_taker_alone(recording: Receiver) -> None:
    inner: list[str] = []

    def taken() -> Generator[int, None, str]:
        return (yield from tracing.steps("steps", counting(3, inner)))

    numbers, taker = [], taken()
    with tracing.span("taker"):
        around = tracing.trace_id()
        while True:
            try:
                numbers.append(next(taker))
            except StopIteration as stop:
                assert stop.value == "done"
                break
            with tracing.span("outer"):
                pass
    assert numbers == [0, 1, 2]
    assert inner == [around] * 3 + ["closed"]
    found = parents(recording.wait_for("taker"))
    assert found["outer"] == {"taker"}
    assert (found["steps"], found["inner1"]) == ({"taker"}, {"steps"})


def test_steps_that_are_closed_early_close_the_generator(recording: Receiver) -> None:
    inner: list[str] = []
    taker = tracing.steps("steps", counting(3, inner))
    assert next(taker) == 0
    thread = threading.Thread(target=taker.close)  # where another context is
    thread.start()
    thread.join()
    assert inner[-1] == "closed"
    assert recording.wait_for("steps")[-1].failed is False


def test_without_a_collector_nothing_is_loaded_and_every_span_is_the_same_object(place: Path) -> None:
    code = """
import sys
from assistant import Assistant
from index.settings import load_settings
from index.tracing import span, note, steps, trace_id
Assistant(load_settings()).ask(sys.argv[1])
assert "index.otlp" not in sys.modules
assert span("search", candidates=1) is span("embed")
numbers = (number for number in range(3))
assert steps("ask", numbers) is numbers
with span("search"):
    assert trace_id() == ""
"""
    command = [sys.executable, "-c", code, TORKHAM]
    done = subprocess.run(command, cwd=place, env=clean_environment(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("what", ["nobody listens", "nobody answers", "it refuses"])
def test_a_dead_collector_costs_one_warning(place: Path, what: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, Receiver(status=503) as refusing:
        port = silent.getsockname()[1]
        url = refusing.url if what == "it refuses" else f"http://127.0.0.1:{port}"
        if what == "nobody listens":
            silent.close()
        done = briefs("ask", TORKHAM, cwd=place, variables={"BRIEFS_OTLP_URL": url})
    assert "12 October 2025" in done.stdout
    if what != "nobody answers":  # the process ends before that is certain
        assert done.stderr.count("\n") == 1, done.stderr
        assert "traces are lost" in done.stderr


def test_an_address_that_is_none_is_one_clear_line(place: Path) -> None:
    line = complaint("ask", TORKHAM, cwd=place, variables={"BRIEFS_OTLP_URL": "collector:4318"})
    assert "setting otlp_url: expected" in line


@pytest.mark.parametrize("url", ["ftp://x", "http://user:word@host", "http://host:0", "http://[", "http://h/?a=b", "x"])
def test_other_addresses_that_are_none(url: str) -> None:
    with pytest.raises(SettingsError, match="setting otlp_url: expected") as caught:
        Recorder(url)
    assert "word" not in str(caught.value)


def test_variables_of_other_libraries_send_nothing(place: Path, receiver: Receiver) -> None:
    elsewhere = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": receiver.url,
        "CHROMA_OTEL_COLLECTION_ENDPOINT": receiver.url,
        "CHROMA_OTEL_GRANULARITY": "all",
        "ANONYMIZED_TELEMETRY": "true",
    }
    (place / ".env").write_text("".join(f"{name}={value}\n" for name, value in elsewhere.items()))
    briefs("index", "--rebuild", cwd=place, variables=elsewhere)
    briefs("ask", TORKHAM, cwd=place, variables=elsewhere)
    assert receiver.requests == []
