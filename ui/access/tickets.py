"""Hands the caller of a websocket to the page that is drawn over it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ui.access.caller import ANONYMOUS, Caller

HEADER = "x-briefs-ticket"
"""The header of the websocket that carries the ticket. One that comes with a request is taken off."""


class Tickets:
    """The callers of the websockets that are open, by ticket."""

    def __init__(self) -> None:
        self._admitted: dict[str, tuple[Caller, float]] = {}

    @contextmanager
    def issue(self, caller: Caller, until: float) -> Iterator[str]:
        """A ticket that is valid inside the block, until the time ``until`` (seconds since the epoch)."""
        ticket = secrets.token_urlsafe(32)
        self._admitted[ticket] = (caller, until)
        try:
            yield ticket
        finally:
            self._admitted.pop(ticket, None)

    def is_valid(self, ticket: str) -> bool:
        """Whether its holder is still admitted."""
        _, until = self._admitted.get(ticket, (ANONYMOUS, 0.0))
        return time.time() < until

    def caller(self, ticket: str) -> Caller:
        """Who holds it; nobody in particular if it is not valid."""
        return self._admitted[ticket][0] if self.is_valid(ticket) else ANONYMOUS

    def end(self, owner: str) -> None:
        """End every ticket of a user who signed out."""
        for ticket, (caller, _) in list(self._admitted.items()):
            if caller.owner == owner:
                self._admitted.pop(ticket, None)


TICKETS = Tickets()
"""Those of this process."""
