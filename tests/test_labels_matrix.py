"""Every route and every kind of caller: no word of a brief that the caller may not read comes back, in whatever way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote

import httpx
import pytest
from browsing import ARGUMENTS, CHROMIUM
from canaries import CANARIES, QUESTIONS, Served, Who, holds, served, text_of, unpacked
from playwright.sync_api import Browser, Error, Response, expect, sync_playwright
from starlette.routing import BaseRoute, Mount

from index.settings import Settings
from ui.api.app import build_api

HIDDEN_IDS = ("quorvex/zellbrane", "vantrossel")
EVENTS = {"Accept": "text/event-stream"}
MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
OPEN = {"/healthz", "/readyz", "/v1/healthz", "/v1/readyz", "/v1/openapi.json", "/v1/problems/{kind}", "/widget.js"}
"""Routes that answer whoever asks."""
METRICS = {"/metrics", "/v1/metrics"}


@dataclass(frozen=True)
class Left:
    """What others have left on the server: conversations with hidden words, answers, and a key to have one repeated."""

    conversations: tuple[str, ...]
    answers: tuple[str, ...]
    repeated: tuple[dict[str, Any], str]


@dataclass(frozen=True)
class Call:
    """One request below ``/api``."""

    path: str
    json: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Row = Callable[[Left], Iterable[Call]]


def _fixed(*paths: str) -> Row:
    return lambda _: [Call(path) for path in paths]


def _asking(left: Left) -> Iterator[Call]:
    for question in QUESTIONS:
        for headers in ({}, EVENTS):
            yield Call("/v1/ask", {"question": question}, headers)
    history = [{"role": "user", "content": QUESTIONS[1]}, {"role": "assistant", "content": "Nothing."}]
    yield Call("/v1/ask", {"question": "and why?", "history": history})
    for filters in ({"briefs": list(HIDDEN_IDS)}, {"topics": ["fluxmarrow"]}, {"date_from": "2026-01-01"}):
        yield Call("/v1/ask", {"question": QUESTIONS[0], "filters": filters})
    for conversation in left.conversations:
        yield Call("/v1/ask", {"question": "and then?", "conversation": conversation})
    body, key = left.repeated
    yield Call("/v1/ask", body, {"Idempotency-Key": key})
    for wrong in ({"question": ""}, {"question": QUESTIONS[0], "filters": {"labels": ["desk"]}}, {"labels": ["desk"]}):
        yield Call("/v1/ask", wrong)


def _searching(_: Left) -> Iterator[Call]:
    for question in QUESTIONS:
        yield Call("/v1/search", {"query": question, "top_k": 50})
    yield Call("/v1/search", {"query": QUESTIONS[0], "filters": {"kinds": ["wraithnote"], "regions": ["Quistovia"]}})
    yield Call("/v1/search", {"query": QUESTIONS[0], "filters": {"briefs": list(HIDDEN_IDS)}})


def _listing(_: Left) -> Iterator[Call]:
    for query in ("", "?actor=Ombrazil%20Directorate", "?topic=fluxmarrow", "?date_from=2026-01-01", "?labels=desk"):
        yield Call(f"/v1/briefs{query}")


def _briefs(_: Left) -> Iterator[Call]:
    for brief_id in ("depot", "nobody", *HIDDEN_IDS, "quorvex", "../briefs.sqlite"):
        yield Call(f"/v1/briefs/{brief_id}")
        yield Call(f"/v1/briefs/{brief_id}?start=0&end=999999")


def _of_answers(left: Left) -> Iterator[Call]:
    for answer in left.answers:
        yield Call(f"/v1/ask/{answer}")
        yield Call(f"/v1/ask/{answer}", headers={**EVENTS, "Last-Event-ID": f"{answer}.1"})


def _of_conversations(path: str = "", body: Any = None) -> Row:
    return lambda left: [Call(f"/v1/conversations/{one}{path}", body) for one in left.conversations]


def _feedback(left: Left) -> Iterator[Call]:
    for answer in left.answers:
        yield Call("/v1/feedback", {"rating": "up", "answer": answer})
    for conversation in left.conversations:
        yield Call("/v1/feedback", {"rating": "down", "conversation": conversation, "turn": 1})


def _completing(_: Left) -> Iterator[Call]:
    for question in QUESTIONS:
        for stream in (False, True):
            messages = [{"role": "user", "content": question}]
            yield Call("/openai/v1/chat/completions", {"model": "briefs", "messages": messages, "stream": stream})


def _mcp(_: Left) -> Iterator[Call]:
    def call(method: str, **params: Any) -> Call:
        return Call("/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, MCP)

    for question in QUESTIONS:
        yield call("tools/call", name="ask", arguments={"question": question})
        yield call("tools/call", name="search", arguments={"query": question, "top_k": 20})
    for brief_id in HIDDEN_IDS:
        yield call("tools/call", name="get_brief", arguments={"brief_id": brief_id})
        yield call("resources/read", uri=f"brief:///{brief_id.replace('/', '%2F')}")
    for method in ("tools/list", "resources/list", "resources/templates/list", "prompts/list"):
        yield call(method)


ROWS: dict[tuple[str, str], Row] = {
    ("GET", "/v1/openapi.json"): _fixed("/v1/openapi.json"),
    ("POST", "/v1/ask"): _asking,
    ("GET", "/v1/ask/{answer_id}"): _of_answers,
    ("DELETE", "/v1/ask/{answer_id}"): _of_answers,
    ("POST", "/v1/search"): _searching,
    ("GET", "/v1/suggestions"): _fixed("/v1/suggestions"),
    ("GET", "/v1/briefs"): _listing,
    ("GET", "/v1/briefs/{brief_id:path}"): _briefs,
    ("GET", "/v1/conversations"): _fixed("/v1/conversations"),
    ("POST", "/v1/conversations"): lambda _: [Call("/v1/conversations", {"title": "Mine"})],
    ("GET", "/v1/conversations/{id}"): _of_conversations(),
    ("PATCH", "/v1/conversations/{id}"): _of_conversations(body={"title": "Mine"}),
    ("DELETE", "/v1/conversations/{id}"): _of_conversations(),
    ("GET", "/v1/conversations/{id}/export"): lambda left: [
        Call(f"/v1/conversations/{one}/export?format={kind}") for one in left.conversations for kind in ("md", "docx")
    ],
    ("POST", "/v1/feedback"): _feedback,
    **{
        ("GET", f"{base}/{name}"): _fixed(f"{base}/{name}")
        for base in ("", "/v1")
        for name in ("healthz", "readyz", "metrics")
    },
    ("GET", "/v1/problems/{kind}"): _fixed("/v1/problems/invalid", "/v1/problems/zellbrane"),
    ("GET", "/widget.js"): _fixed("/widget.js"),
    ("GET", "/openai/v1/models"): _fixed("/openai/v1/models"),
    ("GET", "/openai/v1/models/{name:path}"): _fixed("/openai/v1/models/briefs", "/openai/v1/models/none"),
    ("POST", "/openai/v1/chat/completions"): _completing,
    ("POST", "/mcp"): _mcp,
}
"""What is sent to each route of the API. Nothing that is sent holds a hidden word, other than ids of briefs."""


ALL = {word for words in CANARIES.values() for word in words}


def routes_of(routes: Sequence[BaseRoute], base: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of every route; one that takes every method counts with POST."""
    for route in routes:
        path = base + getattr(route, "path", "")
        if isinstance(route, Mount):
            yield from routes_of(route.routes or [], path)
        else:
            yield from ((method, path) for method in (getattr(route, "methods", None) or {"POST"}) - {"HEAD"})


