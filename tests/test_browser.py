"""The page in a real browser: citations, keyboard, screen readers, phone, iframe, and nothing from elsewhere."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import browsing
import pytest
from browsing import LIGHT_AND_DARK, PHONE, ask, barriers, press, serving, settled, still
from playwright.sync_api import BrowserContext, Locator, Page, expect
from scripted_page import (
    CUP,
    FOLLOW_UP,
    HANGS,
    MANY,
    MISSING,
    NOTICE,
    PARTIAL,
    QUOTES,
    READINGS,
    REASON,
    RED_LINES,
    SEARCHED,
    SLOW,
    STILL,
    STRUCK,
    VAGUE,
)

address, browser, context, page = browsing.address, browsing.browser, browsing.context, browsing.page


@pytest.fixture(scope="module")
def slow_address() -> Iterator[str]:
    with serving(pace_s=0.5) as found:
        yield found


def panel(page: Page) -> Locator:
    return page.locator("dialog")


def assert_highlight_in_view(page: Page, quote: str) -> None:
    shown = panel(page).locator("mark.active")
    expect(shown).to_have_text(quote)
    expect(shown).to_be_in_viewport()
    mark, scroller = shown.bounding_box(), page.locator("dialog .scroller").bounding_box()
    assert mark and scroller
    assert scroller["y"] <= mark["y"] and mark["y"] + mark["height"] <= scroller["y"] + scroller["height"]


def test_citation_opens_the_brief_at_its_words_beside_the_answer(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, RED_LINES)
    expect(page.get_by_role("heading", name="North says")).to_have_count(1)
    expect(page.get_by_role("heading", name="South says")).to_have_count(1)
    citation = page.get_by_role("button", name="Citation 2: North's positions: red lines, 6 December 2025")
    press(citation)
    assert_highlight_in_view(page, QUOTES["winter"][1])
    expect(citation).to_have_attribute("aria-expanded", "true")
    shown, answer = panel(page).bounding_box(), citation.bounding_box()
    assert shown and answer and answer["x"] + answer["width"] < shown["x"]
    press(panel(page).get_by_role("button", name="Previous citation"))
    assert_highlight_in_view(page, QUOTES["airspace"][1])
    press(page.get_by_role("button", name="Source 3"))
    assert_highlight_in_view(page, QUOTES["groups"][1])


def test_keyboard_alone(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, RED_LINES)
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if _focused(page).startswith("Citation 3"):
            break
    assert _focused(page).startswith("Citation 3")
    expect(page.get_by_role("tooltip").filter(has_text=QUOTES["groups"][1])).to_be_visible()
    page.keyboard.press("Enter")
    assert_highlight_in_view(page, QUOTES["groups"][1])
    expect(panel(page).get_by_role("heading", level=2)).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel(page)).to_be_hidden()
    expect(page.get_by_role("button", name="Citation 3")).to_be_focused()


def _focused(page: Page) -> str:
    script = """() => {
        let at = document.activeElement
        while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
        return at?.getAttribute("aria-label") ?? at?.tagName ?? ""
    }"""
    found: str = page.evaluate(script)
    return found


def test_text_of_briefs_stays_text(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, STILL)
    press(page.get_by_role("button", name="Citation 2"))
    assert_highlight_in_view(page, QUOTES["hostile"][1])
    expect(panel(page).get_by_role("heading", level=2)).to_have_text("South & the [talks](http://evil.example/t)")
    ask(page, CUP)
    press(page.get_by_role("button", name=re.compile(r"^South & the \[talks\]")))
    expect(page.locator("a[href*='evil.example'], img[src*='evil.example']")).to_have_count(0)
    assert page.title() == "Briefs"


def test_question_in_the_address_stays_text(page: Page, address: str) -> None:
    page.goto(
        f"{address}/?q=%3Cimg%20src%3D%22http%3A%2F%2Fevil.example%2Fq%22%3E%20%21%5Bx%5D%28http%3A%2F%2Fevil.example%2Fr%29"
    )
    expect(page.get_by_text("do not answer this")).to_be_visible()
    expect(page.locator("img[src*='evil.example']")).to_have_count(0)
    press(page.get_by_text("What was searched"))
    expect(page.get_by_text("Searched for")).to_be_visible()
    expect(page.locator("a[href*='evil.example']")).to_have_count(0)


def test_abstention_names_the_nearest_briefs_and_looks_into_them(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, CUP)
    press(page.get_by_role("button", name="Aid corridor at Torvale"))
    expect(panel(page).get_by_role("heading", level=2)).to_have_text("Aid corridor at Torvale")
    press(panel(page).get_by_role("button", name="Close the brief"))
    press(page.get_by_role("button", name="Show their nearest passages"))
    expect(page.get_by_text("Nearest passages, which do not answer")).to_be_visible()
    press(page.get_by_role("button", name="Citation 1").last)
    expect(panel(page).locator("mark.active").first).to_be_in_viewport()


def test_link_asks_on_load_and_reload_keeps_the_answer(page: Page, context: BrowserContext, address: str) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{address}/?q={RED_LINES.replace(' ', '+')}&embed=true")
    press(page.get_by_role("button", name="Copy link"))
    expect(page.get_by_text("Link copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == f"{address}/?q=What+are+the+red+lines%3F"
    page.goto(link)
    expect(page.get_by_role("button", name="Citation 3")).to_be_visible()
    settled(page)
    assert page.url.startswith(f"{address}/?c=")
    page.reload()
    expect(page.get_by_role("button", name="Citation 3")).to_be_visible()


def test_filters_narrow_and_travel_in_the_address(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="All 3 briefs").click()
    page.get_by_role("combobox", name="Topic").click()
    page.get_by_role("option", name="aid").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="1 of 3 briefs")).to_be_visible()
    assert "topic=aid" in page.url
    page.goto(page.url)
    expect(page.get_by_role("button", name="1 of 3 briefs")).to_be_visible()


def test_stop_while_searching_and_while_answering(page: Page, slow_address: str) -> None:
    page.goto(slow_address)
    box = page.get_by_role("textbox", name="Ask the briefs a question")
    for question in (SLOW, MANY):
        box.fill(question)
        box.press("Enter")
        seen = re.compile("No answer yet" if question == SLOW else r"Partial answer: \d+ statements so far")
        expect(page.get_by_text(seen).last).to_be_visible()
        page.get_by_test_id("stChatInputStopButton").or_(page.get_by_role("button", name="Stop")).first.click()
        said = "before there was an answer." if question == SLOW else "Stopped by the reader after"
        expect(page.get_by_test_id("stAlert").filter(has_text=said)).to_be_visible()
        settled(page)
    shown = page.locator(".statement").count()
    assert shown < 12
    notice = page.get_by_test_id("stAlert").filter(has_text=f"Stopped by the reader after {shown} statements.")
    expect(notice).to_be_visible()
    expect(page.get_by_role("button", name="Copy link to this answer")).to_have_count(1)
    press(page.get_by_role("button", name="Citation 1"))
    expect(notice).to_be_visible()
    assert page.locator(".statement").count() == shown
    page.reload()
    expect(notice).to_be_visible()
    expect(page.locator(".statement")).to_have_count(shown)
    expect(page.get_by_test_id("stChatMessage").get_by_text(SLOW)).to_be_visible()


def test_a_click_while_the_answer_comes_does_not_stop_it(page: Page, slow_address: str) -> None:
    page.goto(slow_address)
    box = page.get_by_role("textbox", name="Ask the briefs a question")
    box.fill(HANGS)
    box.press("Enter")
    page.get_by_role("button", name="Citation 1").click()
    assert_highlight_in_view(page, QUOTES["paper"][1])
    expect(page.get_by_role("button", name="Copy link to this answer")).to_have_count(1)
    settled(page)
    expect(page.locator(".statement")).to_have_count(1)
    expect(page.get_by_test_id("stAlert")).to_have_count(0)


def test_kept_conversations_are_listed_opened_renamed_exported_and_deleted(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, PARTIAL)
    first = page.url
    assert "?c=" in first
    press(page.get_by_role("button", name="New conversation"))
    expect(page.get_by_role("heading", name="Ask the briefs")).to_be_visible()
    expect(page.get_by_role("button", name="Copy link to this answer")).to_have_count(0)
    ask(page, FOLLOW_UP)
    listed = page.get_by_role("navigation", name="Conversations")
    expect(listed.get_by_role("link").first).to_have_text(re.compile(f"^{re.escape(FOLLOW_UP)}"))
    expect(listed.get_by_role("link").first).to_have_attribute("aria-current", "page")
    press(listed.get_by_role("link", name=PARTIAL).first)
    expect(page.get_by_role("heading", name="North says")).to_be_visible()
    settled(page)
    assert page.url == first
    page.reload()
    expect(page.get_by_role("button", name="Citation 3")).to_be_visible()
    press(page.get_by_role("button", name="Citation 2"))
    assert_highlight_in_view(page, QUOTES["winter"][1])
    press(panel(page).get_by_role("button", name="Close the brief"))
    press(page.get_by_role("button", name="This conversation"))
    page.get_by_role("textbox", name="Title").fill("Three of them")
    page.get_by_role("textbox", name="Title").press("Enter")
    expect(listed.get_by_role("link", name="Three of them")).to_be_visible()
    settled(page)
    with page.expect_download() as loading:
        press(page.get_by_role("button", name="Markdown"))
    written = loading.value.path().read_text(encoding="utf-8")
    assert written.startswith("# Three of them\n")
    assert QUOTES["winter"][1] in written
    with page.expect_download() as loading:
        press(page.get_by_role("button", name="Word"))
    assert loading.value.suggested_filename == "Three-of-them.docx"
    assert loading.value.path().read_bytes()[:2] == b"PK"
    press(page.get_by_role("button", name="Delete …"))
    press(page.get_by_role("button", name="Keep"))
    expect(listed.get_by_role("link", name="Three of them")).to_be_visible()
    press(page.get_by_role("button", name="Delete …"))
    expect(page.get_by_text("Delete “Three of them”?")).to_be_visible()
    press(page.get_by_role("button", name="Delete for good"))
    expect(page.get_by_role("heading", name="Ask the briefs")).to_be_visible()
    expect(listed.get_by_role("link", name="Three of them")).to_have_count(0)
    page.goto(first)
    expect(page.get_by_text("it may have been deleted")).to_be_visible()


def test_a_reading_is_asked_by_itself_and_a_search_can_be_changed(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, VAGUE)
    press(page.get_by_role("button", name=READINGS[1]))
    expect(page.get_by_role("button", name="Copy link to this answer")).to_have_count(2)
    expect(page.locator("[class*='st-key-asked-']").get_by_text(READINGS[1], exact=True)).to_be_visible()
    ask(page, FOLLOW_UP)
    press(page.get_by_text(f"Searched for: {SEARCHED}", exact=True))
    box = page.get_by_role("textbox", name="Question to search instead")
    expect(box).to_have_value(SEARCHED)
    box.fill(RED_LINES)
    press(page.get_by_role("button", name="Ask this"))
    expect(page.get_by_role("button", name="Copy link to this answer")).to_have_count(4)
    expect(page.get_by_role("heading", name="South says")).to_be_visible()


def test_a_struck_statement_is_read_as_such(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, STRUCK)
    struck = page.locator(".statement").filter(has=page.locator("del"))
    expect(struck).to_have_count(1)
    expect(struck).to_have_text(re.compile(f"^Struck out: {re.escape(QUOTES['winter'][1])}"))
    expect(struck).to_contain_text(REASON)
    expect(page.get_by_test_id("stAlert")).to_contain_text(NOTICE)
    expect(page.locator("a[href*='evil.example']")).to_have_count(0)
    press(page.get_by_role("button", name="Citation 2"))
    assert_highlight_in_view(page, QUOTES["winter"][1])


def test_partial_answer_says_what_is_missing_below_its_groups(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, PARTIAL)
    expect(page.locator(".statement h3")).to_have_text(["North says", "South says"])
    missing = page.get_by_test_id("stAlert")
    expect(missing).to_have_text(re.compile(rf"Part of the question is not answered\s*{re.escape(MISSING)}"))
    above, below = page.locator(".statement").last.bounding_box(), missing.bounding_box()
    assert above and below and above["y"] < below["y"]


@pytest.mark.parametrize("context", [PHONE], indirect=True, ids=["phone"])
def test_phone_reads_the_brief_in_the_whole_window(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, RED_LINES)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Citation 2").tap()
    assert_highlight_in_view(page, QUOTES["winter"][1])
    shown = panel(page).bounding_box()
    assert shown and (shown["x"], shown["width"], shown["height"]) == (0, 390, 844)
    panel(page).get_by_role("button", name="Close the brief").tap()
    expect(panel(page)).to_be_hidden()
    expect(page.get_by_role("textbox", name="Ask the briefs a question")).to_be_in_viewport()


@contextmanager
def _portal(folder: Path) -> Iterator[str]:
    """The address of a server on another origin, whose pages are the files in ``folder``."""
    portal = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=portal.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{portal.server_port}"
    finally:
        portal.shutdown()
        portal.server_close()


def _frame(folder: Path, address: str) -> None:
    tag = f'<iframe src="{address}/?embed=true" width="760" height="600" title="Briefs"></iframe>'
    head = '<!doctype html><title>Portal</title><link rel="icon" href="data:,">'
    (folder / "portal.html").write_text(head + tag, encoding="utf-8")


def test_inside_an_iframe(page: Page, tmp_path: Path) -> None:
    with _portal(tmp_path) as portal, serving(pace_s=0.05, portal_origins=portal) as address:
        _frame(tmp_path, address)
        page.goto(f"{portal}/portal.html")
        frame = page.frame_locator("iframe")
        box = frame.get_by_role("textbox", name="Ask the briefs a question")
        box.fill(RED_LINES)
        box.press("Enter")
        press(frame.get_by_role("button", name="Citation 2"))
        mark = frame.locator("mark.active")
        expect(mark).to_have_text(QUOTES["winter"][1])
        expect(mark).to_be_in_viewport()
        press(frame.get_by_role("button", name="Close the brief"))
        expect(frame.locator("dialog")).to_be_hidden()
        expect(frame.get_by_role("button", name="All 3 briefs")).to_be_visible()
        expect(frame.get_by_role("link", name="Evaluation")).to_have_count(0)


def test_not_in_an_iframe_of_a_page_that_is_not_listed(context: BrowserContext, address: str, tmp_path: Path) -> None:
    _frame(tmp_path, address)
    refused: list[str] = []
    context.on("console", lambda said: refused.append(said.text))
    with _portal(tmp_path) as portal:
        page = context.new_page()
        page.goto(f"{portal}/portal.html", wait_until="load")
        assert page.frames[1].url.startswith("chrome-error:")
        assert any("frame-ancestors" in line for line in refused)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("context", LIGHT_AND_DARK, indirect=True, ids=["light", "dark", "phone"])
def test_no_serious_barrier(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", name="Ask the briefs")).to_be_visible()
    settled(page)
    assert not barriers(page)
    ask(page, CUP)
    ask(page, STRUCK)
    ask(page, FOLLOW_UP)
    ask(page, VAGUE)
    press(page.get_by_text(f"Searched for: {SEARCHED}", exact=True))
    expect(page.get_by_role("textbox", name="Question to search instead")).to_be_visible()
    assert not barriers(page)
    ask(page, RED_LINES)
    if (side := page.get_by_test_id("stExpandSidebarButton")).is_visible():
        side.click()
    press(page.get_by_role("button", name="This conversation"))
    press(page.get_by_role("button", name="Delete …"))
    expect(page.get_by_role("button", name="Keep")).to_be_visible()
    settled(page)
    assert not barriers(page)
    page.keyboard.press("Escape")
    if (side := page.get_by_test_id("stSidebarCollapseButton").get_by_role("button")).is_visible():
        side.click()
    still(page)
    press(page.get_by_role("button", name="Citation 2").last)
    expect(panel(page)).to_be_visible()
    settled(page)
    assert not barriers(page)


@pytest.mark.parametrize("context", LIGHT_AND_DARK[:2], indirect=True, ids=["light", "dark"])
def test_light_and_dark_follow_the_reader(page: Page, address: str, context: BrowserContext) -> None:
    page.goto(address)
    settled(page)
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    colour = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    red = int(colour.removeprefix("rgb(").split(",")[0])
    assert red < 60 if dark else red > 200
