"""Questions that could mean several things are asked back, and only those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT, write_brief
from hypothesis import given
from hypothesis import strategies as st

from assistant import Assistant
from assistant.ambiguity import MARGIN, MOST, readings, refers_elsewhere
from assistant.followup import standalone_question
from assistant.types import Turn
from evals.cases import load_cases
from index.build import build
from index.filters import Filters
from index.search import Evidence, find_evidence
from index.settings import Settings

Ask = Callable[..., tuple[str, ...]]


@pytest.fixture(scope="module")
def assistant(demonstration: Settings) -> Assistant:
    return Assistant(demonstration)


def evidence_of(assistant: Assistant, question: str, filters: Filters | None = None) -> Evidence:
    return find_evidence(assistant.generation, assistant.embedder, question, filters)


def asked(assistant: Assistant, question: str, filters: Filters | None = None) -> tuple[str, ...]:
    """The readings of ``question`` as the first one of a conversation."""
    return tuple(readings(assistant.generation, evidence_of(assistant, question, filters), question))


def best_title(assistant: Assistant, question: str) -> str:
    evidence, generation = evidence_of(assistant, question), assistant.generation
    chunk = evidence.found.chunks[evidence.best_chunks[0]]
    return generation.metadata(generation.brief_ids[generation.chunks.brief[chunk]]).title


def test_readings_name_actors_and_places(assistant: Assistant) -> None:
    found = asked(assistant, "what did they agree?")
    assert found[0] == "What did Pakistan and Afghanistan agree in Doha?"
    assert asked(assistant, "how did the talks end?") == (
        "How did the talks end in Riyadh?",
        "How did the talks end in Doha?",
    )
    assert asked(assistant, "why did they fail?")[:2] == (
        "Why did the Istanbul rounds fail?",
        "Why did the Riyadh channel fail?",
    )
    assert all("according to “" in one for one in asked(assistant, "when was it signed?"))


VAGUE = [
    "what did they agree?",
    "why did they fail?",
    "what was agreed?",
    "who signed the deal?",
    "what did the group say?",
    "what did both sides claim?",
    "is it still in force?",
    "did they sign it?",
    "when was it reopened?",
]


@pytest.mark.parametrize("question", VAGUE)
def test_each_reading_stands_alone_and_finds_its_own_brief(assistant: Assistant, question: str) -> None:
    found = asked(assistant, question)
    assert 2 <= len(found) <= MOST
    assert found == asked(assistant, question)
    titles = [best_title(assistant, reading) for reading in found]
    assert len(set(titles)) == len(found)
    for reading in found:
        assert asked(assistant, reading) == (), "a reading is not asked back again"
        assert standalone_question(reading, [Turn("user", question)]) == reading
        assert reading.endswith("?")
        assert len(reading) <= len(question) + 100


@pytest.mark.parametrize(
    "question",
    [
        "what did the agreement say about militants?",  # one brief fits far better
        "who carried out the strike?",
        "when did the talks start?",
        "did they ban cricket?",  # nothing fits
        "what did qatar say about it?",  # a name, though in lower case
        "what did they agree in Doha?",
        "what did they agree on 19 October?",
        "what is it?",
        "and now?",
        "Torkham",
        "is the ceasefire still holding?",
        "how did the venus flytrap get its name",
        "",
    ],
)
def test_what_is_clear_enough_is_answered(assistant: Assistant, question: str) -> None:
    evidence = evidence_of(assistant, question or "nothing")
    assert not readings(assistant.generation, evidence, question)


def test_a_conversation_lends_the_subject(assistant: Assistant) -> None:
    question = "what did they agree?"
    history = [Turn("user", "Who met in Istanbul?"), Turn("assistant", "Delegations. [1]")]
    assert not readings(assistant.generation, evidence_of(assistant, question), question, history)


def test_no_question_of_the_suite_is_asked_back(assistant: Assistant) -> None:
    cases = [case for case in load_cases(ROOT / "evals" / "suites" / "briefs").cases if case.kind != "ambiguous"]
    assert len(cases) > 150
    for case in cases:
        searched = standalone_question(case.question, case.turns)
        for wording in (case.question, case.question.lower()):
            evidence = evidence_of(assistant, searched)
            assert not readings(assistant.generation, evidence, wording, case.turns), case.id


def test_only_briefs_that_the_caller_may_see_are_named(assistant: Assistant) -> None:
    doha = Filters(briefs=frozenset(assistant.generation.brief_ids) - {"doha-ceasefire-readout-2025-10-19"})
    found = asked(assistant, "what was agreed?", doha)
    assert not any("Doha" in reading for reading in found)
    assert asked(assistant, "what was agreed?", Filters(briefs=frozenset())) == ()


def test_a_lead_settles_it(assistant: Assistant) -> None:
    question = "what did they agree?"
    evidence = evidence_of(assistant, question)
    score = np.sort(evidence.chunk_score)
    ahead = evidence.chunk_score + np.where(evidence.chunk_score == score[-1], np.float32(MARGIN), np.float32(0))
    assert not readings(assistant.generation, replace(evidence, chunk_score=ahead), question)


def test_versions_of_one_brief_are_one_reading(settings: Settings) -> None:
    """Without metadata readings go by titles; nearly the same text twice is no second reading."""
    body = "The parties agreed to open a hotline. They will meet again in a month. Observers were not invited."
    write_brief(settings.corpus, "hotline", "Hotline", body)
    write_brief(settings.corpus, "copy", "Hotline, corrected", body)
    build(settings)
    assert asked(Assistant(settings), "what did they agree?") == ()
    write_brief(settings.corpus, "prices", "Prices", "Ministers agreed on prices. They agreed to review them in May.")
    build(settings)
    found = asked(Assistant(settings), "what did they agree?")
    assert len(found) == 2
    assert "What did they agree, according to “Prices”?" in found


@given(st.text(max_size=80))
def test_any_text_can_be_looked_at(text: str) -> None:
    assert refers_elsewhere(text) == refers_elsewhere(f" {text}?")
