"""The API over HTTP, route by route: what it answers, what it refuses, and what it never tells."""

from __future__ import annotations

import io
import json
import re
import socket
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import paced
import pytest
from conftest import TOPICS, write_brief, write_topics
from serving import EVENTS, JSON, QUESTION, Served, events, served

from index.build import build
from index.errors import SettingsError
from index.settings import Settings
from ui.api.rates import Rates
from ui.api.results import AnswerResult

WORDS = "Pakistan closed the Torkham crossing on 12 October 2025."
EMOJI = "Umlauts, ΑΒΓ and \N{GRINNING FACE} count one each."


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An index that the tests may write beside."""
    folder = tmp_path_factory.mktemp("api")
    write_topics(folder / "corpus")
    body = f"{EMOJI} Islamabad sealed the Chaman gate on 3 May 2025."
    metadata = {"kind": "note", "region": "[Asia, Europe]", "actors": "[Islamabad]", "topics": "[gates]"}
    write_brief(folder / "corpus" / "sub folder", "gate", "The gate", body, published="2025-05-04", **metadata)
    settings = Settings(corpus=folder / "corpus", store=folder / "store", rate_limit="100000/minute", max_body_kb=8)
    build(settings)
    return settings


@pytest.fixture(scope="module")
def server(home: Settings) -> Iterator[Served]:
    with served(home, before=paced.BEFORE) as found:
        yield found


@pytest.fixture
def api(server: Served) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem that ``response`` is, which is whole and names its request."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = response.json()
    assert found["type"] == f"/api/v1/problems/{kind}"
    assert found["status"] == status
    assert found["title"]
    assert found["detail"]
    assert "\n" not in found["detail"]
    assert found["request_id"] == response.headers["x-request-id"]
    return found


def test_an_answer_quotes_the_brief(api: httpx.Client) -> None:
    response = api.post("/v1/ask", json={"question": QUESTION, "id": "mine"})
    assert response.status_code == 200
    assert re.fullmatch(r"[\w-]{22}", response.headers["answer-id"])
    answer = response.json()
    AnswerResult.model_validate(answer)
    assert (answer["id"], answer["status"]) == ("mine", "answered")
    citation = answer["citations"][0]
    brief = api.get(f"/v1/briefs/{citation['brief_id']}").json()
    assert brief["text"][citation["start"] : citation["end"]] == citation["quote"] == WORDS


def test_history_and_filters_count(api: httpx.Client) -> None:
    history = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": WORDS}]
    assert "Torkham" in api.post("/v1/ask", json={"question": "Who closed it?", "history": history}).json()["searched"]
    for filters in ({"briefs": ["aid"]}, {"date_from": "2026-01-01"}, {"kinds": ["note"]}, {"regions": ["Europe"]}):
        answer = api.post("/v1/ask", json={"question": QUESTION, "filters": filters}).json()
        assert answer["status"] == "abstained", filters
        assert {near["brief_id"] for near in answer["nearest"]} <= {"aid", "sub folder/gate"}
    empty: dict[str, Any] = {"briefs": [], "date_to": None}
    assert api.post("/v1/ask", json={"question": QUESTION, "filters": empty}).json()["status"] == "answered"


def test_search_finds_slices(api: httpx.Client) -> None:
    hits = api.post("/v1/search", json={"query": "Chabahar transit", "top_k": 2.0}).json()["hits"]
    assert [hit["rank"] for hit in hits] == [1, 2]
    assert hits[0]["brief_id"] == "trade"
    for hit in hits:
        assert api.get(f"/v1/briefs/{hit['brief_id']}").json()["text"][hit["start"] : hit["end"]] == hit["text"]


def test_the_list_of_briefs(api: httpx.Client) -> None:
    found = api.get("/v1/briefs").json()
    assert found["total"] == len(TOPICS) + 1
    assert [brief["published"] for brief in found["briefs"]] == ["2025-12-01"] * 4 + ["2025-05-04"]
    assert found["counts"] == {
        "region": {"Asia": 1, "Europe": 1},
        "actor": {"Islamabad": 1},
        "topic": {"gates": 1},
        "kind": {"note": 1},
    }
    page = api.get("/v1/briefs", params={"limit": 2, "offset": 1}).json()
    assert [brief["brief_id"] for brief in page["briefs"]] == [one["brief_id"] for one in found["briefs"][1:3]]
    assert page["total"] == 5
    narrowed = api.get("/v1/briefs", params={"region": ["Nowhere", "asia"], "date_to": "2025-12-31"}).json()
    assert [brief["brief_id"] for brief in narrowed["briefs"]] == ["sub folder/gate"]
    assert api.get("/v1/briefs", params={"topic": "none"}).json()["counts"]["kind"] == {}


def test_a_brief_with_a_range(api: httpx.Client) -> None:
    path = "/v1/briefs/sub%20folder/gate"
    whole = api.get(path).json()
    start = whole["text"].index(EMOJI)
    found = api.get(path, params={"start": start, "end": start + len(EMOJI)}).json()
    assert found["spans"] == [{"start": start, "end": start + len(EMOJI), "text": EMOJI, "page": None}]
    marked = "".join(run["text"] for block in found["blocks"] for run in block["runs"] if run["span"] == 1)
    assert marked == EMOJI
    assert not any(run["span"] for block in whole["blocks"] for run in block["runs"])
    assert api.get("/v1/briefs/sub%20folder%2Fgate").json() == whole
    length = len(whole["text"])
    assert api.get(path, params={"start": length - 1}).json()["spans"][0]["text"] == whole["text"][-1]
    params: dict[str, Any]
    for params in ({"start": 0, "end": length + 1}, {"start": 5, "end": 5}, {"end": 0}, {"start": length}):
        assert str(length) in problem(api.get(path, params=params), 404, "not-found")["detail"]
    for params in ({"start": -1}, {"start": "x"}, {"start": 10**30}, {"begin": 1}):
        problem(api.get(path, params=params), 422, "invalid")


def test_an_unchanged_brief_is_not_sent_again(api: httpx.Client) -> None:
    first = api.get("/v1/briefs/border")
    for tag in (first.headers["etag"], f'"x", W/{first.headers["etag"]}', "*"):
        again = api.get("/v1/briefs/border", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    assert api.get("/v1/briefs/border", headers={"If-None-Match": '"other"'}).status_code == 200
    assert api.get("/v1/briefs/border", params={"end": 9}).headers["etag"] != first.headers["etag"]


def test_a_conversation_from_its_beginning_to_its_end(api: httpx.Client) -> None:
    made = api.post("/v1/conversations", json={})
    assert made.status_code == 201
    path = made.headers["location"].removeprefix("/api")
    key = made.json()["id"]
    assert path == f"/v1/conversations/{key}"
    assert api.post("/v1/ask", json={"question": QUESTION, "conversation": key}).status_code == 200
    follow_up = api.post("/v1/ask", json={"question": "Who closed it?", "conversation": key}).json()
    assert "Torkham" in follow_up["searched"]
    shown = api.get(path).json()
    assert [turn["question"] for turn in shown["turns"]] == [QUESTION, "Who closed it?"]
    assert shown["turns"][0]["answer"]["citations"][0]["quote"] == WORDS
    assert shown["turns"][0]["standing"] == {}
    assert api.patch(path, json={"title": "  Torkham \n closed "}).json()["title"] == "Torkham closed"
    listed = api.get("/v1/conversations").json()["conversations"]
    assert next(row for row in listed if row["id"] == key)["turns"] == 2
    markdown = api.get(f"{path}/export", params={"format": "md"})
    assert markdown.headers["content-type"].startswith("text/markdown")
    assert "filename*=UTF-8''Torkham-closed.md" in markdown.headers["content-disposition"]
    assert WORDS in markdown.text
    word = api.get(f"{path}/export", params={"format": "docx"})
    assert "word/footnotes.xml" in zipfile.ZipFile(io.BytesIO(word.content)).namelist()
    assert api.post("/v1/feedback", json={"conversation": key, "turn": 1, "rating": "up"}).status_code == 204
    problem(api.post("/v1/feedback", json={"conversation": key, "turn": 3, "rating": "up"}), 404, "not-found")
    assert api.delete(path).status_code == 204
    for method in ("GET", "DELETE"):
        problem(api.request(method, path), 404, "not-found")
    problem(api.patch(path, json={"title": "x"}), 404, "not-found")
    problem(api.post("/v1/ask", json={"question": QUESTION, "conversation": key}), 404, "not-found")


def test_feedback_on_an_answer_of_the_last_minutes(api: httpx.Client, home: Settings) -> None:
    answer = api.post("/v1/ask", json={"question": QUESTION})
    body = {"answer": answer.headers["answer-id"], "rating": "down", "comment": "Too short\nby far."}
    assert api.post("/v1/feedback", json=body).status_code == 204
    kept = json.loads((home.store / "feedback.jsonl").read_text().splitlines()[-1])
    assert (kept["question"], kept["verdict"], kept["wrong"]) == (QUESTION, "down", "Too short\nby far.")
    assert kept["answer"]["citations"] == answer.json()["citations"]
    problem(api.post("/v1/feedback", json={**body, "answer": "x" * 22}), 404, "not-found")
    found = problem(api.post("/v1/feedback", json={"rating": "down"}), 422, "invalid")
    assert [error["loc"] for error in found["errors"]] == [["body", "conversation"], ["body", "turn"]]


def test_suggestions_are_answered(api: httpx.Client) -> None:
    for question in api.get("/v1/suggestions").json()["suggestions"]:
        assert api.post("/v1/ask", json={"question": question}).json()["status"] == "answered"


BAD: list[tuple[bytes, str]] = [
    (b"", "required"),
    (b"{", "is no JSON"),
    (b"null", "dictionary"),
    (b'["question"]', "dictionary"),
    (b'{"question": NaN}', "is no JSON"),
    (b'{"question": "a", "id": -Infinity}', "is no JSON"),
    (b'{"question": "\\ud800"}', "is no JSON"),
    (b'{"question": "\xff\xfe"}', "is no JSON"),
    (b'{"question": "a\x00b"}', "is no JSON"),
    (b'{"question": "a\\u0000b"}', "control characters"),
    (b'{"question": "a\\u007f"}', "control characters"),
    (b'{"question": "?!"}', "no word"),
    (b'{"question": ""}', "no word"),
    (b'{"question": 1}', "valid string"),
    (b'{"question": "' + b"a" * 2001 + b'"}', "at most 2000"),
    (b'{"question": "a", "more": 1}', "not permitted"),
    (b'{"question": "a", "filters": {"labels": ["staff"]}}', "not permitted"),
    (b'{"question": "a", "filters": {"date_from": "2025-1-1"}}', "2025-12-31"),
    (b'{"question": "a", "filters": {"date_from": "2025-02-30"}}', "day"),
    (b'{"question": "a", "filters": {"date_from": 1759276800}}', "2025-12-31"),
    (b'{"question": "a", "filters": {"regions": "Asia"}}', "valid list"),
    (b'{"question": "a", "history": [{"role": "system", "content": "x"}]}', "'user' or 'assistant'"),
    (b'{"question": "a", "conversation": "../../etc"}', "pattern"),
    (b'{"question": ' + b"[" * 3000 + b"]" * 3000 + b"}", "is no JSON"),
    (b'{"question": ' + b"9" * 5000 + b"}", "is no JSON"),
]


@pytest.mark.parametrize(("body", "says"), BAD, ids=[f"{body[:40]!r}" for body, _ in BAD])
def test_bad_bodies(api: httpx.Client, body: bytes, says: str) -> None:
    found = problem(api.post("/v1/ask", content=body, headers=JSON), 422, "invalid")
    assert all(set(error) == {"loc", "msg"} for error in found["errors"])
    assert says in json.dumps(found["errors"])


def test_what_was_sent_is_not_sent_back(api: httpx.Client) -> None:
    for body in ({"question": 1, "canary": "canary"}, {"question": ["canary"]}, {"question": "a", "id": {"canary": 1}}):
        text = api.post("/v1/ask", json=body).text
        assert "canary" not in text.replace('"body","canary"', "")


def test_media_types(api: httpx.Client) -> None:
    body = json.dumps({"question": QUESTION}).encode()
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "application/ld+json",
    ):
        response = api.post("/v1/ask", content=body, headers={"Content-Type": kind})
        problem(response, 415, "media-type")
        assert response.headers["accept-post"] == "application/json"
    problem(api.post("/v1/ask", content=body), 415, "media-type")
    ok = {"Content-Type": "Application/JSON; Charset=UTF-8"}
    assert api.post("/v1/ask", content=body, headers=ok).status_code == 200
    for accept in ("text/html", "application/json;q=0, text/event-stream;q=0", "image/*"):
        problem(api.post("/v1/ask", content=body, headers={**JSON, "Accept": accept}), 406, "not-acceptable")
    for accept, kind in {
        "text/event-stream;q=0.5, application/json": "application/json",
        "text/*, application/json;q=0.9": "text/event-stream",
        "*/*": "application/json",
        "text/event-stream, */*;q=0.1": "text/event-stream",
        "nonsense": "application/json",
    }.items():
        found = api.post("/v1/ask", content=body, headers={**JSON, "Accept": accept})
        assert found.headers["content-type"].partition(";")[0] == kind, accept


def test_methods(api: httpx.Client) -> None:
    for path, allowed in {
        "/v1/ask": "POST",
        "/v1/ask/x": "DELETE, GET, HEAD",
        "/v1/conversations": "GET, HEAD, POST",
        "/v1/conversations/5f0c1d2e3a4b5c6d": "DELETE, GET, HEAD, PATCH",
        "/v1/briefs/border": "GET, HEAD",
        "/healthz": "GET, HEAD",
    }.items():
        response = api.put(path)
        problem(response, 405, "method")
        assert response.headers["allow"] == allowed
    for path in ("", "/", "/v1", "/v1/", "/v1/nothing", "/v1/ask/", "/v2/ask"):
        problem(api.get(path), 404, "not-found")
    get, head = api.get("/v1/briefs/border"), api.head("/v1/briefs/border")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert api.head("/v1/briefs/none").status_code == 404
    assert api.head("/v1/ask").status_code == 405


def test_bodies_that_are_too_large(api: httpx.Client, server: Served) -> None:
    body = b'{"question": "' + b"a" * 9000 + b'"}'
    problem(api.post("/v1/ask", content=body, headers=JSON), 413, "too-large")
    problem(api.post("/v1/ask", content=iter([body[:5000], body[5000:]]), headers=JSON), 413, "too-large")
    with socket.create_connection(("127.0.0.1", server.port), 20) as raw:
        head = f"POST /api/v1/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {10**15}\r\n\r\n"
        raw.sendall(head.encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_fault_is_a_problem_and_a_log_line_and_tells_nothing(api: httpx.Client, server: Served) -> None:
    found = problem(api.post("/v1/ask", json={"question": paced.BROKEN}), 500, "internal")
    with api.stream("POST", "/v1/ask", json={"question": paced.BROKEN}, headers=EVENTS) as response:
        assert response.status_code == 200
        [(name, _, data)] = events(response)
    assert (name, data["type"]) == ("error", "/api/v1/problems/internal")
    for request_id in (found["request_id"], data["request_id"]):
        assert server.events_of(request_id, {"error", "request"}) == {"error", "request"}
    assert "canary-of-a-fault" not in server.errors.read_text() + json.dumps([found, data])


def test_the_same_key_has_one_effect(api: httpx.Client) -> None:
    key = {"Idempotency-Key": "conversation-1"}
    first, again = (api.post("/v1/conversations", json={"title": "One"}, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    problem(api.post("/v1/conversations", json={"title": "Two"}, headers=key), 409, "conflict")
    for wrong in ("", "a b", "x" * 256):
        problem(api.post("/v1/conversations", json={}, headers={"Idempotency-Key": wrong}), 422, "invalid")
    assert api.delete(f"/v1/conversations/{first.json()['id']}").status_code == 204
    problem(api.post("/v1/conversations", json={"title": "One"}, headers=key), 404, "not-found")


def test_the_same_question_asked_many_times_at_once_with_one_key(api: httpx.Client) -> None:
    conversation = api.post("/v1/conversations", json={}).json()["id"]
    body = {"question": paced.SLOW, "conversation": conversation}
    with ThreadPoolExecutor(5) as pool:
        every = list(pool.map(lambda _: api.post("/v1/ask", json=body, headers={"Idempotency-Key": "q"}), range(5)))
    assert {response.status_code for response in every} == {200}
    assert len({response.content for response in every}) == len({r.headers["answer-id"] for r in every}) == 1
    assert sum("idempotency-replayed" in response.headers for response in every) == 4
    assert len(api.get(f"/v1/conversations/{conversation}").json()["turns"]) == 1
    with api.stream("POST", "/v1/ask", json=body, headers={**EVENTS, "Idempotency-Key": "q"}) as response:
        assert response.headers["idempotency-replayed"] == "true"
        assert [name for name, *_ in events(response)][-1] == "done"


def test_a_problem_is_not_kept_for_the_same_key(api: httpx.Client) -> None:
    headers = {"Idempotency-Key": "broken"}
    for _ in range(2):
        response = api.post("/v1/ask", json={"question": paced.BROKEN}, headers=headers)
        problem(response, 500, "internal")
        assert "idempotency-replayed" not in response.headers


def test_health_and_kinds_of_problems(api: httpx.Client) -> None:
    for prefix in ("", "/v1"):
        assert api.get(f"{prefix}/healthz").json() == {"status": "ok"}
        ready = api.get(f"{prefix}/readyz").json()
        assert (ready["status"], ready["briefs"]) == ("ready", 5)
        assert b"briefs_requests_total" in api.get(f"{prefix}/metrics").content
    assert api.get("/v1/problems/invalid").json()["status"] == 422
    problem(api.get("/v1/problems/none"), 404, "not-found")


def test_each_caller_has_a_limit_and_is_told(home: Settings) -> None:
    limited = home.model_copy(update={"rate_limit": "3 per 2 seconds"})
    with served(limited) as server, server.client() as api:
        for left in (2, 1, 0):
            response = api.get("/v1/briefs")
            assert response.headers["ratelimit-policy"] == '"caller";q=3;w=2'
            assert response.headers["ratelimit"].startswith(f'"caller";r={left};t=')
        refused = api.get("/v1/briefs")
        problem(refused, 429, "too-many-requests")
        assert api.get("/healthz").status_code == 200
        assert api.get("/readyz").status_code == 200
        wait_s = int(refused.headers["retry-after"])
        assert 1 <= wait_s <= 2
        time.sleep(wait_s)
        assert api.get("/v1/briefs").status_code == 200


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("rate_limit", "many"),
        ("rate_limit", "0/minute"),
        ("rate_store", "nonsense"),
    ],
)
def test_limits_that_cannot_be_used(setting: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"setting {setting}: "):
        Rates(Settings().model_copy(update={setting: value}))


def test_without_an_index_and_with_one(home: Settings, tmp_path: Path) -> None:
    later = home.model_copy(update={"store": tmp_path / "later"})
    with served(later) as server, server.client() as api:
        for method, path in (("POST", "/v1/ask"), ("GET", "/v1/briefs"), ("GET", "/v1/suggestions")):
            body = {"question": QUESTION} if method == "POST" else None
            found = problem(api.request(method, path, json=body), 503, "unavailable")
            assert "briefs index" in found["detail"]
        ready = api.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
        later.store.mkdir(exist_ok=True)
        (later.store / "CURRENT").write_bytes((home.store / "CURRENT").read_bytes())
        (later.store / "generations").symlink_to(home.store / "generations")
        assert api.get("/readyz").json()["status"] == "ready"
        assert api.post("/v1/ask", json={"question": QUESTION}).json()["status"] == "answered"
        (later.store / "CURRENT").unlink()
        assert api.get("/readyz").json()["status"] == "unavailable"


def test_a_model_that_cannot_be_reached_is_said(home: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    changes = {"engine": "model", "model_url": f"http://127.0.0.1:{port}/v1", "model_name": "small", "model_retries": 0}
    with served(home.model_copy(update=changes)) as server, server.client() as api:
        ready = api.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert "quoted from the briefs" in ready.json()["reason"]
        answer = api.post("/v1/ask", json={"question": QUESTION}).json()
        assert (answer["status"], answer["engine"]) == ("answered", "extractive")
        assert answer["notice"]
