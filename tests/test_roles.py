"""Questions about one actor's part, and about how things stand now."""

from __future__ import annotations

import pytest

from assistant import Assistant
from assistant.answerability import answerability_of
from assistant.findings import NEWEST_WORDS, look_up
from assistant.latest import MOST, asks_latest, newest_first
from assistant.roles import asked_actor
from index.filters import Filters
from index.search import find_evidence
from index.settings import Settings


@pytest.fixture(scope="module")
def assistant(demonstration: Settings) -> Assistant:
    return Assistant(demonstration)


@pytest.mark.parametrize(
    ("question", "actor"),
    [
        ("What part has Saudi Arabia played between the two governments?", "Saudi Arabia"),
        ("what role did qatar play?", "qatar"),
        ("What is China's stake in the conflict?", "China"),
        ("What was the role of Oman in the talks?", "Oman"),
        ("what has iran actually done as a mediator?", "iran"),
        ("How does India figure in the quarrel?", "India"),
        ("Russia's role", "Russia"),
        ("What has Kabul offered or done about the families?", ""),
        ("What has it done?", ""),
        ("What did Pakistan do after the attack in Wana?", ""),
        ("What did Kabul say in Doha?", ""),
        ("Which parts of the border are closed?", ""),
        ("When did Qatar mediate?", ""),
    ],
)
def test_the_actor_whose_part_is_asked_for(question: str, actor: str) -> None:
    assert asked_actor(question) == actor


def test_every_statement_on_an_actors_part_names_it(assistant: Assistant) -> None:
    answer = assistant.ask("What part has Saudi Arabia played between the two governments?")
    assert answer.status == "answered"
    assert len({citation.brief_id for citation in answer.citations}) >= 3
    named = [any(name in citation.quote for name in ("Saudi", "Riyadh")) for citation in answer.citations]
    assert sum(named) >= 0.75 * len(named)


@pytest.mark.parametrize(
    "question",
    [
        "What part did Japan play?",
        "what has nato done?",
        "What is Brazil's stake?",
        "What role did Qatar play in the Kashmir dispute?",
        "What is China's interest in Afghan lithium mines?",
    ],
)
def test_the_part_of_an_actor_that_no_brief_names_is_not_made_up(assistant: Assistant, question: str) -> None:
    assert assistant.ask(question).status == "abstained"


def test_a_caller_hears_of_an_actor_only_from_allowed_briefs(assistant: Assistant) -> None:
    allowed = frozenset({"regional-powers-2025-12-16"})
    answer = assistant.ask("What part has Saudi Arabia played?", filters=Filters(briefs=allowed))
    assert {citation.brief_id for citation in answer.citations} <= allowed


@pytest.mark.parametrize(
    ("question", "latest"),
    [
        ("is the ceasefire still holding?", True),
        ("What is the latest on the corridor?", True),
        ("Are the crossings open to trade again?", True),
        ("Where do the talks stand today?", True),
        ("what was the latest count in 2025?", False),
        ("who was still in Doha on 19 October?", False),
        ("When were the talks held?", False),
        ("What do we know of it?", False),
    ],
)
def test_whether_a_question_is_about_now(question: str, latest: bool) -> None:
    assert asks_latest(question) == latest


def test_candidates_by_age(assistant: Assistant) -> None:
    generation = assistant.generation
    evidence = find_evidence(generation, assistant.embedder, "is the ceasefire still holding?")
    dates = [generation.metadata(brief_id).date for brief_id in newest_first(generation, evidence)]
    assert 1 < len(dates) <= MOST
    assert all(dates)
    assert dates == sorted(dates, key=str, reverse=True)


def test_the_newest_brief_that_answers_comes_first(assistant: Assistant) -> None:
    question = "Are Pakistan's crossings with Afghanistan open to trade again?"
    found = look_up(assistant.generation, assistant.embedder, answerability_of(assistant.settings), question)
    assert found.newest is not None
    answer = assistant.ask(question)
    dates = [citation.published for citation in answer.citations]
    assert dates[0] == max(date for date in dates if date)
    first = answer.citations[0].brief_id
    own = [s for s, c in zip(answer.statements, answer.citations, strict=True) if c.brief_id == first]
    assert sum(len(statement.text.split()) for statement in own) <= 2 * NEWEST_WORDS


def test_an_explanation_has_an_account_of_the_newest(assistant: Assistant) -> None:
    told = assistant.explain("Are Pakistan's crossings with Afghanistan open to trade again?")
    assert {sentence["brief_id"] for sentence in told["newest"]["sentences"]} == {told["chosen"][0]["brief_id"]}
    assert "newest" not in assistant.explain("When did the crossings close?")


def test_a_question_of_a_day_hears_no_brief_twice(assistant: Assistant) -> None:
    answer = assistant.ask("what do trade bodies now put the losses from the torkham closure at?")
    spans = [(c.brief_id, c.start, c.end) for c in answer.citations]
    assert len(set(spans)) == len(spans)
    for brief, start, end in spans:
        assert not any(brief == b and start < e and s < end for b, s, e in spans if (b, s, e) != (brief, start, end))
