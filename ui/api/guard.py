"""What surrounds every request below ``/api``: faults become problems, a stopping server takes no more, ``HEAD`` is ``GET``."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.api.problems import Problem, fault, problem_response
from ui.telemetry.logs import log_error
from ui.telemetry.metrics import ERRORS

OPEN_PATHS = ("/healthz", "/readyz", "/metrics", "/widget")
"""Beginnings of paths below ``/api`` and ``/api/v1`` that are served to everybody at any time, uncounted."""
RETRY_S = 5
"""When to come back to a server that stops, in seconds: by then another may have taken its place."""


class Traffic:
    """How many requests are under way, and whether the server is ``stopping``."""

    def __init__(self) -> None:
        self.under_way = 0
        self.stopping = False


def path_below(scope: Scope) -> str:
    """The path of a request below ``/api``."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or "/"


def is_open(scope: Scope) -> bool:
    """Whether the request is for one of ``OPEN_PATHS``."""
    return path_below(scope).removeprefix("/v1").startswith(OPEN_PATHS)


class Guard:
    """The outermost layer of the API."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self.app, self.traffic = app, traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and answer with a problem whatever is raised."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self.traffic.stopping and not is_open(scope):
            detail = f"the server is stopping; try again in {RETRY_S} s"
            headers = {"Retry-After": str(RETRY_S), "Connection": "close"}
            await problem_response(Problem(503, "unavailable", detail, headers), scope)(scope, receive, send)
            return
        self.traffic.under_way += 1
        try:
            await self._served(scope, receive, send)
        finally:
            self.traffic.under_way -= 1

    async def _served(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        head = scope["method"] == "HEAD"

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send({**message, "body": b""} if head and message["type"] == "http.response.body" else message)

        if head:
            scope["method"] = "GET"
        try:
            await self.app(scope, receive, noting)
        except Exception as error:  # noqa: BLE001  (logged, and the caller gets a problem)
            ERRORS.inc()
            log_error("api", error)
            if not started:
                await problem_response(fault(), scope)(scope, receive, noting)
        finally:
            if head:
                scope["method"] = "HEAD"