def test_every_route_has_a_row() -> None:
    assert set(routes_of(build_api(Settings()).routes)) == set(ROWS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("matrix")) as found:
        yield found


@pytest.fixture(scope="module")
def left(server: Served) -> Left:
    """One who reads everything has asked all questions in a conversation; each answer may be read again for a while."""
    repeated = {"question": QUESTIONS[1]}, "shared-key-1"
    with server.client(server.keeper) as client:
        conversation = client.post("/api/v1/conversations", json={"title": "Kept"}).json()["id"]
        answers = []
        for question in QUESTIONS[:4]:
            asked = client.post("/api/v1/ask", json={"question": question, "conversation": conversation})
            answers.append(asked.headers["Answer-Id"])
        first = client.post("/api/v1/ask", json=repeated[0], headers={"Idempotency-Key": repeated[1]})
        assert first.status_code == 200
        kept = client.get(f"/api/v1/conversations/{conversation}").text.casefold()
        assert all(holds(kept, word) for word in ("zellbrane", "grelvish", "brindlecast"))
    return Left((conversation,), (*answers, first.headers["Answer-Id"]), repeated)


def send(client: httpx.Client, method: str, call: Call) -> httpx.Response:
    return client.request(method, f"/api{call.path}", json=call.json, headers=call.headers)


