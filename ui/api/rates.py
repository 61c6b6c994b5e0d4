"""How many requests each caller may send."""

from __future__ import annotations

import hashlib
import logging
import math
import time

import anyio.to_thread
from limits import RateLimitItem, parse
from limits.errors import ConfigurationError, StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.errors import SettingsError
from index.settings import Settings
from ui.access.caller import caller_of
from ui.api.guard import is_open
from ui.api.problems import Problem, problem_response
from ui.telemetry.metrics import REFUSED

STORE_S = 1.0
"""How long a store elsewhere may take, in seconds."""
AWAY_S = 5.0
"""How long it is left alone after it failed, in seconds: requests do not wait for it one by one."""
_LOG = logging.getLogger("briefs.rates")


class Rates:
    """The counts of one limit. The server's own memory stands in while a store elsewhere cannot be reached."""

    def __init__(self, settings: Settings) -> None:
        """:raises SettingsError: if ``rate_limit`` or ``rate_store`` cannot be used."""
        self.limit, store = _limit(settings.rate_limit), _store(settings.rate_store)
        self._far = None if isinstance(store, MemoryStorage) else MovingWindowRateLimiter(store)
        near = store if isinstance(store, MemoryStorage) else MemoryStorage()
        self._near = MovingWindowRateLimiter(near)
        self._away_until = 0.0
        self.policy = f'"caller";q={self.limit.amount};w={self.limit.get_expiry()}'

    async def count(self, caller: str) -> tuple[bool, int, int]:
        """One more request of ``caller``: whether it is within the limit, how many are left, seconds until there are more."""
        if self._far and time.monotonic() >= self._away_until:
            try:
                found = await anyio.to_thread.run_sync(self._count, self._far, caller)
            except StorageError:
                if not self._away_until:
                    _LOG.warning(
                        "the store of the rate limit cannot be reached; this server counts for itself until it can"
                    )
                self._away_until = time.monotonic() + AWAY_S
            else:
                if self._away_until:
                    _LOG.warning("the store of the rate limit is reached again")
                    self._away_until = 0.0
                return found
        return self._count(self._near, caller)

    def _count(self, counts: MovingWindowRateLimiter, caller: str) -> tuple[bool, int, int]:
        within = counts.hit(self.limit, caller)
        window = counts.get_window_stats(self.limit, caller)
        wait_s = max(1, math.ceil(window.reset_time - time.time()))
        return within, max(0, window.remaining), min(wait_s, self.limit.get_expiry())


class RateLimits:
    """Counts requests by caller, says in every response how many are left, and refuses those beyond the limit."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self.app, self.rates = app, rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or 429."""
        if scope["type"] != "http" or is_open(scope):
            await self.app(scope, receive, send)
            return
        caller = caller_of(scope)
        name = hashlib.blake2b(f"{caller.kind}:{caller.owner}".encode(), digest_size=12).hexdigest()
        within, left, wait_s = await self.rates.count(name)
        stand = {"RateLimit-Policy": self.rates.policy, "RateLimit": f'"caller";r={left};t={wait_s}'}

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(stand)
            await send(message)

        if within:
            await self.app(scope, receive, telling)
            return
        REFUSED.labels("rate").inc()
        detail = f"more than {self.rates.limit}; try again in {wait_s} s"
        problem = Problem(429, "too-many-requests", detail, {"Retry-After": str(wait_s)})
        await problem_response(problem, scope)(scope, receive, telling)


def _limit(text: str) -> RateLimitItem:
    try:
        limit = parse(text)
    except ValueError:
        limit = None
    if limit is None or limit.amount < 1:
        raise SettingsError(f"setting rate_limit: found {text!r}, expected something like 120/minute")
    return limit


def _store(url: str) -> Storage:
    patience = {"socket_connect_timeout": STORE_S, "socket_timeout": STORE_S} if url.startswith("redis") else {}
    try:
        store = storage_from_string(url, wrap_exceptions=True, **patience)
    except ConfigurationError as error:
        raise SettingsError(f"setting rate_store: {error}; expected memory:// or redis://host:port") from error
    assert isinstance(store, Storage)
    return store
