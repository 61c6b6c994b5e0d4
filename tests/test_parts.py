"""Questions that ask more than one thing, and those that only look so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.comparison import LONGEST, compared
from assistant.parts import MOST, Part, parts_of
from index.search import check_question


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "When was the depot raided and how many guards were killed?",
            ("When was the depot raided?", "how many guards were killed: the depot raided?"),
        ),
        (
            "Who mediated in Oslo, and why did the talks fail?",
            ("Who mediated in Oslo?", "why did the talks fail: mediated in Oslo?"),
        ),
        ("Who leads it? And how old is she?", ("Who leads it?", "how old is she: leads it?")),
        ("Was a school hit, and how many died?", ("Was a school hit?", "how many died: a school hit?")),
        (
            "Who fell, when was the truce, and who asked?",
            ("Who fell?", "when was the truce: fell?", "who asked: fell?"),
        ),
        ("Which gates closed, and since when?", ("Which gates closed?", "since when: gates closed?")),
        (
            "What would it take, and does any of it exist yet?",
            ("What would it take?", "does any of it exist yet: it take?"),
        ),
        (
            "Who leads the group and also what does Norway Aid say about hunger?",
            ("Who leads the group?", "what does Norway Aid say about hunger?"),
        ),
        (
            "Tell me when it closed and what it means.",
            ("Tell me when it closed?", "what it means: it closed?"),
        ),
    ],
)
def test_clauses_that_each_ask_are_parts(question: str, expected: tuple[str, ...]) -> None:
    assert tuple(part.question for part in parts_of(question)) == expected


@pytest.mark.parametrize(
    "question",
    [
        "What do Norway and Sweden trade?",
        "How did trade and transit suffer?",
        "What did the minister say about when it closed and what it means?",
        "When the bridge fell, how many died?",
        "If the gate is shut, how are goods moved?",
        "Which family distilled brandy and were Huguenots?",
        "There is a link between power, money, and what?",
        "What does it cost a day? sources seem to disagree",
        "Norway and how",
        "",
    ],
)
def test_one_question_stays_whole(question: str) -> None:
    assert parts_of(question) == (Part(question, question),)


def test_more_parts_than_can_be_searched_stay_whole() -> None:
    question = " ".join(f"What is item {k}?" for k in range(MOST))
    assert len(parts_of(question)) == MOST
    assert len(parts_of(f"{question} Who made it?")) == 1


@pytest.mark.parametrize(
    ("clause", "group", "lacking"),
    [
        ("how many were killed?", "", "The briefs do not say how many were killed."),
        ("Who signed the accord", "", "The briefs do not say who signed the accord."),
        ("since when", "", "The briefs do not say since when."),
        ("how did Norway respond?", "", "The briefs do not answer “how did Norway respond?”."),
        ("how many did Norway claim", "", "The briefs do not answer “how many did Norway claim?”."),
        ("what is the rate", "", "The briefs do not answer “what is the rate?”."),
        ("anything", "Norway", "The briefs do not answer this for Norway."),
    ],
)
def test_what_is_missing_is_said_in_words(clause: str, group: str, lacking: str) -> None:
    assert Part("?", clause, group).lacking == lacking


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "How do Norway and Sweden differ on fish?",
            {"Norway": "Norway on fish", "Sweden": "Sweden on fish"},
        ),
        (
            "Compare Norway's and Sweden's positions on fish",
            {"Norway": "Norway's positions on fish", "Sweden": "Sweden's positions on fish"},
        ),
        (
            "What is the difference between Norway and New Zealand on fish?",
            {"Norway": "Norway on fish", "New Zealand": "New Zealand on fish"},
        ),
        (
            "What do Norway and Sweden each want from the court?",
            {"Norway": "What does Norway want from the court", "Sweden": "What does Sweden want from the court"},
        ),
        (
            "Compare the stances of Norway, Sweden and Peru",
            {"Norway": "stances of Norway", "Sweden": "stances of Sweden", "Peru": "stances of Peru"},
        ),
        (
            "compare norway and sweden on fish",
            {"norway": "norway on fish", "sweden": "sweden on fish"},
        ),
        (
            "What are Norway's red lines, and Sweden's?",
            {"Norway": "What are Norway's red lines", "Sweden": "What are Sweden's red lines"},
        ),
        (
            "What are Norway's red lines and what are Sweden's?",
            {"Norway": "What are Norway's red lines", "Sweden": "What are Sweden's red lines"},
        ),
        (
            "Compare Norway's view of the court with Sweden's",
            {"Norway": "Norway's view of the court", "Sweden": "Sweden's view of the court"},
        ),
        ("Norway vs Sweden on fish", {"Norway": "Norway on fish", "Sweden": "Sweden on fish"}),
    ],
)
def test_compared_actors_are_asked_about_one_by_one(question: str, expected: dict[str, str]) -> None:
    assert {part.group: part.question for part in compared(question)} == expected


@pytest.mark.parametrize(
    "question",
    [
        "What do Norway and Sweden trade?",
        "Why did the talks between Norway and Sweden fail?",
        "Compare the costs and benefits of the dam",
        "what is the difference between states and phases of matter",
        "What was Norway's answer to Sweden?",
        "Compare Norway's trade with Sweden and with Peru, and the cost of shipping via Oslo and Lima.",
        "How do Norway and Sweden differ on fish, and who drew the line?",
    ],
)
def test_names_that_stand_together_are_not_always_compared(question: str) -> None:
    assert compared(question) == ()


@given(st.text(max_size=120) | st.lists(st.sampled_from(
    ["What", "how many", "Norway", "Sweden's", "and", ",", "?", "did", "compare", "differ", "it", "between", "the"]
)).map(" ".join))  # fmt: skip
def test_any_text_gives_parts_that_can_be_asked(text: str) -> None:
    parts = parts_of(text)
    assert parts == parts_of(text)
    assert 1 <= len(parts) <= MOST
    for part in (*(parts if len(parts) > 1 else ()), *compared(text)):
        assert check_question(part.question)
        assert len(part.question) <= len(text) + 2


def test_long_questions_are_not_read_as_comparisons() -> None:
    assert compared(f"How do Norway and Sweden differ on {'fish ' * LONGEST}?") == ()
