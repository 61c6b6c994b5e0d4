"""Which settings a server starts with, whether callers must then say who they are, and what is said about it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from command import briefs
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from index.errors import SettingsError
from index.settings import Settings
from ui.access.keys import KeyStore
from ui.access.login import login_secrets
from ui.access.origins import is_loopback, portal_origin, portal_origins, public_origin
from ui.access.startup import sign_in_needed, warnings, ways_in

PUBLIC = "https://briefs.example.org"
SECRETS = {"oidc_client_secret": SecretStr("client secret"), "oidc_cookie_secret": SecretStr("c" * 32)}
LOGIN: Mapping[str, Any] = {
    **SECRETS,
    "public_url": PUBLIC,
    "oidc_url": "https://login.example.org/.well-known/openid-configuration",
    "oidc_client_id": "briefs",
}
PROXY: Mapping[str, Any] = {"proxy_user_header": "X-Forwarded-User"}
HERE = ("127.0.0.1", "127.0.0.53", "::1", "localhost", "briefs.localhost")
ELSEWHERE = (
    "0.0.0.0",
    "::",
    "",
    "192.168.1.7",
    "briefs.example.org",
    "localhost.example.org",
    "127.0.0.1.nip.io",
    "::ffff:10.0.0.1",
)


@pytest.mark.parametrize("host", HERE)
def test_off_on_this_machine(tmp_path: Path, host: str) -> None:
    for auth in ("auto", "off"):
        assert sign_in_needed(Settings(store=tmp_path, auth=auth), host) is False
    assert sign_in_needed(Settings(store=tmp_path, public_url="http://127.0.0.1:8501"), host) is False


@pytest.mark.parametrize("host", ELSEWHERE)
def test_on_elsewhere_and_never_open(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match=r"auth = off, but .* other machines; set auth = on"):
        sign_in_needed(Settings(store=tmp_path, auth="off", **PROXY), host)
    for auth in ("auto", "on"):
        with pytest.raises(SettingsError, match=r"there is no way to sign in: .*`briefs keys add`"):
            sign_in_needed(Settings(store=tmp_path, auth=auth), host)
        assert sign_in_needed(Settings(store=tmp_path, auth=auth, **PROXY), host)
        assert sign_in_needed(Settings(store=tmp_path, auth=auth, **LOGIN), host)
    KeyStore(tmp_path).add("analytics")
    assert sign_in_needed(Settings(store=tmp_path), host)


def test_a_public_address_is_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"auth = off, but public_url {PUBLIC} is not an address of this machine"):
        sign_in_needed(Settings(store=tmp_path, auth="off", public_url=PUBLIC), "127.0.0.1")
    with pytest.raises(SettingsError, match="no way to sign in"):
        sign_in_needed(Settings(store=tmp_path, public_url=PUBLIC), "127.0.0.1")


def test_a_login_that_is_set_up_is_asked_for(tmp_path: Path) -> None:
    here: Mapping[str, Any] = {**LOGIN, "public_url": "http://localhost:8501"}
    assert sign_in_needed(Settings(store=tmp_path, **here), "127.0.0.1")
    assert sign_in_needed(Settings(store=tmp_path, **PROXY), "127.0.0.1")
    assert not sign_in_needed(Settings(store=tmp_path, auth="off", **here), "127.0.0.1")


def test_revoked_keys_are_no_way_in(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    key, _ = store.add("analytics")
    assert ways_in(Settings(store=tmp_path, auth="on")) == ["1 key"]
    store.revoke(key.id)
    with pytest.raises(SettingsError, match="no way to sign in"):
        sign_in_needed(Settings(store=tmp_path, auth="on"), "127.0.0.1")


@pytest.mark.parametrize("missing", ["public_url", "oidc_client_id", "oidc_client_secret", "oidc_cookie_secret"])
def test_half_a_login_is_refused(tmp_path: Path, missing: str) -> None:
    values = {name: value for name, value in LOGIN.items() if name != missing}
    with pytest.raises(SettingsError, match=f"oidc_url is set, but not {missing}"):
        sign_in_needed(Settings(store=tmp_path, auth="on", **values), "127.0.0.1")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"oidc_cookie_secret": SecretStr("short but secret")}, "oidc_cookie_secret is too short"),
        ({"oidc_url": "http://login.example.org"}, "oidc_url is not encrypted"),
        ({"public_url": "briefs.example.org"}, "public_url: found 'briefs.example.org'"),
        ({"public_url": "https://briefs.example.org/briefs"}, "without a path"),
        ({"public_url": "https://ann:pw@briefs.example.org"}, "found 'briefs.example.org'"),
        ({"proxy_user_header": "X Forwarded"}, "proxy_user_header: found 'X Forwarded'"),
        ({"proxy_user_header": "Cookie"}, "proxy_user_header: found 'Cookie'"),
        ({"proxy_groups_header": "X-Groups"}, "but not proxy_user_header"),
        ({"proxy_addresses": ("10.0.0.1/8",)}, "proxy_addresses: found '10.0.0.1/8'"),
        ({"proxy_addresses": ("proxy.example.org",)}, "proxy_addresses: found 'proxy.example.org'"),
        ({"portal_origins": ("*",)}, "portal_origins: found '*'"),
    ],
)
def test_settings_that_cannot_be_used_are_one_line(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        sign_in_needed(Settings(store=tmp_path, auth="on", **{**LOGIN, **changes}), "127.0.0.1")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not any(secret in str(caught.value) for secret in ("client secret", "c" * 32, "short but", "pw"))


def test_what_is_unwise_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    KeyStore(tmp_path).add("intranet", "portal", public_key="pem", origins=frozenset({"https://p.example"}))
    KeyStore(tmp_path).add("analytics")
    settings = Settings(store=tmp_path, auth="on")
    with caplog.at_level(logging.WARNING):
        assert sign_in_needed(settings, "0.0.0.0")
    assert "the page is closed" in caplog.text
    assert "portal tokens are refused: public_url" in caplog.text
    unencrypted = settings.model_copy(update={"public_url": "http://briefs.example.org", **PROXY})
    assert [line.split(":")[0] for line in warnings(unencrypted)] == ["public_url http"]
    assert warnings(settings.model_copy(update={"public_url": "http://localhost:1", **PROXY})) == []


def test_streamlit_is_told_what_it_needs() -> None:
    assert login_secrets(Settings()) == {}
    auth = login_secrets(Settings(**{**LOGIN, "public_url": f"{PUBLIC}/", "oidc_scopes": "openid groups"}))["auth"]
    assert auth["redirect_uri"] == f"{PUBLIC}/oauth2callback"
    assert auth["client_kwargs"] == {"scope": "openid groups"}


ORIGINS = {
    "https://portal.example.org": "https://portal.example.org",
    "HTTPS://Portal.Example.org": "https://portal.example.org",
    "https://portal.example.org:443": "https://portal.example.org",
    "https://portal.example.org:8443": "https://portal.example.org:8443",
    "https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
    "https://portal": "https://portal",
    "https://10.1.2.3": "https://10.1.2.3",
    "https://[2001:db8::1]:8443": "https://[2001:db8::1]:8443",
    "http://localhost:9000": "http://localhost:9000",
    "http://127.0.0.1:80": "http://127.0.0.1",
    "http://[::1]:9000": "http://[::1]:9000",
}
NO_ORIGINS = (
    *("*", "null", "", "portal.example.org", "//portal.example.org", "https://", "https://*", "https://*.example.org"),
    *(
        "https://portal.example.org/",
        "https://portal.example.org/x",
        "https://portal.example.org?x",
        "https://p.example#x",
    ),
    *(
        "http://portal.example.org",
        "ftp://portal.example.org",
        "file:///",
        "javascript:alert(1)",
        "https://p.example:0",
    ),
    *(
        "https://p.example:99999",
        "https://p.example:x",
        "https://p.example:",
        "https://u:p@p.example",
        "https://bücher.example",
    ),
    *(
        " https://p.example",
        "https://p.example ",
        "https://p.example;x",
        "https://p.example'",
        "https://p.example\nx",
        "https://a b",
    ),
    *("https://-p.example", "https://p..example", "https://p.example.", "https://[::1", "'self'", "https:", "data:"),
)


@pytest.mark.parametrize("value", ORIGINS)
def test_origins_have_one_form(value: str) -> None:
    assert portal_origin(value) == ORIGINS[value]


@pytest.mark.parametrize("value", NO_ORIGINS)
def test_what_is_no_exact_origin_is_refused(value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        portal_origins(Settings(portal_origins=("https://portal.example.org", value)))
    assert "portal_origins" in str(caught.value)


@given(st.text(max_size=60) | st.text(max_size=30).map("https://{}".format))
def test_whatever_passes_cannot_break_out_of_a_policy(value: str) -> None:
    try:
        origin = portal_origin(value)
    except SettingsError:
        return
    assert not set(origin) & set(" ;,'\"*\n\r\t\\@?#")
    assert origin == portal_origin(origin)


def test_public_url_may_end_in_a_slash() -> None:
    assert public_origin(Settings(public_url="https://Briefs.example.org:443/")) == PUBLIC
    assert public_origin(Settings()) == ""


def test_names_are_not_looked_up() -> None:
    assert not any(is_loopback(host) for host in ELSEWHERE)
    assert all(is_loopback(host) for host in HERE)


def test_doctor_tells_how_callers_sign_in(tmp_path: Path) -> None:
    def signing_in(**variables: str) -> list[dict[str, str]]:
        named = {f"BRIEFS_{name}".upper(): value for name, value in variables.items()}
        done = briefs("doctor", "--json", cwd=tmp_path, expected=1, variables=named)
        assert not any(value in done.stdout for name, value in variables.items() if "secret" in name)
        return [check for check in json.loads(done.stdout)["checks"] if check["name"] == "sign-in"]

    (tmp_path / "corpus").mkdir()
    assert [check["detail"] for check in signing_in()] == ["off, for this machine alone"]
    KeyStore(tmp_path / ".briefs").add("analytics")
    on, unwise = signing_in(auth="on")
    assert (on["status"], on["detail"]) == ("ok", "on: 1 key")
    assert (unwise["status"], "the page is closed" in unwise["detail"]) == ("warn", True)
    (failed,) = signing_in(oidc_url="https://login.example.org", oidc_client_secret="very secret indeed")
    assert (failed["status"], failed["remedy"]) == ("fail", "see docs/access.md")
