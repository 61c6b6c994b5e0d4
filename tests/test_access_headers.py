"""Where requests may come from, and what every response says: origins, cross-site requests, hosts, framing, cookies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gated import bearer, gated, send
from pydantic import SecretStr

from index.settings import Settings
from ui.access.keys import KeyStore
from ui.access.login import LOGOUT

PUBLIC, PORTAL, EVIL = "https://briefs.example.org", "https://portal.example.org", "https://evil.example"
ASK = "/api/v1/ask"
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, tuple[str, str]]]:
    """A server with sign-in by keys, login and proxy, behind https; a bearer header that it takes."""
    folder = tmp_path_factory.mktemp("keys")
    _, presented = KeyStore(folder).add("all", groups=None)
    settings = Settings(
        store=folder,
        public_url=f"{PUBLIC}/",
        portal_origins=(PORTAL, "http://localhost:9000"),
        oidc_url="https://login.example.org",
        oidc_cookie_secret=SecretStr("x" * 32),
        proxy_user_header="X-Forwarded-User",
    )
    with gated(settings) as address:
        yield address, bearer(presented)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server without sign-in."""
    with gated(Settings(store=tmp_path_factory.mktemp("none"), portal_origins=(PORTAL,)), sign_in=False) as address:
        yield address


def test_the_page_may_be_framed_by_the_listed_alone(server: tuple[str, tuple[str, str]], local: str) -> None:
    address, _ = server
    for path in ("/", "/static/x.js", "/nothing", "/auth/logout"):
        policy = send(address, path).headers["content-security-policy"]
        assert policy.endswith(f"frame-ancestors 'self' {PORTAL} http://localhost:9000")
        assert "default-src 'self'" in policy
        assert "http" not in policy.partition("frame-ancestors")[0]
    headers = send(local, "/").headers
    assert headers["content-security-policy"].endswith(f"frame-ancestors 'self' {PORTAL}")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "geolocation=()" in headers["permissions-policy"]


def test_the_api_may_be_framed_by_nobody(server: tuple[str, tuple[str, str]]) -> None:
    address, key = server
    for path, status in (("/api/healthz", 200), (ASK, 401), ("/api/v1/briefs/x", 401)):
        reply = send(address, path)
        assert reply.status == status
        assert reply.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "Origin" in reply.headers["vary"]
    assert send(address, "/api/widget.js").headers["cross-origin-resource-policy"] == "cross-origin"
    assert send(address, ASK, key).headers["cross-origin-resource-policy"] == "same-origin"


def test_exports_are_not_kept_by_anybody(local: str) -> None:
    assert send(local, "/media/x.md").headers["cache-control"] == "no-store"


def test_there_are_no_cookies_on_the_api(server: tuple[str, tuple[str, str]], local: str) -> None:
    address, key = server
    reply = send(address, ASK, key, ("Cookie", "a=b"))
    assert "cookie" not in reply.json["headers"]
    assert "set-cookie" not in reply.headers
    assert "Secure" in send(address, "/").headers["set-cookie"]  # users reach it over https
    page = send(local, "/", ("Cookie", "a=b"))
    assert "cookie" in page.json["headers"]
    assert "Secure" not in page.headers["set-cookie"]


@pytest.mark.parametrize("origin", [PORTAL, "http://localhost:9000"])
def test_listed_origins_may_ask(server: tuple[str, tuple[str, str]], origin: str) -> None:
    address, key = server
    for reply in (
        send(address, ASK, key, ("Origin", origin), ("Sec-Fetch-Site", "cross-site"), method="POST"),
        send(address, ASK, ("Origin", origin)),  # a refusal can be read as well
        send(address, "/api/widget.js", ("Origin", origin)),
    ):
        assert reply.headers["access-control-allow-origin"] == origin
        assert "Answer-Id" in reply.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in reply.headers
        assert "Origin" in reply.headers["vary"]
    asked = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization")]
    preflight = send(address, ASK, ("Origin", origin), *asked, method="OPTIONS")
    assert (preflight.status, preflight.text) == (204, "")
    assert preflight.headers["access-control-allow-origin"] == origin
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert {"POST", "DELETE"} <= set(preflight.headers["access-control-allow-methods"].split(", "))


FOREIGN = (
    *(
        EVIL,
        "null",
        f"{PORTAL}.evil.example",
        "http://portal.example.org",
        f"{PORTAL}:444",
        f"{PORTAL}/",
        PORTAL.upper(),
    ),
    *(
        "http://localhost:9001",
        "http://localhost",
        "https://briefs.example.org.evil.example",
        "file://",
        "chrome-extension://x",
    ),
)