def expected(who: Who, path: str) -> set[int]:
    """The status codes that may come back."""
    if who.name == "foreign origin":
        return {403}
    if path in OPEN:
        return {200, 404}
    if path in METRICS:
        return {200} if who.name == "metrics key" else {401, 403}
    return {200, 201, 204, 400, 404, 422} if who.admitted else {401, 403}


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_no_hidden_word_comes_back(server: Served, left: Left, row: tuple[str, str]) -> None:
    method, path = row
    shown: dict[str, str] = {}
    refusals: dict[tuple[str, str], str] = {}
    for who in server.callers:
        with server.client(who) as client:
            for call in ROWS[row](left):
                response = send(client, method, call)
                text = text_of(response)
                told = (who.name, method, call, response.status_code)
                sent = unquote(json.dumps([call.path, call.json])).casefold()
                if path not in METRICS or response.status_code != 200:  # metrics are for who runs the server
                    assert {word for word in server.leaks(who, text) if not holds(sent, word)} == set(), told
                assert not any(holds(text, word) for word in ALL) or path not in METRICS, told
                assert response.status_code in expected(who, path), told
                assert "traceback" not in text, told
                shown[who.name] = shown.get(who.name, "") + text
                if method == "GET":
                    head = client.head(f"/api{call.path}", headers=call.headers)
                    assert server.leaks(who, text_of(head)) == set(), told
                    assert head.content == b""
                if call.path in {"/v1/briefs/nobody", "/v1/briefs/quorvex/zellbrane", "/v1/briefs/vantrossel"}:
                    refusals[call.path, who.name] = _without_ids(response)
    if path == "/v1/briefs/{brief_id:path}":  # what is hidden and what is not there look the same
        nobody = refusals["/v1/briefs/nobody", "key: none"]
        assert {refusals[f"/v1/briefs/{one}", "key: none"] for one in HIDDEN_IDS} == {nobody}
    if row in CONTROL:  # otherwise there would be nothing to find
        for name, group in (("key: desk", "desk"), ("portal: bob ['board']", "board"), ("proxy: board", "board")):
            assert any(holds(shown[name], word) for word in CANARIES[group]), name


CONTROL = {
    ("POST", "/v1/ask"), ("POST", "/v1/search"), ("GET", "/v1/briefs"),
    ("GET", "/v1/briefs/{brief_id:path}"), ("POST", "/openai/v1/chat/completions"), ("POST", "/mcp"),
}  # fmt: skip
"""Rows in which who may read a hidden brief sees it."""


def _without_ids(response: httpx.Response) -> str:
    return re.sub(r'"request_id": ?"[^"]*"', "", response.text)


def test_who_reads_everything_still_has_everything(server: Served, left: Left) -> None:
    """Nobody above has deleted, renamed or stopped what was not theirs."""
    with server.client(server.keeper) as client:
        kept = client.get(f"/api/v1/conversations/{left.conversations[0]}").json()
        assert (kept["title"], len(kept["turns"])) == ("Kept", 4)
        for answer in left.answers:
            assert client.get(f"/api/v1/ask/{answer}").status_code == 200


GROUPS = ("", "desk", "desk board")


def test_who_lost_a_group_lost_its_briefs(server: Served) -> None:
    """The same user of the portal asks with all groups, and comes back with fewer."""
    ann = server.portal
    with server.client(ann["desk board"]) as client:
        conversation = client.post("/api/v1/conversations", json={}).json()["id"]
        answers, replays = [], []
        for number, question in enumerate([*QUESTIONS, "what happened to the crates?"]):
            body = {"question": question, "conversation": conversation}
            replays.append((body, {"Idempotency-Key": f"ann-{number}"}))
            answers.append(client.post("/api/v1/ask", json=body, headers=replays[-1][1]).headers["Answer-Id"])
    calls = [
        Call("/v1/conversations"),
        *(Call(f"/v1/conversations/{conversation}{path}") for path in ("", "/export?format=md", "/export?format=docx")),
        *(Call(f"/v1/ask/{answer}", headers=headers) for answer in answers for headers in ({}, EVENTS)),
    ]
    seen: dict[str, str] = {}
    for groups in GROUPS:
        who = ann[groups]
        with server.client(who) as client:
            found = [send(client, "GET", call) for call in calls]
            # Sent again with the same key, and asked on in the same conversation.
            found += [
                send(client, "POST", Call("/v1/ask", {**body, "conversation": None}, key)) for body, key in replays
            ]
            if groups == "":
                found.append(send(client, "POST", Call("/v1/ask", {"question": "why?", "conversation": conversation})))
                found.append(
                    send(
                        client, "POST", Call("/v1/feedback", {"rating": "up", "conversation": conversation, "turn": 2})
                    )
                )
        seen[groups] = " ".join(map(text_of, found))
        assert server.leaks(who, seen[groups]) == set(), groups
        assert {one.status_code for one in found[:4]} == {200}
        assert {one.status_code for one in found[4 : len(calls)]} == ({200} if groups == "desk board" else {404})
    assert all(holds(seen["desk board"], word) for word in ("zellbrane", "grelvish", "karrow", "brindlecast"))
    assert not holds(seen["desk"], "skelvane")


