"""The portal's pages, all under a strict policy, and the route that mints tokens for its users.

Its sign-in is a toy: a cookie with a name that anybody can choose. A real portal takes the user from its own session.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ui.access.tokens import mint

HERE = Path(__file__).parent
ICON = HERE.parent / "assets" / "icon.png"
ENGLISH, URDU = 'lang="en"', 'lang="ur" dir="rtl"'
PAGES = {
    "/": ("inline", "In the page", ENGLISH),
    "/launcher": ("launcher", "In the corner", ENGLISH),
    "/urdu": ("urdu", "اردو", URDU),
    "/frame": ("frame", "In a frame", ENGLISH),
}
"""File, name and language of each page by its path."""
USERS = {"amina": ("staff", "press"), "bilal": ("press",), "guest": ()}
"""The demonstration users and their groups."""
COOKIE = "portal-user"
LIFE_S = 120
POLICY = (
    "default-src 'none'; script-src 'self' {briefs}; connect-src {briefs} 'self'; style-src 'self'; frame-src {briefs}; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
)
"""The strictest policy that the assistant works under."""


@dataclass(frozen=True, slots=True)
class Portal:
    """Where the assistant is, and how tokens for it are made.

    ``briefs`` is its address, ``audience`` its ``public_url`` if that is another. ``key`` is the private key (PEM) that it
    knows as ``key_id``; without one nobody gets a token, for an assistant where sign-in is off. Tokens last ``life_s`` seconds.

    :raises ValueError: if ``briefs`` is no address, or one of ``key`` and ``key_id`` lacks the other.
    """

    briefs: str
    key: str = field(default="", repr=False)
    key_id: str = ""
    audience: str = ""
    life_s: int = LIFE_S

    def __post_init__(self) -> None:
        if not re.fullmatch(r"https?://[\w.-]+(:\d+)?", self.briefs, re.ASCII):
            raise ValueError(f"found {self.briefs!r} as the assistant's address; expected http://HOST:PORT")
        if bool(self.key) != bool(self.key_id):
            raise ValueError("a key needs its id, and an id its key; give --key-file and --key-id, or neither")


def build_portal(portal: Portal) -> Starlette:
    """The portal as an ASGI app. It answers to names of this machine alone."""
    headers = {"Content-Security-Policy": POLICY.format(briefs=portal.briefs), "Cache-Control": "no-store"}

    async def page(request: Request) -> Response:
        return HTMLResponse(_page(portal, request.url.path, request.cookies.get(COOKIE, "")), headers=headers)

    async def sign_in(request: Request) -> Response:
        user = (await request.body()).decode(errors="replace")
        response = Response(status_code=204 if user in USERS else 404)
        if user in USERS:
            response.set_cookie(COOKIE, user, httponly=True, samesite="strict")
        return response

    async def token(request: Request) -> Response:
        """What the widget's ``getToken`` asks for. The user comes from the session, never from the request's own words."""
        user = request.cookies.get(COOKIE, "")
        if user not in USERS or not portal.key:
            return PlainTextResponse("sign in first", 401, headers)
        minted = mint(
            portal.key,
            portal.key_id,
            audience=portal.audience or portal.briefs,
            origin=str(request.base_url).rstrip("/"),
            subject=user,
            groups=USERS[user],
            life_s=portal.life_s,
        )
        return PlainTextResponse(minted, headers=headers)

    async def icon(_: Request) -> Response:
        return FileResponse(ICON)

    return Starlette(
        routes=[
            *(Route(path, page) for path in PAGES),
            Route("/sign-in", sign_in, methods=["POST"]),
            Route("/token", token, methods=["POST"]),
            Route("/icon.png", icon),
            Mount("/assets", StaticFiles(directory=HERE / "assets")),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


def _page(portal: Portal, path: str, user: str) -> str:
    """A page with the portal's head, the way to its other pages, and who is signed in where tokens are minted."""
    file, title, language = PAGES[path]
    links = (
        f'<a href="{other}"{" aria-current=page" if other == path else ""} {words}>{name}</a>'
        for other, (_, name, words) in PAGES.items()
    )
    users = (
        f'<button type="button" data-user="{one}" aria-pressed="{str(one == user).lower()}">{one}</button>'
        for one in USERS
    )
    content = Template(_text(file)).substitute(briefs=portal.briefs)
    return Template(_text("page")).substitute(
        language=language,
        title=title,
        links="".join(links),
        users=f"<p>Signed in as {''.join(users)}</p>" if portal.key else "",
        tokens="yes" if portal.key else "no",
        content=content,
    )


def _text(page: str) -> str:
    return (HERE / "pages" / f"{page}.html").read_text(encoding="utf-8")
