"""Errors as RFC 9457 problem details: one shape for everything that the API refuses."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "briefs.request_id"
"""Where the id of a request lies in its ASGI scope."""


class Problem(Exception):
    """What a route raises to answer with a problem.

    ``kind`` is the last part of its ``type`` and names its section in docs/api.md. ``detail`` is one line for people: what
    was found, what was expected, what to do. ``extra`` are further members, ``headers`` are sent along.
    """

    def __init__(
        self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.headers, self.extra = headers or {}, extra


def problem_response(problem: Problem, scope: Mapping[str, Any]) -> JSONResponse:
    """The answer to the request of ``scope``: ``type``, ``title``, ``status``, ``detail``, ``request_id`` and the extra members."""
    body = {
        "type": f"/api/v1/problems/{problem.kind}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "request_id": scope.get(REQUEST_ID, ""),
        **problem.extra,
    }
    return JSONResponse(body, problem.status, dict(problem.headers), MEDIA_TYPE)
