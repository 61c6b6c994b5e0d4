"""Addresses and origins in one form: what may embed the page, and where the server itself is found."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from index.errors import SettingsError
from index.settings import Settings

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})*")


def portal_origins(settings: Settings) -> tuple[str, ...]:
    """The origins whose pages may embed the page or the widget, as browsers write them.

    :raises SettingsError: if one of them is not an exact origin, or is neither https nor on this machine.
    """
    return tuple(portal_origin(value) for value in settings.portal_origins)


def portal_origin(value: str) -> str:
    """One origin as browsers write it. :raises SettingsError: as :func:`portal_origins`."""
    origin = _origin(value)
    if origin is None or urlsplit(value).path:
        raise SettingsError(f"portal_origins: found {_shown(value)!r}, expected one such as https://portal.example.org")
    if origin.startswith("http:") and not is_loopback(urlsplit(origin).hostname or ""):
        raise SettingsError(f"portal_origins: {value} is not encrypted; use https, or http on this machine alone")
    return origin


def public_origin(settings: Settings) -> str:
    """``public_url`` as an origin; empty if it is not set. :raises SettingsError: if it is none, or has a path."""
    if not settings.public_url:
        return ""
    origin = _origin(settings.public_url)
    if origin is None or urlsplit(settings.public_url).path not in ("", "/"):
        raise SettingsError(
            f"public_url: found {_shown(settings.public_url)!r}, expected an address without a path, "
            "such as https://briefs.example.org"
        )
    return origin


def is_loopback(host: str) -> bool:
    """Whether a host, without port or brackets, is this machine and no other can reach it. Names are not looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(netloc: str) -> str:
    """The host in a ``Host`` header or an origin's host and port, lower case, without brackets; empty if it is none."""
    try:
        parts = urlsplit(f"//{netloc}")
        return (parts.hostname or "") if _is_plain(parts) and not parts.path else ""
    except ValueError:
        return ""


def _origin(value: str) -> str | None:
    """Scheme, host and port of an address in their one form; None if it is no plain address of the web."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    plain = _is_plain(parts) and value.isprintable() and value == value.strip()  # the parser drops line breaks
    if parts.scheme not in _PORTS or not plain or port == 0:
        return None
    if ":" in host:
        host = f"[{host}]"
    elif not _NAME.fullmatch(host):
        return None
    return f"{parts.scheme}://{host}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


def _shown(value: str) -> str:
    """Without the user and password that somebody may have put before the host."""
    return value.rpartition("@")[2]


def _is_plain(parts: SplitResult) -> bool:
    return "@" not in parts.netloc and not parts.netloc.endswith(":") and not parts.query and not parts.fragment
