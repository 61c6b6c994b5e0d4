"""The demonstration portal: its pages and tokens, who reads what through it, and the chat page in its frame."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browsing
import pytest
from conftest import write_brief
from embedded import ask, barriers, in_view, watched
from playwright.sync_api import BrowserContext, Page, expect
from ports import free_port
from scripted_api import serve
from scripted_page import QUOTES, RED_LINES, ScriptedAssistant, indexed
from serving import served
from starlette.testclient import TestClient

from index.build import build
from index.settings import Settings
from ui.access.keys import KeyStore
from ui.access.tokens import new_key_pair, verify
from ui.portal.__main__ import main
from ui.portal.app import PAGES, POLICY, USERS, Portal, build_portal

ROOT = Path(__file__).absolute().parent.parent
BRIEFS, HERE = "http://127.0.0.1:8501", "http://127.0.0.1:8600"
PRIVATE, PUBLIC = new_key_pair()
browser, context = browsing.browser, browsing.context


@pytest.fixture
def client() -> TestClient:
    return TestClient(build_portal(Portal(BRIEFS, PRIVATE, "0123456789ab")), base_url=HERE)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[KeyStore, str]:
    """A store of keys that knows the portal's, and the id there."""
    store = KeyStore(tmp_path)
    key, _ = store.add(
        "portal", "portal", None, origins=frozenset([HERE, "https://portal.example.org"]), public_key=PUBLIC
    )
    return store, key.id


@pytest.mark.parametrize("path", PAGES)
def test_pages_hold_nothing_that_their_policy_forbids(client: TestClient, path: str) -> None:
    found = client.get(path)
    assert found.status_code == 200
    assert found.headers["Content-Security-Policy"] == POLICY.format(briefs=BRIEFS)
    text = re.sub(
        r'<script type="module" src="(?:/assets/portal\.js|http://127\.0\.0\.1:8501/api/widget\.js)"></script>',
        "",
        found.text,
    )
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|\$", text)
    assert "brief-assistant" in text or "<iframe" in text
    for asset in re.findall(r'(?:href|src)="(/[\w/.-]*)"', found.text):
        assert client.get(asset).status_code == 200, asset


def test_tokens_are_for_who_is_signed_in(client: TestClient, keys: tuple[KeyStore, str]) -> None:
    store, key_id = keys
    client = TestClient(build_portal(Portal(BRIEFS, PRIVATE, key_id)), base_url=HERE)
    assert client.post("/token").status_code == 401
    assert client.post("/sign-in", content="somebody").status_code == 404
    for user, groups in USERS.items():
        signed = client.post("/sign-in", content=user)
        assert signed.status_code == 204
        assert {"HttpOnly", "SameSite=strict"} <= set(signed.headers["Set-Cookie"].split("; "))
        found = client.post("/token?user=amina", content="amina")
        assert found.headers["Cache-Control"] == "no-store"
        claims = verify(found.text, store, BRIEFS, HERE, [HERE])
        assert (claims.subject, claims.groups) == (user, frozenset(groups))
    assert client.get("/token").status_code == 405
    assert client.post("/token", headers={"Host": "evil.example"}).status_code == 400
    client.cookies.clear()
    assert client.post("/token", headers={"Cookie": "portal-user=root"}).status_code == 401


def test_without_a_key_there_are_no_tokens() -> None:
    client = TestClient(build_portal(Portal(BRIEFS)), base_url=HERE)
    assert client.post("/sign-in", content="amina").status_code == 204
    assert client.post("/token").status_code == 401
    assert "Signed in as" not in client.get("/").text


@pytest.mark.parametrize(
    "briefs",
    ["", "127.0.0.1:8501", "http://127.0.0.1:8501/x", "http://a b", "http://a;script-src *", "ftp://a", "http://a\n"],
)
def test_an_address_that_is_none(briefs: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="expected http://HOST:PORT"):
        Portal(briefs)
    assert main(["--briefs", briefs]) == 2
    assert capsys.readouterr().err.startswith("error: found ")


