"""Requests that are sent twice with the same ``Idempotency-Key``: the second has the outcome of the first."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request

from ui.access.caller import caller_of
from ui.api.problems import Problem

T = TypeVar("T")
HEADER = "Idempotency-Key"
PATTERN = r"^[\x21-\x7e]{1,255}$"
REPLAYED = {"Idempotency-Replayed": "true"}
MOST, KEPT_S = 1000, 3600.0
"""Keys that are kept, and for how long, in seconds."""


@dataclass(slots=True)
class _Sent:
    body: bytes
    outcome: asyncio.Future[Any]
    at: float


class Repeats:
    """The outcomes of requests by caller, path and key. Belongs to the event loop."""

    def __init__(self) -> None:
        self._sent: OrderedDict[Hashable, _Sent] = OrderedDict()

    async def once(
        self, request: Request, make: Callable[[], Awaitable[T]], usable: Callable[[T], bool] = lambda _: True
    ) -> tuple[T, bool]:
        """What ``make`` gives, or what it gave for the same key as far as that is ``usable``, and whether it is from then.

        Without the header it is made anew. What ``make`` raises is not kept.

        :raises Problem: if the key is none, or was sent with another body.
        """
        key = request.headers.get(HEADER)
        if key is None:
            return await make(), False
        if not re.fullmatch(PATTERN, key):
            raise Problem(422, "invalid", f"{HEADER}: expected 1 to 255 visible ASCII characters; send a random one")
        caller = caller_of(request.scope)
        place = (caller, request.method, request.url.path, key)
        body = hashlib.blake2b(await request.body(), digest_size=16).digest()
        while sent := self._find(place):
            if sent.body != body:
                raise Problem(409, "conflict", f"{HEADER}: sent before with another body; take another key")
            await asyncio.wait([sent.outcome])
            if not sent.outcome.cancelled() and usable(sent.outcome.result()):
                return sent.outcome.result(), True
            if self._sent.get(place) is sent:
                del self._sent[place]
        return await self._made(place, body, make), False

    async def _made(self, place: Hashable, body: bytes, make: Callable[[], Awaitable[T]]) -> T:
        sent = _Sent(body, asyncio.get_running_loop().create_future(), time.monotonic())
        self._sent[place] = sent
        try:
            made = await make()
        except BaseException:
            sent.outcome.cancel()
            if self._sent.get(place) is sent:
                del self._sent[place]
            raise
        sent.outcome.set_result(made)
        return made

    def _find(self, place: Hashable) -> _Sent | None:
        now = time.monotonic()
        while self._sent and (len(self._sent) > MOST or next(iter(self._sent.values())).at < now - KEPT_S):
            self._sent.popitem(last=False)
        return self._sent.get(place)