@pytest.mark.parametrize("origin", FOREIGN)
def test_other_origins_may_not(server: tuple[str, tuple[str, str]], local: str, origin: str) -> None:
    address, key = server
    preflight = [("Access-Control-Request-Method", "POST")]
    for reply in (
        send(address, ASK, key, ("Origin", origin)),
        send(address, ASK, key, ("Origin", origin), method="POST"),
        send(address, ASK, ("Origin", origin), *preflight, method="OPTIONS"),
        send(address, "/api/healthz", ("Origin", origin)),
        send(local, ASK, ("Origin", origin)),
        send(local, ASK, ("Origin", origin), ("Content-Type", "text/plain"), method="POST"),
    ):
        assert reply.status == 403
        assert reply.json["type"].endswith("/origin")
        assert "access-control-allow-origin" not in reply.headers


def test_our_own_page_may(server: tuple[str, tuple[str, str]], local: str) -> None:
    address, key = server
    assert send(address, ASK, key, ("Origin", PUBLIC), method="POST").status == 200
    assert send(address, ASK, key, ("Origin", address), method="POST").status == 200
    assert send(local, ASK, ("Origin", local), ("Sec-Fetch-Site", "same-origin"), method="POST").status == 200


COOKIE, BEARER, USER = ("Cookie", "a=b"), "bearer", ("X-Forwarded-User", "ann")
CROSS = [("Sec-Fetch-Site", site) for site in ("same-origin", "none", "same-site", "cross-site", "strange")]
SAME, NONE, SITE, CROSS_SITE, STRANGE = CROSS
MATRIX = [
    # what the browser says, and what comes along: whether it may change something
    ((), True),
    ((COOKIE,), True),  # no browser
    ((SAME, COOKIE), True),
    ((SAME, USER), True),
    ((NONE, COOKIE), True),
    ((SITE,), False),
    ((SITE, COOKIE), False),
    ((CROSS_SITE,), False),
    ((CROSS_SITE, COOKIE), False),
    ((STRANGE, COOKIE), False),
    ((("Origin", PUBLIC), COOKIE), True),
    ((("Origin", PUBLIC), COOKIE, CROSS_SITE), False),
    ((("Origin", EVIL),), False),
    ((("Origin", EVIL), COOKIE), False),
    ((("Origin", "null"), COOKIE), False),
    ((("Origin", PORTAL),), True),
    ((("Origin", PORTAL), CROSS_SITE), True),
    ((("Origin", PORTAL), COOKIE), False),
    ((("Origin", PORTAL), CROSS_SITE, COOKIE), False),
    ((("Origin", PORTAL), CROSS_SITE, USER), False),
    ((CROSS_SITE, BEARER), True),
    ((CROSS_SITE, BEARER, COOKIE), False),
    ((("Origin", PORTAL), CROSS_SITE, BEARER), True),
    ((("Origin", PORTAL), CROSS_SITE, BEARER, COOKIE), False),
    ((("Origin", PORTAL), CROSS_SITE, BEARER, USER), True),
    ((CROSS_SITE, ("Authorization", "Basic YTpi")), False),
]


@pytest.mark.parametrize(("sent", "allowed"), MATRIX)
@pytest.mark.parametrize("method", UNSAFE)
def test_cross_site_requests(
    server: tuple[str, tuple[str, str]], method: str, sent: tuple[str | tuple[str, str], ...], allowed: bool
) -> None:
    address, key = server
    headers = [key if isinstance(one, str) else one for one in sent]
    reply = send(address, ASK, *headers, method=method)
    assert (reply.status != 403) == allowed
    assert send(address, ASK, *headers, method="HEAD").status == 403 or not any(
        name == "Origin" and value in (EVIL, "null") for name, value in headers
    )


def test_nobody_is_signed_out_from_elsewhere(server: tuple[str, tuple[str, str]]) -> None:
    address, _ = server
    for site, status in ((SAME, 200), (NONE, 200), (CROSS_SITE, 403), (SITE, 403)):
        assert send(address, LOGOUT, site, COOKIE).status == status


OURS = ("127.0.0.1", "localhost", "localhost:8501", "127.3.4.5:1", "[::1]", "[::1]:8501", "a.localhost:80", "LOCALHOST")
THEIRS = (
    *(
        "evil.example",
        "evil.example:8501",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
    ),
    *("", "localhost@evil.example", "evil.example@localhost", "localhost/evil", "localhost:", "[::1", "2130706433"),
)


def test_without_sign_in_requests_must_name_this_machine(local: str, tmp_path: Path) -> None:
    for host in OURS:
        assert send(local, ASK, ("Host", host)).status == 200, host
    for host in THEIRS:
        for path in (ASK, "/", "/_stcore/health"):
            assert send(local, path, ("Host", host)).status == 403, host
    with gated(Settings(store=tmp_path, public_url="http://briefs.localhost:8501"), sign_in=False) as named:
        assert send(named, ASK, ("Host", "briefs.localhost:8501")).status == 200
        assert send(named, ASK, ("Host", "other.example")).status == 403


def test_with_sign_in_any_name_will_do(server: tuple[str, tuple[str, str]]) -> None:
    address, key = server
    assert send(address, ASK, key, ("Host", "briefs.internal")).status == 200