def test_no_log_line_holds_a_word_of_a_brief_or_a_secret(server: Served, left: Left) -> None:
    """Whoever asked: what was asked, found and answered is in no log, and no credential either."""
    log = server.log.read_text().casefold()
    assert log.count('"event": "request"') > 500
    assert {word for word in ALL if holds(log, word)} == set()
    assert not holds(log, "torkham depot")
    assert len(server.secrets) > 15
    assert {secret for secret in server.secrets if secret and secret.casefold() in log} == set()
    assert "traceback" not in log


# the page, in a browser behind a proxy that says who sits before it


class Window:
    """A browser's window; ``got`` is all that the server has sent it, scripts and styles left out."""

    def __init__(self, browser: Browser, server: Served, name: str, *groups: str) -> None:
        headers = {"X-Forwarded-User": name, "X-Forwarded-Groups": ",".join(groups)}
        self.page = browser.new_context(extra_http_headers=headers).new_page()
        self.who = Who(f"page: {name} {groups}", labels=frozenset(groups))
        self._server = server
        self._parts: list[bytes] = []
        self.feet = self.page.locator("[class*='st-key-foot-']")
        self.page.on("websocket", lambda socket: socket.on("framereceived", self._take))
        self.page.on("response", self._keep)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.page.context.close()

    def open(self, address: str = "") -> None:
        """Go to an address below the server's."""
        self.page.goto(f"{self._server.url}/{address}")
        expect(self.page.get_by_test_id("stChatInputTextArea")).to_be_enabled()

    def ask(self, question: str) -> None:
        """Ask, and wait until the answer is whole."""
        before = self.feet.count()
        self.page.get_by_test_id("stChatInputTextArea").fill(question)
        self.page.keyboard.press("Enter")
        expect(self.feet).to_have_count(before + 1)

    def export(self) -> None:
        """Save the conversation as Markdown and as a Word file."""
        self.page.locator(".st-key-this button").first.click()
        for name in ("Markdown", "Word"):
            with self.page.expect_download() as saved:
                self.page.get_by_role("button", name=name).click()
            # Chromium itself saves without the headers that say who sits before it.
            file = self.page.request.get(saved.value.url)
            assert file.ok
            self._parts.append(unpacked(file.body()))
        self.page.keyboard.press("Escape")

    @property
    def got(self) -> str:
        """Everything so far, in lower case, without what was typed."""
        text = (b" ".join(self._parts).decode("utf-8", "replace") + self.page.inner_text("body")).casefold()
        return re.sub(r"[?&]c=[0-9a-f]+", "", text)

    @property
    def leaks(self) -> set[str]:
        """What of it this reader should not have."""
        return self._server.leaks(self.who, self.got)

    def _take(self, frame: str | bytes) -> None:
        self._parts.append(frame if isinstance(frame, bytes) else frame.encode())

    def _keep(self, response: Response) -> None:
        if response.request.resource_type in {"document", "fetch", "xhr"} and response.status == 200:
            with suppress(Error):  # a window that closes has no bodies any more
                self._parts.append(response.body())


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def test_the_page_shows_no_hidden_word(server: Served, left: Left, chromium: Browser) -> None:
    seen = {}
    for groups in ((), ("other",), ("board",), ("desk", "board")):
        with Window(chromium, server, f"carl-{len(groups)}", *groups) as window:
            window.open()
            window.page.locator(".st-key-filters button").first.click()
            window.page.keyboard.press("Escape")
            for question in QUESTIONS:
                window.ask(question)
            window.export()
            window.open(f"?c={left.conversations[0]}")  # somebody else's
            window.page.goto(f"{server.url}/evals")
            expect(window.page.get_by_text("Reports are for readers of every brief")).to_be_visible()
            assert window.leaks == set(), groups
            seen[groups] = window.got
    assert all(holds(seen["desk", "board"], word) for word in ("zellbrane", "grelvish", "ombrazil", "fluxmarrow"))
    assert holds(seen[("board",)], "vantrossel")


def test_a_page_opened_again_shows_what_may_be_read_now(server: Served, chromium: Browser) -> None:
    with Window(chromium, server, "dora", "desk") as window:
        window.open()
        for question in QUESTIONS[:4]:
            window.ask(question)
        address = window.page.url
        assert holds(window.got, "grelvish") and holds(window.got, "zellbrane")
    for turns, groups in ((4, ("board",)), (5, ())):
        with Window(chromium, server, "dora", *groups) as window:
            window.open(address.removeprefix(server.url).lstrip("/"))
            expect(window.feet).to_have_count(turns)
            window.export()
            window.ask("and why?")
            assert window.leaks == set(), groups
