"""What the widget makes of connections that break, tokens that end and servers that talk nonsense, by a scripted server."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator

import browsing
import pytest
from embedded import BOX, ask, in_view, watched
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from scripted_api import (
    HOSTILE,
    ID,
    QUOTES,
    TEXT,
    Connection,
    Cut,
    Refusal,
    ScriptedApi,
    answer,
    citation,
    event,
    events,
    portal,
    serve,
)

from ui.widget.script import SOURCE

browser, context = browsing.browser, browsing.context
WHOLE = answer("North keeps its airspace.", "Nobody crosses at night.", "It asks for trade.")
QUESTION = "What are the red lines?"


@pytest.fixture(scope="module")
def _served() -> Iterator[tuple[ScriptedApi, str]]:
    api = ScriptedApi()
    with serve(api.app()) as briefs, portal(briefs) as address:
        yield api, address


@pytest.fixture
def api(_served: tuple[ScriptedApi, str]) -> ScriptedApi:
    """The scripted server, as new."""
    vars(_served[0]).update(vars(ScriptedApi()))
    return _served[0]


@pytest.fixture
def page(context: BrowserContext, api: ScriptedApi, _served: tuple[ScriptedApi, str]) -> Iterator[Page]:
    """The portal's first page. What the script refuses, the browser itself reports; nothing else may be reported."""
    with watched(context, refusals=True) as found:
        found.goto(_served[1])
        expect(found.get_by_role("button", name="Who won the cup?")).to_be_visible()
        yield found


def texts(page: Page) -> list[str]:
    return [re.sub(r"\d+$", "", found) for found in page.locator(".statement p:first-of-type").all_inner_texts()]


def said(whole: dict[str, object] = WHOLE) -> list[str]:
    return [statement["text"] for statement in whole["statements"]]  # type: ignore[attr-defined]  # JSON


def parsed(browser: Browser, chunks: list[list[bytes]]) -> list[list[dict[str, str]]]:
    """What the parser makes of each list of chunks, in a browser."""
    page = browser.new_page()
    found: list[list[dict[str, str]]] = page.evaluate(
        """async ([source, runs]) => {
            const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }))
            const { EventParser } = await import(url)
            return runs.map((run) => {
                const parser = new EventParser()
                return run.flatMap((chunk) => parser.take(new Uint8Array(chunk)))
            })
        }""",
        [(SOURCE / "stream.js").read_text(encoding="utf-8"), [[list(chunk) for chunk in run] for run in chunks]],
    )
    page.close()
    return found


def test_events_however_they_are_cut(browser: Browser) -> None:
    stream = (
        '\ufeff: a comment\n\nid: a.1\nevent: sources\ndata: {"x":\ndata:  1}\n\nevent: nothing\n\n'
        "data: 🚫 ليلاً\r\n\r\ndata\r\r:\nid: a.2\nretry: 5\nunknown: x\ndata: last\n\ndata: half"
    ).encode()
    expected = [
        {"id": "a.1", "event": "sources", "data": '{"x":\n 1}'},
        {"id": "a.1", "event": "message", "data": "🚫 ليلاً"},
        {"id": "a.1", "event": "message", "data": ""},
        {"id": "a.2", "event": "message", "data": "last"},
    ]
    random.seed(5)
    runs = [[stream], [bytes([one]) for one in stream]]
    for _ in range(200):
        cuts = sorted(random.sample(range(1, len(stream)), random.randint(1, 12)))
        runs.append([stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)])
    for run, found in zip(runs, parsed(browser, runs), strict=True):
        assert found == expected, run


def test_bytes_one_by_one_with_heartbeats_and_odd_line_ends(page: Page, api: ScriptedApi) -> None:
    stream = ": beat\r\n\r\n".join(part.replace("\n", "\r\n") for part in ["", *events(WHOLE)]).encode()
    api.script[QUESTION] = [[stream[k : k + 7] for k in range(0, len(stream), 7)]]
    ask(page, QUESTION)
    assert texts(page) == said()


@pytest.mark.parametrize("ending", [[Cut], []], ids=["cut", "ended without an end"])
def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    page: Page, api: ScriptedApi, ending: list[type[Cut]]
) -> None:
    parts = events(WHOLE)
    api.script[QUESTION] = [
        [*parts[:2], *ending],
        Refusal(503, "unavailable"),
        [*parts[1:3], parts[3][:20], *ending],  # what it has seen comes again, and half of what it has not
        parts[3:],
    ]
    ask(page, QUESTION)
    assert texts(page) == said()
    again = api.seen("GET", f"/ask/{ID}")
    assert [headers["last-event-id"] for headers in again] == [f"{ID}.2", f"{ID}.2", f"{ID}.3"]
    assert len(api.bodies("/ask")) == 1


