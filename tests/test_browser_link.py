"""The address that opens a brief at its words, in a real browser."""

from __future__ import annotations

import browsing
import pytest
from browsing import LIGHT_AND_DARK, PHONE, ask, barriers, press, settled
from playwright.sync_api import BrowserContext, Page, expect
from scripted_page import QUOTES, RED_LINES, indexed
from test_browser import assert_highlight_in_view, panel

from index.generation import open_current
from ui.view.brief import NO_WORDS
from ui.view.link import Link
from ui.view.opened import NO_BRIEF

address, browser, context, page = browsing.address, browsing.browser, browsing.context, browsing.page


def link(name: str) -> str:
    brief_id, quote = QUOTES[name]
    start = open_current(indexed()).brief(brief_id).text.index(quote)
    return Link.to(brief_id, (start, start + len(quote))).query


@pytest.mark.parametrize("context", LIGHT_AND_DARK, indirect=True, ids=["light", "dark", "phone"])
def test_the_address_shows_the_words(page: Page, address: str) -> None:
    page.goto(f"{address}/{link('winter')}")
    assert_highlight_in_view(page, QUOTES["winter"][1])
    expect(panel(page).get_by_role("heading", level=2)).to_be_focused()
    settled(page)
    assert page.url == f"{address}/{link('winter')}"
    assert not barriers(page)
    page.reload()
    assert_highlight_in_view(page, QUOTES["winter"][1])
    press(panel(page).get_by_role("button", name="Close the brief"))
    expect(panel(page)).to_be_hidden()
    expect(page.get_by_role("heading", name="Ask the briefs")).to_be_in_viewport()
    page.wait_for_url(f"{address}/")


def test_a_citation_leads_to_its_address(page: Page, context: BrowserContext, address: str) -> None:
    page.goto(address)
    ask(page, RED_LINES)
    press(page.get_by_role("button", name="Citation 3"))
    expect(panel(page).get_by_role("heading", level=2)).to_be_focused()
    page.keyboard.press("Tab")
    words = panel(page).get_by_role("link", name="Link to these words")
    expect(words).to_be_focused()
    expect(words).to_have_attribute("href", f"/{link('groups')}")
    with page.expect_popup() as opening:
        page.keyboard.press("Enter")
    assert_highlight_in_view(opening.value, QUOTES["groups"][1])
    expect(page.get_by_role("button", name="Citation 3")).to_be_visible()
    page.goto(f"{address}/{link('winter')}")
    assert_highlight_in_view(page, QUOTES["winter"][1])
    ask(page, RED_LINES)
    assert_highlight_in_view(page, QUOTES["winter"][1])
    assert "brief=" in page.url and "c=" in page.url
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    press(page.get_by_role("button", name="Copy link to this answer"))
    expect(page.get_by_text("Link copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{address}/?q=What+are+the+red+lines%3F"
    press(page.get_by_role("button", name="Citation 3"))
    assert_highlight_in_view(page, QUOTES["groups"][1])
    settled(page)
    assert "brief=" not in page.url and "?c=" in page.url


@pytest.mark.parametrize("context", [{}, PHONE], indirect=True, ids=["wide", "phone"])
def test_words_that_are_not_there_are_said(page: Page, address: str) -> None:
    page.goto(f"{address}/?brief=south&start=12&end=%3Cimg%20src%3Dhttp%3A%2F%2Fevil.example%2Fi%3E")
    expect(panel(page).get_by_text(NO_WORDS)).to_be_in_viewport()
    expect(panel(page).locator("mark")).to_have_count(0)
    expect(panel(page).get_by_role("link", name="Link to this brief")).to_have_attribute("href", "/?brief=south")
    assert not barriers(page)


def test_a_brief_that_is_not_there_is_said(page: Page, address: str) -> None:
    page.goto(f"{address}/?brief=%3Cimg%20src%3Dhttp%3A%2F%2Fevil.example%2Fi%3E&start=1&end=2")
    expect(page.get_by_role("alert").filter(has_text=NO_BRIEF)).to_be_visible()
    expect(panel(page)).to_be_hidden()
    page.wait_for_url(f"{address}/")
    expect(page.locator("img[src*='evil.example']")).to_have_count(0)
