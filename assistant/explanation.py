"""What every stage made of one question: for ``briefs eval --case ID --explain`` and for people who wonder."""

from __future__ import annotations

from typing import Any

import numpy as np

from assistant.answerability import SIGNALS, AnswerabilityModel, all_features
from assistant.findings import Finding, LookUp, choose
from assistant.selection import Run
from assistant.sentences import sentence_text
from index.evidence import CHUNK_FEATURES, chunk_features
from index.generation import Generation
from index.search import Evidence

SHOWN_CHUNKS, SHOWN_SENTENCES = 10, 15


def explain(generation: Generation, found: LookUp, model: AnswerabilityModel) -> dict[str, Any]:
    """A JSON-able account: the query, the best chunks and sentences with their scores and signals, the confidence, the choice.

    A question of several parts has one account of each more under ``parts``, one about how things stand that of the newest
    brief that answers under ``newest``.
    """
    chosen = [_chosen(generation, run) for _, runs in choose(generation, found, model.brevity) for run in runs]
    parts = [_account(generation, finding, model) for finding in found.parts]
    more: dict[str, Any] = {"parts": parts} if parts else {}
    if found.newest:
        more["newest"] = _account(generation, found.newest, model)
    return {**_account(generation, found.whole, model), **more, "chosen": chosen}


def _account(generation: Generation, finding: Finding, model: AnswerabilityModel) -> dict[str, Any]:
    evidence = finding.evidence
    query, found = evidence.query, evidence.found
    asked = {
        "question": query.question,
        "searched": query.searched,
        "mended": query.mended,
        "terms": {term: {"weight": weight} for term, weight in query.weights.items()},
        "asks": [kind.name for kind in query.asks],
    }
    if not len(found.sentences):
        return {"query": asked, "chunks": [], "sentences": [], "confidence": 0.0, "threshold": model.threshold}
    signals = all_features(generation, evidence)
    return {
        "query": asked,
        "chunks": _chunks(generation, evidence),
        "sentences": _sentences(generation, evidence),
        "confidence": round(finding.confidence, 4),
        "threshold": model.threshold,
        "signals": {name: round(float(value), 4) for name, value in zip(SIGNALS, signals, strict=True)},
    }


def _chosen(generation: Generation, run: Run) -> dict[str, Any]:
    brief_id = generation.brief_ids[run.brief]
    return {"brief_id": brief_id, "start": run.start, "end": run.end, "score": round(run.score, 4)}


def _chunks(generation: Generation, evidence: Evidence) -> list[dict[str, Any]]:
    table, found = generation.chunks, evidence.found
    signals = chunk_features(found)
    rows = []
    for row in evidence.best_chunks[:SHOWN_CHUNKS]:
        chunk = int(found.chunks[row])
        rows.append(
            {
                "brief_id": generation.brief_ids[table.brief[chunk]],
                "start": int(table.start[chunk]),
                "end": int(table.end[chunk]),
                "headings": list(generation.headings(chunk)),
                "score": round(float(evidence.chunk_score[row]), 4),
                "signals": {
                    name: round(float(value), 4) for name, value in zip(CHUNK_FEATURES, signals[row], strict=True)
                },
            }
        )
    return rows


def _sentences(generation: Generation, evidence: Evidence) -> list[dict[str, Any]]:
    lines, found = generation.sentences, evidence.found
    rows = []
    for row in np.argsort(-evidence.sentence_score, kind="stable")[:SHOWN_SENTENCES]:
        place = int(found.sentences[row])
        rows.append(
            {
                "brief_id": generation.brief_ids[lines.brief[place]],
                "start": int(lines.start[place]),
                "end": int(lines.end[place]),
                "text": sentence_text(generation, place),
                "score": round(float(evidence.sentence_score[row]), 4),
                "cosine": round(float(found.cosine[row]), 4),
                "bm25": round(float(found.bm25[row]), 4),
            }
        )
    return rows
