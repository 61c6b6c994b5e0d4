"""A real server with words in it that must not get out: of questions, answers, hidden briefs, keys, tokens, paths, cookies."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from asking import model_settings
from conftest import write_brief, write_topics
from otlp_receiver import Received, Receiver
from pydantic import SecretStr
from scripted_model import ScriptedModel, says, status
from serving import EVENTS, Served, served
from test_writer_cli import ASKED, CLOSED
from writing import reply

from evals.pagesession import open_page
from index.build import build
from index.settings import Settings
from ui.access.keys import KeyStore

MODEL_KEY = "canary-of-the-model-key"
ASKED_HIDDEN = "What does the Zanzibarium depot hold in the cellar?"
HIDDEN = "The Zanzibarium depot holds forty crates of quicksilver in the cellar."
CANARIES = ("zanzibarium", "quicksilver", "canary", "12 october", "torkham")
"""Beginnings of words of questions, answers, briefs, and of everything below that a request carries."""
TRACE = "0af7651916cd43dd8448eb211c80319c"


@dataclass(frozen=True)
class Told:
    """What a server told about itself while it was asked all kinds of things."""

    log: str
    metrics: str
    spans: list[Received]
    traces: bytes
    secrets: tuple[str, ...]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]


def drive(server: Served, plain: str, full: str, metrics: str) -> str:
    """Ask for everything that is there, and for much that is not; the metrics in the end."""
    with server.client(headers={"Authorization": f"Bearer {full}", "X-Request-Id": "full-1"}) as client:
        asked = client.post(
            "/v1/ask", json={"question": ASKED_HIDDEN}, headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
        )
        assert HIDDEN in asked.text
        assert asked.headers["X-Request-Id"] == "full-1"
        assert CLOSED[0] in client.post("/v1/ask", json={"question": ASKED_HIDDEN}, headers=EVENTS).text
        client.post("/v1/search", json={"query": ASKED_HIDDEN})
        assert HIDDEN in client.get("/v1/briefs/quicksilver-depot").text
        client.get("/v1/briefs?" + urlencode({"region": "canary"}))
        client.post(
            "/openai/v1/chat/completions",
            json={"model": "briefs", "messages": [{"role": "user", "content": ASKED_HIDDEN}]},
        )
    with server.client(headers={"Authorization": f"Bearer {plain}"}) as client:
        hidden = client.post("/v1/ask", json={"question": ASKED_HIDDEN})
        assert "quicksilver" not in hidden.text
        assert CLOSED[0] in client.post("/v1/ask", json={"question": ASKED}).text
        assert client.get("/v1/briefs/quicksilver-depot").status_code == 404
        client.post("/v1/ask", content=b'{"question": "canary')
        client.post("/v1/ask", json={"question": "x", "canary": 1})
        client.post("/v1/ask", json={"question": "canary " * 100_000})
        client.post("/v1/ask", content=b"canary", headers={"Content-Type": "text/canary"})
        client.put("/v1/ask")
    with server.client(headers={"Cookie": "session=canary-cookie"}) as client:
        for credential in (f"{plain}x", "bk_aaaaaaaaaaaa_canarycanary", "eyJhbGciOiJub25lIn0.canary.canary", "canary"):
            assert client.get("/v1/briefs", headers={"Authorization": f"Bearer {credential}"}).status_code == 401
        client.get("/v1/canary/canary?canary=canary", headers={"X-Request-Id": "canary canary"})
        client.get("/healthz?canary=1")
        client.request("CANARY", "/v1/briefs")
        client.get("/metrics", headers={"Authorization": f"Bearer {plain}"})
    httpx.get(f"{server.address}/canary/../canary?canary=1")
    with httpx.Client() as client, pytest.raises(httpx.HTTPError):  # a head that is none
        client.get(server.address.replace("http", "https"))
    with pytest.raises(ConnectionError):
        open_page(server.address, "q=canary")
    told = httpx.get(f"{server.address}/api/metrics", headers={"Authorization": f"Bearer {metrics}"})
    assert told.status_code == 200
    return told.text


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A server that signs in by key, with a model, a hidden brief and a collector."""
    folder = tmp_path_factory.mktemp("told")
    write_topics(folder / "corpus")
    write_brief(
        folder / "corpus",
        "quicksilver-depot",
        "Stores of Zanzibarium",
        HIDDEN,
        labels="[staff]",
        published="2025-12-02",
    )
    said = reply(CLOSED)
    with Receiver() as receiver, ScriptedModel(status(401, f"wrong key {MODEL_KEY}"), says(said)) as model:
        settings = model_settings(
            model.url,
            corpus=folder / "corpus",
            store=folder / "store",
            model_key=SecretStr(MODEL_KEY),
            model_retries=0,
            auth="on",
            otlp_url=receiver.url,
            oidc_client_secret=SecretStr("canary-of-the-client-secret"),
        )
        build(settings)
        keys = KeyStore(settings.store)
        _, plain = keys.add("plain", "key", frozenset())
        _, full = keys.add("full", "key", None)
        _, metrics = keys.add("scraper", "metrics", frozenset())
        with served(settings) as server:
            shown = drive(server, plain, full, metrics)
            server.stop()
            log = server.errors.read_text(encoding="utf-8")
        traces = b"".join(body for _, _, body in receiver.requests)
        yield Told(log, shown, receiver.spans, traces, tuple(key.split("_", 2)[2] for key in (plain, full, metrics)))


