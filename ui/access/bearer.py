"""The caller that an ``Authorization`` header stands for."""

from __future__ import annotations

import re

from starlette.datastructures import Headers

from index.settings import Settings
from ui.access.caller import Caller
from ui.access.keys import PREFIX, Key, KeyStore
from ui.access.origins import portal_origins, public_origin
from ui.access.tokens import Refused, verify
from ui.api.problems import Problem

_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="briefs"'}
_INVALID = {"WWW-Authenticate": 'Bearer realm="briefs", error="invalid_token"'}


class Bearer:
    """Keys and portal tokens, as docs/access.md tells them."""

    def __init__(self, settings: Settings) -> None:
        self.keys = KeyStore(settings.store)
        self.public, self.origins = public_origin(settings), portal_origins(settings)

    def caller(self, headers: Headers) -> Caller:
        """Who the credential in ``headers`` stands for.

        :raises Problem: 401 if it is not valid, without telling why.
        :raises StoreError: if the keys cannot be read.
        """
        credential = presented(headers)
        if credential.startswith(PREFIX):
            key = self.keys.holder(credential)
            if key:
                return _caller_of(key)
        else:
            try:
                origin = self._origin(headers)
                claims = verify(credential, self.keys, self.public, origin, self.origins)
                return Caller("portal", f"portal:{origin}:{claims.subject}", claims.groups, claims.subject)
            except Refused:
                pass
        raise Problem(401, "unauthenticated", "the credential is not valid; get a new one", _INVALID)

    def _origin(self, headers: Headers) -> str:
        """The origin of the page that asks. To its own server a browser does not name it with GET."""
        own = self.public if headers.get("sec-fetch-site") == "same-origin" else ""
        return headers.get("origin", own)


def presented(headers: Headers) -> str:
    """The bearer credential in ``headers``; empty if there is none. Two are none that anybody could mean."""
    values = headers.getlist("authorization")
    scheme, _, credential = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    return credential.strip() if scheme.lower() == "bearer" else ""


def is_ours(credential: str) -> bool:
    """Whether it has the form of a key or a token."""
    return credential.startswith(PREFIX) or _TOKEN.fullmatch(credential) is not None


def _caller_of(key: Key) -> Caller:
    if key.kind == "metrics":
        return Caller("metrics", f"key:{key.id}", frozenset(), key.name)
    return Caller("key", f"key:{key.id}", key.groups, key.name)
