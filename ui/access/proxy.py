"""The user that an authenticating proxy names in a header."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from starlette.types import Scope

from index.errors import SettingsError
from index.settings import Settings
from ui.access.caller import Caller
from ui.api.problems import Problem

_HEADER = re.compile(r"[a-z0-9-]{1,100}")
_TAKEN = {"authorization", "cookie", "host", "origin"}
MAX_USER, MAX_GROUPS = 320, 500

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Proxy:
    """Believes the proxies at ``proxy_addresses``, nobody else. :raises SettingsError: if the settings name none."""

    def __init__(self, settings: Settings) -> None:
        self.user_header, self.groups_header = (
            _header(name, getattr(settings, name)) for name in ("proxy_user_header", "proxy_groups_header")
        )
        if self.groups_header and not self.user_header:
            raise SettingsError("proxy_groups_header is set, but not proxy_user_header; set both")
        self.networks = [_network(address) for address in settings.proxy_addresses]

    def caller(self, scope: Scope) -> Caller | None:
        """The user of a request from the proxy, None if there is none. The headers are taken off, whoever sent them.

        :raises Problem: 401 if the proxy sent a header twice, or one that is no name.
        """
        if not self.user_header:
            return None
        users, groups = (_taken_off(scope, name) for name in (self.user_header, self.groups_header))
        if not users or not self._is_trusted(scope):
            return None
        if len(users) > 1 or len(groups) > 1:
            raise Problem(401, "unauthenticated", "the proxy's header came more than once; it must replace all others")
        user, listed = users[0].strip(), [group.strip() for group in "".join(groups).split(",")]
        if not 0 < len(user) <= MAX_USER or not user.isprintable() or len(listed) > MAX_GROUPS:
            raise Problem(401, "unauthenticated", "the proxy's header names no user")
        return Caller("user", f"proxy:{user}", frozenset(group for group in listed if group), user)

    def _is_trusted(self, scope: Scope) -> bool:
        client = scope.get("client")
        try:
            address = ipaddress.ip_address(client[0] if client else "")
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return any((mapped or address) in network for network in self.networks)


def _taken_off(scope: Scope, name: str) -> list[str]:
    """The values of a header, which the scope no longer has afterwards."""
    headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
    wanted = name.encode()
    scope["headers"] = [pair for pair in headers if pair[0].lower() != wanted]
    return [value.decode("utf-8", "replace") for key, value in headers if key.lower() == wanted]


def _header(setting: str, name: str) -> str:
    lower = name.lower()
    if lower and (not _HEADER.fullmatch(lower) or lower in _TAKEN):
        raise SettingsError(f"{setting}: found {name!r}, expected the name of a header such as X-Forwarded-User")
    return lower


def _network(address: str) -> Network:
    try:
        return ipaddress.ip_network(address)
    except ValueError:
        raise SettingsError(
            f"proxy_addresses: found {address!r}, expected an address or network such as 10.0.3.0/24"
        ) from None
