"""Who is asking, over real connections: keys, portal tokens, the proxy's header, the login cookie, and nobody."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gated import Reply, bearer, gated, send
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeTimedSerializer
from pydantic import SecretStr
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from index.settings import Settings
from ui.access.keys import FILE, Key, KeyStore
from ui.access.login import Logins
from ui.access.tickets import HEADER
from ui.access.tokens import mint, new_key_pair

PUBLIC, PORTAL = "https://briefs.example.org", "https://portal.example.org"
COOKIES = "a cookie secret of more than 32 characters"
USER = "_streamlit_user"
PRIVATE = "/api/v1/briefs"
PLAIN = (
    "/",
    "/evals",
    "/_stcore/health",
    "/_stcore/host-config",
    "/static/js/index.js",
    "/auth/login",
    "/oauth2callback",
)
OPEN = ("/api/healthz", "/api/readyz", "/api/v1/healthz", "/api/widget.js", "/api/widget/x.css", "/api/v1/openapi.json")
HELD = (
    "/media/export.md",
    "/_stcore/bidi-components/x/y.js",
    "/component/x",
    "/anything",
    "/app/static/x",
    "/evals/media/x",
)
CLOSED = (
    *("/_stcore/agent/interact", "/_stcore/agent/mcp", "/_stcore/agent/openapi.json", "/_stcore/upload_file/a/b"),
    *("/_stcore/metrics", "/_stcore/script-health-check", "/evals/_stcore/agent/interact"),
)


def settings_in(folder: Path, **changes: Any) -> Settings:
    return Settings(store=folder, public_url=PUBLIC, portal_origins=(PORTAL,), **changes)


def with_login(folder: Path, **changes: Any) -> Settings:
    return settings_in(folder, oidc_url="https://login.example.org", oidc_cookie_secret=SecretStr(COOKIES), **changes)


def signed_in(secret: str = COOKIES, name: str = USER, **changes: Any) -> tuple[str, str]:
    """The cookie of a login."""
    claims = {
        "is_logged_in": True,
        "origin": PUBLIC,
        "iss": "https://login.example.org",
        "sub": "ann",
        "groups": ["staff"],
    }
    value = URLSafeTimedSerializer(secret, salt=name).dumps(json.dumps(claims | changes))
    return ("Cookie", f"{USER}={value}")


class Portal:
    """Keys of every kind, and a portal's backend."""

    def __init__(self, folder: Path) -> None:
        self.store = KeyStore(folder)
        self.staff = self.store.add("analytics", groups=frozenset({"staff"}))[1]
        self.all = self.store.add("reports", groups=None)[1]
        self.nothing = self.store.add("public")[1]
        self.metrics = self.store.add("prometheus", "metrics")[1]
        revoked, self.revoked = self.store.add("gone", groups=None)
        self.store.revoke(revoked.id)
        self.private, public = new_key_pair()
        self.key: Key = self.store.add(
            "intranet", "portal", frozenset({"staff", "press"}), origins=frozenset({PORTAL}), public_key=public
        )[0]

    def token(self, **changes: Any) -> str:
        claims: dict[str, Any] = {"audience": PUBLIC, "origin": PORTAL, "subject": "ann", "groups": ["staff", "root"]}
        return mint(self.private, self.key.id, **{**claims, **changes})


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Portal:
    return Portal(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def closed(portal: Portal) -> Iterator[str]:
    """A server with sign-in, by keys, tokens and login."""
    with gated(with_login(portal.store.path.parent)) as address:
        yield address


def is_refused(reply: Reply, status: int, kind: str) -> bool:
    """Whether it is a problem, or in a browser a line, that says so."""
    if reply.status != status:
        return False
    if reply.headers["content-type"] != "application/problem+json":
        return reply.text.count("\n") == 1
    return bool(reply.json["status"] == status and reply.json["type"].endswith(f"/{kind}"))


def test_keys_say_who_asks(closed: str, portal: Portal) -> None:
    found = {name: send(closed, PRIVATE, bearer(getattr(portal, name))).json for name in ("staff", "all", "nothing")}
    assert [(one["kind"], one["labels"], one["name"]) for one in found.values()] == [
        ("key", ["staff"], "analytics"),
        ("key", None, "reports"),
        ("key", [], "public"),
    ]
    assert len({one["owner"] for one in found.values()}) == 3


def test_portal_tokens_say_who_asks(closed: str, portal: Portal) -> None:
    origin = ("Origin", PORTAL)
    found = send(closed, PRIVATE, bearer(portal.token()), origin).json
    assert (found["kind"], found["labels"], found["name"]) == ("portal", ["staff"], "ann")
    bob = send(closed, PRIVATE, bearer(portal.token(subject="bob")), origin).json
    assert bob["owner"] != found["owner"]
    for headers in ((), (("Origin", PUBLIC),)):  # not from the portal's page
        assert is_refused(send(closed, PRIVATE, bearer(portal.token()), *headers), 401, "unauthenticated")


def test_a_portal_on_the_servers_own_origin(tmp_path: Path) -> None:
    """A browser does not send Origin with GET there."""
    settings = Settings(store=tmp_path, public_url=PUBLIC, portal_origins=(PUBLIC,))
    private, public = new_key_pair()
    key, _ = KeyStore(tmp_path).add("own", "portal", None, origins=frozenset({PUBLIC}), public_key=public)
    token = bearer(mint(private, key.id, audience=PUBLIC, origin=PUBLIC, subject="ann"))
    with gated(settings) as address:
        assert send(address, PRIVATE, token, ("Sec-Fetch-Site", "same-origin")).status == 200
        assert send(address, PRIVATE, token).status == 401


@pytest.mark.parametrize(
    "path", [PRIVATE, "/api", "/api/", "/api/openai/v1/models", "/api/mcp", "/api/v1/healthz/x", "/api/metrics"]
)
def test_nobody_is_refused(closed: str, portal: Portal, path: str) -> None:
    reply = send(closed, path)
    assert reply.status == 401
    assert "unauthenticated" in reply.text
    assert reply.headers["www-authenticate"] == 'Bearer realm="briefs"'
    for method in ("POST", "DELETE", "OPTIONS", "HEAD"):
        assert send(closed, path, method=method).status == 401


def wrong(portal: Portal) -> dict[str, list[tuple[str, str]]]:
    origin = ("Origin", PORTAL)
    return {
        "revoked": [bearer(portal.revoked)],
        "unknown": [bearer("bk_000000000000_" + "A" * 43)],
        "half": [bearer(portal.staff[:-1])],
        "a portal's id": [bearer(f"bk_{portal.key.id}_{'A' * 43}")],
        "basic": [("Authorization", "Basic YW5uOnB3")],
        "no scheme": [("Authorization", portal.staff)],
        "twice": [bearer(portal.staff), bearer(portal.staff)],
        "empty": [("Authorization", "Bearer ")],
        "text": [bearer("x" * 5000)],
        "audience": [bearer(portal.token(audience=PORTAL)), origin],
        "expired": [bearer(portal.token(life_s=-60)), origin],
        "long": [bearer(portal.token(life_s=301)), origin],
        "not ASCII": [bearer("bk_é_ü")],
        "cookie": [signed_in()],
        "ticket": [(HEADER, "x")],
        "proxy": [("X-Forwarded-User", "ann")],
    }


WRONG = (
    *("revoked", "unknown", "half", "a portal's id", "basic", "no scheme", "twice", "empty", "text"),
    *("audience", "expired", "long", "not ASCII", "cookie", "ticket", "proxy"),
)


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_credentials_are_refused_alike(closed: str, portal: Portal, kind: str) -> None:
    headers = wrong(portal)[kind]
    reply = send(closed, PRIVATE, *headers)
    assert is_refused(reply, 401, "unauthenticated")
    assert reply.headers["www-authenticate"].startswith('Bearer realm="briefs"')
    secrets = [value.removeprefix("Bearer ") for _, value in headers if len(value) > 12]
    assert not any(secret[:40] in reply.text for secret in secrets)


def test_metrics_keys_read_metrics_and_nothing_else(closed: str, portal: Portal) -> None:
    for path in ("/api/metrics", "/api/v1/metrics"):
        assert send(closed, path, bearer(portal.metrics)).json["kind"] == "metrics"
        assert is_refused(send(closed, path, bearer(portal.all)), 403, "forbidden")
    for path in (PRIVATE, "/api/v1/ask", "/api/mcp"):
        assert is_refused(send(closed, path, bearer(portal.metrics)), 403, "forbidden")


@pytest.mark.parametrize("path", OPEN)
def test_what_is_open_knows_nobody(closed: str, portal: Portal, path: str) -> None:
    for headers in ([], [bearer(portal.all)], [bearer("nonsense")]):
        assert send(closed, path, *headers).json["kind"] == "anonymous"


def test_the_page_is_closed_but_for_the_button(closed: str) -> None:
    for path in PLAIN:
        assert send(closed, path).json["kind"] == "anonymous", path
    for path in HELD:
        assert is_refused(send(closed, path), 401, "unauthenticated"), path
        assert send(closed, path, signed_in()).json["labels"] == ["staff"], path
    for path in CLOSED:
        assert is_refused(send(closed, path, signed_in()), 404, "not-found"), path


def test_the_page_takes_no_bearer(closed: str, portal: Portal) -> None:
    assert send(closed, "/media/x", bearer(portal.all)).status == 401


@pytest.mark.parametrize(
    "cookie",
    [
        signed_in("another secret that is long enough to sign"),
        signed_in(name="_streamlit_user_tokens"),
        signed_in(origin="https://elsewhere.example.org"),
        signed_in(is_logged_in="yes"),
        signed_in(sub=""),
        ("Cookie", f"{USER}=nonsense"),
        ("Cookie", f"{USER}="),
        ("Cookie", f"{USER}=chunks-2"),
        ("Cookie", "_streamlit_user_1=x"),
    ],
)
def test_forged_logins_are_none(closed: str, cookie: tuple[str, str]) -> None:
    assert send(closed, "/media/x", cookie).status == 401
    assert send(closed, "/", cookie).json["kind"] == "anonymous"


@pytest.mark.parametrize("groups", [None, "staff", {"staff": 1}, 7, [7, None, ["staff"]]])
def test_groups_that_are_no_list_of_names_are_none(closed: str, groups: Any) -> None:
    assert send(closed, "/", signed_in(groups=groups)).json["labels"] == []


def test_logins_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logins = Logins(with_login(tmp_path, login_hours=2))
    cookies = {USER: signed_in()[1].partition("=")[2]}
    login = logins.of(cookies)
    assert login
    assert abs(login.until - time.time() - 7200) < 5
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 7195)
    assert logins.of(cookies)
    monkeypatch.setattr(time, "time", lambda: now + 7205)
    assert logins.of(cookies) is None


