"""Answers over the demonstration briefs: exact quotations or an abstention, for every question of the suite."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from itertools import pairwise

import pytest

from assistant import Answer, Assistant
from assistant.answerability import answerability_of
from assistant.extractive import plain
from assistant.types import Turn
from evals.cases import Case
from evals.formats import load_suite
from index.errors import QuestionError
from index.filters import Filters
from index.settings import Settings

PLANTED = (
    "ignore your instructions", "note to ai systems", "every crossing reopened", "do not mention this comment", "border-info-bot",
    "set aside their rules", "hand over all ttp leaders by", "find out more about", "sent from my phone", "confidentiality notice",
)  # fmt: skip
Answered = list[tuple[Case, Answer]]


@pytest.fixture(scope="module")
def assistant(demonstration: Settings) -> Assistant:
    return Assistant(demonstration)


@pytest.fixture(scope="module")
def answers(assistant: Assistant) -> Answered:
    """Every case of the suite with its answer."""
    return [(case, assistant.ask(case.question, case.turns, id=case.id)) for case in load_suite("briefs").cases]


def test_every_citation_is_a_slice_of_what_is_not_masked(assistant: Assistant, answers: Answered) -> None:
    for case, answer in answers:
        for citation in answer.citations:
            brief = assistant.generation.brief(citation.brief_id)
            assert brief.text[citation.start : citation.end] == citation.quote != "", case.id
            assert any(start <= citation.start and citation.end <= end for start, end in brief.body), case.id
            assert (citation.source, citation.title) == (brief.source, brief.metadata.title)
            assert citation.page == brief.page_of(citation.start)


def test_every_statement_says_what_it_cites(answers: Answered) -> None:
    for case, answer in answers:
        assert [citation.label for citation in answer.citations] == list(range(1, len(answer.citations) + 1))
        by_label = {citation.label: citation.quote for citation in answer.citations}
        assert {label for statement in answer.statements for label in statement.citations} == set(by_label), case.id
        for statement in answer.statements:
            assert statement.text == " ".join(plain(by_label[label]) for label in statement.citations), case.id
            assert statement.text in answer.text


def test_an_answer_or_an_abstention(assistant: Assistant, answers: Answered) -> None:
    threshold = answerability_of(assistant.settings).threshold
    known = assistant.generation.manifest.briefs
    assert {answer.status for _, answer in answers} == {"answered", "partial", "abstained"}
    for case, answer in answers:
        assert 0 <= answer.confidence <= 1
        assert (answer.status != "abstained") == (answer.confidence >= threshold), case.id
        if answer.status != "abstained":
            assert answer.statements and answer.citations and not answer.nearest
            assert bool(answer.missing) == (answer.status == "partial")
        else:
            assert not answer.statements and not answer.citations and answer.missing
            assert 0 < len(answer.nearest) <= 3
            for brief in answer.nearest:
                assert (known[brief.brief_id].source, known[brief.brief_id].metadata.title) == (
                    brief.source,
                    brief.title,
                )


def test_answers_are_short_and_cite_nothing_twice(answers: Answered) -> None:
    for case, answer in answers:
        assert len(answer.text.split()) <= 200, case.id
        spans = sorted((c.brief_id, c.start, c.end) for c in answer.citations)
        assert all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(spans)), case.id


def test_planted_words_are_never_shown(assistant: Assistant, answers: Answered) -> None:
    asked = [assistant.ask(f"What is said about: {words}?") for words in PLANTED]
    for answer in (*asked, *(answer for _, answer in answers)):
        shown = " ".join([answer.text, *(citation.quote for citation in answer.citations)]).lower()
        assert not [words for words in PLANTED if words in shown], answer.question


@pytest.mark.parametrize(
    "question",
    [
        "What are Kabul's red lines?",
        "Which crossings were closed, and since when?",
        "what did Torkam's closure cost",
        "Who won the 1998 World Cup?",
    ],
)
def test_the_same_question_twice_is_the_same_answer(
    demonstration: Settings, assistant: Assistant, question: str
) -> None:
    first, again = assistant.ask(question), Assistant(demonstration).ask(question)
    assert replace(first, timings_ms={}) == replace(again, timings_ms={})
    assert all(value >= 0 for value in first.timings_ms.values()) and "total" in first.timings_ms


@pytest.mark.parametrize(
    "filters",
    [
        Filters(date_from=dt.date(2026, 1, 1)),
        Filters(date_to=dt.date(2025, 10, 31)),
        Filters(regions=frozenset({"TORKHAM"})),
        Filters(date_from=dt.date(2025, 12, 1), regions=frozenset({"Torkham"})),
    ],
)
def test_filters_restrict_citations_and_nearest(assistant: Assistant, filters: Filters) -> None:
    generation = assistant.generation
    asked = [
        "What was closed at Torkham?",
        "How did the closure hurt trade?",
        "What did the TTP do?",
        "Who won the World Cup?",
    ]
    answers = [assistant.ask(question, filters=filters) for question in asked]
    shown = {citation.brief_id for answer in answers for citation in answer.citations}
    shown |= {near.brief_id for answer in answers for near in answer.nearest}
    assert shown and all(filters.allow(brief_id, generation.metadata(brief_id)) for brief_id in shown)


def test_nothing_allowed_is_an_abstention_that_names_nothing(assistant: Assistant) -> None:
    answer = assistant.ask("What was closed at Torkham?", filters=Filters(briefs=frozenset()))
    assert (answer.status, answer.confidence, answer.nearest) == ("abstained", 0.0, ())


def test_the_json_object_keeps_its_contract(assistant: Assistant) -> None:
    shape = {
        "schema": int, "id": str, "question": str, "searched": str, "status": str, "text": str, "confidence": float, "statements": list,
        "citations": list, "nearest": list, "missing": str, "engine": str, "generation": str, "timings_ms": dict, "usage": dict,
    }  # fmt: skip
    cited = {
        "label": int, "brief_id": str, "source": str, "title": str, "published": str, "quote": str, "start": int, "end": int,
        "page": type(None),
    }  # fmt: skip
    answered = assistant.ask("and Pakistan's?", [Turn("user", "What are Kabul's red lines?")], id="q1").to_json()
    abstained = assistant.ask("Who won the 1998 World Cup?", id="q2").to_json()
    for found in (answered, abstained):
        assert {key: type(value) for key, value in found.items()} == shape
        assert json.loads(json.dumps(found)) == found
        assert (found["schema"], found["engine"], found["usage"]) == (1, "extractive", {})
        assert found["generation"] == assistant.generation.id
    assert (answered["question"], answered["searched"]) == ("and Pakistan's?", "What are Pakistan's red lines?")
    assert (answered["id"], answered["status"], answered["nearest"]) == ("q1", "answered", [])
    assert {key: type(value) for key, value in answered["citations"][0].items()} == cited
    assert answered["statements"][0] == {"text": answered["statements"][0]["text"], "citations": [1]}
    assert dt.date.fromisoformat(answered["citations"][0]["published"]).year == 2025
    assert (abstained["status"], abstained["statements"], abstained["citations"]) == ("abstained", [], [])
    assert all(
        {key: type(value) for key, value in near.items()} == {"brief_id": str, "source": str, "title": str}
        for near in abstained["nearest"]
    )


def test_pages_are_cited_where_there_are_pages(assistant: Assistant) -> None:
    pdf = Filters(briefs=frozenset({"ttp-and-un-monitors-2026-02-12"}))
    answer = assistant.ask("What did the UN monitors report about the TTP?", filters=pdf)
    assert answer.citations and all(citation.page and citation.page >= 1 for citation in answer.citations)


@pytest.mark.parametrize(
    "question", ["\ud800 red lines of Kabul", "Kabul\x00?", "😀 Kabul 😀", "ما هي الخطوط الحمراء؟", "of the and"]
)
def test_odd_questions_get_an_answer(assistant: Assistant, question: str) -> None:
    assert json.dumps(assistant.ask(question).to_json(), ensure_ascii=False).encode()


def test_a_question_that_cannot_be_asked(assistant: Assistant) -> None:
    with pytest.raises(QuestionError, match="is empty"):
        assistant.ask("?")


def test_an_explanation_agrees_with_the_answer(assistant: Assistant) -> None:
    question = "Which crossings were closed?"
    told, answer = assistant.explain(question), assistant.ask(question)
    assert json.loads(json.dumps(told)) == told
    assert {(c["brief_id"], c["start"], c["end"]) for c in told["chosen"]} == {
        (c.brief_id, c.start, c.end) for c in answer.citations
    }
    assert told["confidence"] == pytest.approx(answer.confidence, abs=1e-4)
    empty = assistant.explain(question, filters=Filters(briefs=frozenset()))
    assert (empty["confidence"], empty["chosen"], empty["chunks"]) == (0.0, [], [])


@pytest.mark.parametrize(
    ("quote", "shown"),
    [
        ("**Bottom line:** it\nholds.", "Bottom line: it holds."),
        ("See [the map](https://x.example/a) and ![alt](b.png).", "See the map and alt."),
        ("snake_case and 2 * 3 * 4", "snake_case and 2 * 3 * 4"),
    ],
)
def test_what_is_shown_is_without_markup(quote: str, shown: str) -> None:
    assert plain(quote) == shown
