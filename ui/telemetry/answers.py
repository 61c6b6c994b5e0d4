"""What is logged and counted of an answer, whichever way it was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assistant import Answer
from index.generation import Generation
from ui.access.caller import Caller
from ui.api.problems import REQUEST_ID
from ui.telemetry.logs import log
from ui.telemetry.metrics import ANSWERS, CONFIDENCE, STAGES
from ui.telemetry.notes import note


def answered(
    answer: Answer,
    generation: Generation,
    caller: Caller,
    scope: Mapping[str, Any] | None = None,
    log_questions: bool = False,
) -> None:
    """Count ``answer``, as it was given from ``generation``, and log what it rests on.

    In the line of the request of ``scope`` if that is still to come, else in a line of its own. Call it once for an answer,
    not for one that is given again.
    """
    ANSWERS.labels(answer.status, answer.engine).inc()
    if answer.timings_ms:  # not one that was stopped, which has no confidence yet
        CONFIDENCE.observe(answer.confidence)
    for stage, milliseconds in answer.timings_ms.items():
        STAGES.labels(stage).observe(milliseconds / 1000)
    fields = _fields(answer, generation) | ({"question": answer.question} if log_questions else {})
    if scope is None or not note(scope, answer=fields):
        known = {"request_id": scope[REQUEST_ID]} if scope and REQUEST_ID in scope else {}
        log("answers", "answer", kind=caller.kind, caller=caller.hash, answer=fields, **known)


def _fields(answer: Answer, generation: Generation) -> dict[str, Any]:
    chunks, sentences = _cited(answer, generation)
    return {
        "status": answer.status,
        "engine": answer.engine,
        "generation": generation.id,
        "confidence": round(answer.confidence, 4),
        "statements": len(answer.statements),
        "chunks": chunks,
        "sentences": sentences,
        "timings_ms": {name: round(value, 2) for name, value in answer.timings_ms.items()},
        **({"tokens": dict(answer.usage)} if answer.usage else {}),
        **({"truncated": True} if answer.truncated else {}),
    }


def _cited(answer: Answer, generation: Generation) -> tuple[list[str], list[int]]:
    """Ids of the chunks, and positions of the sentences, that the citations touch."""
    lines, places = generation.sentences, {brief_id: k for k, brief_id in enumerate(generation.brief_ids)}
    found: dict[int, None] = {}
    for citation in answer.citations:
        inside = lines.brief == places.get(citation.brief_id, -1)
        inside &= (lines.start < citation.end) & (lines.end > citation.start)
        found.update(dict.fromkeys(np.flatnonzero(inside).tolist()))
    chunks = dict.fromkeys(generation.chunk_ids[int(lines.chunk[row])] for row in found)
    return list(chunks), list(found)