def test_a_key_needs_its_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "portal.pem").write_text(PRIVATE)
    assert main(["--key-file", str(tmp_path / "portal.pem")]) == 2
    assert main(["--key-file", str(tmp_path / "none.pem"), "--key-id", "x"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "--key-id" in first
    assert "none.pem" in second
    assert PRIVATE not in repr(Portal(BRIEFS, PRIVATE, "x"))


def test_it_starts_as_the_documentation_says() -> None:
    command = re.search(
        r"python (-m ui\.portal --briefs \S+ --port) 8600", (ROOT / "docs" / "embedding.md").read_text()
    )
    assert command
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *command[1].split(), str(port)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == f"Portal on http://127.0.0.1:{port} (Ctrl-C stops)\n"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def example(language: str) -> str:
    """The example after ``<!-- language -->``, for the portal and server of these tests."""
    page = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    (code,) = re.findall(rf"<!-- {language} -->\n```\w+\n(.*?)```", page, re.DOTALL)
    return str(code)


def verified(token: str, keys: tuple[KeyStore, str]) -> tuple[str, frozenset[str]]:
    """The user and the groups of a token that the server accepts."""
    store, _ = keys
    origin = "https://portal.example.org"
    claims = verify(token, store, "https://briefs.example.org", origin, [origin])
    return claims.subject, claims.groups


def test_the_example_for_python_mints_what_the_server_accepts(
    keys: tuple[KeyStore, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "portal.pem").write_text(PRIVATE)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(example("python").replace("4f9c21d07be3", keys[1]), names)
    assert verified(names["briefs_token"]("u-17", ["staff"]), keys) == ("u-17", frozenset(["staff"]))


@pytest.mark.skipif(shutil.which("node") is None, reason="no node found")
def test_the_example_for_node_mints_what_the_server_accepts(keys: tuple[KeyStore, str], tmp_path: Path) -> None:
    (tmp_path / "portal.pem").write_text(PRIVATE)
    code = example("node").replace("4f9c21d07be3", keys[1]) + '\nconsole.log(briefsToken("u-17", ["staff"]))\n'
    (tmp_path / "mint.mjs").write_text(code)
    done = subprocess.run(
        [shutil.which("node") or "", "mint.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert verified(done.stdout.strip(), keys) == ("u-17", frozenset(["staff"]))


# In a browser


SECRET = "The Torvale crossing closes on 3 March 2026 for the exercise."
OPEN = "The ferry at Eastgate carries 40 trucks on each trip in winter."


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One brief for the group staff, one for everybody; sign-in is on."""
    home = tmp_path_factory.mktemp("labelled")
    write_brief(
        home / "corpus", "closure", "Closure of the Torvale crossing", SECRET, published="2026-02-01", labels="[staff]"
    )
    write_brief(home / "corpus", "ferry", "The ferry at Eastgate", OPEN, published="2026-02-02")
    settings = Settings(corpus=home / "corpus", store=home / "store", auth="on", public_url="http://127.0.0.1:9")
    build(settings)
    return settings


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    with watched(context) as found:
        yield found


def test_users_read_what_their_groups_may(context: BrowserContext, labelled: Settings) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    key, _ = KeyStore(labelled.store).add("portal", "portal", None, origins=frozenset([origin]), public_key=PUBLIC)
    settings = labelled.model_copy(update={"portal_origins": (origin,)})
    with served(settings) as server:
        shown = Portal(server.address, PRIVATE, key.id, audience=settings.public_url, life_s=6)
        # The tab still knows the conversation of the user before, which the server then refuses to the next.
        with serve(build_portal(shown), port) as address, watched(context, refusals=True) as page:
            sign_in(page, address, "amina")
            answered = ask(page, "When does the Torvale crossing close?")
            answered.get_by_role("button", name="Citation 1").click()
            in_view(page, SECRET)
            page.keyboard.press("Escape")
            time.sleep(6)  # the token has ended by now
            expect(ask(page, "How many trucks does the ferry carry?")).to_contain_text(OPEN)
            sign_in(page, address, "guest", stay=True)
            asked = ask(page, "When does the Torvale crossing close?")
            assert SECRET not in asked.inner_text()
            assert "Closure" not in page.locator("brief-assistant .root").inner_text()


def sign_in(page: Page, address: str, user: str, *, stay: bool = False) -> None:
    """Sign in to the portal, on the page that is open or a fresh one; what another user asked in this tab stays with that user."""
    if not stay:
        page.goto(address)
    with page.expect_navigation():
        page.get_by_role("button", name=user).click()
    expect(page.get_by_role("button", name=user)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("article.exchange")).to_have_count(0)


@pytest.fixture(scope="module")
def framed() -> Iterator[tuple[str, str]]:
    """A portal that may frame the chat page, and one that may not."""
    ports = free_port(), free_port()
    settings = indexed().model_copy(update={"portal_origins": (f"http://127.0.0.1:{ports[0]}",)})
    with served(settings, patches={"ui.service.Assistant": ScriptedAssistant}) as server:
        portal = Portal(server.address)
        with serve(build_portal(portal), ports[0]) as known, serve(build_portal(portal), ports[1]) as unknown:
            yield known, unknown


@pytest.mark.parametrize("context", browsing.LIGHT_AND_DARK, indirect=True, ids=["light", "dark", "phone"])
def test_the_chat_page_in_a_frame(page: Page, framed: tuple[str, str]) -> None:
    page.goto(f"{framed[0]}/frame")
    frame = page.frame_locator("iframe")
    box = frame.get_by_role("textbox", name="Ask the briefs a question")
    box.fill(RED_LINES)
    box.press("Enter")
    frame.get_by_role("button", name="Citation 2").click()
    expect(frame.locator("mark.active")).to_have_text(QUOTES["winter"][1])
    expect(frame.locator("mark.active")).to_be_in_viewport()
    inner = page.frames[-1]
    inner.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
    )
    assert barriers(inner) == []
    frame.get_by_role("button", name="Close the brief").click()
    expect(frame.locator("dialog")).to_be_hidden()
    assert barriers(inner) == []
    assert barriers(page) == []


def test_an_origin_that_is_not_named_gets_nothing(context: BrowserContext, framed: tuple[str, str]) -> None:
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{framed[1]}/frame")
    page.goto(framed[1])
    assert not page.evaluate("() => customElements.get('brief-assistant') !== undefined")
    assert any("frame-ancestors" in one for one in said)
    assert any("CORS" in one or "403" in one for one in said)
