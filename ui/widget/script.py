"""The modules of ``source/`` joined into one script, and the route that serves it."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from index.settings import Settings

SOURCE = Path(__file__).with_name("source")
MODULES = (
    "texts",
    "german",
    "urdu",
    "dom",
    "records",
    "stream",
    "tokens",
    "api",
    "answer",
    "panel",
    "conversation",
    "styles",
    "element",
)
"""In this order: what a module needs while it loads comes before it."""
HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}
"""The script holds nothing but code: any page may load it. What it may ask is another matter, which the API decides."""


@lru_cache(maxsize=1)
def script() -> bytes:
    """All modules in one scope, so that no name may be declared twice; an ES module, in UTF-8."""
    joined = "\n".join((SOURCE / f"{name}.js").read_text(encoding="utf-8") for name in MODULES)
    return re.sub(r"^export (?=\w)", "", joined, flags=re.MULTILINE).encode()


def routes(settings: Settings | None = None) -> list[Route]:
    """``/widget.js``, to be mounted below ``/api``; the same for all settings and callers."""
    whole, packed = script(), gzip.compress(script(), mtime=0)
    tag = f'W/"{hashlib.sha256(whole).hexdigest()[:32]}"'

    async def widget(request: Request) -> Response:
        """The script, compressed where that is understood; 304 for a caller who has it."""
        headers = {**HEADERS, "ETag": tag}
        known = {one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")}
        if known & {tag.removeprefix("W/"), "*"}:
            return Response(status_code=304, headers=headers)
        if _takes_gzip(request.headers.get("Accept-Encoding", "")):
            return Response(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type="text/javascript")
        return Response(whole, headers=headers, media_type="text/javascript")

    return [Route("/widget.js", widget)]


def _takes_gzip(accepted: str) -> bool:
    """Whether ``Accept-Encoding`` names gzip, or anything, with a quality above 0."""
    offered = {
        name.strip().lower(): quality for name, _, quality in (one.partition(";") for one in accepted.split(","))
    }
    quality = offered.get("gzip", offered.get("*"))
    return quality is not None and not re.fullmatch(r"\s*q=0(\.0*)?\s*", quality)
