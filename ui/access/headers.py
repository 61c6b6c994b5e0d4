"""Where a request may come from, and the headers of every response. docs/access.md has the tables."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.settings import Settings
from ui.access.bearer import presented
from ui.access.login import LOGOUT
from ui.access.origins import host_of, is_loopback, portal_origins, public_origin
from ui.api.problems import Problem, problem_response

SAFE = {"GET", "HEAD", "OPTIONS"}
WIDGET = ("/api/widget.js", "/api/widget/")
# Streamlit loads components from blobs and styles its widgets inline.
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob: data:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' blob: data:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE = {
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_API = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-store"}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": (
        "Accept, Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Mcp-Protocol-Version, X-Request-Id"
    ),
    "Access-Control-Max-Age": "600",
}
_EXPOSED = (
    "Answer-Id, X-Request-Id, Retry-After, ETag, Location, Link, Content-Disposition, WWW-Authenticate, "
    "RateLimit, RateLimit-Policy, Idempotency-Replayed"
)


class SafeHeaders:
    """Refuses requests from foreign places, and sets the headers of responses. :raises SettingsError: for a bad origin."""

    def __init__(self, app: ASGIApp, settings: Settings, sign_in: bool) -> None:
        """``sign_in`` says whether callers must say who they are; while not, only this machine may be named as host."""
        self.app, self.sign_in = app, sign_in
        self.origins, self.public = portal_origins(settings), public_origin(settings)
        self.proxy_header = settings.proxy_user_header
        self.page = {
            **_ALWAYS,
            **_PAGE,
            "Content-Security-Policy": " ".join([_PAGE_POLICY, "'self'", *self.origins]),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, answer a preflight, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers, api = Headers(scope=scope), is_api(scope["path"])
        origin = headers.get("origin", "")
        sending = self._sending(send, scope["path"], origin)
        problem = self._problem(scope, headers)
        if problem:
            await refuse(problem, scope, receive, sending)
        elif scope["type"] == "http" and api and _is_preflight(scope["method"], headers):
            await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, sending)
        else:
            if api:
                scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() != b"cookie"]
            await self.app(scope, receive, sending)

    def _problem(self, scope: Scope, headers: Headers) -> Problem | None:
        if not self.sign_in and not self._is_our_host(headers.get("host", "")):
            return Problem(403, "origin", "the Host header names another machine; use localhost, or set public_url")
        if scope["type"] == "websocket":
            allowed = self._is_own(headers)
        else:
            changes = scope["method"] not in SAFE or scope["path"] == LOGOUT
            foreign = is_api(scope["path"]) and "origin" in headers and not self._is_own(headers)
            allowed = (not changes or self._may_change(headers)) and (not foreign or headers["origin"] in self.origins)
        if allowed:
            return None
        return Problem(403, "origin", "requests from this origin are not allowed; portal_origins lists those that are")

    def _is_our_host(self, host: str) -> bool:
        name = host_of(host)
        return is_loopback(name) or (bool(name) and name == urlsplit(self.public).hostname)

    def _is_own(self, headers: Headers) -> bool:
        """Whether a page of ours sent it. Hosts are compared alone: a proxy may have spoken https with the browser."""
        origin = headers.get("origin", "")
        if headers.get("sec-fetch-site", "same-origin") != "same-origin" or not origin:
            return False
        host = urlsplit(origin).netloc
        return origin == self.public or (bool(host) and host == headers.get("host"))

    def _may_change(self, headers: Headers) -> bool:
        """Whether nobody but a page of ours, the user or a listed portal can have made the browser send it."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site in ("same-origin", "none") or (site is None and (origin is None or self._is_own(headers))):
            return True
        if "cookie" in headers:
            return False
        return bool(presented(headers)) or (origin in self.origins and self.proxy_header not in headers)

    def _sending(self, send: Send, path: str, origin: str) -> Send:
        api, widget = is_api(path), path.startswith(WIDGET)
        added = {**_ALWAYS, **_API} if api else self.page

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in added.items():
                    headers.setdefault(name, value)
                if widget:
                    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
                if api:
                    del headers["set-cookie"]
                    headers.add_vary_header("Origin")
                    if origin in self.origins:
                        headers["Access-Control-Allow-Origin"] = origin
                        headers["Access-Control-Expose-Headers"] = _EXPOSED
                elif path.startswith("/media/"):
                    headers["Cache-Control"] = "no-store"
                if self.public.startswith("https:"):
                    _secure_cookies(message)
            await send(message)

        return send_with_headers


def is_api(path: str) -> bool:
    """Whether a path is the API's, as the server routes it."""
    return path == "/api" or path.startswith("/api/")


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the problem: problem details below ``/api``, a line of text to a browser, a closed websocket."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
    elif is_api(scope["path"]):
        await problem_response(problem, scope)(scope, receive, send)
    else:
        await PlainTextResponse(f"{problem.detail}\n", problem.status, dict(problem.headers or {}))(
            scope, receive, send
        )


def _is_preflight(method: str, headers: Headers) -> bool:
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def _secure_cookies(message: Message) -> None:
    """Cookies of a page that users reach over https are never sent without it."""
    message["headers"] = [
        (name, value + b"; Secure" if name.lower() == b"set-cookie" and b"; secure" not in value.lower() else value)
        for name, value in message["headers"]
    ]