def test_it_says_that_the_connection_broke_and_gives_up_in_the_end(page: Page, api: ScriptedApi) -> None:
    api.script[QUESTION] = [events(WHOLE)[:2], *[Refusal(503, "unavailable")] * 8]
    page.clock.install()
    box = page.get_by_role("textbox", name=BOX)
    box.fill(QUESTION)
    box.press("Enter")
    expect(page.locator(".progress")).to_have_text("The connection broke. Taking it up again …")
    expect(page.get_by_role("status").last).to_have_text("The connection broke. Taking it up again …")
    assert texts(page) == said()[:1]
    for _ in range(5):
        page.clock.run_for(20_000)
        page.wait_for_timeout(150)
    expect(page.get_by_text("The connection broke, and taking it up again failed several times.")).to_be_visible()
    assert len(api.seen("GET", f"/ask/{ID}")) == 5
    api.script[QUESTION] = [events(WHOLE)]
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".statement")).to_have_count(3)
    expect(page.locator("article.exchange")).to_have_count(1)
    keys = [headers["idempotency-key"] for headers in api.seen("POST", "/ask")]
    assert len(set(keys)) == 2


def test_a_first_request_that_breaks_is_sent_again_as_the_same(page: Page, api: ScriptedApi) -> None:
    keys: list[str] = []

    def break_the_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.abort() if len(keys) == 1 else route.continue_()

    page.route("**/api/v1/ask", break_the_first)
    api.script[QUESTION] = [events(WHOLE)]
    ask(page, QUESTION)
    assert texts(page) == said()
    assert len(keys) == 2 and len(set(keys)) == 1


def test_an_answer_that_is_no_longer_there(page: Page, api: ScriptedApi) -> None:
    api.script[QUESTION] = [events(WHOLE)[:2], Refusal(404, "not-found")]
    ask(page, QUESTION)
    expect(page.get_by_text("taking it up again failed several times")).to_be_visible()
    assert len(api.seen("GET", f"/ask/{ID}")) == 1


def test_what_cannot_be_read_is_left_out(page: Page, api: ScriptedApi) -> None:
    parts = events(WHOLE)
    nonsense = [
        event("statement", "not an object"),
        'event: statement\ndata: {"statement": \n\n',
        event("statement", {"statement": {"text": 5, "citations": "x"}, "citations": [None, 3]}),
        event("future", {"a": 1}),
        event("sources", {"briefs": [None, {"title": 7}]}),
    ]
    api.script[QUESTION] = [
        [parts[0], *nonsense, *parts[1:3], f"id: {ID}.4\nevent: statement\ndata: [\n\n", *parts[4:]]
    ]
    ask(page, QUESTION)
    assert texts(page) == said()


@pytest.mark.parametrize("last", ['"text"', "null", "{}", '{"statements": 1, "citations": []}', "{"])
def test_an_end_that_cannot_be_read_is_fetched_again(page: Page, api: ScriptedApi, last: str) -> None:
    parts = events(WHOLE)
    api.script[QUESTION] = [[*parts[:-1], f"id: {ID}.{len(parts)}\nevent: done\ndata: {last}\n\n"], parts[-1:]]
    ask(page, QUESTION)
    assert texts(page) == said()
    assert [headers["last-event-id"] for headers in api.seen("GET", f"/ask/{ID}")] == [f"{ID}.{len(parts) - 1}"]


def test_the_whole_answer_counts(page: Page, api: ScriptedApi) -> None:
    other = answer("First.", "Second.")
    parts = events(WHOLE)
    api.script[QUESTION] = [[*parts[:-1], event("done", other, len(parts))]]
    ask(page, QUESTION)
    assert texts(page) == said(other)


