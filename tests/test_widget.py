"""The widget in a real browser, on a portal of another origin with a strict policy, against the real server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import browsing
import pytest
from embedded import BOX, ask, in_view, watched
from playwright.sync_api import BrowserContext, Page, expect
from ports import free_port
from scripted_api import serve
from scripted_page import (
    CUP,
    FOLLOW_UP,
    HANGS,
    MISSING,
    NOTICE,
    PARTIAL,
    QUOTES,
    READINGS,
    REASON,
    RED_LINES,
    SEARCHED,
    STILL,
    STRUCK,
    VAGUE,
    ScriptedAssistant,
    indexed,
)
from serving import served

from assistant.conversations import ConversationStore
from index.settings import Settings
from ui.access.caller import LOCAL
from ui.portal.app import POLICY, Portal, build_portal

browser, context = browsing.browser, browsing.context


@dataclass(frozen=True)
class Embedding:
    """A portal, the assistant behind it, and the assistant's settings."""

    portal: str
    briefs: str
    settings: Settings


@pytest.fixture(scope="module")
def embedding() -> Iterator[Embedding]:
    port = free_port()
    settings = indexed().model_copy(update={"portal_origins": (f"http://127.0.0.1:{port}",)})
    with (
        served(settings, patches={"ui.service.Assistant": ScriptedAssistant}) as server,
        serve(build_portal(Portal(server.address)), port) as portal,
    ):
        yield Embedding(portal, server.address, settings)


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    with watched(context) as found:
        yield found


def feedback(settings: Settings, name: str) -> list[dict[str, object]]:
    path = settings.store / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_the_portal_is_elsewhere_and_strict(page: Page, embedding: Embedding) -> None:
    response = page.goto(embedding.portal)
    assert response
    assert response.headers["content-security-policy"] == POLICY.format(briefs=embedding.briefs)
    assert "unsafe" not in POLICY
    assert embedding.portal != embedding.briefs
    expect(page.get_by_role("region", name="Ask the briefs")).to_be_visible()


