"""Signing in to the page: OpenID Connect with a real provider in a real browser, and a proxy's header."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browsing import barriers, browser, settled
from command import complaint
from gated import send
from playwright.sync_api import Browser, BrowserContext, Page, expect
from ports import free_port
from pydantic import SecretStr
from scripted_page import QUOTES, with_a_hidden_brief
from serving import served

from index.generation import open_current
from index.settings import Settings
from ui.view.link import Link
from ui.view.opened import NO_BRIEF

__all__ = ["browser"]

CLIENT_SECRET, COOKIE_SECRET = "client-secret-of-the-tests", "cookie-secret-of-the-tests-0123456789"
CANARIES = ("airspace", "North", "red lines", "South", "Torvale", "brief,", "briefs,", "2025", "2026")
"""Words and counts of the corpus that nobody may see before the sign-in."""
USERS: tuple[dict[str, Any], ...] = (
    {"sub": "ann", "name": "Ann <b>Example</b>", "email": "ann@example.org", "groups": ["staff"]},
    {"sub": "bob", "email": "bob@example.org"},
    {"sub": "eve", "email": "eve@example.org", "groups": "staff"},
    {"sub": "many", "name": "Many", "groups": ["staff", *(hashlib.sha256(bytes([k])).hexdigest() for k in range(90))]},
)


@dataclass(frozen=True)
class Portal:
    address: str
    provider: str


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The tiny corpus, of which one brief is for staff alone."""
    home = tmp_path_factory.mktemp("labelled")
    return with_a_hidden_brief(home / "corpus", home / ".briefs")


def _until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        assert process.poll() is None
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.URLError:
            threading.Event().wait(0.25)
    pytest.fail(f"{url} does not answer")


@contextmanager
def providing() -> Iterator[str]:
    """The address of an OpenID Connect provider that knows ``USERS``."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    command += [word for user in USERS for word in ("--user-claims", json.dumps(user))]
    provider = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until_up(f"http://127.0.0.1:{port}/.well-known/openid-configuration", provider)
        yield f"http://127.0.0.1:{port}"
    finally:
        provider.terminate()
        provider.wait(30)


@pytest.fixture(scope="module")
def portal(labelled: Settings) -> Iterator[Portal]:
    """The page with OpenID Connect, and its provider."""
    with providing() as provider:
        port = free_port()
        login = {
            "auth": "on",
            "public_url": f"http://127.0.0.1:{port}",
            "oidc_url": f"{provider}/.well-known/openid-configuration",
            "oidc_client_id": "briefs",
            "oidc_client_secret": SecretStr(CLIENT_SECRET),
            "oidc_cookie_secret": SecretStr(COOKIE_SECRET),
        }
        with served(labelled.model_copy(update=login), port=port) as server:
            yield Portal(server.address, provider)
            log = server.errors.read_text(encoding="utf-8")
            assert CLIENT_SECRET not in log
            assert COOKIE_SECRET not in log


@pytest.fixture
def context(browser: Browser, portal: Portal) -> Iterator[BrowserContext]:
    """A new browser, in which pages of ours may log no error; the provider's style sheet is elsewhere and not fetched."""
    found = browser.new_context()
    found.set_default_timeout(20_000)
    found.route(lambda url: "127.0.0.1" not in url, lambda route: route.abort())
    errors: list[str] = []
    found.on(
        "console", lambda said: errors.append(said.text) if _is_ours(said.type, said.location["url"], portal) else None
    )
    yield found
    found.close()
    assert not errors


def _is_ours(kind: str, url: str, portal: Portal) -> bool:
    return kind == "error" and url.startswith(portal.address) and "/evals/_stcore/" not in url


def sign_in(page: Page, portal: Portal, sub: str, path: str = "/") -> None:
    page.goto(f"{portal.address}{path}")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=sub, exact=True).click()
    expect(page.get_by_text("Signed in as")).to_be_visible()


def test_before_the_sign_in_there_is_one_button(context: BrowserContext, portal: Portal) -> None:
    received = b""
    page = context.new_page()

    def note(frame: bytes | str) -> None:
        nonlocal received
        received += frame if isinstance(frame, bytes) else frame.encode()

    page.on("websocket", lambda socket: socket.on("framereceived", note))
    for path in ("/", "/?q=What%20are%20the%20red%20lines%3F", "/evals", "/?embed=true"):
        page.goto(f"{portal.address}{path}")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        expect(page.get_by_role("textbox")).to_have_count(0)
    assert barriers(page) == []
    assert b"Sign in" in received
    assert [word for word in CANARIES if word.encode() in received] == []


