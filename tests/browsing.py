"""A real browser on a served page: what the browser tests share. The fixtures are taken over by name."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright
from ports import free_port
from scripted_page import indexed

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
_DRAWN = "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
_RESTING = "document.getAnimations().every((running) => running.playState !== 'running')"
expect.set_options(timeout=WAIT_MS)
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
LIGHT_AND_DARK = [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"color_scheme": "light", **PHONE}]


@contextmanager
def serving(pace_s: float, **variables: str) -> Iterator[str]:
    """The address of the page with the hand-written answers; ``variables`` are settings."""
    settings, port = indexed(), free_port()
    command = [sys.executable, str(ROOT / "tests" / "scripted_page.py")]
    command += [str(settings.corpus), str(settings.store), str(settings.report), str(port), str(pace_s)]
    given = {f"BRIEFS_{name}".upper(): value for name, value in variables.items()}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **given}
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile("w+") as log:  # a pipe that nobody reads fills up
        server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert address in line, line
            _wait_until_healthy(address)
            yield address
        finally:
            server.terminate()
            server.communicate(timeout=30)
        log.seek(0)
        assert "Traceback" not in (out := log.read()), out


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
    with serving(pace_s=0.05) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium found; run `apt-get update && apt-get install -y chromium`", pytrace=False)
        pytest.skip("no chromium found; install it to run the browser tests")
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
    found.on("console", lambda message: errors.append(message.text) if _is_error(message) else None)
    found.on("pageerror", lambda error: errors.append(str(error)))
    yield found
    assert not strangers
    assert not errors


def _is_error(message: ConsoleMessage) -> bool:
    # Below a page's own path Streamlit looks for its server first, and finds it one level up.
    return message.type == "error" and "/evals/_stcore/" not in message.location["url"]


def _own(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:"))


def ask(page: Page, question: str) -> None:
    box = page.get_by_role("textbox", name="Ask the briefs a question")
    ends = page.get_by_role("button", name="Copy link to this answer")
    settled(page)  # what a run before this one showed may still stand there
    before = ends.count()
    box.fill(question)
    box.press("Enter")
    expect(ends).to_have_count(before + 1)
    settled(page)


def settled(page: Page) -> None:
    page.wait_for_function(_DRAWN)


def still(page: Page) -> None:
    """Until nothing moves any more: a button that is pressed while it moves is not pressed."""
    page.wait_for_timeout(100)
    page.wait_for_function(_RESTING)


def press(target: Locator) -> None:
    """Click on it once the page is drawn: what moves away between press and release is not clicked."""
    for _ in range(WAIT_MS // 100):
        target.page.wait_for_timeout(100)
        if target.evaluate(f"() => {_DRAWN} && {_RESTING}"):  # in the frame that it stands in
            break
    target.click()


def barriers(page: Page) -> list[str]:
    """What axe-core calls serious or critical, as rule and place."""
    found = importlib.util.find_spec("axe_playwright_python")
    assert found and found.submodule_search_locations
    axe = Path(found.submodule_search_locations[0]) / "axe.min.js"
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=axe)
    still(page)  # the colours of something that still fades in are not its colours
    violations = page.evaluate("axe.run().then((result) => result.violations)")
    serious = [rule for rule in violations if rule["impact"] in ("serious", "critical")]
    return [f"{rule['id']}: {node['target']} {node['html'][:200]}" for rule in serious for node in rule["nodes"]]
