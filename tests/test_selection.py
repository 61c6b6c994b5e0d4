"""Which sentences make the answer: expected overlap by hand, lists, other briefs, runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import write_brief
from hypothesis import given
from hypothesis import strategies as st

from assistant.expectations import owned_by_another, states_count, states_date
from assistant.selection import Run, select, sentence_text
from index.build import build
from index.embedding.minilm import MiniLM
from index.generation import Generation, open_current
from index.search import Evidence, find_evidence
from index.settings import Settings
from index.traits import Asks

BODY = """The crossing at Torkham was shut on Sunday. Traders in Jalalabad lost perishable fruit worth millions of afghanis.

Qatar and Turkey mediated between the two capitals all autumn.

- Hand over the leaders of the armed groups.
- Close the training camps along the frontier.
- Sign a written accord with verification.
"""
OTHER = "A locust swarm destroyed wheat in Herat. This ruined harvests of smallholders for a whole season."


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    folder = tmp_path_factory.mktemp("selection")
    write_brief(folder / "corpus", "border", "Border", BODY)
    write_brief(folder / "corpus", "locusts", "Locusts", OTHER)
    settings = Settings(corpus=folder / "corpus", store=folder / "store")
    build(settings)
    return open_current(settings)


@pytest.fixture(scope="module")
def evidence(generation: Generation, minilm: MiniLM) -> Evidence:
    """All quotable sentences of both briefs, as candidates of a question whose only word none of them holds."""
    found = find_evidence(generation, minilm, "zzyzx")
    assert [sentence_text(generation, int(row)).split()[0] for row in found.found.sentences] == [
        "The", "Traders", "Qatar", "Hand", "Close", "Sign", "A", "This",
    ]  # fmt: skip
    return found


def chosen(generation: Generation, evidence: Evidence, *chances: float, brevity: float = 1.0) -> list[str]:
    """The quotes selected when the first sentences have these probabilities and the others none."""
    scores = np.zeros(len(evidence.found.sentences), np.float32)
    scores[: len(chances)] = chances
    return quotes(generation, select(generation, replace(evidence, sentence_score=scores), brevity))


def quotes(generation: Generation, runs: list[Run]) -> list[str]:
    return [generation.brief(generation.brief_ids[run.brief]).text[run.start : run.end] for run in runs]


def asking(evidence: Evidence, asks: Asks) -> Evidence:
    return replace(evidence, query=replace(evidence.query, asks=asks))


CLOSED = "The crossing at Torkham was shut on Sunday."
LOST = "Traders in Jalalabad lost perishable fruit worth millions of afghanis."
ITEMS = [
    "Hand over the leaders of the armed groups.",
    "Close the training camps along the frontier.",
    "Sign a written accord with verification.",
]


@pytest.mark.parametrize(
    ("asks", "second", "brevity", "expected"),
    [
        # One sentence of 43 characters at 0.9 (38.7 expected) and one of 70. After a fact a surplus character costs 1:
        # alone 38.7 / (43 + 14) = 0.68, both 52.7 / 113 = 0.47.
        (Asks.DATE, 0.2, 1.0, [CLOSED]),
        # Alone 38.7 / (43 + 24.5) = 0.573, both 63.2 / 113 = 0.559.
        (Asks.DATE, 0.35, 1.0, [CLOSED]),
        # Alone 38.7 / (43 + 28) = 0.55, both 66.7 / 113 = 0.59.
        (Asks.DATE, 0.4, 1.0, [f"{CLOSED} {LOST}"]),
        # An open question pays 0.6: alone 38.7 / (38.7 + 2.58 + 24.5) = 0.588, both 63.2 / (63.2 + 29.88) = 0.679.
        (Asks(0), 0.35, 1.0, [f"{CLOSED} {LOST}"]),
        # Alone 38.7 / (38.7 + 2.58 + 7) = 0.80, both 45.7 / (45.7 + 40.38) = 0.53.
        (Asks(0), 0.1, 1.0, [CLOSED]),
        # At a tenth of the price: alone 38.7 / (38.7 + 0.258 + 7) = 0.842, both 45.7 / (45.7 + 4.038) = 0.919.
        (Asks(0), 0.1, 0.1, [f"{CLOSED} {LOST}"]),
    ],
)
def test_expected_overlap_by_hand(
    generation: Generation, evidence: Evidence, asks: Asks, second: float, brevity: float, expected: list[str]
) -> None:
    assert (len(CLOSED), len(LOST)) == (43, 70)
    assert chosen(generation, asking(evidence, asks), 0.9, second, brevity=brevity) == expected


def test_another_brief_is_heard_from_a_share_of_the_best(generation: Generation, evidence: Evidence) -> None:
    fact = asking(evidence, Asks.DATE)
    heard = chosen(generation, fact, 0.9, 0, 0, 0, 0, 0, 0.28)
    assert heard == [CLOSED, "A locust swarm destroyed wheat in Herat."]
    assert chosen(generation, fact, 0.9, 0, 0, 0, 0, 0, 0.26) == [CLOSED]


def test_a_list_comes_back_whole_when_a_list_is_asked_for(generation: Generation, evidence: Evidence) -> None:
    # The two items left out have 0.23 on average, the bar is a quarter of 0.9.
    chances = (0, 0, 0, 0.9, 0.2, 0.26)
    assert chosen(generation, asking(evidence, Asks.LIST), *chances) == ITEMS
    assert chosen(generation, asking(evidence, Asks.DATE), *chances) == ITEMS[:1]
    assert chosen(generation, asking(evidence, Asks.LIST), 0, 0, 0, 0.9, 0.2, 0.2) == ITEMS[:1]


def test_a_sentence_that_leans_back_brings_the_one_before(generation: Generation, evidence: Evidence) -> None:
    assert chosen(generation, evidence, 0, 0, 0, 0, 0, 0, 0, 0.9) == [OTHER]


def test_the_best_brief_comes_first_and_its_runs_in_order(generation: Generation, evidence: Evidence) -> None:
    found = chosen(generation, evidence, 0.5, 0, 0.6, 0, 0, 0, 0.9)
    assert found == ["A locust swarm destroyed wheat in Herat.", CLOSED, BODY.split("\n")[2]]


def test_nothing_comes_of_nothing(generation: Generation, evidence: Evidence) -> None:
    none = replace(evidence, sentence_score=np.zeros(0, np.float32))
    assert select(generation, none) == []


@given(chances=st.lists(st.integers(1, 999).map(lambda k: k / 1000), min_size=8, max_size=8), brevity=st.floats(0.1, 1))
def test_runs_are_disjoint_and_made_of_whole_sentences(
    generation: Generation, evidence: Evidence, chances: list[float], brevity: float
) -> None:
    scored = replace(evidence, sentence_score=np.array(chances, np.float32))
    runs = select(generation, scored, brevity)
    lines = generation.sentences
    rows = [row for run in runs for row in range(run.first, run.last + 1)]
    assert rows and len(rows) == len(set(rows))
    assert int(evidence.found.sentences[int(np.argmax(scored.sentence_score))]) in rows
    for run in runs:
        assert (run.start, run.end) == (lines.start[run.first], lines.end[run.last])
        assert {int(brief) for brief in lines.brief[run.first : run.last + 1]} == {run.brief}
    assert runs == select(generation, scored, brevity)


@pytest.mark.parametrize(
    ("question", "sentence", "states"),
    [
        ("When did it close?", "It closed on 12 October.", True),
        ("When did it close?", "It closed on Sunday.", True),
        ("What happened on 12 October?", "It closed on 12 October.", False),
        ("What happened in October?", "It closed in October 2025.", True),
        ("When did it close?", "It closed early.", False),
    ],
)
def test_a_date_counts_when_the_question_does_not_name_it(question: str, sentence: str, states: bool) -> None:
    assert states_date(question, sentence) is states


@pytest.mark.parametrize(
    ("question", "sentence", "states"),
    [
        ("How many men died?", "It killed five other armed men.", True),
        ("How many trucks waited?", "Some 5,000 stranded trucks waited.", True),
        ("How many trucks waited?", "Trucks waited for 12 days.", False),
        ("How many of the 23 soldiers died?", "The 23 soldiers were named.", False),
        ("How many trucks waited?", "The dozens of long-delayed and by then half-empty trucks left.", False),
        ("Who died?", "It killed five men.", None),
    ],
)
def test_a_count_belongs_to_its_noun(question: str, sentence: str, states: bool | None) -> None:
    assert states_count(question, sentence) is states


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("what are Pakistan's red lines?", "Kabul's red lines are sovereignty and airspace.", True),
        ("what are Pakistan's red lines?", "Islamabad's red lines are written guarantees.", False),
        ("what are Pakistan's red lines?", "Kabul's red lines collide with those of Pakistan.", False),
        ("what are Pakistan's red lines?", "Kabul's price for trade is a guarantee.", False),
        ("what are the red lines?", "Kabul's red lines are sovereignty and airspace.", False),
    ],
)
def test_what_is_somebody_elses_does_not_answer(question: str, sentence: str, expected: bool) -> None:
    assert owned_by_another(question, sentence, {"pakistan": ("pakistan", "islamabad")}) is expected
