"""The FastAPI application below ``/api``."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware import Middleware
from starlette.routing import Route

from index.settings import Settings
from ui.api.ask import add_ask
from ui.api.briefs import add_briefs
from ui.api.completions import add_completions
from ui.api.conversations import add_changes, add_conversations, add_feedback
from ui.api.guard import Guard
from ui.api.health import add_health
from ui.api.intake import Intake
from ui.api.mcpserver import McpEndpoint
from ui.api.rates import RateLimits, Rates
from ui.api.results import ProblemResult, schema_of
from ui.api.routing import StrictRoute, add_handlers
from ui.api.service import Service
from ui.widget import routes as widget_routes

_ABOUT = """\
Answers questions over a folder of briefs with exact quotations, or says that the briefs do not answer them.

Offsets count code points, half-open, in the canonical text of a brief. Errors are problem details (RFC 9457). docs/api.md tells the rest.
"""
_SCHEMES = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "bk_<id>_<secret>",
        "description": "A key of `briefs keys add`. Belongs into a backend, never into a browser.",
    },
    "portal": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of at most 5 minutes that a portal's backend signs for one of its users.",
    },
}
_OPEN = ("/v1/healthz", "/v1/readyz", "/v1/problems/{kind}")


def build_api(settings: Settings, *, sign_in: bool = False) -> FastAPI:
    """The API for ``settings``; it expects the gate and the telemetry around it.

    Its ``state.service`` is what the routes share, and it serves while ``state.run()`` is entered.
    ``sign_in`` says whether callers must say who they are.

    :raises SettingsError: if the rate limit or its store cannot be used.
    """
    service = Service.of(settings)
    api = FastAPI(
        title="Briefs",
        version="1",
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        middleware=[
            Middleware(Guard, traffic=service.traffic),
            Middleware(RateLimits, rates=Rates(settings)),
            Middleware(Intake, most_bytes=settings.max_body_kb * 1024),
        ],
    )
    api.state.service = service
    api.router.route_class = StrictRoute
    add_handlers(api)
    for add in (add_ask, add_briefs, add_conversations, add_changes, add_feedback, add_completions, add_health):
        add(api, service)
    mcp = McpEndpoint(settings)
    api.state.run = mcp.run
    api.router.routes += [Route("/mcp", mcp), *widget_routes(settings)]
    api.openapi = lambda: _description(api, sign_in=sign_in)  # type: ignore[method-assign]  # as FastAPI has it done
    return api


def _description(api: FastAPI, *, sign_in: bool) -> dict[str, Any]:
    """OpenAPI, with problems, and with credentials where callers need them."""
    if api.openapi_schema is None:
        found = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
        components = found.setdefault("components", {})
        problem = schema_of(ProblemResult)
        components["schemas"] |= {"Problem": problem} | problem.pop("$defs")
        for unused in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(unused, None)
        components["securitySchemes"] = _SCHEMES
        found["security"] = [{"key": []}, {"portal": []}, *([] if sign_in else [{}])]
        for path in _OPEN:
            found["paths"][path]["get"]["security"] = []
        api.openapi_schema = found
    return api.openapi_schema