def test_hostile_text_is_text_everywhere(page: Page, api: ScriptedApi) -> None:
    near = [{"brief_id": HOSTILE, "source": HOSTILE, "title": HOSTILE}]
    whole = answer(
        HOSTILE,
        citations=[citation(1, HOSTILE, title=HOSTILE, source=HOSTILE)],
        status="partial",
        missing=HOSTILE,
        notice=HOSTILE,
        searched=HOSTILE,
    )
    whole["statements"] += [{"text": HOSTILE, "citations": [], "group": HOSTILE, "unsupported": HOSTILE}]
    none = answer(text=HOSTILE, missing=HOSTILE, nearest=near)
    doubt = answer(text=HOSTILE, readings=[HOSTILE])
    brief = {
        "brief_id": "north",
        "title": HOSTILE,
        "published": "<b>",
        "kind": HOSTILE,
        "region": [HOSTILE],
        "text": f"{HOSTILE}\n{HOSTILE}\n",
    }
    api.briefs = {"north": brief, HOSTILE: brief}
    api.suggestions = [HOSTILE, None, {"a": 1}]
    api.script = {
        "one": [events(whole)],
        "two": [events(none)],
        "three": [events(doubt)],
        "four": [Refusal(418, HOSTILE, detail=HOSTILE)],
    }
    page.reload()
    for question in ("one", "two", "three", "four"):
        ask(page, question)
    expect(page.locator("article.exchange").nth(0).locator(".statement").first).to_contain_text(HOSTILE)
    page.get_by_role("button", name="Citation 1").click()
    expect(page.locator("dialog.panel article")).to_contain_text(HOSTILE)
    page.keyboard.press("Escape")
    page.locator("button.near").click()
    expect(page.locator("dialog.panel h2")).to_have_text(HOSTILE)
    made = page.evaluate(
        "() => [...document.querySelector('brief-assistant').shadowRoot.querySelectorAll('*')].map((one) => one.localName)"
    )
    assert not {"img", "script", "a", "b", "iframe", "style", "link", "form action"} & set(made)
    assert page.title() == "In the page · Portal"


def test_words_are_found_behind_emoji_and_arabic(page: Page, api: ScriptedApi) -> None:
    filler = "🛑 The delegations met again and went through the agenda. " * 60
    text = f"{filler}\n{TEXT}{filler}\n"
    moved = [
        citation(k, quote, start=text.index(quote), end=text.index(quote) + len(quote))
        for k, quote in enumerate(QUOTES, 1)
    ]
    api.briefs["north"] = {"brief_id": "north", "title": "North's positions", "published": None, "text": text}
    api.script[QUESTION] = [events({**WHOLE, "citations": moved})]
    ask(page, QUESTION)
    for k, quote in enumerate(QUOTES, 1):
        page.get_by_role("button", name=f"Citation {k}:").click()
        in_view(page, quote)
        page.keyboard.press("Escape")


def test_a_brief_that_changed_or_went(page: Page, api: ScriptedApi) -> None:
    api.script[QUESTION] = [
        events({**WHOLE, "citations": [*WHOLE["citations"][:2], citation(3, start=4000, end=4100)]})
    ]
    api.briefs["north"] = {
        "brief_id": "north",
        "title": "North's positions",
        "published": "2025-12-06",
        "text": TEXT.replace("airspace", "borders!"),
    }
    ask(page, QUESTION)
    panel = page.locator("dialog.panel")
    for label in (1, 3):
        page.get_by_role("button", name=f"Citation {label}:").click()
        expect(panel.locator("header .note")).to_contain_text(f"no longer says in that place: “{QUOTES[0]}”")
        expect(panel.locator("mark")).to_have_count(0)
        expect(panel.get_by_text("borders!")).to_be_visible()
        page.keyboard.press("Escape")
    api.briefs.clear()
    page.get_by_role("button", name="Citation 2:").click()
    expect(panel.get_by_role("alert")).to_contain_text("It may have been withdrawn")


# Tokens

TOKENS = """() => {
    window.given = []
    const part = (value) => btoa(JSON.stringify(value)).replace(/=+$/, "")
    const widget = document.querySelector("brief-assistant")
    widget.getToken = async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        const iat = 1000000 + given.length  // the portal's clock is not the reader's
        const token = `${part({ alg: "EdDSA" })}.${part({ iat, exp: iat + 120, n: given.length })}.c2ln`
        given.push(token)
        return token
    }
}"""


def sent(api: ScriptedApi) -> list[str]:
    return [headers.get("authorization", "").removeprefix("Bearer ") for _, _, headers, _ in api.requests]


def test_no_token_unless_the_page_gives_one_and_never_a_cookie(page: Page, api: ScriptedApi) -> None:
    page.evaluate("() => { document.cookie = 'a=b' }")
    api.script[QUESTION] = [events(WHOLE)]
    ask(page, QUESTION)
    assert set(sent(api)) == {""}
    assert not any("cookie" in headers or "referer" in headers for _, _, headers, _ in api.requests)


