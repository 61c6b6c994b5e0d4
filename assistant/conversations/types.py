"""What is kept of a conversation. Frozen; times are UTC in ISO 8601 with microseconds, so that they sort as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from assistant.types import SCHEMA, Answer, Citation, NearestBrief, Statement, Turn
from index.errors import StoreMismatch

MAX_TITLE = 80
"""Characters of a title; a longer one is cut between words."""
UNTITLED = "New conversation"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """One question with its answer. ``searched`` is the standalone question; ``at`` is when the answer was there."""

    question: str
    searched: str
    answer: Answer
    at: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation in a list, without its turns; ``turns`` is their number."""

    id: str
    title: str
    created: str
    updated: str
    turns: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation with its turns, oldest first."""

    id: str
    title: str
    created: str
    updated: str
    turns: tuple[KeptTurn, ...] = ()

    @property
    def history(self) -> tuple[Turn, ...]:
        """What ``Assistant.ask`` takes as the conversation so far."""
        return tuple(
            turn for kept in self.turns for turn in (Turn("user", kept.question), Turn("assistant", kept.answer.text))
        )


def short_title(text: str) -> str:
    """``text`` on one line, of ``MAX_TITLE`` characters at most, never empty."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) > MAX_TITLE:
        line = f"{line[: MAX_TITLE - 1].rpartition(' ')[0] or line[: MAX_TITLE - 1]}…"
    return line or UNTITLED


def answer_from_json(kept: Mapping[str, Any]) -> Answer:
    """The answer whose ``to_json`` gave ``kept``; keys that this version does not know are left out.

    :raises StoreMismatch: if its schema is newer than this version's.
    :raises KeyError, TypeError, ValueError, AttributeError: if it is no answer object.
    """
    if kept["schema"] > SCHEMA:
        raise StoreMismatch(f"an answer was kept with schema {kept['schema']}, this version reads {SCHEMA}; upgrade")
    parts: dict[str, Any] = {
        "statements": tuple(
            _known(Statement, {**row, "citations": tuple(row["citations"])}) for row in kept["statements"]
        ),
        "citations": tuple(_known(Citation, row) for row in kept["citations"]),
        "nearest": tuple(_known(NearestBrief, row) for row in kept["nearest"]),
        "verdicts": tuple(dict(row) for row in kept.get("verdicts", ())),
        "readings": tuple(str(reading) for reading in kept.get("readings", ())),
        "drawn_from": tuple(str(brief_id) for brief_id in kept.get("drawn_from", ())),
    }
    plain = {name: value for name, value in kept.items() if not isinstance(value, list)}
    return _known(Answer, {**plain, **parts})


def _known(kind: type[T], row: Mapping[str, Any]) -> T:
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass, as all callers say
    return kind(**{name: value for name, value in row.items() if name in names})
