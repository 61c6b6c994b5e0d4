"""``/search``, ``/briefs``, ``/suggestions``: what the caller may read."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import anyio.to_thread
from fastapi import FastAPI, Path, Query, Request, Response

from index.filters import allowed_briefs
from index.generation import Generation
from index.search import Hit
from index.types import Brief, Metadata, Span
from ui.access.caller import Caller, caller_of
from ui.api.ask import Gone, unless_gone
from ui.api.problems import Problem
from ui.api.results import BriefsResult, HitsResult, SuggestionsResult, WholeBriefResult
from ui.api.routing import JSON, described
from ui.api.schemas import Listing, Mark, SearchBody
from ui.api.service import Service
from ui.api.underway import encoded
from ui.view.brief import lay_out
from ui.view.suggestions import suggested_questions

_HIT = ("brief_id", "source", "start", "end", "text", "score", "rank")
ETAG = {"ETag": {"description": "For If-None-Match.", "schema": {"type": "string"}}}


def add_briefs(api: FastAPI, service: Service) -> None:
    """The routes below ``/v1/search``, ``/v1/briefs`` and ``/v1/suggestions``."""
    assistant = service.assistant

    @api.post(
        "/v1/search",
        tags=["briefs"],
        summary="Find passages",
        responses=described(body=True, s200={"description": "Passages, best first.", "model": HitsResult}),
    )
    async def search(request: Request, body: SearchBody) -> Response:
        caller = caller_of(request.scope)
        filters = caller.narrowed(body.filters.filters() if body.filters else None)

        def work() -> bytes:
            return encoded(
                {"id": None, "hits": [_hit(hit) for hit in assistant.search(body.query, body.top_k, filters)]}
            )

        return await _in_turn(service, request, caller, work)

    @api.get(
        "/v1/suggestions",
        tags=["briefs"],
        summary="Questions to start with",
        responses=described(s200={"description": "Questions that the briefs answer.", "model": SuggestionsResult}),
    )
    async def list_suggestions(request: Request) -> Response:
        caller = caller_of(request.scope)

        def work() -> bytes:
            found = suggested_questions(assistant, caller.labels)
            return encoded({"suggestions": found})

        return await _in_turn(service, request, caller, work)

    @api.get(
        "/v1/briefs",
        tags=["briefs"],
        summary="List briefs",
        responses=described(s200={"description": "A page of the list.", "model": BriefsResult}),
    )
    async def list_briefs(request: Request, listing: Annotated[Listing, Query()]) -> Response:
        caller = caller_of(request.scope)
        body = await anyio.to_thread.run_sync(lambda: _listed(assistant.generation, caller, listing))
        return Response(body, media_type=JSON)

    @api.get(
        "/v1/briefs/{brief_id:path}",
        tags=["briefs"],
        summary="Read a brief",
        responses=described(
            "not-found",
            s200={"description": "The brief with its text.", "model": WholeBriefResult, "headers": ETAG},
            s304={"description": "It has not changed."},
        ),
    )
    async def get_brief(
        request: Request,
        brief_id: Annotated[str, Path(description="May hold slashes.", examples=["border"])],
        mark: Annotated[Mark, Query()],
    ) -> Response:
        caller = caller_of(request.scope)
        body = await anyio.to_thread.run_sync(lambda: _whole(assistant.generation, caller, brief_id, mark))
        headers = {
            "ETag": f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"',
            "Cache-Control": "private, no-cache",
        }
        if _matches(request.headers.get("if-none-match", ""), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=JSON)


async def _in_turn(service: Service, request: Request, caller: Caller, work: Any) -> Response:
    try:
        body = await unless_gone(request, service.turn(caller, work))
    except Gone:
        return Response(status_code=499)  # seen by the log alone
    return Response(body, media_type=JSON)


def _hit(hit: Hit) -> dict[str, Any]:
    return {key: getattr(hit, key) for key in _HIT}


def _listed(generation: Generation, caller: Caller, listing: Listing) -> bytes:
    known = generation.manifest.briefs
    allowed = allowed_briefs(generation.manifest.metadata, caller.narrowed(listing.filters()))
    found = [(known[key].metadata, key) for key in (known if allowed is None else allowed)]
    found.sort(key=lambda one: one[1])
    found.sort(key=lambda one: one[0].date.toordinal() if one[0].date else 0, reverse=True)
    page = found[listing.offset : listing.offset + listing.limit]
    every = [metadata for metadata, _ in found]
    counts = {
        "region": _counted(value for one in every for value in one.region),
        "actor": _counted(value for one in every for value in one.actors),
        "topic": _counted(value for one in every for value in one.topics),
        "kind": _counted(one.kind for one in every if one.kind),
    }
    rows = [_described(key, known[key].source, metadata) for metadata, key in page]
    return encoded(
        {"total": len(found), "offset": listing.offset, "limit": listing.limit, "briefs": rows, "counts": counts}
    )


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda one: (-one[1], one[0])))


def _described(brief_id: str, source: str, metadata: Metadata) -> dict[str, Any]:
    return {
        "brief_id": brief_id,
        "source": source,
        "title": metadata.title,
        "published": metadata.published.isoformat() if metadata.published else None,
        "as_of": metadata.as_of.isoformat() if metadata.as_of else None,
        "kind": metadata.kind,
        "region": metadata.region,
        "actors": metadata.actors,
        "topics": metadata.topics,
    }


def _whole(generation: Generation, caller: Caller, brief_id: str, mark: Mark) -> bytes:
    allowed = caller.allowed(generation)
    if brief_id not in (generation.manifest.briefs if allowed is None else allowed):
        raise Problem(404, "not-found", "no brief of this id; GET /api/v1/briefs lists those that you may read")
    brief = generation.brief(brief_id)
    spans = _marked(mark, len(brief.text))
    blocks = [
        {
            "kind": block.kind,
            "level": block.level,
            "runs": [{"text": run.text, "span": run.label} for run in block.runs],
        }
        for block in lay_out(brief, dict(enumerate(spans, 1)))
    ]
    return encoded(
        {
            **_described(brief.id, brief.source, brief.metadata),
            "generation": generation.id_for(caller.labels),
            "text": brief.text,
            "body": brief.body,
            "spans": [_span(brief, start, end) for start, end in spans],
            "blocks": blocks,
        }
    )


def _marked(mark: Mark, length: int) -> Sequence[Span]:
    """The range asked for, if one was. :raises Problem: if a text of ``length`` characters has no such range."""
    if mark.start is None and mark.end is None:
        return ()
    start, end = mark.start or 0, length if mark.end is None else mark.end
    if not start < end <= length:
        found = f"the brief has {length} characters, so no range from {start} to {end}"
        raise Problem(404, "not-found", f"{found}; it may have changed: leave start and end out")
    return ((start, end),)


def _span(brief: Brief, start: int, end: int) -> dict[str, Any]:
    return {"start": start, "end": end, "text": brief.text[start:end], "page": brief.page_of(start)}


def _matches(wanted: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
    return "*" in tags or etag in tags
