"""Days that a question and a sentence name, and what they do to the ranking."""

from __future__ import annotations

import numpy as np
import pytest

from assistant import Assistant
from assistant.days import SAME_DAY, days_of, of_the_asked_day
from assistant.sentences import sentence_text
from index.search import find_evidence
from index.settings import Settings


@pytest.fixture(scope="module")
def assistant(demonstration: Settings) -> Assistant:
    return Assistant(demonstration)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("on 20 October 2025", {("oct", 20)}),
        ("October 20, 2025", {("oct", 20)}),
        ("the 3rd of March", {("mar", 3)}),
        ("6\u20138 November", {("nov", 6), ("nov", 7), ("nov", 8)}),
        ("6 and 8 november", {("nov", 6), ("nov", 8)}),
        ("from 30 Oct to 2 Nov.", {("oct", 30), ("nov", 2)}),
        ("in October 2025", set()),
        ("20 octopuses, 2025", set()),
        ("", set()),
    ],
)
def test_days_that_a_text_names(text: str, days: set[tuple[str, int]]) -> None:
    assert days_of(text) == days


def test_sentences_on_the_asked_day_are_likelier_and_others_stay(assistant: Assistant) -> None:
    evidence = find_evidence(assistant.generation, assistant.embedder, "what reopened on 20 October 2025?")
    after = of_the_asked_day(assistant.generation, evidence)
    named = np.array(
        [("oct", 20) in days_of(sentence_text(assistant.generation, int(row))) for row in evidence.found.sentences]
    )
    assert named.any() and not named.all()
    was, now = evidence.sentence_score, after.sentence_score
    assert np.array_equal(was[~named], now[~named])
    assert np.allclose(now[named] / (1 - now[named]), SAME_DAY * was[named] / (1 - was[named]), rtol=1e-3)


def test_without_a_day_nothing_changes(assistant: Assistant) -> None:
    evidence = find_evidence(assistant.generation, assistant.embedder, "what reopened in October 2025?")
    assert of_the_asked_day(assistant.generation, evidence) is evidence


def test_what_happened_on_a_day_is_told_of_that_day(assistant: Assistant) -> None:
    assert "Chaman was opened for a few hours" in assistant.ask("what reopened on 20 october 2025, and for whom?").text
