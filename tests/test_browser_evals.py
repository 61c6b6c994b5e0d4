"""The evals page in a real browser: from the figures to a case and on to the chat, without help from elsewhere."""

from __future__ import annotations

import re

import browsing
import pytest
from browsing import LIGHT_AND_DARK, barriers, press, settled
from playwright.sync_api import BrowserContext, Page, expect
from scripted_page import QUOTES, RED_LINES, reported

address, browser, context, page = browsing.address, browsing.browser, browsing.context, browsing.page
HOSTILE, GUARANTEES = "hostile-<b>x</b>", "north-guarantees"


@pytest.fixture(scope="module", autouse=True)
def _report() -> None:
    reported()


def test_from_the_chat_to_a_case_and_back(page: Page, address: str) -> None:
    page.goto(address)
    press(page.get_by_role("link", name="Evaluation"))
    expect(page.get_by_role("heading", name="Evaluation", level=1)).to_be_visible()
    assert page.title() == "Evaluation · Briefs"
    cases = page.locator(".cases li")
    expect(cases).to_have_count(2)
    press(cases.get_by_role("link", name="What guarantees"))
    expect(page.get_by_role("heading", name="What guarantees does North ask for?")).to_be_in_viewport()
    assert page.url == f"{address}/evals?case={GUARANTEES}"
    expect(page.get_by_role("link", name="All cases")).to_be_focused()
    page.go_back()
    expect(cases).to_have_count(2)
    page.go_forward()
    press(page.get_by_role("link", name="All cases"))
    expect(cases.get_by_role("link", name="What guarantees")).to_be_focused()
    expect(cases.get_by_role("link", name="What guarantees")).to_be_in_viewport()
    assert page.url == f"{address}/evals"
    press(page.get_by_role("link", name="Ask", exact=True))
    expect(page.get_by_role("heading", name="Ask the briefs")).to_be_visible()
    assert page.title() == "Briefs"


def test_link_to_a_case_opens_its_citation_and_the_chat(page: Page, context: BrowserContext, address: str) -> None:
    page.goto(f"{address}/evals?case={GUARANTEES}")
    expect(page.get_by_text("a treaty before the winter").first).to_be_visible()
    expect(page.get_by_text(f"--case {GUARANTEES} --explain")).to_be_visible()
    press(page.locator(".statement").filter(has_text=QUOTES["paper"][1]).get_by_role("button").first)
    expect(page.locator("dialog mark.active")).to_contain_text(QUOTES["paper"][1])
    expect(page.locator("dialog mark.active")).to_be_in_viewport()
    expect(page.get_by_role("link", name="Link to these words")).to_have_attribute(
        "href", re.compile(r"^/\?brief=north&")
    )
    page.keyboard.press("Escape")
    with context.expect_page() as opened:
        press(page.get_by_role("link", name="Ask it in the chat"))
    expect(opened.value.get_by_test_id("stText").get_by_text("What guarantees does North ask for?")).to_be_visible()
    settled(opened.value)
    assert opened.value.url.startswith(f"{address}/?c=")


def test_conversation_survives_a_look_at_the_report(page: Page, address: str) -> None:
    page.goto(address)
    browsing.ask(page, RED_LINES)
    press(page.get_by_role("link", name="Evaluation"))
    expect(page.locator(".cases li")).to_have_count(2)
    press(page.get_by_role("link", name="Ask", exact=True))
    expect(page.get_by_role("button", name="Citation 3")).to_be_visible()


def test_words_of_cases_stay_text(page: Page, address: str) -> None:
    page.goto(f"{address}/evals")
    link = page.get_by_role("link", name="What does South say about armed groups")
    expect(link).to_contain_text("![x](http://evil.example/c)")
    link.click()
    expect(page.get_by_role("heading", name="What does South say about armed groups")).to_contain_text("![x]")
    strange = page.locator("a[href^='http://evil.example'], img[src*='evil.example'], main b")
    assert strange.evaluate_all("(found) => found.map((one) => one.parentElement.outerHTML)") == []


@pytest.mark.parametrize("context", LIGHT_AND_DARK, indirect=True, ids=["light", "dark", "phone"])
def test_no_serious_barrier_and_nothing_beside_the_window(page: Page, address: str) -> None:
    page.goto(f"{address}/evals")
    expect(page.locator("[data-testid=stVegaLiteChart] svg[role=graphics-document], .vega-embed svg")).to_have_count(4)
    width = page.evaluate("innerWidth")
    closed = page.locator("details:not([open]) > summary")
    for _ in range(closed.count()):
        closed.first.click()
    settled(page)
    assert not barriers(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    press(page.locator(".cases li a").first)
    expect(page.get_by_text("Cited words")).to_be_visible()
    settled(page)
    assert not barriers(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
