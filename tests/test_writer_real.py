"""A real, small model writes answers on the demonstration briefs: whatever it writes, every quote shown is in the brief."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from real_model import Served, serving
from writing import answer_of, with_model

from assistant.types import Sources, Stated
from index.settings import Settings

PATIENCE = {
    "model_first_s": 240,
    "model_between_s": 120,
    "model_total_s": 480,
    "model_context": 1100,
    "model_tokens": 250,
}
QUESTIONS = ("who mediated the talks in Doha?", "why did the Istanbul talks fail?")


@pytest.fixture(scope="module")
def model() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_quote_shown_is_in_the_brief(demonstration: Settings, model: Served, question: str) -> None:
    assistant = with_model(demonstration, model.url, unsupported="strike", **PATIENCE)
    events = list(assistant.stream(question))
    answer = answer_of(events)
    assert answer.raw, "it did write"
    assert "model_context" not in answer.notice
    assert [event.statement for event in events if isinstance(event, Stated)] == list(answer.statements)
    for citation in answer.citations:
        assert assistant.generation.brief(citation.brief_id).text[citation.start : citation.end] == citation.quote
    assert any(statement.citations for statement in answer.statements)
    assert all(statement.citations or statement.unsupported for statement in answer.statements)
    assert answer.usage["prompt_tokens"] > 100


def test_leaving_early_frees_the_model(demonstration: Settings, model: Served) -> None:
    assistant = with_model(demonstration, model.url, **{**PATIENCE, "model_first_s": 0.1})
    events = assistant.stream(QUESTIONS[0])
    assert isinstance(events, Generator)
    assert isinstance(next(events), Sources)
    events.close()
    assert "model_first_s" in assistant.ask("When was Torkham closed?").notice, "it had to read a new prompt first"
