"""The middleware that says who is asking, or refuses."""

from __future__ import annotations

import logging
import time

import anyio
import anyio.to_thread
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from index.errors import StoreError
from index.settings import Settings
from ui.access.bearer import CHALLENGE, Bearer, is_ours, presented
from ui.access.caller import ANONYMOUS, CALLER, LOCAL, Caller
from ui.access.headers import WIDGET, is_api, refuse
from ui.access.login import CALLBACK, LOGIN, LOGOUT, Login, Logins
from ui.access.proxy import Proxy
from ui.access.tickets import HEADER, TICKETS
from ui.api.problems import Problem

OPEN_API = {f"/api{base}/{name}" for base in ("", "/v1") for name in ("healthz", "readyz")} | {"/api/v1/openapi.json"}
OPEN_API_BELOW = (*WIDGET, "/api/v1/problems/")
"""What the API tells without sign-in: nothing about briefs."""
METRICS = {"/api/metrics", "/api/v1/metrics"}
PAGES = ("/evals",)
OPEN_PAGE = {"/", "/index.html", "/favicon.png", "/manifest.json", LOGIN, LOGOUT, CALLBACK} | {
    f"/_stcore/{name}" for name in ("health", "host-config", "stream")
}
OPEN_PAGE_BELOW = ("/static/",)
"""What it takes to draw the button that signs in."""
CLOSED = ("/_stcore/agent", "/_stcore/metrics", "/_stcore/script-health-check", "/_stcore/upload_file")
"""Routes of Streamlit that the page does not use; some would run it, or tell of sessions, for whoever asks."""
_log = logging.getLogger(__name__)


class Gate:
    """Puts the ``Caller`` into the scope of every request and websocket that it lets through."""

    def __init__(self, app: ASGIApp, settings: Settings, sign_in: bool) -> None:
        """``sign_in`` says whether callers must say who they are. :raises SettingsError: if the settings contradict."""
        self.app, self.sign_in = app, sign_in
        self._bearer, self._proxy, self._logins = Bearer(settings), Proxy(settings), Logins(settings)
        self._life_s = settings.login_hours * 3600
        self._threads = anyio.CapacityLimiter(4)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the caller, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() != HEADER.encode()]
        try:
            by_proxy = self._proxy.caller(scope)
            login = await self._api(scope, by_proxy) if is_api(scope["path"]) else self._page(scope, by_proxy)
        except Problem as problem:
            await refuse(problem, scope, receive, send)
            return
        scope[CALLER] = login.caller
        if scope["type"] == "websocket":
            with TICKETS.issue(login.caller, login.until) as ticket:
                scope["headers"] = [*scope["headers"], (HEADER.encode(), ticket.encode())]
                await self.app(scope, receive, send)
            return
        if scope["path"] == LOGOUT and login.caller.kind == "user":
            TICKETS.end(login.caller.owner)
        await self.app(scope, receive, send)

    async def _api(self, scope: Scope, by_proxy: Caller | None) -> Login:
        path, credential = scope["path"], presented(headers := Headers(scope=scope))
        if path in OPEN_API or path.startswith(OPEN_API_BELOW):
            return Login(ANONYMOUS if self.sign_in else LOCAL, 0)
        if credential and (self.sign_in or is_ours(credential)):
            caller = await self._by_bearer(headers)
        elif self.sign_in and by_proxy is None:
            raise Problem(401, "unauthenticated", "send a key or a portal token as bearer credential", CHALLENGE)
        else:
            caller = by_proxy if self.sign_in and by_proxy else LOCAL
        if path in METRICS and caller.kind not in ("metrics", "local"):
            raise Problem(403, "forbidden", "metrics need a key of their own: `briefs keys add NAME --metrics`")
        if path not in METRICS and caller.kind == "metrics":
            raise Problem(403, "forbidden", "this key reads metrics alone")
        return Login(caller, 0)

    async def _by_bearer(self, headers: Headers) -> Caller:
        """Off the event loop: the store may have to wait for another process."""
        try:
            return await anyio.to_thread.run_sync(self._bearer.caller, headers, limiter=self._threads)
        except StoreError as error:
            _log.error("keys cannot be read: %s", error)
            raise Problem(503, "unavailable", "credentials cannot be checked at the moment; try again") from error

    def _page(self, scope: Scope, by_proxy: Caller | None) -> Login:
        path = _below_page(scope["path"])
        if path.startswith(CLOSED):
            raise Problem(404, "not-found", "there is nothing here")
        until = time.time() + self._life_s
        if not self.sign_in:
            return Login(LOCAL, float("inf"))
        if by_proxy:
            return Login(by_proxy, until)
        if login := self._logins.of(HTTPConnection(scope).cookies):
            return login
        if not self._logins.is_set_up:
            raise Problem(401, "unauthenticated", "the page is closed here; come through the proxy that signs you in")
        if path in OPEN_PAGE or path.startswith(OPEN_PAGE_BELOW):
            return Login(ANONYMOUS, until)
        raise Problem(401, "unauthenticated", "sign in first")


def _below_page(path: str) -> str:
    """The path without the page's own: below it a browser looks for Streamlit's files first."""
    for page in PAGES:
        if path == page or path.startswith(f"{page}/"):
            return path.removeprefix(page) or "/"
    return path
