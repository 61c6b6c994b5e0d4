"""What the assistant answers. Frozen; the JSON form is a contract (``SCHEMA``) that others script against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

SCHEMA = 1
"""Version of the answer object; raised when a key changes its meaning or disappears."""

Status = Literal["answered", "partial", "abstained"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, oldest first in a history."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Citation:
    """Exact words of a brief: ``brief.text[start:end] == quote``, half-open character offsets.

    ``label`` is the number shown, from 1 in order of first use. ``published`` is the brief's day (ISO) or None,
    ``page`` counts from 1 and is None for formats without pages.
    """

    label: int
    brief_id: str
    source: str
    title: str
    published: str | None
    quote: str
    start: int
    end: int
    page: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The citation as the contract has it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing the answer says and the labels of the citations that it rests on: none only where it is ``unsupported``.

    ``group`` names what a run of statements has in common (an actor in a comparison), empty for none. ``unsupported`` says
    why a model's statement is shown struck out: its quotes do not bear it out. Empty for what is stated.
    """

    text: str
    citations: tuple[int, ...]
    group: str = ""
    unsupported: str = ""


@dataclass(frozen=True, slots=True)
class NearestBrief:
    """A brief that comes nearest to a question that the corpus does not answer."""

    brief_id: str
    source: str
    title: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, statements with their citations, and how they came about.

    ``confidence`` is the calibrated probability in [0, 1] that the corpus holds the answer. ``missing`` says what a
    partial answer or an abstention lacks, in words for people. ``searched`` is the standalone question that was
    searched. ``timings_ms`` are milliseconds by stage; ``usage`` counts tokens where a model was called.

    Of a model's answer, ``model`` names it and its address, ``raw`` is what it wrote and ``verdicts`` what became of each of
    its statements. ``notice`` tells readers what did not go as asked (the model failed, so the answer is quoted from the
    briefs), ``truncated`` that the model was cut short. ``readings`` are the questions to choose from when one was asked that
    has several meanings. ``drawn_from`` are the ids of the briefs that the readings come from, or that a model was shown:
    its words may hold something of any of them.
    """

    question: str
    status: Status
    text: str
    confidence: float
    statements: tuple[Statement, ...] = ()
    citations: tuple[Citation, ...] = ()
    nearest: tuple[NearestBrief, ...] = ()
    engine: str = "extractive"
    generation: str = ""
    searched: str = ""
    missing: str = ""
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    usage: Mapping[str, int] = field(default_factory=dict)
    id: str | None = None
    model: str = ""
    notice: str = ""
    truncated: bool = False
    raw: str = ""
    verdicts: tuple[Mapping[str, Any], ...] = ()
    readings: tuple[str, ...] = ()
    drawn_from: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The answer object, ``"schema": 1``."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "question": self.question,
            "searched": self.searched,
            "status": self.status,
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "statements": [
                {
                    "text": s.text,
                    "citations": list(s.citations),
                    **({"group": s.group} if s.group else {}),
                    **({"unsupported": s.unsupported} if s.unsupported else {}),
                }
                for s in self.statements
            ],
            "citations": [citation.to_json() for citation in self.citations],
            "nearest": [{"brief_id": n.brief_id, "source": n.source, "title": n.title} for n in self.nearest],
            "missing": self.missing,
            "engine": self.engine,
            "generation": self.generation,
            "timings_ms": {name: round(value, 2) for name, value in self.timings_ms.items()},
            "usage": dict(self.usage),
            **{name: value for name, value in self._of_a_model().items() if value},
        }

    def _of_a_model(self) -> dict[str, Any]:
        """What only some answers have; left out of the JSON where it is empty."""
        return {
            "model": self.model,
            "notice": self.notice,
            "truncated": self.truncated,
            "raw": self.raw,
            "verdicts": [dict(verdict) for verdict in self.verdicts],
            "readings": list(self.readings),
            "drawn_from": list(self.drawn_from),
        }


@dataclass(frozen=True, slots=True)
class Sources:
    """First event of an answer that is streamed: the question that was searched and the briefs that were found, best first."""

    searched: str
    briefs: tuple[NearestBrief, ...]


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement as soon as it is settled, with the citations that it brings; labels go on from those before."""

    statement: Statement
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """Last event: the whole answer, which holds every statement streamed before it."""

    answer: Answer


Event = Sources | Stated | Done
