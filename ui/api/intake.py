"""Bodies of requests: read whole before anything looks at them, within bounds of size and time."""

from __future__ import annotations

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.api.problems import Problem, problem_response

BODY_S = 20.0
"""How long a body may take to arrive, in seconds."""


class Intake:
    """Hands on requests with their bodies in one piece; refuses what is too large or too slow."""

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self.app, self.most_bytes = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on. A caller who leaves before the body is whole gets nothing done."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            with anyio.fail_after(BODY_S):
                body = await self._body(scope, receive)
        except TimeoutError:
            detail = f"the body did not arrive within {BODY_S:g} s; send it again"
            await problem_response(Problem(408, "timeout", detail, {"Connection": "close"}), scope)(
                scope, receive, send
            )
            return
        except Problem as problem:
            await problem_response(problem, scope)(scope, receive, send)
            return
        if body is None:
            return
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replayed() -> Message:
            return first.pop() if first else await receive()

        await self.app(scope, replayed, send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body, None if the caller left. :raises Problem: if there is too much of it."""
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self.most_bytes:
            raise self._too_large()
        pieces, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            piece = message.get("body", b"")
            size += len(piece)
            if size > self.most_bytes:
                raise self._too_large()
            pieces.append(piece)
            if not message.get("more_body"):
                return b"".join(pieces)

    def _too_large(self) -> Problem:
        detail = f"the body is larger than {self.most_bytes // 1024} kB; send less, or raise max_body_kb on the server"
        return Problem(413, "too-large", detail, {"Connection": "close"})