@given(st.text(max_size=60))
def test_no_cookie_breaks_anything(value: str) -> None:
    assert Logins(with_login(Path("nowhere"))).of({USER: value, f"{USER}_1": value}) is None


def test_with_keys_alone_there_is_no_page(tmp_path: Path) -> None:
    with gated(settings_in(tmp_path)) as address:
        for path in (*PLAIN, *HELD):
            assert send(address, path, signed_in()).status == 401
        for path in OPEN:
            assert send(address, path).status == 200


PROXY = {"proxy_user_header": "X-Forwarded-User", "proxy_groups_header": "X-Forwarded-Groups"}
ANN = (("X-Forwarded-User", "ann@example.org"), ("x-forwarded-groups", " staff, press ,,"))


def test_a_trusted_proxy_names_the_user(tmp_path: Path) -> None:
    with gated(settings_in(tmp_path, **PROXY)) as address:
        for path in ("/", "/media/x", PRIVATE):
            found = send(address, path, *ANN).json
            assert (found["kind"], found["labels"], found["name"]) == ("user", ["press", "staff"], "ann@example.org")
            assert not {"x-forwarded-user", "x-forwarded-groups"} & set(found["headers"])
            assert send(address, path, ANN[0]).json["labels"] == []
            assert send(address, path).status == send(address, path, ANN[1]).status == 401
        assert send(address, "/", ("X-Forwarded-User", "zoë")).json["name"] == "zoë"
        twice = [("X-Forwarded-User", "ann"), ("x-forwarded-user", "root")]
        for headers in (twice, [*ANN, ANN[1]], [("X-Forwarded-User", "")], [("X-Forwarded-User", "a" * 321)]):
            assert is_refused(send(address, PRIVATE, *headers), 401, "unauthenticated")


