"""Answers to questions of several parts, to comparisons and to questions that name an owner."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from conftest import write_brief

from assistant import Answer, Assistant
from assistant.answerability import answerability_of
from assistant.extractive import plain
from assistant.findings import look_up
from assistant.owners import OTHERS, names_of, of_the_asked_owner
from assistant.sentences import sentence_text
from index.build import build
from index.filters import Filters
from index.search import find_evidence
from index.settings import Settings

NORWAY = """Oslo's red lines concern the northern waters and nothing else.

## Limits on the northern waters

- No foreign trawler inside twelve miles.
- No drilling before the survey ends.
"""
PERU = """Lima has spoken of its limits in the southern waters.

## Red lines on the southern waters

- No factory ship south of Callao.
- No quota without a seat on the board.
- No inspection by private firms.
"""


@pytest.fixture(scope="module")
def fishing(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    """Two briefs on the same thing of two owners, each with the country that its title's capital stands for."""
    folder = tmp_path_factory.mktemp("owners")
    write_brief(folder / "corpus", "north", "Oslo's positions and red lines", NORWAY, region='["Norway"]')
    write_brief(folder / "corpus", "south", "Lima's positions and red lines", PERU, region='["Peru"]')
    settings = Settings(corpus=folder / "corpus", store=folder / "store")
    build(settings)
    return Assistant(settings)


@pytest.fixture(scope="module")
def assistant(demonstration: Settings) -> Assistant:
    return Assistant(demonstration)


def test_another_owners_sentences_are_put_down_before_the_confidence(fishing: Assistant) -> None:
    generation = fishing.generation
    found = find_evidence(generation, fishing.embedder, "What are Peru's red lines?")
    owned = of_the_asked_owner(generation, found)
    chances = {
        sentence_text(generation, int(row)): (float(before), float(after))
        for row, before, after in zip(found.found.sentences, found.sentence_score, owned.sentence_score, strict=True)
    }
    before, after = chances["Oslo's red lines concern the northern waters and nothing else."]
    assert before > OTHERS >= after
    assert chances["No drilling before the survey ends."][1] <= OTHERS
    assert chances["No inspection by private firms."][1] >= 0.5
    best = int(generation.chunks.brief[owned.found.chunks[owned.best_chunks[0]]])
    assert generation.brief_ids[best] == "south"


def test_evidence_without_another_owner_is_untouched(fishing: Assistant) -> None:
    for question in ("What are the red lines?", "What is Peru's population?"):
        found = find_evidence(fishing.generation, fishing.embedder, question)
        assert of_the_asked_owner(fishing.generation, found) is found
    empty = find_evidence(fishing.generation, fishing.embedder, "Peru's red lines", Filters(briefs=frozenset()))
    assert of_the_asked_owner(fishing.generation, empty) is empty


def test_names_that_stand_for_each_other(assistant: Assistant) -> None:
    found = find_evidence(assistant.generation, assistant.embedder, "What are the Taliban's red lines?")
    names = names_of(assistant.generation, found)
    assert names["taliban"] == names["kabul"] == {"taliban", "kabul", "afghanistan"}
    assert names["islamabad"] == {"islamabad", "pakistan"}


def test_a_question_about_one_owner_cites_no_brief_on_another(assistant: Assistant) -> None:
    answer = assistant.ask("What are Pakistan's red lines?")
    assert {citation.brief_id for citation in answer.citations} == {"islamabad-demands-2025-11-29"}
    assert len(answer.statements) == 5, "the list is whole, though it fills two chunks"
    assert assistant.ask("What are Iran's red lines?").status == "abstained"


def test_a_position_is_quoted_from_what_is_said_of_its_holder(assistant: Assistant) -> None:
    answer = assistant.ask("What is Pakistan's position on the Durand Line?")
    assert answer.status == "answered"
    assert answer.citations[0].quote.startswith("Pakistan treats the Durand Line")


def test_the_part_that_is_missing_is_named(assistant: Assistant) -> None:
    answer = assistant.ask("When was the Wana cadet college attacked and how many cadets were killed?")
    assert (answer.status, answer.missing) == ("partial", "The briefs do not say how many cadets were killed.")
    assert "10 November 2025" in answer.text
    assert answer.confidence >= answerability_of(assistant.settings).threshold


def test_a_part_off_the_topic_does_not_cost_the_other(assistant: Assistant) -> None:
    answer = assistant.ask("Who is Noor Wali Mehsud and what is the best recipe for apple pie?")
    assert answer.status == "partial" and "recipe for apple pie" in answer.missing
    assert answer.statements and all("Mehsud" in statement.text for statement in answer.statements)


