"""What the tests of the widget and of the portal share: a page that may log no error, axe under a strict policy, the widget's parts."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from browsing import _own
from playwright.sync_api import BrowserContext, Frame, Locator, Page, Request, expect

BOX = "Ask the briefs a question"


@contextmanager
def watched(context: BrowserContext, *, refusals: bool = False) -> Iterator[Page]:
    """A page that may ask this machine only and may log no error; of ``refusals`` the browser says itself that they failed."""
    page = context.new_page()
    troubles: list[str] = []

    def ask(request: Request) -> None:
        if not _own(request.url):
            troubles.append(f"asked {request.url}")

    page.on("request", ask)
    page.on(
        "console",
        lambda message: (
            troubles.append(message.text)
            if message.type in ("error", "warning")
            and not (refusals and message.text.startswith("Failed to load resource"))
            else None
        ),
    )
    page.on("pageerror", lambda error: troubles.append(str(error)))
    yield page
    assert not troubles, troubles


def ask(page: Page, question: str) -> Locator:
    """Ask in the page's widget; the exchange, once it has ended."""
    exchanges = page.locator("article.exchange")
    before = exchanges.count()
    box = page.get_by_role("textbox", name=BOX)
    box.fill(question)
    box.press("Enter")
    expect(exchanges).to_have_count(before + 1)
    expect(page.get_by_role("button", name="Stop the answer")).to_have_count(0)
    return exchanges.last


def in_view(page: Page, quote: str) -> None:
    """The reading panel shows ``quote`` as the words that were chosen."""
    mark = page.locator("dialog.panel mark")
    expect(mark).to_have_text(quote)
    expect(mark).to_be_in_viewport()
    box, scroller = mark.bounding_box(), page.locator("dialog.panel .scroller").bounding_box()
    assert box and scroller
    assert scroller["y"] <= box["y"] and box["y"] + box["height"] <= scroller["y"] + scroller["height"]


def barriers(page: Page | Frame) -> list[str]:
    """What axe-core calls serious or critical, as rule and place; it comes in by the debugger, past the page's policy."""
    found = importlib.util.find_spec("axe_playwright_python")
    assert found and found.submodule_search_locations
    if not page.evaluate("'axe' in window"):
        page.evaluate((Path(found.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8") + "\n;0")
    # The colours of something that still fades in are not its colours.
    page.wait_for_function("""() => {
        const roots = [document, ...[...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean)]
        return roots.every((root) => root.getAnimations().every((running) => running.playState !== "running"))
    }""")
    violations = page.evaluate("() => axe.run({ iframes: false }).then((result) => result.violations)")
    serious = [rule for rule in violations if rule["impact"] in ("serious", "critical")]
    return [f"{rule['id']}: {node['target']} {node['html'][:200]}" for rule in serious for node in rule["nodes"]]