@pytest.mark.parametrize("addresses", [("10.0.0.0/8",), ("127.0.0.2",), ("::1",), ()])
def test_the_header_from_anywhere_else_is_taken_off(tmp_path: Path, addresses: tuple[str, ...]) -> None:
    forwarded = [("X-Forwarded-For", "10.0.0.1"), ("Forwarded", "for=10.0.0.1"), ("X-Real-IP", "10.0.0.1")]
    with gated(settings_in(tmp_path, **PROXY, proxy_addresses=addresses)) as address:
        for path in ("/", PRIVATE):
            assert send(address, path, *ANN, *forwarded).status == 401
        assert "x-forwarded-user" not in send(address, "/api/healthz", *ANN).json["headers"]


def test_a_header_that_no_setting_names_is_nothing(closed: str) -> None:
    assert send(closed, "/media/x", *ANN).status == 401


def test_a_bearer_counts_more_than_the_proxy(tmp_path: Path) -> None:
    _, presented = KeyStore(tmp_path).add("analytics", groups=frozenset({"press"}))
    with gated(settings_in(tmp_path, **PROXY)) as address:
        assert send(address, PRIVATE, *ANN, bearer(presented)).json["labels"] == ["press"]
        assert send(address, PRIVATE, *ANN, bearer("bk_no_no")).status == 401