def test_a_citation_opens_the_brief_at_its_words(page: Page, embedding: Embedding) -> None:
    page.goto(embedding.portal)
    answered = ask(page, RED_LINES)
    expect(answered.locator("h3")).to_have_text(["North says", "South says"])
    citation = answered.get_by_role("button", name="Citation 2: North's positions: red lines, 6 December 2025")
    citation.click()
    in_view(page, QUOTES["winter"][1])
    expect(page.get_by_role("dialog", name="North's positions: red lines")).to_be_visible()
    panel = page.locator("dialog.panel")
    expect(panel).to_contain_text("6 December 2025 · position brief · North")
    expect(panel.get_by_role("heading", name="Red lines", exact=True)).to_be_visible()
    panel.get_by_role("button", name="Previous citation").click()
    in_view(page, QUOTES["airspace"][1])
    panel.get_by_role("button", name="Next citation").click()
    panel.get_by_role("button", name="Next citation").click()
    in_view(page, QUOTES["groups"][1])
    expect(panel.get_by_role("button", name="Next citation")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(citation).to_be_focused()
    answered.get_by_role("button", name="Source 3: South").click()
    in_view(page, QUOTES["groups"][1])


def test_statements_come_before_the_answer_is_whole_and_stop_keeps_them(page: Page, embedding: Embedding) -> None:
    page.goto(embedding.portal)
    box = page.get_by_role("textbox", name=BOX)
    box.fill(HANGS)
    box.press("Enter")
    stop = page.get_by_role("button", name="Stop the answer")
    expect(page.locator(".statement")).to_have_text(re.compile(f"^{re.escape(QUOTES['paper'][1])}"))
    expect(stop).to_be_visible()
    page.get_by_role("button", name="Citation 1").click()
    in_view(page, QUOTES["paper"][1])
    page.keyboard.press("Escape")
    stop.click()
    expect(page.get_by_text("Stopped. What had been found by then is shown.")).to_be_visible()
    expect(stop).to_have_count(0)
    expect(page.locator(".statement")).to_have_count(1)
    expect(page.get_by_role("button", name="Right")).to_have_count(0)


def test_an_abstention_names_the_nearest_briefs(page: Page, embedding: Embedding) -> None:
    page.goto(embedding.portal)
    answered = ask(page, CUP)
    expect(answered).to_contain_text("The briefs do not answer this.")
    near = answered.get_by_role("button", name="Aid corridor at Torvale")
    near.click()
    panel = page.get_by_role("dialog", name="Aid corridor at Torvale")
    expect(panel.get_by_text("The agency sent 120 trucks")).to_be_visible()
    expect(panel.get_by_role("button", name="Next citation")).to_have_count(0)
    panel.get_by_role("button", name="Close the brief").click()
    expect(near).to_be_focused()


def test_what_an_answer_tells_about_itself(page: Page, embedding: Embedding) -> None:
    page.goto(embedding.portal)
    expect(ask(page, PARTIAL).locator(".note")).to_have_text([f"Part of the question is not answered: {MISSING}"])
    answered = ask(page, STRUCK)
    struck = answered.locator(".statement").filter(has=page.locator("del"))
    expect(struck.locator("p").first).to_have_text(re.compile(f"^Struck out: {re.escape(QUOTES['winter'][1])}"))
    expect(struck).to_contain_text(REASON)
    expect(answered.locator(".note").last).to_have_text(NOTICE)
    expect(page.locator("a")).to_have_count(4)  # the portal's own
    answered = ask(page, FOLLOW_UP)
    expect(answered).to_contain_text(f"Searched for: {SEARCHED}")


def test_a_reading_is_asked_by_itself(page: Page, embedding: Embedding) -> None:
    page.goto(embedding.portal)
    ask(page, VAGUE).get_by_role("button", name=READINGS[1]).click()
    expect(page.locator("article.exchange")).to_have_count(2)
    expect(page.locator("article.exchange").last).to_contain_text(QUOTES["groups"][1])
    expect(page.get_by_role("textbox", name=BOX)).to_be_focused()


def test_text_of_briefs_stays_text(page: Page, embedding: Embedding) -> None:
    page.goto(embedding.portal)
    answered = ask(page, STILL)
    expect(answered.locator(".statement").last).to_contain_text(QUOTES["hostile"][1])
    answered.get_by_role("button", name="Citation 2").click()
    in_view(page, QUOTES["hostile"][1])
    expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text(
        "South & the [talks](http://evil.example/t)"
    )
    expect(
        page.locator("brief-assistant img, brief-assistant a, brief-assistant script, brief-assistant iframe")
    ).to_have_count(0)
    assert page.title() == "In the page · Portal"


def test_a_reload_brings_the_conversation_back_and_follow_ups_know_it(page: Page, embedding: Embedding) -> None:
    page.goto(embedding.portal)
    ask(page, RED_LINES)
    ask(page, FOLLOW_UP)
    page.reload()
    exchanges = page.locator("article.exchange")
    expect(exchanges).to_have_count(2)
    expect(exchanges.first).to_contain_text(QUOTES["winter"][1])
    exchanges.first.get_by_role("button", name="Citation 2").click()
    in_view(page, QUOTES["winter"][1])
    page.keyboard.press("Escape")
    ask(page, CUP)
    newest = ConversationStore(embedding.settings.store).listed(LOCAL.owner)[0]
    assert (newest.title, newest.turns) == (RED_LINES, 3)
    page.get_by_role("button", name="New conversation").click()
    expect(exchanges).to_have_count(0)
    expect(page.get_by_role("textbox", name=BOX)).to_be_focused()
    page.reload()
    expect(page.get_by_text("Every statement of an answer")).to_be_visible()
    expect(exchanges).to_have_count(0)
    stored = page.evaluate(
        "() => [Object.keys(sessionStorage).length, Object.keys(localStorage).length, document.cookie]"
    )
    assert stored == [0, 0, ""]


def test_what_a_reader_thinks_arrives(page: Page, embedding: Embedding) -> None:
    page.goto(embedding.portal)
    before = len(feedback(embedding.settings, "feedback.jsonl")), len(feedback(embedding.settings, "feedback-up.jsonl"))
    answered = ask(page, RED_LINES)
    answered.get_by_role("button", name="Right").click()
    expect(answered.get_by_text("Thank you, noted.")).to_be_visible()
    expect(answered.get_by_role("button", name="Right")).to_have_attribute("aria-pressed", "true")
    page.reload()
    again = page.locator("article.exchange").last
    again.get_by_role("button", name="Wrong").click()
    words = again.get_by_role("textbox", name="What was wrong?")
    expect(words).to_be_focused()
    words.fill("It leaves out ’East’ <b>")
    again.get_by_role("button", name="Send").click()
    expect(again.get_by_text("Thank you, noted.")).to_be_visible()
    down, up = (feedback(embedding.settings, name) for name in ("feedback.jsonl", "feedback-up.jsonl"))
    assert (len(down), len(up)) == (before[0] + 1, before[1] + 1)
    assert (up[-1]["question"], up[-1]["verdict"]) == (RED_LINES, "up")
    assert (down[-1]["question"], down[-1]["wrong"]) == (RED_LINES, "It leaves out ’East’ <b>")


def test_a_portal_hears_what_happens_and_may_open_citations_itself(page: Page, embedding: Embedding) -> None:
    page.goto(embedding.portal)
    page.evaluate("""() => {
        window.heard = []
        for (const name of ["brief-answer", "brief-citation", "brief-error"]) {
            document.addEventListener(name, (event) => {
                heard.push([name, event.detail, event.composed])
                if (event.detail.label === 1) event.preventDefault()
            })
        }
    }""")
    answered = ask(page, FOLLOW_UP)
    answered.get_by_role("button", name="Citation 1").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    (first, second) = page.evaluate("() => heard")
    assert first[0] == "brief-answer"
    title = "North's positions: red lines"
    assert first[1] | {"id": ""} == {
        "id": "", "question": FOLLOW_UP, "status": "answered", "citations": [{"label": 1, "brief_id": "north", "title": title}],
    }  # fmt: skip
    detail = {"label": 1, "brief_id": "north", "source": "north.md", "title": title, "page": 0}
    assert second == ["brief-citation", detail, True]


def test_methods_and_properties(page: Page, embedding: Embedding) -> None:
    page.goto(embedding.portal)
    widget = page.locator("brief-assistant")
    assert widget.evaluate("(one) => [one.server, one.mode, one.open, one.theme, one.temporary, one.getToken]") == [
        embedding.briefs, "inline", False, "", False, None,
    ]  # fmt: skip
    widget.evaluate("(one, question) => { one.filters = { briefs: ['south'] }; one.ask(question) }", CUP)
    expect(page.get_by_text("The briefs do not answer this.")).to_be_visible()
    widget.evaluate("(one) => one.clear()")
    expect(page.locator("article.exchange")).to_have_count(0)
    widget.evaluate("(one) => { one.texts = { heading: 'Ask <b>us</b>', placeholder: 'Yours?' } }")
    expect(page.get_by_role("heading", name="Ask <b>us</b>")).to_be_visible()
    expect(page.get_by_role("textbox", name="Yours?")).to_be_visible()


def test_launcher_opens_over_the_page_and_gives_the_keyboard_back(page: Page, embedding: Embedding) -> None:
    page.goto(f"{embedding.portal}/launcher")
    button = page.get_by_role("button", name="Ask the briefs")
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_role("textbox", name=BOX)).to_have_count(0)
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Ask the briefs")
    expect(dialog).to_be_visible()
    expect(page.get_by_role("textbox", name=BOX)).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "true")
    ask(page, RED_LINES).get_by_role("button", name="Citation 3").click()
    in_view(page, QUOTES["groups"][1])
    page.keyboard.press("Escape")
    expect(page.locator("dialog.panel")).to_be_hidden()
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()
    assert page.locator("brief-assistant").get_attribute("open") is None
    button.click()
    expect(page.locator("article.exchange")).to_have_count(1)
    dialog.get_by_role("button", name="Close the assistant").click()
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("context", [browsing.PHONE], indirect=True, ids=["phone"])
def test_launcher_fills_a_phone(page: Page, embedding: Embedding) -> None:
    page.goto(f"{embedding.portal}/launcher")
    page.get_by_role("button", name="Ask the briefs").tap()
    dialog = page.get_by_role("dialog", name="Ask the briefs")
    shown = dialog.bounding_box()
    assert shown and (shown["x"], shown["y"], shown["width"], shown["height"]) == (0, 0, 390, 844)
    ask(page, RED_LINES).get_by_role("button", name="Citation 2").tap()
    in_view(page, QUOTES["winter"][1])
    shown = page.locator("dialog.panel").bounding_box()
    assert shown and (shown["x"], shown["width"]) == (0, 390)
    page.get_by_role("button", name="Close the brief").tap()
    dialog.get_by_role("button", name="Close the assistant").tap()
    expect(dialog).to_have_count(0)


def test_one_page_may_hold_several(page: Page, embedding: Embedding, tmp_path: Path) -> None:
    page.goto(embedding.portal)
    page.evaluate(
        "() => { const other = document.createElement('brief-assistant'); other.id = 'other'; document.body.append(other) }"
    )
    boxes = page.get_by_role("textbox", name=BOX)
    expect(boxes).to_have_count(2)
    boxes.last.fill(CUP)
    boxes.last.press("Enter")
    expect(page.get_by_text("The briefs do not answer this.")).to_have_count(1)
    page.reload()
    expect(page.get_by_text("Every statement of an answer")).to_be_visible()
    expect(page.locator("article.exchange")).to_have_count(0)
