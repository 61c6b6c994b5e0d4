"""HTTP connections that bound how long a peer may take, which uvicorn does not."""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_S = 20.0
"""How long the head of a request may take to arrive, in seconds."""
FULL_S = 30.0
"""How long a peer may leave unread what was sent, once buffers are full, in seconds."""


class Connection(H11Protocol):
    """Closed when the head of a request is late, or when the peer reads nothing any more."""

    _late: asyncio.TimerHandle | None = None
    _full: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._late = self.loop.call_later(HEAD_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Take what came. No request is waited for while one is served, or once this has become a websocket."""
        super().data_received(data)
        cycle = cast("RequestResponseCycle | None", self.cycle)  # there is none before the first request
        serving = cycle is not None and not cycle.response_complete
        if serving or self.transport.get_protocol() is not self:
            self._waiting_no_more()
        elif self._late is None:
            self._late = self.loop.call_later(HEAD_S, self.transport.abort)

    def pause_writing(self) -> None:
        """Buffers are full."""
        super().pause_writing()
        self._full = self.loop.call_later(FULL_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The peer reads again."""
        if self._full is not None:
            self._full.cancel()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._waiting_no_more()
        if self._full is not None:
            self._full.cancel()
        super().connection_lost(exc)

    def _waiting_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