def test_both_parts_are_answered_in_order(assistant: Assistant) -> None:
    answer = assistant.ask("Who mediated in Istanbul, and why did the talks fail?")
    assert (answer.status, answer.missing) == ("answered", "")
    mediation, failure = answer.text.index("Turkish and Qatari mediation"), answer.text.index("talks failed")
    assert mediation < failure


def test_nothing_found_at_all_is_an_abstention(assistant: Assistant) -> None:
    answer = assistant.ask("Who won the 1998 World Cup, and how many goals were scored?")
    assert (answer.status, answer.statements) == ("abstained", ())
    assert answer.confidence < answerability_of(assistant.settings).threshold


def test_a_comparison_is_grouped_by_actor(assistant: Assistant) -> None:
    answer = assistant.ask("What are Kabul's red lines, and Pakistan's?")
    groups = [statement.group for statement in answer.statements]
    assert list(dict.fromkeys(groups)) == ["Kabul", "Pakistan"]
    source = {citation.label: citation.brief_id for citation in answer.citations}
    cited = {(statement.group, source[statement.citations[0]]) for statement in answer.statements}
    assert ("Pakistan", "islamabad-demands-2025-11-29") in cited
    assert ("Pakistan", "kabul-positions-2025-12-06") not in cited
    assert {"group": "Kabul"}.items() <= answer.to_json()["statements"][0].items()


def test_an_actor_of_whom_nothing_is_said_is_named(assistant: Assistant) -> None:
    answer = assistant.ask("How do China and Japan differ on the talks?")
    assert (answer.status, answer.missing) == ("partial", "The briefs do not answer this for Japan.")
    assert {statement.group for statement in answer.statements} <= {"China", ""}


SEVERAL = (
    "When did the Doha talks happen and how many clauses does the text have?",
    "What did Pakistan demand and how did Kabul respond?",
    "When was the Torkham crossing closed? How much did it cost traders?",
    "How do Pakistan and Kabul differ on the Durand Line?",
    "Compare Russia and Saudi Arabia as mediators",
    "What is the difference between Islamabad and Kabul on the TTP?",
)


@pytest.fixture(scope="module")
def answers(assistant: Assistant) -> list[Answer]:
    return [assistant.ask(question) for question in SEVERAL]


def test_answers_of_several_parts_keep_the_promise(assistant: Assistant, answers: list[Answer]) -> None:
    for answer in answers:
        assert answer.status in {"answered", "partial"}
        assert bool(answer.missing) == (answer.status == "partial")
        for citation, statement in zip(answer.citations, answer.statements, strict=True):
            text = assistant.generation.brief(citation.brief_id).text
            assert text[citation.start : citation.end] == citation.quote
            assert statement.text == plain(citation.quote)


def test_answers_of_several_parts_repeat_nothing_and_stay_short(answers: list[Answer]) -> None:
    for answer in answers:
        spans = sorted((c.brief_id, c.start, c.end) for c in answer.citations)
        assert all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(spans)), answer.question
        assert len(re.sub(r"\[\d+\]", "", answer.text).split()) <= 200, answer.question


def test_an_explanation_has_an_account_of_each_part(assistant: Assistant) -> None:
    told, answer = assistant.explain(SEVERAL[1]), assistant.ask(SEVERAL[1])
    assert [part["query"]["question"] for part in told["parts"]] == [
        "What did Pakistan demand?",
        "how did Kabul respond: Pakistan demand?",
    ]
    assert [(c["brief_id"], c["start"], c["end"]) for c in told["chosen"]] == [
        (c.brief_id, c.start, c.end) for c in answer.citations
    ]


def test_filters_hold_for_every_part(assistant: Assistant) -> None:
    allowed = Filters(briefs=frozenset({"kabul-positions-2025-12-06"}))
    model = answerability_of(assistant.settings)
    found = look_up(
        assistant.generation, assistant.embedder, model, "What are Kabul's red lines, and Pakistan's?", allowed
    )
    for finding in (found.whole, *found.parts):
        rows = finding.evidence.found.chunks
        ids = {assistant.generation.brief_ids[brief] for brief in assistant.generation.chunks.brief[rows]}
        assert ids == {"kabul-positions-2025-12-06"}
    answer = assistant.ask("What are Kabul's red lines, and Pakistan's?", filters=allowed)
    assert {citation.brief_id for citation in answer.citations} <= {"kabul-positions-2025-12-06"}
