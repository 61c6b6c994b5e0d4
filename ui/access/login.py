"""The page's OpenID Connect login: what Streamlit is told about it, and what its cookie says."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer
from streamlit import config
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from index.settings import Settings
from ui.access.caller import Caller
from ui.access.origins import portal_origins, public_origin

LOGIN, LOGOUT, CALLBACK = "/auth/login", "/auth/logout", "/oauth2callback"
LONGEST_COOKIES = 64 * 1024
"""Bytes of all cookies together that a page may bring."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user who is signed in, until the time ``until`` (seconds since the epoch)."""

    caller: Caller
    until: float


def login_secrets(settings: Settings) -> dict[str, Any]:
    """The secrets that ``st.login`` works with; empty without a provider. Its metadata is read when somebody signs in."""
    if not settings.oidc_url:
        return {}
    return {
        "auth": {
            "redirect_uri": f"{public_origin(settings)}{CALLBACK}",
            "cookie_secret": settings.oidc_cookie_secret.get_secret_value(),
            "client_id": settings.oidc_client_id,
            "client_secret": settings.oidc_client_secret.get_secret_value(),
            "server_metadata_url": settings.oidc_url,
            "client_kwargs": {"scope": settings.oidc_scopes},
        }
    }


def prepare_page(settings: Settings) -> None:
    """Tell Streamlit which windows it may take messages from, and what to sign the cookie of a login under way with.

    To be called once ``st.App`` has been made: it is what leads Streamlit to the page's own configuration.
    """
    config.set_option("client.allowedOrigins", list(portal_origins(settings)))
    if settings.oidc_url:
        config.set_option("server.cookieSecret", settings.oidc_cookie_secret.get_secret_value())
    # websockets, loaded by the server later on, would refuse the cookies of users with many groups.
    os.environ.setdefault("WEBSOCKETS_MAX_LINE_LENGTH", str(LONGEST_COOKIES))
    # A sign-in that fails, which anybody can bring about, is a line of the log and no traceback.
    logging.getLogger("streamlit.web.server.starlette.starlette_auth_routes").addFilter(_in_one_line)


def _in_one_line(record: logging.LogRecord) -> bool:
    if record.exc_info and record.exc_info[0]:
        record.msg, record.exc_info = f"{record.msg} ({record.exc_info[0].__name__})", None
    return True


class Logins:
    """Reads the cookie that Streamlit sets once the provider has vouched for the user, for it does not expire there."""

    def __init__(self, settings: Settings) -> None:
        self.is_set_up = bool(settings.oidc_url)
        self._origin, self._groups = public_origin(settings), settings.oidc_groups
        self._life_s = int(settings.login_hours * 3600)
        self._secret = settings.oidc_cookie_secret.get_secret_value()

    def of(self, cookies: Mapping[str, str]) -> Login | None:
        """The user of ``cookies``, None without a sign-in that is still valid."""
        if not self.is_set_up or USER_COOKIE_NAME not in cookies:
            return None
        ends: list[float] = []

        def read(name: str) -> bytes | None:
            """One cookie; a large login is spread over several, each signed under its own name."""
            signed = URLSafeTimedSerializer(self._secret, salt=name)
            try:
                value, at = signed.loads(cookies.get(name, ""), max_age=self._life_s, return_timestamp=True)
            except BadData:
                return None
            ends.append(at.timestamp() + self._life_s)
            return value.encode() if isinstance(value, str) else None

        try:
            claims = json.loads(get_cookie_with_chunks(read, USER_COOKIE_NAME) or b"{}")
        except ValueError:
            return None
        caller = self._caller(claims) if isinstance(claims, dict) else None
        return Login(caller, min(ends)) if caller else None

    def _caller(self, claims: Mapping[str, object]) -> Caller | None:
        subject, issuer = claims.get("sub"), claims.get("iss")
        if claims.get("is_logged_in") is not True or claims.get("origin") != self._origin or not subject:
            return None
        found = claims.get(self._groups)
        groups = frozenset(one for one in found if isinstance(one, str)) if isinstance(found, list) else frozenset()
        names = (claims.get(claim) for claim in ("name", "email", "preferred_username"))
        return Caller("user", f"login:{issuer}:{subject}", groups, str(next(filter(None, names), subject)))