def test_nothing_that_must_not_gets_out(told: Told) -> None:
    for place, text in (("log", told.log), ("metrics", told.metrics), ("traces", told.traces.decode(errors="replace"))):
        lowered = text.lower()
        assert lowered
        for canary in CANARIES:
            assert canary not in lowered, (place, lowered[max(0, lowered.index(canary) - 300) :][:600])
        assert not any(secret in text for secret in told.secrets), place
        assert "traceback" not in lowered


def test_every_request_is_one_line(told: Told) -> None:
    requests = told.of("request")
    assert {line["event"] for line in told.lines} <= {"request", "session", "answer", "line"}, told.of("error")
    assert all({"request_id", "method", "route", "status", "bytes", "duration_ms"} <= set(line) for line in requests)
    statuses = {line["status"] for line in requests}
    assert {200, 401, 403, 404, 405, 413, 415, 422} <= statuses
    assert {line.get("kind") for line in requests} >= {"key", "metrics", "anonymous", None}
    templates = {line["route"] for line in requests}
    assert {
        "/api/v1/ask",
        "/api/v1/briefs/{brief_id}",
        "/api/openai/v1/chat/completions",
        "/api/healthz",
        "other",
    } <= templates


def test_answers_are_logged_with_what_they_cite(told: Told) -> None:
    answers = [line["answer"] for line in told.lines if "answer" in line]
    assert len(answers) == 5
    cited = [answer for answer in answers if answer["status"] == "answered"]
    assert len(cited) == 4
    assert all(answer["chunks"] and answer["sentences"] and answer["timings_ms"]["total"] > 0 for answer in cited)
    assert len({chunk for answer in cited for chunk in answer["chunks"]}) == 2
    assert len({answer["generation"] for answer in answers}) == 1
    written = [answer["tokens"] for answer in answers if answer["engine"] == "model"]
    assert written == [{"prompt_tokens": 11, "completion_tokens": 7}] * 3
    lines = [line for line in told.of("request") if line["request_id"] == "full-1" and line["route"] == "/api/v1/ask"]
    assert all("answer" in line for line in lines)
    assert len({line["caller"] for line in lines}) == 1


def test_traces_hang_together(told: Told) -> None:
    names = {span.span_id: span for span in told.spans}
    within = [span for span in told.spans if span.trace_id == TRACE]
    (request,) = [span for span in within if span.name == "POST /api/v1/ask"]
    assert request.parent_id == "b7ad6b7169203331"
    assert request.attributes["status"] == 200
    assert {span.name for span in within} >= {"ask", "search", "embed", "generate"}
    (ask,) = [span for span in within if span.name == "ask"]
    assert names[ask.parent_id] == request
    assert TRACE in {line.get("trace_id") for line in told.of("request")}
    begun = {span.name for span in told.spans if span.parent_id == "" and span.name != "index"}
    assert begun <= {f"{line['method']} {line['route']}" for line in told.of("request")}


def test_metrics_count_what_happened(told: Told) -> None:
    assert 'briefs_requests_total{method="GET",route="/api/v1/briefs/{brief_id}",status="404"} 1.0' in told.metrics
    assert 'briefs_model_calls_total{reason="stop"} 3.0' in told.metrics
    assert 'briefs_model_calls_total{reason="error"} 1.0' in told.metrics
    assert "briefs_queue_wait_seconds_count 6.0" in told.metrics
    assert "briefs_errors_total 0.0" in told.metrics


def test_answers_of_the_page_are_logged_too(indexed: Settings) -> None:
    with served(indexed) as server:
        assert b"12 October 2025" in open_page(server.address, urlencode({"q": ASKED}))
        server.stop()
        lines, text = server.lines(), server.errors.read_text(encoding="utf-8")
    (answer,) = [line for line in lines if line["event"] == "answer"]
    assert (answer["kind"], len(answer["answer"]["chunks"])) == ("local", 1)
    assert [line["state"] for line in lines if line["event"] == "session"] == ["opened", "ended"]
    assert "Torkham" not in text


def test_questions_are_logged_where_the_settings_say_so(indexed: Settings, tmp_path: Path) -> None:
    shutil.copytree(indexed.store, tmp_path / "again")
    settings = indexed.model_copy(update={"log_questions": True, "store": tmp_path / "again"})
    with served(settings) as server, server.client() as client:
        assert client.post("/v1/ask", json={"question": ASKED}).status_code == 200
        open_page(server.address, urlencode({"q": ASKED}))
        server.stop()
        lines, text = server.lines(), server.errors.read_text(encoding="utf-8")
    assert [line["answer"]["question"] for line in lines if "answer" in line] == [ASKED, ASKED]
    assert "12 October" not in text