def test_a_token_is_asked_for_once_and_renewed_in_time(page: Page, api: ScriptedApi) -> None:
    page.clock.install()
    page.evaluate(TOKENS)
    api.requests.clear()
    api.script[QUESTION] = [events(WHOLE)] * 3
    api.briefs["north"] = {"brief_id": "north", "title": "North's positions", "text": TEXT}
    page.clock.run_for(200)
    ask_now(page)
    page.clock.run_for(80_000)
    ask_now(page)
    assert page.evaluate("() => given.length") == 1
    page.clock.run_for(15_000)  # less than half a minute is left
    ask_now(page)
    tokens = page.evaluate("() => given")
    assert len(tokens) == 2
    assert set(sent(api)) == set(tokens)
    stored = page.evaluate(
        "() => JSON.stringify([Object.entries(sessionStorage), Object.entries(localStorage), document.documentElement.outerHTML])"
    )
    assert not any(token in stored for token in tokens)


def ask_now(page: Page) -> None:
    """Ask, and move the clock that the page has until the answer is there."""
    box = page.get_by_role("textbox", name=BOX)
    before = page.locator(".feedback").count()
    box.fill(QUESTION)
    box.press("Enter")
    for _ in range(50):
        page.clock.run_for(50)
        if page.locator(".feedback").count() > before:
            return
        time.sleep(0.05)
    raise AssertionError("no answer")


def test_several_requests_share_one_renewal(page: Page, api: ScriptedApi) -> None:
    api.script[QUESTION] = [events(WHOLE)]
    page.evaluate(TOKENS)
    page.locator("brief-assistant").evaluate("(widget, question) => widget.ask(question)", QUESTION)
    expect(page.locator(".feedback")).to_have_count(1)
    assert page.evaluate("() => given.length") == 1


def test_a_refused_token_is_renewed_once(page: Page, api: ScriptedApi) -> None:
    page.evaluate(TOKENS)
    page.wait_for_function("() => given.length === 1")
    api.tokens = set()
    api.script[QUESTION] = [events(WHOLE)]
    ask(page, QUESTION)
    expect(page.get_by_text("Your sign-in was not accepted. Sign in again, then try again.")).to_be_visible()
    expect(page.get_by_text("Reference: r-17")).to_be_visible()
    used = [headers["authorization"] for headers in api.seen("POST", "/ask")]
    assert used == [f"Bearer {token}" for token in page.evaluate("() => given.slice(-2)")]
    api.tokens = None
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".statement")).to_have_count(3)


def test_a_token_that_ends_while_an_answer_comes_is_renewed_when_the_connection_is_taken_up(
    page: Page, api: ScriptedApi
) -> None:
    page.evaluate(TOKENS)
    page.wait_for_function("() => given.length === 1")
    parts = events(WHOLE)

    def ended() -> list[Connection]:
        return [[*parts[:2], 0.3, Cut], parts[2:]]

    api.script[QUESTION] = ended()
    box = page.get_by_role("textbox", name=BOX)
    box.fill(QUESTION)
    box.press("Enter")
    expect(page.locator(".statement")).to_have_count(1)
    first = page.evaluate("() => given[0]")
    api.tokens = set(
        page.evaluate("""() => {
        // The next one is known in advance, as the script makes them.
        const part = (value) => btoa(JSON.stringify(value)).replace(/=+$/, "")
        const iat = 1000001
        return [`${part({ alg: "EdDSA" })}.${part({ iat, exp: iat + 120, n: 1 })}.c2ln`]
    }""")
    )
    expect(page.locator(".feedback")).to_have_count(1)
    assert texts(page) == said()
    tokens = [
        token
        for token, (method, path, *_) in zip(sent(api), api.requests, strict=True)
        if (method, path) == ("GET", f"/ask/{ID}")
    ]
    assert tokens == [first, *api.tokens]


@pytest.mark.parametrize(
    "broken",
    [
        "async () => { throw new Error('secret-in-an-error') }",
        "async () => ''",
        "async () => 'two words'",
        "async () => null",
    ],
)
def test_a_portal_without_a_token_is_told_to_sign_in(page: Page, api: ScriptedApi, broken: str) -> None:
    page.evaluate(f"""() => {{
        window.heard = []
        document.addEventListener("brief-error", (event) => heard.push(event.detail))
        document.querySelector("brief-assistant").getToken = {broken}
    }}""")
    api.requests.clear()
    ask(page, QUESTION)
    expect(page.get_by_text("Your sign-in has ended. Sign in again, then try again.")).to_be_visible()
    assert api.bodies("/ask") == []
    heard = page.evaluate("() => heard")
    assert {one["kind"] for one in heard} == {"sign-in"}
    assert "secret" not in json.dumps(heard)


