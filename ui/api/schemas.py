"""What goes into the API, checked strictly, and what comes out, for the description of the API."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from assistant.types import Turn
from index.filters import Filters
from index.search import MAX_QUESTION

_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
_PLAIN = re.compile(f"[^{_CONTROL}]*")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_FAR = 100_000_000
TAG = "@"
"""What names of alternatives in this module begin with, which callers are not told."""
ID = r"^[0-9a-f]{16}$"
ANSWER_ID = r"^[A-Za-z0-9_-]{22}$"


def _plain(text: str) -> str:
    if not _PLAIN.fullmatch(text):
        raise ValueError("holds control characters; send text, with line breaks and tabs at most")
    return text


def _worded(text: str) -> str:
    if not any(character.isalnum() for character in text):
        raise ValueError("holds no word; write a question in words")
    return text


def _day(value: Any) -> Any:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("is no day; write it as 2025-12-31")
    return value


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


_PLAIN_SCHEMA = {"pattern": f"^[^{_CONTROL}]*$"}
_WORDED_SCHEMA = {"allOf": [{"pattern": f"^[^{_CONTROL}]*$"}, {"pattern": r"[^\W_]"}]}

Text = Annotated[str, AfterValidator(_plain), Field(json_schema_extra=_PLAIN_SCHEMA)]
Question = Annotated[
    str,
    AfterValidator(_plain),
    AfterValidator(_worded),
    Field(min_length=1, max_length=MAX_QUESTION, json_schema_extra=_WORDED_SCHEMA),
]
Day = Annotated[dt.date, BeforeValidator(_day), Field(strict=False)]
Whole = Annotated[int, BeforeValidator(_whole)]
"""A number without a fraction; in JSON 3.0 is one."""
Value = Annotated[Text, Field(max_length=200)]
Values = Annotated[list[Value], Field(default_factory=list, max_length=100)]


class Strict(BaseModel):
    """A body: no member that is not known, no value of another type."""

    model_config = ConfigDict(strict=True, extra="forbid")


class FiltersBody(Strict):
    """What a brief must satisfy, all of it; a member that is left out or empty asks for nothing."""

    date_from: Day | None = Field(None, description="First day of the brief, inclusive.", examples=["2025-10-01"])
    date_to: Day | None = Field(None, description="Last day of the brief, inclusive.")
    regions: Values = Field(description="One of these regions.", examples=[["Afghanistan"]])
    actors: Values = Field(description="One of these actors.")
    topics: Values = Field(description="One of these topics.")
    kinds: Values = Field(description="One of these kinds of brief.")
    briefs: Values = Field(description="One of these ids.")

    def filters(self) -> Filters:
        """As the index takes them."""
        return Filters(
            date_from=self.date_from,
            date_to=self.date_to,
            regions=frozenset(self.regions),
            actors=frozenset(self.actors),
            topics=frozenset(self.topics),
            kinds=frozenset(self.kinds),
            briefs=frozenset(self.briefs) or None,
        )


class TurnBody(Strict):
    """One message of the conversation so far."""

    role: Literal["user", "assistant"]
    content: Text = Field(max_length=20_000)

    def turn(self) -> Turn:
        """As the assistant takes it."""
        return Turn(self.role, self.content)


class AskBody(Strict):
    """A question, and what it follows."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "When was the Torkham crossing closed?"}]},
    )

    question: Question = Field(description="The question in words.")
    history: list[TurnBody] = Field(
        default_factory=list, max_length=100, description="The turns before it, oldest first."
    )
    conversation: str | None = Field(
        None, pattern=ID, description="A kept conversation: its turns come before history, the answer is added to it."
    )
    filters: FiltersBody | None = Field(None, description="Narrow what is searched.")
    id: Annotated[Text, Field(max_length=200)] | None = Field(None, description="Comes back in the answer.")


class SearchBody(Strict):
    """What to look for."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "Torkham crossing closed", "top_k": 3}]},
    )

    query: Question = Field(description="A question or key words.")
    top_k: Whole = Field(10, ge=1, le=50, description="Passages at most.")
    filters: FiltersBody | None = Field(None, description="Narrow what is searched.")


class TitleBody(Strict):
    """A conversation's title."""

    title: Annotated[Text, Field(max_length=200)] = Field(description="Cut to 80 characters.", examples=["Torkham"])


class NewConversationBody(Strict):
    """A conversation to begin."""

    title: Annotated[Text, Field(max_length=200)] = Field(
        "", description="Without one it takes the first question's words.", examples=["Torkham"]
    )


class _FeedbackBody(Strict):
    rating: Literal["up", "down"] = Field(description="Whether the answer was good.")
    comment: Annotated[Text, Field(max_length=4000)] = Field("", description="What was wrong or right, in words.")


class AnswerFeedbackBody(_FeedbackBody):
    """What a reader thinks of an answer of the last minutes."""

    answer: str = Field(pattern=ANSWER_ID, description="Its Answer-Id.")


class TurnFeedbackBody(_FeedbackBody):
    """What a reader thinks of an answer in a kept conversation."""

    conversation: str = Field(pattern=ID, description="The conversation.")
    turn: Whole = Field(ge=1, le=100_000, description="The turn, from 1.")


def _kind_of_feedback(body: Any) -> str:
    """Which of the two bodies is meant."""
    return f"{TAG}turn" if isinstance(body, dict) and "answer" not in body else f"{TAG}answer"


Feedback = Annotated[
    Annotated[AnswerFeedbackBody, Tag(f"{TAG}answer")] | Annotated[TurnFeedbackBody, Tag(f"{TAG}turn")],
    Discriminator(_kind_of_feedback),
]


class Listing(BaseModel):
    """Which briefs to list, and how many of them."""

    model_config = ConfigDict(extra="forbid")

    region: list[Value] = Field(default_factory=list, max_length=100, description="One of these regions.")
    actor: list[Value] = Field(default_factory=list, max_length=100, description="One of these actors.")
    topic: list[Value] = Field(default_factory=list, max_length=100, description="One of these topics.")
    kind: list[Value] = Field(default_factory=list, max_length=100, description="One of these kinds of brief.")
    date_from: Day | None = Field(None, description="First day, inclusive.")
    date_to: Day | None = Field(None, description="Last day, inclusive.")
    limit: int = Field(50, ge=1, le=200, description="Briefs in one page.")
    offset: int = Field(0, ge=0, le=1_000_000, description="Briefs before the page.")

    def filters(self) -> Filters:
        """As the index takes them."""
        return Filters(
            date_from=self.date_from,
            date_to=self.date_to,
            regions=frozenset(self.region),
            actors=frozenset(self.actor),
            topics=frozenset(self.topic),
            kinds=frozenset(self.kind),
        )


class Mark(BaseModel):
    """A range of a brief to highlight; none if neither end is given."""

    model_config = ConfigDict(extra="forbid")

    start: int | None = Field(None, ge=0, le=_FAR, description="Where it starts, in code points; else 0.")
    end: int | None = Field(None, ge=0, le=_FAR, description="Where it ends, exclusive; else with the text.")


class Paging(BaseModel):
    """A page of a list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200, description="Entries in one page.")
    offset: int = Field(0, ge=0, le=1_000_000, description="Entries before the page.")


class Formats(BaseModel):
    """How to export."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["md", "docx"] = Field(description="Markdown, or Word with footnotes.")
