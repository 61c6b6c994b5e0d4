"""The page in a real browser: citations, keyboard, screen readers, phone, iframe, and nothing from elsewhere."""

from __future__ import annotations

import http.server
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from scripted_page import CUP, MANY, QUOTES, RED_LINES, SLOW, STILL, indexed

ROOT = Path(__file__).parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-first-run",
]
WAIT_MS = 20_000

if CHROMIUM is None:
    if os.environ.get("CI"):
        pytest.fail("no chromium found; run `apt-get update && apt-get install -y chromium`", pytrace=False)
    pytest.skip("no chromium found; install it to run the browser tests", allow_module_level=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def _serving(pace_s: float) -> Iterator[str]:
    settings, port = indexed(), _free_port()
    command = [sys.executable, str(ROOT / "tests" / "scripted_page.py")]
    command += [str(settings.corpus), str(settings.store), str(port), str(pace_s)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert address in line, line
        _wait_until_healthy(address)
        yield address
    finally:
        server.terminate()
        out, _ = server.communicate(timeout=30)
    assert "Traceback" not in out, out


def _wait_until_healthy(address: str) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"{address}/api/healthz", timeout=5) as response:
                assert json.load(response) == {"status": "ok"}
                return
        except urllib.error.URLError:
            threading.Event().wait(0.25)
    pytest.fail("the server does not answer")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with _serving(pace_s=0.05) as found:
        yield found


@pytest.fixture(scope="module")
def slow_address() -> Iterator[str]:
    with _serving(pace_s=0.5) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    options: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}} | getattr(request, "param", {})
    found = browser.new_context(**options)
    found.set_default_timeout(WAIT_MS)
    yield found
    found.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that may ask its own machine only and may log no error."""
    found = context.new_page()
    strangers: list[str] = []
    errors: list[str] = []
    found.on("request", lambda asked: strangers.append(asked.url) if not _own(asked.url) else None)
    found.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    found.on("pageerror", lambda error: errors.append(str(error)))
    yield found
    assert not strangers
    assert not errors


def _own(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:"))


def ask(page: Page, question: str) -> None:
    box = page.get_by_role("textbox", name="Ask the briefs a question")
    ends = page.get_by_role("button", name="Copy link to this answer")
    before = ends.count()
    box.fill(question)
    box.press("Enter")
    expect(ends).to_have_count(before + 1)
    settled(page)


def settled(page: Page) -> None:
    page.wait_for_function("document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'")


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
    citation.click()
    assert_highlight_in_view(page, QUOTES["winter"][1])
    expect(citation).to_have_attribute("aria-expanded", "true")
    shown, answer = panel(page).bounding_box(), citation.bounding_box()
    assert shown and answer and answer["x"] + answer["width"] < shown["x"]
    panel(page).get_by_role("button", name="Previous citation").click()
    assert_highlight_in_view(page, QUOTES["airspace"][1])
    page.get_by_role("button", name="Source 3").click()
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
    page.get_by_role("button", name="Citation 2").click()
    assert_highlight_in_view(page, QUOTES["hostile"][1])
    expect(panel(page).get_by_role("heading", level=2)).to_have_text("South & the [talks](http://evil.example/t)")
    ask(page, CUP)
    page.get_by_role("button", name="South & the [talks](http://evil.example/t)", exact=True).click()
    expect(page.locator("a[href*='evil.example'], img[src*='evil.example']")).to_have_count(0)
    assert page.title() == "Briefs"


def test_question_in_the_address_stays_text(page: Page, address: str) -> None:
    page.goto(
        f"{address}/?q=%3Cimg%20src%3D%22http%3A%2F%2Fevil.example%2Fq%22%3E%20%21%5Bx%5D%28http%3A%2F%2Fevil.example%2Fr%29"
    )
    expect(page.get_by_text("do not answer this")).to_be_visible()
    expect(page.locator("img[src*='evil.example']")).to_have_count(0)


def test_abstention_names_the_nearest_briefs_and_looks_into_them(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, CUP)
    page.get_by_role("button", name="Aid corridor at Torvale").click()
    expect(panel(page).get_by_role("heading", level=2)).to_have_text("Aid corridor at Torvale")
    panel(page).get_by_role("button", name="Close the brief").click()
    page.get_by_role("button", name="Show their nearest passages").click()
    expect(page.get_by_text("Nearest passages, which do not answer")).to_be_visible()
    page.get_by_role("button", name="Citation 1").last.click()
    expect(panel(page).locator("mark.active").first).to_be_in_viewport()


def test_link_asks_on_load_and_reload_keeps_the_answer(page: Page, context: BrowserContext, address: str) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{address}/?q={RED_LINES.replace(' ', '+')}&embed=true")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("Link copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == f"{address}/?q=What+are+the+red+lines%3F"
    page.goto(link)
    expect(page.get_by_role("button", name="Citation 3")).to_be_visible()
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
        seen = "No answer yet" if question == SLOW else "Partial answer: 2 of 40"
        expect(page.get_by_text(seen).last).to_be_visible()
        page.get_by_test_id("stChatInputStopButton").or_(page.get_by_role("button", name="Stop")).first.click()
        settled(page)
    assert page.locator(".statement").count() < 12
    expect(page.get_by_text("Partial answer")).to_be_visible()
    expect(page.get_by_text("Stopped before there was an answer.")).to_be_visible()
    page.get_by_role("button", name="Citation 1").click()
    expect(page.get_by_text("Partial answer: stopped after")).to_be_visible()


PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


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


def test_inside_an_iframe(page: Page, address: str, tmp_path: Path) -> None:
    frame_tag = f'<iframe src="{address}/?embed=true" width="760" height="600" title="Briefs"></iframe>'
    head = '<!doctype html><title>Portal</title><link rel="icon" href="data:,">'
    (tmp_path / "portal.html").write_text(head + frame_tag, encoding="utf-8")
    handler = partial(_Quiet, directory=str(tmp_path))
    portal = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=portal.serve_forever, daemon=True).start()
    try:
        page.goto(f"http://127.0.0.1:{portal.server_port}/portal.html")
        frame = page.frame_locator("iframe")
        box = frame.get_by_role("textbox", name="Ask the briefs a question")
        box.fill(RED_LINES)
        box.press("Enter")
        frame.get_by_role("button", name="Citation 2").click()
        mark = frame.locator("mark.active")
        expect(mark).to_have_text(QUOTES["winter"][1])
        expect(mark).to_be_in_viewport()
        frame.get_by_role("button", name="Close the brief").click()
        expect(frame.locator("dialog")).to_be_hidden()
        expect(frame.get_by_role("button", name="All 3 briefs")).to_be_visible()
    finally:
        portal.shutdown()
        portal.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


LIGHT_AND_DARK = [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"color_scheme": "light", **PHONE}]


@pytest.mark.parametrize("context", LIGHT_AND_DARK, indirect=True, ids=["light", "dark", "phone"])
def test_no_serious_barrier(page: Page, address: str) -> None:
    found = importlib.util.find_spec("axe_playwright_python")
    assert found and found.submodule_search_locations
    axe = Path(found.submodule_search_locations[0]) / "axe.min.js"
    page.goto(address)
    expect(page.get_by_role("heading", name="Ask the briefs")).to_be_visible()
    settled(page)
    assert not _barriers(page, axe)
    ask(page, CUP)
    ask(page, RED_LINES)
    assert not _barriers(page, axe)
    page.get_by_role("button", name="Citation 2").click()
    expect(panel(page)).to_be_visible()
    settled(page)
    assert not _barriers(page, axe)


def _barriers(page: Page, axe: Path) -> list[str]:
    """What axe-core calls serious or critical, as rule and place."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=axe)
    # The colours of something that still fades in are not its colours.
    page.wait_for_function("document.getAnimations().every((running) => running.playState !== 'running')")
    found = page.evaluate("axe.run().then((result) => result.violations)")
    serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    return [f"{rule['id']}: {node['target']} {node['html'][:200]}" for rule in serious for node in rule["nodes"]]


@pytest.mark.parametrize("context", LIGHT_AND_DARK[:2], indirect=True, ids=["light", "dark"])
def test_light_and_dark_follow_the_reader(page: Page, address: str, context: BrowserContext) -> None:
    page.goto(address)
    settled(page)
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    colour = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    red = int(colour.removeprefix("rgb(").split(",")[0])
    assert red < 60 if dark else red > 200
