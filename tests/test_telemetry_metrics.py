"""Metrics: what is counted, who may read it, and that documentation and dashboard show just these."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from prometheus_client import openmetrics, parser
from prometheus_client.openmetrics import parser as openmetrics_parser
from scripted_model import Play, ScriptedModel, hangs, says, status, then
from starlette.requests import Request
from test_docs import ROOT, check_block
from test_writer_cli import ASKED, CLOSED
from writing import reply, with_model

from assistant import Answer, Assistant
from index.settings import Settings
from ui.access.caller import CALLER, LOCAL, Caller
from ui.telemetry import answered
from ui.telemetry.metrics import REGISTRY, exposition, show_metrics
from ui.telemetry.model import CountedModel
from ui.telemetry.notes import NOTES

DASHBOARD = json.loads((ROOT / "docs" / "dashboard.json").read_text(encoding="utf-8"))
PLATFORM = ("process_", "python_")
BEGINNING = re.compile(r"\b(?:briefs|process|python)_[a-z_]+")


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def assistant(indexed: Settings) -> Assistant:
    """Answers from four small briefs."""
    return Assistant(indexed)


def test_answers_are_counted_and_name_what_they_cite(assistant: Assistant) -> None:
    answer = assistant.ask(ASKED)
    labels = {"status": answer.status, "engine": "extractive"}
    before = value("briefs_answers_total", **labels), value("briefs_answer_stage_seconds_count", stage="search")
    notes: dict[str, Any] = {}
    scope = {NOTES: notes}
    answered(answer, assistant.generation, LOCAL, scope)
    assert value("briefs_answers_total", **labels) == before[0] + 1
    assert value("briefs_answer_stage_seconds_count", stage="search") == before[1] + 1
    fields = notes["answer"]
    generation = assistant.generation
    assert answer.citations[0].brief_id not in str(fields), "ids of briefs are paths, which tell what they are about"
    for position in fields["sentences"]:
        start, end = int(generation.sentences.start[position]), int(generation.sentences.end[position])
        assert any(citation.start < end and start < citation.end for citation in answer.citations)
        assert generation.chunk_ids[generation.sentences.chunk[position]] in fields["chunks"]
    assert ASKED not in json.dumps(fields)


def test_questions_are_logged_if_that_is_wanted(assistant: Assistant) -> None:
    answer = assistant.ask(ASKED)
    notes: dict[str, Any] = {}
    scope = {NOTES: notes}
    answered(answer, assistant.generation, LOCAL, scope, log_questions=True)
    assert notes["answer"]["question"] == ASKED
    assert answer.text not in json.dumps(notes)


def test_a_stopped_answer_has_no_confidence_to_count(assistant: Assistant) -> None:
    before = value("briefs_answer_confidence_count")
    answered(Answer("q", "partial", "t", 0.0), assistant.generation, LOCAL)
    assert value("briefs_answer_confidence_count") == before


@pytest.mark.parametrize(
    ("play", "reason", "prompt"),
    [
        (says(reply(CLOSED)), "stop", {11}),
        (status(503), "error", {0}),
        (then("x", do=hangs), "stalled", range(100, 1000)),  # estimated
    ],
    ids=["stop", "error", "stalled"],
)
def test_calls_of_the_model_are_counted(indexed: Settings, play: Play, reason: str, prompt: Collection[int]) -> None:
    calls, tokens = value("briefs_model_calls_total", reason=reason), value("briefs_model_tokens_total", kind="prompt")
    with ScriptedModel(play) as model:
        settings = with_model(indexed, model.url, model_retries=0, model_between_s=0.2).settings
        answer = Assistant(settings, CountedModel(settings)).ask(ASKED)
    assert answer.status == "answered"
    assert value("briefs_model_calls_total", reason=reason) == calls + 1
    assert value("briefs_model_tokens_total", kind="prompt") - tokens in prompt


def test_settings_of_a_model_that_cannot_be_used_are_no_error(indexed: Settings) -> None:
    settings = indexed.model_copy(update={"engine": "model"})
    answer = Assistant(settings, CountedModel(settings)).ask(ASKED)
    assert (answer.engine, "model_name" in answer.notice) == ("extractive", True)


def families(text: str) -> dict[str, str]:
    """Types by the names that samples begin with."""
    return {family.name: family.type for family in parser.text_string_to_metric_families(text)}


def test_both_formats_are_well_formed(assistant: Assistant) -> None:
    answered(assistant.ask(ASKED), assistant.generation, LOCAL)
    plain, kind = exposition(assistant)
    assert kind.startswith("text/plain")
    found = families(plain.decode())
    assert found["briefs_answers"] == "counter"
    assert found["briefs_answer_confidence"] == "histogram"
    strict, kind = exposition(assistant, "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert kind == openmetrics.exposition.CONTENT_TYPE_LATEST
    families_of = openmetrics_parser.text_string_to_metric_families
    assert len(list(families_of(strict.decode()))) == len(found)  # type: ignore[no-untyped-call]


def test_the_index_is_described(assistant: Assistant, settings: Settings) -> None:
    text = exposition(assistant)[0].decode()
    manifest = assistant.generation.manifest
    assert f'briefs_index_info{{generation="{assistant.generation.id}"}} 1.0' in text
    assert "briefs_index_briefs 4.0" in text
    (built,) = re.findall(r"^briefs_index_built_timestamp_seconds (\S+)$", text, re.M)
    assert float(built) == manifest.built_at.timestamp()
    nowhere = exposition(Assistant(settings.model_copy(update={"store": settings.store / "none"})))[0].decode()
    assert "briefs_index_up 0.0" in nowhere
    assert "briefs_index_info" not in nowhere


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (LOCAL, 200),
        (Caller("metrics", "metrics"), 200),
        (Caller("key", "a", None), 403),
        (Caller("portal", "a", frozenset({"g"})), 403),
        (Caller("user", "a", None), 403),
        (Caller("anonymous", "a"), 403),
    ],
    ids=lambda given: getattr(given, "kind", ""),
)
def test_who_may_read(assistant: Assistant, caller: Caller, expected: int) -> None:
    request = Request({"type": "http", "headers": [], CALLER: caller})
    response = asyncio.run(show_metrics(request, assistant))
    assert response.status_code == expected
    assert (b"briefs_answers" in response.body) == (expected == 200)


def described(assistant: Assistant) -> Iterator[tuple[str, str, Sequence[str], str]]:
    """Name, type, labels and help of each metric of ours."""
    text = exposition(assistant)[0].decode()
    for name, about in re.findall(r"^# HELP (\S+) (.*)$", text, re.M):
        if name.startswith(PLATFORM):
            continue
        base = name.removesuffix("_total").removesuffix("_info")
        own = getattr(REGISTRY, "_names_to_collectors").get(base)  # noqa: B009  (its labels are nowhere else)
        labels = getattr(own, "_labelnames", ("generation",) if name.endswith("_info") else ())
        (kind,) = re.findall(rf"^# TYPE {name} (\S+)$", text, re.M)
        yield name, kind, labels, about


def test_documentation_lists_them(assistant: Assistant) -> None:
    rows = ["| metric | type | labels | what it is |", "|---|---|---|---|"]
    for name, kind, labels, about in described(assistant):
        rows.append(f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {about.rstrip('.')} |")
    rows.append("| `process_*`, `python_info` | | | the process: processor, memory, open files, start |")
    check_block(ROOT / "docs" / "observability.md", "metrics", "\n".join(rows) + "\n")


def test_the_dashboard_asks_for_metrics_that_there_are(assistant: Assistant) -> None:
    text = exposition(assistant)[0].decode()
    known = {name for name, *_ in described(assistant)} | set(
        re.findall(r"^# TYPE ((?:process|python)_\S+)", text, re.M)
    )
    histograms = set(re.findall(r"^# TYPE (\S+) histogram$", text, re.M))
    asked = {
        name
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", [])
        for name in BEGINNING.findall(target["expr"])
    }
    assert {name.removesuffix("_bucket") if name.endswith("_bucket") else name for name in asked} <= known
    assert {name for name in asked if name.endswith("_bucket")} == {f"{name}_bucket" for name in histograms}
    shown = {name.removesuffix("_bucket") for name in asked if name.startswith("briefs_")}
    assert shown == {name for name in known if name.startswith("briefs_")}


def test_the_dashboard_asks_for_labels_that_there_are(assistant: Assistant) -> None:
    labels = {name: set(found) | {"le"} for name, _, found, _ in described(assistant)}
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            names = [name.removesuffix("_bucket") for name in BEGINNING.findall(target["expr"])]
            grouped = re.findall(r"by \(([^)]*)\)", target["expr"])
            wanted = {label for group in grouped for label in re.split(r",\s*", group)}
            wanted |= set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert wanted <= set.union({"le"}, *(labels.get(name, set()) for name in names)), target


def test_the_dashboard_can_be_imported() -> None:
    panels = DASHBOARD["panels"]
    assert DASHBOARD["schemaVersion"] >= 39
    assert len({panel["id"] for panel in panels}) == len(panels)
    (source,) = DASHBOARD["templating"]["list"]
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == f"${{{source['name']}}}"
            assert panel["targets"]
            assert all(target["expr"].count("(") == target["expr"].count(")") for target in panel["targets"])
    for first, second in pairwise(panels):
        assert (first["gridPos"]["y"], first["gridPos"]["x"]) < (second["gridPos"]["y"], second["gridPos"]["x"])
