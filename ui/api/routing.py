"""What all routes have in common: bodies read strictly, the media type agreed on, errors as problems."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from index.errors import BriefsError, QuestionError
from ui.access.caller import Caller, caller_of
from ui.answering import NoConversation
from ui.api.problems import KINDS, MEDIA_TYPE, Problem, fault, problem_of, problem_response, title_of
from ui.api.schemas import TAG
from ui.desk import Full
from ui.telemetry.logs import log_error
from ui.telemetry.metrics import ERRORS, REFUSED

JSON, EVENTS = "application/json", "text/event-stream"
_MOST_ERRORS = 20
_COMMON = (
    "unauthenticated",
    "forbidden",
    "origin",
    "not-acceptable",
    "invalid",
    "too-many-requests",
    "internal",
    "unavailable",
)
_WITH_BODY = ("timeout", "too-large", "media-type")
_log = logging.getLogger("briefs.api")


class _StrictRequest(Request):
    """A request whose JSON is read without what JSON does not have: NaN, lone surrogates, nesting without end."""

    async def json(self) -> Any:
        body = await self.body()
        try:
            return from_json(body, allow_inf_nan=False)
        except ValueError as error:
            raise json.JSONDecodeError(str(error), "", 0) from error


class StrictRoute(APIRoute):
    """A route that answers 415 and 406 before it looks at a request any further."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI's, for strict requests."""
        handle = super().get_route_handler()
        offered = [kind for kind in self._described() if kind != MEDIA_TYPE]
        takes_body = self.body_field is not None

        async def strictly(request: Request) -> Response:
            if takes_body and not _is_json(request.headers.get("content-type", "")):
                detail = f"found {request.headers.get('content-type', 'no Content-Type')[:100]!r}, expected {JSON}"
                raise Problem(415, "media-type", detail, {"Accept-Post": JSON})
            if offered and preferred(request.headers.get("accept", ""), offered) is None:
                raise Problem(406, "not-acceptable", f"this route sends {' or '.join(offered)}; ask for that in Accept")
            return await handle(_StrictRequest(request.scope, request.receive))

        return strictly

    def _described(self) -> Iterable[str]:
        for status, described in self.responses.items():
            if str(status).startswith("2"):
                if "model" in described:
                    yield JSON
                yield from described.get("content", ())


def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """The offered media type that an ``Accept`` header likes best, the first of several; None if it takes none of them."""
    ranges = [found for part in accept.split(",") if (found := _range(part))] or [("*/*", 1.0)]

    def quality(kind: str) -> float:
        major = f"{kind.partition('/')[0]}/*"
        for wanted in (kind, major, "*/*"):
            for name, share in ranges:
                if name == wanted:
                    return share
        return 0.0

    best = max(offered, key=quality)
    return best if quality(best) > 0 else None


def _range(part: str) -> tuple[str, float] | None:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    if name.count("/") != 1:
        return None
    share = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    try:
        return name, min(1.0, max(0.0, float(share)))
    except ValueError:
        return name, 1.0


def _is_json(content_type: str) -> bool:
    kind, *parameters = (piece.strip().lower() for piece in content_type.split(";"))
    charsets = [text.removeprefix("charset=").strip('"') for text in parameters if text.startswith("charset=")]
    return kind == JSON and all(charset in {"utf-8", "utf8"} for charset in charsets)


def described(*kinds: str, body: bool = False, **more: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The responses of a route for the description of the API: those of ``more`` by status (``s200``), and its problems."""
    found: dict[int | str, dict[str, Any]] = {int(status[1:]): dict(one) for status, one in more.items()}
    by_status: dict[int, list[str]] = {}
    for kind in (*_COMMON, *(_WITH_BODY if body else ()), *kinds):
        by_status.setdefault(KINDS[kind][0], []).append(kind)
    for status, same in sorted(by_status.items()):
        found[status] = {
            "description": "; or ".join(KINDS[kind][1].replace("`", "") for kind in same),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {kind: {"value": _example(kind)} for kind in same},
                }
            },
        }
    return found


def _example(kind: str) -> dict[str, Any]:
    status, meaning = KINDS[kind]
    return {
        "type": f"/api/v1/problems/{kind}",
        "title": title_of(status),
        "status": status,
        "detail": meaning.replace("`", ""),
        "request_id": "5f0c1d2e3a4b5c6d",
        **({"errors": [{"loc": ["body", "question"], "msg": "Field required"}]} if kind == "invalid" else {}),
    }


def problem_for(error: Exception, caller: Caller) -> Problem:
    """The problem that an error of ours is. More than its kind is told only to a caller who reads every brief."""
    match error:
        case Problem():
            return error
        case Full():
            REFUSED.labels("queue").inc()
            return Problem(429, "too-many-requests", str(error), {"Retry-After": str(error.retry_s)})
        case NoConversation():
            return Problem(404, "not-found", str(error))
        case QuestionError():
            return _invalid([{"loc": ["body"], "msg": str(error)}])
    if not isinstance(error, BriefsError):
        ERRORS.inc()
        log_error("api", error)
        return fault()
    _log.error("%s", error)
    told = str(error) if caller.labels is None else "the briefs cannot be searched at this time; try again later"
    return Problem(503, "unavailable", told)


def add_handlers(api: FastAPI) -> None:
    """Have every error of ``api`` answered with a problem."""

    @api.exception_handler(BriefsError)
    async def refuse(request: Request, error: Exception) -> Response:
        return problem_response(problem_for(error, caller_of(request.scope)), request.scope)

    @api.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        problem = error if isinstance(error, Problem) else problem_of(error.status_code, error.headers)
        if problem.status == 405:
            problem.headers = {"Allow": ", ".join(_methods(api, request))}
        return problem_response(problem, request.scope)

    @api.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = [_told(one) for one in error.errors()[:_MOST_ERRORS]]
        return problem_response(_invalid(found), request.scope)


def _told(error: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller hears of an error in a request: where it is and what is wrong, not what was found."""
    if error["type"] == "json_invalid":
        return {"loc": ["body"], "msg": f"is no JSON: {error['ctx']['error']}"}
    loc = [part for part in error["loc"] if not (isinstance(part, str) and part.startswith(TAG))]
    return {"loc": loc, "msg": str(error["msg"]).removeprefix("Value error, ")}


def _invalid(errors: list[dict[str, Any]]) -> Problem:
    first = errors[0]
    place = ".".join(str(part) for part in first["loc"])
    return Problem(422, "invalid", f"{place}: {first['msg']}", errors=errors)


def _methods(api: FastAPI, request: Request) -> list[str]:
    """The methods that the path of a request has."""
    matching = [
        route for route in api.routes if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE
    ]
    methods = {method for route in matching for method in route.methods or ()}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))