def test_signing_in_shows_what_the_groups_may_read(context: BrowserContext, portal: Portal) -> None:
    page = context.new_page()
    sign_in(page, portal, "ann")
    expect(page.get_by_text("Signed in as Ann <b>Example</b>")).to_be_visible()
    expect(page.get_by_role("button", name="All 3 briefs")).to_be_visible()
    cookies = {cookie["name"]: cookie for cookie in context.cookies()}
    assert cookies["_streamlit_user"]["httpOnly"]
    assert cookies["_streamlit_user"]["sameSite"] == "Lax"
    assert CLIENT_SECRET not in json.dumps(context.cookies())
    page.reload()
    expect(page.get_by_text("Signed in as")).to_be_visible()


def test_a_link_is_followed_after_the_sign_in(context: BrowserContext, portal: Portal, labelled: Settings) -> None:
    """To a brief for staff: whoever is not in that group sees what is seen where there is no such brief."""
    brief_id, quote = QUOTES["winter"]
    start = open_current(labelled).brief(brief_id).text.index(quote)
    link = Link.to(brief_id, (start, start + len(quote)))
    page = context.new_page()
    sign_in(page, portal, "ann", f"/{link.query}")
    expect(page.locator("dialog mark.active")).to_have_text(quote)
    expect(page.locator("dialog mark.active")).to_be_in_viewport()
    assert page.url == f"{portal.address}/{link.query}"
    context.clear_cookies()
    seen = []
    for query in (link.query, "?brief=nowhere&start=1&end=2"):
        sign_in(page, portal, "bob", f"/{query}")
        expect(page.get_by_role("alert").filter(has_text=NO_BRIEF)).to_be_visible()
        page.wait_for_url(f"{portal.address}/")
        expect(page.get_by_role("button", name="All 2 briefs")).to_be_visible()
        expect(page.locator("dialog")).to_be_hidden()
        settled(page)
        seen.append(page.get_by_test_id("stApp").inner_text())
        context.clear_cookies()
    assert seen[0] == seen[1]


@pytest.mark.parametrize("sub", ["bob", "eve"])
def test_without_the_group_the_brief_is_not_there(context: BrowserContext, portal: Portal, sub: str) -> None:
    page = context.new_page()
    sign_in(page, portal, sub)
    expect(
        page.get_by_text(f"Signed in as {sub}@\u2060example.org").or_(page.get_by_text("Signed in as"))
    ).to_be_visible()
    expect(page.get_by_role("button", name="All 2 briefs")).to_be_visible()
    expect(page.get_by_text("North")).to_have_count(0)


def test_a_login_of_many_groups_is_read_as_well(context: BrowserContext, portal: Portal) -> None:
    """It does not fit into one cookie."""
    page = context.new_page()
    sign_in(page, portal, "many")
    assert "_streamlit_user_1" in {cookie["name"] for cookie in context.cookies()}
    expect(page.get_by_role("button", name="All 3 briefs")).to_be_visible()