# Errors


def test_it_waits_as_long_as_the_server_asks_and_says_so(page: Page, api: ScriptedApi) -> None:
    api.script[QUESTION] = [Refusal(429, "too-many-requests", {"Retry-After": "2"}), events(WHOLE)]
    box = page.get_by_role("textbox", name=BOX)
    box.fill(QUESTION)
    box.press("Enter")
    expect(page.locator(".progress")).to_have_text("Many questions at the moment. Asking again in 2 seconds …")
    expect(page.locator(".progress")).to_have_text("Many questions at the moment. Asking again in one second …")
    expect(page.locator(".statement")).to_have_count(3)
    keys = [headers["idempotency-key"] for headers in api.seen("POST", "/ask")]
    assert len(keys) == 2 and len(set(keys)) == 1


def test_it_does_not_wait_for_ever(page: Page, api: ScriptedApi) -> None:
    api.script[QUESTION] = [Refusal(429, "too-many-requests", {"Retry-After": "3600"})]
    ask(page, QUESTION)
    expect(page.get_by_text("There are too many questions at the moment.")).to_be_visible()


def test_waiting_can_be_stopped(page: Page, api: ScriptedApi) -> None:
    api.script[QUESTION] = [Refusal(429, "too-many-requests", {"Retry-After": "60"})]
    box = page.get_by_role("textbox", name=BOX)
    box.fill(QUESTION)
    box.press("Enter")
    expect(page.locator(".progress")).to_contain_text("Asking again in")
    page.get_by_role("button", name="Stop the answer").click()
    expect(page.get_by_text("Stopped before there was an answer.")).to_be_visible()


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (Refusal(503, "unavailable"), "The assistant is not available at the moment."),
        (Refusal(500, "internal"), "Something went wrong."),
        (Refusal(403, "origin"), "This page may not use the assistant."),
        (Refusal(413, "too-large"), "The question is too long."),
        (Refusal(422, "invalid", detail="question: holds no word"), "question: holds no word"),
        (Refusal(400, "from-the-future", detail="what is new"), "what is new"),
    ],
    ids=lambda one: one.kind if isinstance(one, Refusal) else "",
)
def test_errors_are_told(page: Page, api: ScriptedApi, refusal: Refusal, told: str) -> None:
    api.script[QUESTION] = [refusal, events(WHOLE)]
    ask(page, QUESTION)
    expect(page.locator(".trouble .note")).to_contain_text(told)
    expect(page.get_by_text("Reference: r-17")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".statement")).to_have_count(3)


def test_an_error_in_the_middle_of_an_answer(page: Page, api: ScriptedApi) -> None:
    problem = {"type": "/api/v1/problems/unavailable", "status": 503, "detail": "stopping", "request_id": "r-18"}
    api.script[QUESTION] = [[*events(WHOLE)[:2], event("error", problem, 3)]]
    ask(page, QUESTION)
    expect(page.get_by_text("Reference: r-18")).to_be_visible()
    assert api.seen("GET", f"/ask/{ID}") == []


def test_offline_and_back(page: Page, api: ScriptedApi, context: BrowserContext) -> None:
    api.script[QUESTION] = [events(WHOLE)]
    context.set_offline(True)
    ask(page, QUESTION)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".statement")).to_have_count(3)


def test_a_slow_answer_is_said_to_be_slow(page: Page, api: ScriptedApi) -> None:
    api.script[QUESTION] = [[events(WHOLE)[0], 60.0]]
    page.clock.install()
    box = page.get_by_role("textbox", name=BOX)
    box.fill(QUESTION)
    box.press("Enter")
    expect(page.locator(".progress")).to_have_text("Found in: North's positions")
    page.clock.run_for(13_000)
    expect(page.locator(".progress")).to_have_text("This takes longer than usual. You can wait, or stop it.")
    page.get_by_role("button", name="Stop the answer").click()
    page.clock.run_for(3_100)
    expect(page.get_by_text("Stopped before there was an answer.")).to_be_visible()
    assert api.stopped.wait(20)


