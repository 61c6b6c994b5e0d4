"""Whether the server is alive, and whether it can answer."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import anyio.to_thread
from fastapi import FastAPI, Path, Request, Response
from starlette.responses import JSONResponse

from assistant import Assistant
from assistant.generative.access import access_of
from index.errors import BriefsError, SettingsError
from index.settings import Settings
from ui.access.caller import CALLER, Caller
from ui.api.problems import KINDS, Problem
from ui.api.results import HealthResult, KindResult, ReadyResult
from ui.api.routing import described
from ui.api.service import Service
from ui.telemetry.metrics import show_metrics

PROBE = "What do the briefs say?"
METRICS_KINDS = ("text/plain", "application/openmetrics-text")
MODEL_S = 15.0
"""How long it is believed that the model is reached, or is not, in seconds."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """``ready``; ``degraded`` while the model cannot be reached; else ``reason`` says what is wrong and what mends it."""

    status: Literal["ready", "degraded", "unavailable"]
    reason: str = ""
    generation: str = ""
    briefs: int = 0


class Readying:
    """Looks at the index whenever asked, tries it once for each generation, and the model every ``MODEL_S`` seconds."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._looking = threading.Lock()
        self._tried = ""
        self._model: tuple[float, str] = (-MODEL_S, "")

    def look(self) -> Readiness:
        """How things are now."""
        with self._looking:
            try:
                generation = self._assistant.generation
                if self._tried != generation.id:
                    if not self._assistant.search(PROBE, top_k=1):
                        return Readiness("unavailable", "the index finds nothing; run `briefs index`")
                    self._tried = generation.id
            except BriefsError as error:
                return Readiness("unavailable", str(error))
            found = Readiness("ready", generation=generation.id, briefs=len(generation.brief_ids))
            wrong = self._model_trouble()
            return replace(found, status="degraded", reason=wrong) if wrong else found

    def _model_trouble(self) -> str:
        settings = self._assistant.settings
        if settings.engine != "model":
            return ""
        at, wrong = self._model
        if time.monotonic() - at >= MODEL_S:
            wrong = _unreached(settings)
            self._model = (time.monotonic(), wrong)
        return wrong


def _unreached(settings: Settings) -> str:
    """Why no connection to the model's server can be made, empty if one can. Nothing is sent."""
    quoted = "until then answers are quoted from the briefs"
    try:
        parts = urlsplit(access_of(settings).url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), settings.model_connect_s).close()
    except SettingsError as error:
        return f"{error}; {quoted}"
    except OSError as error:
        return f"the model's server cannot be reached ({error.strerror or error}); {quoted}"
    return ""


def add_health(api: FastAPI, service: Service) -> None:
    """``/healthz``, ``/readyz`` and ``/metrics``, here and below ``/v1``; ``/v1/problems/{kind}``."""
    readying = Readying(service.assistant)

    async def healthz() -> HealthResult:
        """The process answers."""
        return HealthResult(status="ok")

    async def readyz(request: Request) -> Response:
        """Questions can be answered."""
        if service.traffic.stopping:
            return JSONResponse({"status": "stopping"}, 503)
        found = await anyio.to_thread.run_sync(readying.look)
        told: dict[str, Any] = {"status": found.status}
        if _reads_everything(request):
            told |= {name: getattr(found, name) for name in ("reason", "generation", "briefs") if getattr(found, name)}
        return JSONResponse(told, 503 if found.status == "unavailable" else 200)

    async def metrics(request: Request) -> Response:
        """Metrics for Prometheus."""
        return await show_metrics(request, service.assistant)

    async def get_problem_kind(kind: Annotated[str, Path(examples=["invalid"])]) -> KindResult:
        """What a kind of problem means."""
        if kind not in KINDS:
            raise Problem(404, "not-found", f"no kind of problem of this name; there are {', '.join(KINDS)}")
        status, meaning = KINDS[kind]
        return KindResult(type=f"/api/v1/problems/{kind}", status=status, meaning=meaning)

    ready: dict[int | str, dict[str, Any]] = {
        **described(),
        200: {"description": "Ready, or degraded.", "model": ReadyResult},
        503: {"description": "Not ready.", "model": ReadyResult},
    }
    shown = {"description": "Metrics.", "content": {kind: {"schema": {"type": "string"}} for kind in METRICS_KINDS}}
    for prefix in ("", "/v1"):
        add: dict[str, Any] = {"tags": ["health"], "include_in_schema": prefix == "/v1"}
        api.get(f"{prefix}/healthz", summary="Alive", responses=described(), **add)(healthz)
        api.get(f"{prefix}/readyz", summary="Ready", responses=ready, **add)(readyz)
        api.get(f"{prefix}/metrics", summary="Metrics", responses=described(s200=shown), **add)(metrics)
    api.get("/v1/problems/{kind}", summary="A kind of problem", responses=described("not-found"), tags=["health"])(
        get_problem_kind
    )


def _reads_everything(request: Request) -> bool:
    caller: Caller | None = request.scope.get(CALLER)
    return caller is not None and caller.kind != "metrics" and caller.labels is None
