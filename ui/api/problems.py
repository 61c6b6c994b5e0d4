"""Errors as RFC 9457 problem details: one shape for everything that the API refuses."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "briefs.request_id"
"""Where the id of a request lies in its ASGI scope."""
OPENAI = "/api/openai/"
"""Below this path errors are of OpenAI's shape."""
_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
KINDS: Mapping[str, tuple[int, str]] = {
    "unauthenticated": (
        401,
        "no credential, or not a valid one; `WWW-Authenticate` tells what is expected",
    ),
    "forbidden": (403, "the caller may not do this"),
    "origin": (403, "a page of an origin that is not in `portal_origins`"),
    "not-found": (404, "no such path, brief, answer or conversation, or not for this caller"),
    "method": (405, "`Allow` names the methods that the path has"),
    "not-acceptable": (406, "`Accept` leaves nothing that the route can send"),
    "timeout": (408, "the body did not arrive in time"),
    "conflict": (409, "an idempotency key that was used with another body"),
    "too-large": (413, "a larger body than `max_body_kb`"),
    "media-type": (415, "a body that is not `application/json`"),
    "invalid": (422, "`errors` names each place and what is wrong there"),
    "too-many-requests": (429, "the caller's limit, or a full queue; `Retry-After` says when to try again"),
    "internal": (500, "a fault of the server; the log has more under the request's id"),
    "unavailable": (
        503,
        "no index to answer from, or the server is stopping; `Retry-After` where it makes sense",
    ),
}
"""Every kind of problem with its status and when it occurs, as docs/api.md lists them."""


_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""As RFC 9110 has them; Python took them over later."""


def title_of(status: int) -> str:
    """What a status is called."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


class Problem(HTTPException):
    """What a route raises to answer with a problem.

    ``kind`` is the last part of its ``type`` and one of ``KINDS``. ``detail`` is one line for people: what was found, what was
    expected, what to do. ``extra`` are further members, ``headers`` are sent along.
    """

    def __init__(
        self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(status, detail, headers)
        self.status, self.kind, self.extra = status, kind, extra


def problem_json(problem: Problem, scope: Mapping[str, Any]) -> dict[str, Any]:
    """``type``, ``title``, ``status``, ``detail``, ``request_id`` and the extra members, for the request of ``scope``."""
    return {
        "type": f"/api/v1/problems/{problem.kind}",
        "title": title_of(problem.status),
        "status": problem.status,
        "detail": problem.detail,
        "request_id": scope.get(REQUEST_ID, ""),
        **problem.extra,
    }


def openai_json(problem: Problem, scope: Mapping[str, Any]) -> dict[str, Any]:
    """The problem as clients of OpenAI's API know it: ``message``, ``type``, ``param``, ``code``, and ``request_id``."""
    places = [error["loc"] for error in problem.extra.get("errors", ())]
    known = "server_error" if problem.status >= 500 else "invalid_request_error"
    error = {
        "message": problem.detail,
        "type": _OPENAI_TYPES.get(problem.status, known),
        "param": ".".join(map(str, places[0][1:])) or None if places else None,
        "code": problem.extra.get("code", problem.kind),
        "request_id": scope.get(REQUEST_ID, ""),
    }
    return {"error": error}


def problem_response(problem: Problem, scope: Mapping[str, Any]) -> JSONResponse:
    """The answer to the request of ``scope``: a problem, or below ``OPENAI`` an error of OpenAI's shape."""
    headers = {"Cache-Control": "no-store", **(problem.headers or {})}
    if scope.get("path", "").startswith(OPENAI):
        return JSONResponse(openai_json(problem, scope), 400 if problem.status == 422 else problem.status, headers)
    return JSONResponse(problem_json(problem, scope), problem.status, headers, MEDIA_TYPE)


def fault() -> Problem:
    """The problem for an error that nobody foresaw."""
    return Problem(500, "internal", "something went wrong here; it is in the server's log under this request's id")


def problem_of(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """The problem for a status that some library chose."""
    kind = next((kind for kind, (known, _) in KINDS.items() if known == status), "invalid")
    return Problem(status, kind, f"{title_of(status).lower()}; /api/v1/openapi.json tells what is served", headers)
