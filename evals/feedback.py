"""From answers that people found wrong to draft cases, for somebody to complete and keep."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.feedback import FILE, record
from evals.cases import Message, SuiteError
from evals.files import write_whole

__all__ = ["Feedback", "drafts", "read", "record", "write_drafts"]

_HEAD = """\
# Drafts from feedback. To make one count: correct answerable, add facts and spans, delete `draft: true`.
# The spans are what the answer cited, which may be the very thing that was wrong.
"""


class Feedback(BaseModel):
    """One record as ``assistant.feedback.record`` writes it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    question: str
    history: tuple[Message, ...] = ()
    answer: dict[str, Any]
    wrong: str = ""
    at: str = ""


def read(where: Path) -> tuple[list[Feedback], list[str]]:
    """Records of a file, or of the ``feedback.jsonl`` of a store; and a line on each row that is none.

    :raises SuiteError: if the file cannot be read.
    """
    path = where / FILE if where.is_dir() else where
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise SuiteError(f"{path}: {error.strerror}; expected feedback, one JSON object a line") from error
    found: list[Feedback] = []
    broken: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(Feedback.model_validate_json(line))
        except ValidationError as error:
            broken.append(f"{path}: line {number}: left out, {error.errors()[0]['msg']}")
    return found, broken


def drafts(records: Sequence[Feedback], known: Collection[str]) -> Iterator[dict[str, Any]]:
    """A draft case for each record whose id is not among ``known``; the same record has the same id every time."""
    seen = set(known)
    for one in records:
        key = hashlib.sha256(json.dumps([one.question, one.at, one.wrong]).encode()).hexdigest()[:10]
        case_id = f"feedback-{key}"
        if case_id in seen:
            continue
        seen.add(case_id)
        answered = one.answer.get("status") != "abstained"
        case: dict[str, Any] = {"id": case_id, "kind": "feedback", "draft": True, "question": one.question}
        if one.history:
            case["history"] = [message.model_dump() for message in one.history]
        # Whoever finds an abstention wrong says that there is an answer; the other way round it is only a guess.
        case["answerable"] = True
        if answered:
            case["spans"] = [{"brief": c["brief_id"], "quote": c["quote"]} for c in one.answer.get("citations", ())]
        note = f"{one.at}: {one.wrong or 'thumbs down'}. It said: {one.answer.get('text', '')}"
        yield case | {"note": " ".join(note.split())}


def write_drafts(folder: Path, suite: str, cases: Sequence[dict[str, Any]]) -> Path:
    """A new suite file ``feedback-N.yaml`` in ``folder`` with the drafts.

    :raises ReportError: if it cannot be written.
    """
    number = 1
    while (path := folder / f"feedback-{number}.yaml").exists():
        number += 1
    text = yaml.safe_dump({"suite": suite, "cases": list(cases)}, allow_unicode=True, sort_keys=False, width=120)
    write_whole(path, _HEAD + text)
    return path
