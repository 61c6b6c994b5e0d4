"""Whether sign-in is on, and whether the settings that it needs are there: asked before the server starts."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from index.errors import SettingsError
from index.settings import Settings
from ui.access.keys import KeyStore
from ui.access.origins import is_loopback, portal_origins, public_origin
from ui.access.proxy import Proxy

MIN_SECRET = 32
"""Characters of a secret that signs cookies."""
_log = logging.getLogger(__name__)


def sign_in_needed(settings: Settings, host: str) -> bool:
    """As :func:`examine`; what is unwise goes to the log."""
    needed = examine(settings, host)
    for warning in warnings(settings) if needed else ():
        _log.warning("%s", warning)
    return needed


def examine(settings: Settings, host: str) -> bool:
    """Whether callers must say who they are, on a server that listens at ``host``.

    :raises SettingsError: if the server must not start so: open to others, without a way in, or half set up.
    :raises StoreError: if the keys cannot be read.
    """
    portal_origins(settings)
    others = _reachable_by_others(settings, host)
    Proxy(settings)
    if settings.auth == "off":
        if others:
            raise SettingsError(f"auth = off, but {others}; set auth = on and a way to sign in, see docs/access.md")
        return False
    login = bool(settings.oidc_url)
    if login:
        _check_login(settings)
    needed = settings.auth == "on" or bool(others) or login or bool(settings.proxy_user_header)
    if needed:
        ways = ways_in(settings)
        if not ways:
            why = others or "auth = on"
            raise SettingsError(
                f"{why}, but there is no way to sign in: set oidc_url or proxy_user_header, "
                "or add a key with `briefs keys add`; see docs/access.md"
            )
    return needed


def ways_in(settings: Settings) -> list[str]:
    """How callers can sign in as things stand, for people."""
    valid = [key for key in KeyStore(settings.store).listed() if key.state == "valid"]
    ways = [f"OpenID Connect at {urlsplit(settings.oidc_url).netloc}"] if settings.oidc_url else []
    if settings.proxy_user_header:
        ways.append(f"{settings.proxy_user_header} from {', '.join(settings.proxy_addresses) or 'nowhere'}")
    for kind, words in (("key", "key"), ("portal", "portal key"), ("metrics", "metrics key")):
        if count := sum(key.kind == kind for key in valid):
            ways.append(f"{count} {words}{'s' * (count > 1)}")
    return ways


def warnings(settings: Settings) -> list[str]:
    """What is allowed but unwise once sign-in is on, one line each."""
    found = []
    public = public_origin(settings)
    if public.startswith("http:") and not is_loopback(urlsplit(public).hostname or ""):
        found.append(f"public_url {public} is not encrypted: sign-ins and keys can be read on the way; use https")
    if not settings.oidc_url and not settings.proxy_user_header:
        found.append("the page is closed: neither oidc_url nor proxy_user_header is set; the API takes keys")
    if not public and any(key.kind == "portal" for key in KeyStore(settings.store).listed()):
        found.append("portal tokens are refused: public_url, which they name as audience, is not set")
    return found


def _reachable_by_others(settings: Settings, host: str) -> str:
    """Why others can reach the server, empty if they cannot."""
    if not is_loopback(host):
        return f"{host or 'the address'} can be reached from other machines"
    public = public_origin(settings)
    if public and not is_loopback((urlsplit(public).hostname or "").strip("[]")):
        return f"public_url {public} is not an address of this machine"
    return ""


def _check_login(settings: Settings) -> None:
    """:raises SettingsError: if the login lacks something."""
    values = {
        "public_url": settings.public_url,
        "oidc_client_id": settings.oidc_client_id,
        "oidc_client_secret": settings.oidc_client_secret.get_secret_value(),
        "oidc_cookie_secret": settings.oidc_cookie_secret.get_secret_value(),
    }
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise SettingsError(f"oidc_url is set, but not {', '.join(missing)}; see docs/access.md")
    if len(values["oidc_cookie_secret"]) < MIN_SECRET:
        raise SettingsError(f"oidc_cookie_secret is too short; use {MIN_SECRET} random characters or more")
    url = urlsplit(settings.oidc_url)
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname or "")):
        raise SettingsError("oidc_url is not encrypted; expected https://…/.well-known/openid-configuration")