def test_without_sign_in_everybody_here_is_local(tmp_path: Path) -> None:
    portal = Portal(tmp_path)
    with gated(settings_in(tmp_path, **PROXY), sign_in=False) as address:
        for path in ("/", PRIVATE, "/media/x", "/api/metrics", "/api/healthz"):
            found = send(address, path).json
            assert (found["kind"], found["labels"], found["owner"]) == ("local", None, "")
        assert send(address, PRIVATE, *ANN).json["kind"] == "local"
        assert send(address, PRIVATE, bearer("any text")).json["kind"] == "local"
        assert send(address, PRIVATE, bearer(portal.staff)).json["labels"] == ["staff"]
        assert send(address, PRIVATE, bearer(portal.token()), ("Origin", PORTAL)).json["labels"] == ["staff"]
        for credential in (portal.revoked, "bk_no_no", "a.b.c", portal.token(audience=PORTAL)):
            assert send(address, PRIVATE, bearer(credential)).status == 401
        for path in CLOSED:
            assert send(address, path).status == 404


def test_keys_that_cannot_be_read_let_nobody_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    portal = Portal(tmp_path)
    with gated(settings_in(tmp_path)) as address:
        (tmp_path / FILE).write_bytes(b"broken" * 1000)
        reply = send(address, PRIVATE, bearer(portal.all))
        assert is_refused(reply, 503, "unavailable")
        assert str(tmp_path) not in reply.text
    assert portal.all not in caplog.text


def talk(address: str, *headers: tuple[str, str], origin: str | None = "own") -> dict[str, Any]:
    """Who the page of a websocket is drawn for."""
    own = address if origin == "own" else origin
    url = address.replace("http", "ws") + "/_stcore/stream"
    with connect(url, origin=Origin(own) if own else None, additional_headers=list(headers), proxy=None) as websocket:
        websocket.send("who?")
        found: dict[str, Any] = json.loads(websocket.recv())
        return found


def test_websockets_carry_the_caller(closed: str, tmp_path: Path) -> None:
    assert talk(closed)["kind"] == "anonymous"
    assert talk(closed, signed_in())["labels"] == ["staff"]
    assert talk(closed, signed_in("another secret that is long enough to sign"))["kind"] == "anonymous"
    with gated(settings_in(tmp_path, **PROXY)) as address:
        assert talk(address, *ANN)["labels"] == ["press", "staff"]
        with pytest.raises(InvalidStatus, match="403"):
            talk(address)
    with gated(settings_in(tmp_path), sign_in=False) as address:
        assert talk(address)["kind"] == "local"


@pytest.mark.parametrize(
    "origin", [None, "null", PORTAL, "http://127.0.0.1:1", "http://localhost", "https://evil.example"]
)
def test_websockets_of_foreign_pages_are_refused(closed: str, tmp_path: Path, origin: str | None) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        talk(closed, signed_in(), origin=origin)
    settings = Settings(store=tmp_path, portal_origins=(PORTAL,))
    with gated(settings, sign_in=False) as address, pytest.raises(InvalidStatus, match="403"):
        talk(address, origin=origin)


def test_a_ticket_cannot_be_brought_along(closed: str) -> None:
    url = closed.replace("http", "ws") + "/_stcore/stream"
    with connect(url, origin=Origin(closed), additional_headers=[signed_in()], proxy=None) as websocket:
        websocket.send("who?")
        assert json.loads(websocket.recv())["kind"] == "user"
        for forged in ("", "x", "ticket"):
            assert talk(closed, (HEADER, forged))["kind"] == "anonymous"
        # Signed out elsewhere: this page is nobody's from now on, pages of others are not touched.
        with connect(url, origin=Origin(closed), additional_headers=[signed_in(sub="bob")], proxy=None) as other:
            assert send(closed, "/auth/logout", signed_in()).status == 200
            websocket.send("who?")
            assert json.loads(websocket.recv())["kind"] == "anonymous"
            other.send("who?")
            assert json.loads(other.recv())["kind"] == "user"
