"""The caller of a request, as everything behind the gate sees it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from index.filters import Filters, allowed_briefs
from index.generation import Generation

Kind = Literal["local", "user", "key", "portal", "metrics", "anonymous"]
_SALT = secrets.token_bytes(16)
CALLER = "briefs.caller"
"""Where the gate puts the caller into an ASGI scope."""


@dataclass(frozen=True, slots=True)
class Caller:
    """``local`` where sign-in is off, ``user`` of the page or a proxy, ``key`` of the API, ``portal`` on behalf of its user.

    ``metrics`` may read the metrics and nothing else, ``anonymous`` what is open without sign-in. ``owner`` keeps callers'
    conversations apart; ``labels`` are the caller's groups, None for every brief; ``name`` is shown to the caller alone.
    """

    kind: Kind
    owner: str = ""
    labels: frozenset[str] | None = frozenset()
    name: str = ""

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that tell callers apart in logs while this process runs, and no more than that."""
        return hashlib.blake2b(f"{self.kind}:{self.owner}".encode(), key=_SALT, digest_size=6).hexdigest()

    def allowed(self, generation: Generation) -> frozenset[str] | None:
        """The ids of the briefs that the caller may see, None for all."""
        return allowed_briefs(generation.manifest.metadata, Filters(labels=self.labels))

    def narrowed(self, filters: Filters | None = None) -> Filters:
        """``filters`` of a request with the caller's labels; labels that the request itself brings can only narrow them."""
        wanted = filters or Filters()
        if self.labels is None:
            return wanted
        labels = self.labels if wanted.labels is None else self.labels & wanted.labels
        return replace(wanted, labels=labels)


LOCAL = Caller("local", labels=None)
"""Whoever asks on this machine while sign-in is off: reads every brief."""
ANONYMOUS = Caller("anonymous", "anonymous")
"""Whoever has not signed in."""


def caller_of(scope: Mapping[str, Any]) -> Caller:
    """The caller whom the gate admitted. :raises KeyError: outside of the gate, which is a fault of ours."""
    caller: Caller = scope[CALLER]
    return caller