def test_signing_out_closes_every_window(context: BrowserContext, portal: Portal) -> None:
    page, other = context.new_page(), context.new_page()
    sign_in(page, portal, "ann")
    other.goto(portal.address)
    expect(other.get_by_role("button", name="All 3 briefs")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Yes").or_(page.locator("form button")).first.click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert not {cookie["name"] for cookie in context.cookies()} & {"_streamlit_user", "_streamlit_user_tokens"}
    other.get_by_role("textbox", name="Ask the briefs a question").fill("What are the red lines?")
    other.keyboard.press("Enter")
    expect(other.get_by_role("button", name="Sign in")).to_be_visible()
    expect(other.get_by_role("textbox")).to_have_count(0)


def test_conversations_are_ones_own(context: BrowserContext, browser: Browser, portal: Portal) -> None:
    page = context.new_page()
    sign_in(page, portal, "bob")
    page.get_by_role("textbox", name="Ask the briefs a question").fill(
        "How many trucks went through Torvale in January 2026?"
    )
    page.keyboard.press("Enter")
    page.wait_for_url("**?c=*")
    expect(page.get_by_role("button", name="Copy link to this answer")).to_be_visible()
    kept = page.url
    others = browser.new_context()
    others.set_default_timeout(20_000)
    others.route(lambda url: "127.0.0.1" not in url, lambda route: route.abort())
    theirs = others.new_page()
    sign_in(theirs, portal, "ann", kept.removeprefix(portal.address))
    expect(theirs.get_by_text("it may have been deleted")).to_be_visible()
    expect(theirs.get_by_text("trucks")).to_have_count(0)
    others.close()


def test_a_provider_that_refuses_leads_back_to_the_button(context: BrowserContext, portal: Portal) -> None:
    page = context.new_page()
    page.goto(portal.address)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Deny").click()
    page.wait_for_url(f"{portal.address}/")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert not {cookie["name"] for cookie in context.cookies()} & {"_streamlit_user"}


def test_the_way_back_leads_to_the_public_address_alone(context: BrowserContext, portal: Portal) -> None:
    page = context.new_page()
    page.goto(f"{portal.address}/?redirect_uri=https://evil.example")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{portal.provider}/**")
    assert f"redirect_uri=http%3A%2F%2F127.0.0.1%3A{portal.address.rpartition(':')[2]}%2Foauth2callback" in page.url
    assert "evil" not in page.url


@pytest.mark.parametrize(
    "query",
    ["", "?code=x", "?state=x&code=y", "?error=access_denied&error_description=a%0Ab", "?state=_state_default_x"],
)
def test_callbacks_that_nobody_began_sign_nobody_in(portal: Portal, query: str) -> None:
    reply = send(portal.address, f"/oauth2callback{query}")
    assert reply.status == 302
    assert reply.headers["location"] == "/"
    assert "_streamlit_user=ey" not in str(reply.headers)
    assert send(portal.address, f"/auth/login{query}").headers["location"] == "/"


def test_a_code_that_the_provider_does_not_know(context: BrowserContext, portal: Portal) -> None:
    """The state is real, the code is made up."""
    page = context.new_page()
    page.goto(portal.address)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{portal.provider}/**")
    state = page.url.partition("state=")[2].partition("&")[0]
    page.goto(f"{portal.address}/oauth2callback?code=made-up&state={state}")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_nothing_behind_the_page_is_open(portal: Portal) -> None:
    for path in ("/media/x", "/component/x", "/_stcore/bidi-components/briefs/x.js", "/nothing"):
        assert send(portal.address, path).status == 401, path
    for path in ("/_stcore/agent/openapi.json", "/_stcore/metrics", "/_stcore/upload_file/a/b"):
        assert send(portal.address, path).status == 404, path
    assert json.loads(send(portal.address, "/_stcore/host-config").text)["allowedOrigins"] == []
    assert send(portal.address, "/api/v1/briefs").status == 401


def test_a_proxy_signs_in(browser: Browser, labelled: Settings) -> None:
    proxy = {"auth": "on", "proxy_user_header": "X-Forwarded-User", "proxy_groups_header": "X-Forwarded-Groups"}
    with served(labelled.model_copy(update={**proxy, "portal_origins": ("https://portal.example.org",)})) as server:
        reply = send(server.address, "/")
        assert reply.status == 401
        assert "frame-ancestors 'self' https://portal.example.org" in reply.headers["content-security-policy"]
        for groups, seen in (("staff", "All 3 briefs"), ("", "All 2 briefs")):
            context = browser.new_context(extra_http_headers={"X-Forwarded-User": "ann", "X-Forwarded-Groups": groups})
            page = context.new_page()
            page.goto(server.address)
            expect(page.get_by_role("button", name=seen)).to_be_visible()
            expect(page.get_by_text("Signed in as ann")).to_be_visible()
            expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
            context.close()
        told = send(server.address, "/_stcore/host-config", ("X-Forwarded-User", "ann")).text
        assert json.loads(told)["allowedOrigins"] == ["https://portal.example.org"]


def test_a_server_that_would_be_open_does_not_start(tmp_path: Path) -> None:
    said = complaint("serve", "--host", "0.0.0.0", "--port", "0", cwd=tmp_path)
    assert "0.0.0.0 can be reached from other machines, but there is no way to sign in" in said
