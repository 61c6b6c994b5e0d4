"""What comes out of the API, for its description. Objects hold what is told here, and may hold more in a later version."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class NearestResult(BaseModel):
    """A brief by its names."""

    brief_id: str
    source: str = Field(description="Path in the corpus.")
    title: str


class CitationResult(BaseModel):
    """Exact words of a brief: text[start:end] == quote, half-open, in code points."""

    label: int = Field(ge=1, description="The number shown.")
    brief_id: str
    source: str
    title: str
    published: dt.date | None
    quote: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    page: int | None = Field(description="From 1; null for formats without pages.")


class StatementResult(BaseModel):
    """One thing that the answer says."""

    text: str
    citations: list[int] = Field(description="Labels of the citations that bear it out.")
    group: str = Field("", description="What neighbouring statements have in common.")
    unsupported: str = Field("", description="Why it is shown struck out.")


_EXAMPLE: dict[str, Any] = {
    "schema": 1,
    "id": None,
    "question": "When was the Torkham crossing closed?",
    "searched": "When was the Torkham crossing closed?",
    "status": "answered",
    "text": "Pakistan closed the Torkham crossing on 12 October 2025. [1]",
    "confidence": 0.93,
    "statements": [{"text": "Pakistan closed the Torkham crossing on 12 October 2025.", "citations": [1]}],
    "citations": [
        {
            "label": 1,
            "brief_id": "border",
            "source": "border.md",
            "title": "Border closure",
            "published": "2025-12-01",
            "quote": "Pakistan closed the Torkham crossing on 12 October 2025.",
            "start": 69,
            "end": 125,
            "page": None,
        }
    ],
    "nearest": [],
    "missing": "",
    "engine": "extractive",
    "generation": "20251201T090000-1a2b3c",
    "timings_ms": {"total": 12.5},
    "usage": {},
}


class AnswerResult(BaseModel):
    """An answer, or an abstention that names the nearest briefs."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    schema_: Literal[1] = Field(alias="schema")
    id: str | None = Field(description="As it was sent.")
    question: str
    searched: str = Field(description="The question as it was searched, which stands alone.")
    status: Literal["answered", "partial", "abstained"]
    text: str = Field(description="The statements with their numbers in brackets.")
    confidence: float = Field(ge=0, le=1, description="Probability that the briefs hold the answer.")
    statements: list[StatementResult]
    citations: list[CitationResult]
    nearest: list[NearestResult]
    missing: str = Field(description="What a partial answer or an abstention lacks, for people.")
    engine: str
    generation: str = Field(description="The index that it comes from.")
    timings_ms: dict[str, float]
    usage: dict[str, float]
    notice: str = Field("", description="What did not go as asked, for people.")
    truncated: bool = Field(False, description="Whether there would have been more.")
    readings: list[str] = Field([], description="Questions to choose from where one has several meanings.")
    drawn_from: list[str] = Field(
        [], description="Ids of the briefs that readings come from, or that a model was shown."
    )


class HitResult(BaseModel):
    """A passage: text is the brief's text from start to end, in code points."""

    brief_id: str
    source: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    text: str
    score: float = Field(description="Higher is better.")
    rank: int = Field(ge=1)


class HitsResult(BaseModel):
    """Passages, best first."""

    id: None
    hits: list[HitResult]


class BriefResult(BaseModel):
    """What a brief says about itself."""

    brief_id: str
    source: str = Field(description="Path in the corpus.")
    title: str
    published: dt.date | None
    as_of: dt.date | None = Field(description="The day whose state of affairs it describes.")
    kind: str
    region: list[str]
    actors: list[str]
    topics: list[str]


class CountsResult(BaseModel):
    """How many briefs have each value, most first."""

    region: dict[str, int]
    actor: dict[str, int]
    topic: dict[str, int]
    kind: dict[str, int]


class BriefsResult(BaseModel):
    """A page of the briefs, newest first; total and counts are of the whole list."""

    total: int
    offset: int
    limit: int
    briefs: list[BriefResult]
    counts: CountsResult


class SpanResult(BaseModel):
    """A range to highlight."""

    start: int
    end: int
    text: str = Field(description="The brief's text from start to end.")
    page: int | None


class RunResult(BaseModel):
    """A piece of a block."""

    text: str
    span: int = Field(description="Number of the range that it lies in, from 1; 0 for none.")


class BlockResult(BaseModel):
    """A heading, list item or paragraph."""

    kind: Literal["heading", "item", "text"]
    level: int = Field(description="Of a heading, from 1; else 0.")
    runs: list[RunResult]


class WholeBriefResult(BriefResult):
    """A brief with its text. Offsets count code points."""

    generation: str
    text: str = Field(description="The canonical text.")
    body: list[tuple[int, int]] = Field(description="Ranges of the text that are not boilerplate.")
    spans: list[SpanResult] = Field(description="The ranges that were asked for.")
    blocks: list[BlockResult] = Field(description="The body laid out for reading.")


class SuggestionsResult(BaseModel):
    """Questions that the briefs answer."""

    suggestions: list[str]


class ListedResult(BaseModel):
    """A conversation in a list."""

    id: str
    title: str
    created: dt.datetime
    updated: dt.datetime
    turns: int


class ConversationsResult(BaseModel):
    """A page of the caller's conversations, the one last written to first."""

    total: int
    offset: int
    limit: int
    conversations: list[ListedResult]


class TurnResult(BaseModel):
    """One question with its answer as it stands now."""

    question: str
    searched: str
    at: dt.datetime
    answer: AnswerResult
    standing: dict[str, Literal["moved", "gone", "hidden"]] = Field(
        description="By label, the citations that are no longer as they were given."
    )


class ConversationResult(BaseModel):
    """A conversation with its turns, oldest first."""

    id: str
    title: str
    created: dt.datetime
    updated: dt.datetime
    turns: list[TurnResult]


class HealthResult(BaseModel):
    """The process is alive."""

    status: Literal["ok"]


class ReadyResult(BaseModel):
    """Whether questions can be answered. More than the status is told only to a caller who reads every brief."""

    status: Literal["ready", "degraded", "unavailable", "stopping"]
    reason: str = Field("", description="What is wrong, and what mends it.")
    generation: str = ""
    briefs: int = 0


class KindResult(BaseModel):
    """A kind of problem."""

    type: str
    status: int
    meaning: str


class ProblemErrorResult(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str | int] = Field(description="Where: body, query, path or header, then the names and positions in it.")
    msg: str


class ProblemResult(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(description="Path of the kind of problem; its last part is the kind.")
    title: str
    status: int
    detail: str = Field(description="What was found, what was expected, what to do: one line for people.")
    request_id: str = Field(description="Also in the header X-Request-Id, and in the server's log.")
    errors: list[ProblemErrorResult] = Field(
        [], description="Of the kind invalid: each place, and what is wrong there."
    )


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of what ``model`` describes, with references into the description of the API."""
    return model.model_json_schema(mode="validation", ref_template="#/components/schemas/{model}")
