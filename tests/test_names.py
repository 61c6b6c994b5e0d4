"""Which words of a question are names."""

from __future__ import annotations

import pytest

from assistant import Assistant
from assistant.names import asked_names
from index.search import find_evidence
from index.settings import Settings


@pytest.fixture(scope="module")
def assistant(demonstration: Settings) -> Assistant:
    return Assistant(demonstration)


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What did Imran Khan say about the closure?", {"imran", "khan"}),
        ("Muttaqi on the drones", {"muttaqi"}),
        ("Who signed the letter?", set()),
        ("how many trucks wait at torkham", {"torkham"}),
        ("closure of the crossings", set()),
    ],
)
def test_words_with_a_capital_and_names_in_metadata(assistant: Assistant, question: str, names: set[str]) -> None:
    evidence = find_evidence(assistant.generation, assistant.embedder, question)
    mask = asked_names(assistant.generation, evidence)
    assert mask.shape == (len(evidence.query.groups),)
    assert {group[0] for group, name in zip(evidence.query.groups, mask, strict=True) if name} == names