def test_silence_is_a_broken_connection(page: Page, api: ScriptedApi) -> None:
    api.script[QUESTION] = [[events(WHOLE)[0], 60.0], events(WHOLE)[1:]]
    page.clock.install()
    box = page.get_by_role("textbox", name=BOX)
    box.fill(QUESTION)
    box.press("Enter")
    expect(page.locator(".progress")).to_have_text("Found in: North's positions")
    page.clock.run_for(46_000)
    page.wait_for_timeout(100)
    page.clock.run_for(1_000)
    expect(page.locator(".statement")).to_have_count(3)
    assert [headers["last-event-id"] for headers in api.seen("GET", f"/ask/{ID}")] == [f"{ID}.1"]


# What is sent


def test_history_goes_along_where_nothing_is_kept(page: Page, api: ScriptedApi) -> None:
    api.script = {
        "one": [events(WHOLE)],
        "two": [Refusal(500, "internal")],
        "three": [events(answer())],
        "four": [events(WHOLE)],
    }
    page.locator("brief-assistant").evaluate(
        "(widget) => { widget.temporary = true; widget.filters = { regions: ['North'] } }"
    )
    for question in api.script:
        ask(page, question)
    bodies = api.bodies("/ask")
    assert all(body["filters"] == {"regions": ["North"]} for body in bodies)
    assert bodies[0]["history"] == []
    assert bodies[3]["history"] == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": WHOLE["text"]},
        {"role": "user", "content": "three"},
        {"role": "assistant", "content": "The briefs do not answer this."},
    ]
    assert api.bodies("/conversations") == []
    assert page.evaluate("() => sessionStorage.length") == 0


def test_history_goes_along_where_the_server_keeps_no_conversation(page: Page, api: ScriptedApi) -> None:
    api.script = {"one": [events(WHOLE)], "two": [events(WHOLE)]}
    ask(page, "one")
    ask(page, "two")
    assert len(api.bodies("/ask")[1]["history"]) == 2


def test_a_conversation_of_somebody_else_is_forgotten(page: Page, api: ScriptedApi) -> None:
    api.conversations = {}
    api.script[QUESTION] = [events(WHOLE), events(WHOLE)]
    ask(page, QUESTION)
    assert api.bodies("/ask")[0]["conversation"] == "0" * 16
    api.conversations.clear()
    page.reload()
    expect(page.get_by_role("button", name="Who won the cup?")).to_be_visible()
    assert page.evaluate("() => sessionStorage.length") == 0


def test_kept_turns_tell_what_no_brief_says_any_more(page: Page, api: ScriptedApi) -> None:
    api.conversations = {}
    api.script[QUESTION] = [events(WHOLE)]
    ask(page, QUESTION)
    hidden = {
        "label": 3,
        "brief_id": "",
        "title": "You may no longer read this brief.",
        "quote": "",
        "start": 0,
        "end": 0,
    }
    kept = {**WHOLE, "citations": [*WHOLE["citations"][:2], hidden]}
    api.conversations["0" * 16]["turns"] = [
        {"question": QUESTION, "answer": kept, "standing": {"2": "gone", "3": "hidden"}}
    ]
    page.reload()
    expect(page.locator(".statement").nth(1).locator(".note")).to_contain_text(
        f"no longer says in that place: “{QUOTES[1]}”"
    )
    expect(page.get_by_role("button", name="Citation 3")).to_have_count(0)
    expect(page.get_by_role("button", name="Citation 1")).to_have_count(1)


def test_enter_asks_shift_enter_does_not_nor_an_input_method(page: Page, api: ScriptedApi) -> None:
    api.script["one\ntwo"] = [events(WHOLE)]
    box = page.get_by_role("textbox", name=BOX)
    box.press("Enter")
    box.type("one")
    box.press("Shift+Enter")
    box.type("two")
    box.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    box.dispatch_event("keydown", {"key": "Enter", "keyCode": 229, "bubbles": True})
    expect(box).to_have_value("one\ntwo")
    assert api.bodies("/ask") == []
    box.press("Enter")
    expect(page.locator(".statement")).to_have_count(3)
    expect(box).to_have_value("")


def test_one_question_at_a_time(page: Page, api: ScriptedApi) -> None:
    api.script[QUESTION] = [[*events(WHOLE)[:2], 0.5, *events(WHOLE)[2:]]]
    box = page.get_by_role("textbox", name=BOX)
    box.fill(QUESTION)
    box.press("Enter")
    expect(page.locator(".statement")).to_have_count(1)
    box.fill("and then?")
    box.press("Enter")
    expect(page.locator(".statement")).to_have_count(3)
    expect(box).to_have_value("and then?")
    assert len(api.bodies("/ask")) == 1
