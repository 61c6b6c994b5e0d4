"""What people said of an answer, kept beside the index as one JSON object a line: what was wrong, and what was right."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from assistant.types import Answer, Turn
from index.errors import StoreError
from index.settings import Settings

FILE, FILE_UP = "feedback.jsonl", "feedback-up.jsonl"
"""Thumbs down, and thumbs up: a file each, because only what was wrong becomes cases."""
Verdict = Literal["up", "down"]
MAX_WRONG = 4000
"""Characters kept of what somebody wrote."""


def feedback_file(settings: Settings, verdict: Verdict = "down") -> Path:
    """Where feedback of one verdict is kept; it outlives every generation of the index."""
    return settings.store / (FILE if verdict == "down" else FILE_UP)


def record(
    settings: Settings, answer: Answer, wrong: str = "", history: Sequence[Turn] = (), *, verdict: Verdict = "down"
) -> None:
    """Add one record: question, history, the whole answer, the verdict, what was wrong in words, and when (UTC).

    On disk when this returns; several processes may record at once.

    :raises StoreError: if it cannot be written.
    """
    row: dict[str, Any] = {
        "question": answer.question,
        "history": [{"role": turn.role, "content": turn.content} for turn in history],
        "answer": answer.to_json(),
        "verdict": verdict,
        "wrong": wrong.strip()[:MAX_WRONG],
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    append_line(feedback_file(settings, verdict), json.dumps(row))


def append_line(path: Path, line: str) -> None:
    """Add ``line`` to ``path`` under a lock. What a killed writer left half-written gets a line of its own.

    :raises StoreError: if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = file.seek(0, os.SEEK_END)
            torn = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
            file.write((b"\n" if torn else b"") + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}; check its permissions and the disk") from error
