"""Metrics for Prometheus, in a registry of their own. They count for the whole server and name no caller, brief or question."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from assistant import Assistant
from index.errors import BriefsError
from ui.access.caller import caller_of
from ui.api.problems import Problem, problem_response

READERS = frozenset({"local", "metrics"})
"""Kinds of callers who may read the metrics."""
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_SHARES = tuple(k / 10 for k in range(1, 11))

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second time series for each, which nobody asks for
REGISTRY = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

REQUESTS = Counter("briefs_requests", "Requests that have ended.", ("route", "method", "status"), registry=REGISTRY)
LATENCY = Histogram(
    "briefs_request_seconds",
    "From the request to the end of its response.",
    ("route", "method"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
UNDER_WAY = Gauge("briefs_requests_under_way", "Requests that have not ended.", registry=REGISTRY)
SESSIONS = Gauge("briefs_page_sessions", "Websockets of the page that are open.", registry=REGISTRY)
ERRORS = Counter("briefs_errors", "Exceptions that nobody caught.", registry=REGISTRY)
REFUSED = Counter(
    "briefs_refused", "Requests refused with 429, by limit: rate or queue.", ("limit",), registry=REGISTRY
)

ANSWERS = Counter("briefs_answers", "Answers given.", ("status", "engine"), registry=REGISTRY)
CONFIDENCE = Histogram("briefs_answer_confidence", "Confidence of answers.", buckets=_SHARES, registry=REGISTRY)
STAGES = Histogram(
    "briefs_answer_stage_seconds", "Time by stage of an answer.", ("stage",), buckets=_SECONDS, registry=REGISTRY
)
QUEUED = Gauge("briefs_queue_length", "Questions that wait for their turn.", registry=REGISTRY)
WAITED = Histogram(
    "briefs_queue_wait_seconds", "How long questions waited for their turn.", buckets=_SECONDS, registry=REGISTRY
)
STREAMS = Gauge("briefs_streams", "Answers that are being streamed.", registry=REGISTRY)

MODEL_CALLS = Counter("briefs_model_calls", "Requests to the model, by how they ended.", ("reason",), registry=REGISTRY)
MODEL_SECONDS = Histogram(
    "briefs_model_seconds", "From the request to the end of the model's answer.", buckets=_SECONDS, registry=REGISTRY
)
MODEL_TOKENS = Counter(
    "briefs_model_tokens",
    "Tokens sent to the model (prompt) and written by it (completion).",
    ("kind",),
    registry=REGISTRY,
)


class _All(Collector):
    """The registry, and what is looked up when the metrics are read: the index that answers now."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant

    def collect(self) -> Iterator[Metric]:
        yield from REGISTRY.collect()
        up = GaugeMetricFamily("briefs_index_up", "Whether the index can be used.")
        try:
            generation = self._assistant.generation
        except BriefsError:
            up.add_metric((), 0)
            yield up
            return
        manifest = generation.manifest
        up.add_metric((), 1)
        yield up
        yield InfoMetricFamily("briefs_index", "The generation that answers.", {"generation": generation.id})
        built = "When the index was built, in seconds since 1970."
        yield GaugeMetricFamily("briefs_index_built_timestamp_seconds", built, manifest.built_at.timestamp())
        yield GaugeMetricFamily("briefs_index_briefs", "Briefs in the index.", len(manifest.briefs))
        unread = "Files of the corpus that could not be read."
        yield GaugeMetricFamily("briefs_index_failed", unread, len(manifest.failed))
        yield GaugeMetricFamily("briefs_index_chunks", "Chunks in the index.", manifest.chunks)


def exposition(assistant: Assistant, accept: str = "") -> tuple[bytes, str]:
    """All metrics and their content type: the text format of Prometheus, or OpenMetrics where ``accept`` asks for it."""
    if "application/openmetrics-text" in accept.lower():
        text = openmetrics.generate_latest(_All(assistant))  # type: ignore[no-untyped-call]
        return text, openmetrics.CONTENT_TYPE_LATEST
    return generate_latest(_All(assistant)), CONTENT_TYPE_PLAIN_0_0_4


async def show_metrics(request: Request, assistant: Assistant) -> Response:
    """The response to a caller who may read the metrics, 403 to others."""
    if caller_of(request.scope).kind not in READERS:
        detail = "this key may not read the metrics; make one for it with `briefs keys add NAME --metrics`"
        return problem_response(Problem(403, "forbidden", detail), request.scope)
    body, kind = await run_in_threadpool(exposition, assistant, request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": kind})
