"""Which sentences make the answer: expected overlap by hand, lists, other briefs, runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import write_brief
from hypothesis import given
from hypothesis import strategies as st

from assistant.expectations import gives_count, owned_by_another, stands_under_another, states_count, states_date
from assistant.selection import Run, select, select_sentences
from assistant.sentences import count_words, sentence_text
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
    ("second", "brevity", "expected"),
    [
        # One sentence of 43 characters at 0.9 (38.7 expected) and one of 70 that goes on from it: 0.45 at least.
        # Where a surplus character costs 1: alone 38.7 / (43 + 31.5) = 0.52, both 70.2 / 113 = 0.62.
        (0.2, 1.0, [f"{CLOSED} {LOST}"]),
        # Where it costs 2.2: alone 38.7 / (38.7 + 9.46 + 31.5) = 0.486, both 70.2 / (70.2 + 94.16) = 0.427.
        (0.2, 2.2, [CLOSED]),
        (0.45, 2.2, [CLOSED]),
        # Alone 38.7 / (38.7 + 9.46 + 42) = 0.429, both 80.7 / (80.7 + 71.06) = 0.532.
        (0.6, 2.2, [f"{CLOSED} {LOST}"]),
        # Where it costs 3: alone 38.7 / (38.7 + 12.9 + 42) = 0.413, both 80.7 / (80.7 + 96.9) = 0.454.
        (0.6, 3.0, [f"{CLOSED} {LOST}"]),
        # Alone 38.7 / (38.7 + 12.9 + 35) = 0.447, both 73.7 / (73.7 + 117.9) = 0.385.
        (0.5, 3.0, [CLOSED]),
    ],
)
def test_expected_overlap_by_hand(
    generation: Generation, evidence: Evidence, second: float, brevity: float, expected: list[str]
) -> None:
    assert (len(CLOSED), len(LOST)) == (43, 70)
    assert chosen(generation, evidence, 0.9, second, brevity=brevity) == expected


def test_another_brief_is_heard_from_a_share_of_the_best(generation: Generation, evidence: Evidence) -> None:
    fact = asking(evidence, Asks.DATE)
    heard = chosen(generation, fact, 0.9, 0, 0, 0, 0, 0, 0.28, brevity=2.2)
    assert heard == [CLOSED, "A locust swarm destroyed wheat in Herat."]
    assert chosen(generation, fact, 0.9, 0, 0, 0, 0, 0, 0.26, brevity=2.2) == [CLOSED]


def test_a_list_comes_back_whole_when_a_list_is_asked_for(generation: Generation, evidence: Evidence) -> None:
    # The two items left out have 0.23 on average, the bar is a quarter of 0.9.
    chances = (0, 0, 0, 0.9, 0.2, 0.26)
    assert chosen(generation, asking(evidence, Asks.LIST), *chances) == ITEMS
    assert chosen(generation, asking(evidence, Asks.DATE), *chances) == ITEMS[:1]
    assert chosen(generation, asking(evidence, Asks.LIST), 0, 0, 0, 0.9, 0.2, 0.2) == ITEMS[:1]


def test_a_sentence_that_leans_back_brings_the_one_before(generation: Generation, evidence: Evidence) -> None:
    assert chosen(generation, evidence, 0, 0, 0, 0, 0, 0, 0, 0.9) == [OTHER]


def test_the_best_brief_comes_first_and_its_runs_in_order(generation: Generation, evidence: Evidence) -> None:
    found = chosen(generation, evidence, 0.5, 0, 0.6, 0, 0, 0, 0.9, brevity=2.2)
    assert found == ["A locust swarm destroyed wheat in Herat.", CLOSED, BODY.split("\n")[2]]


def test_no_more_words_than_there_is_room_for(generation: Generation, evidence: Evidence) -> None:
    scored = replace(evidence, sentence_score=np.full(len(evidence.found.sentences), 0.9, np.float32))
    for words in (0, 8, 20, 40):
        rows = select_sentences(generation, scored, words=words)
        counts = [count_words(generation, row) for row in rows]
        assert sum(counts) <= max(words, counts[0])
    # "This ruined ..." would need the sentence before it: there is no room for both, so neither is taken.
    closed, leaning = (int(row) for row in evidence.found.sentences[[0, 7]])
    scores = np.zeros(len(evidence.found.sentences), np.float32)
    scores[[0, 7]] = 0.9, 0.8
    chosen = replace(evidence, sentence_score=scores)
    assert set(select_sentences(generation, chosen, 2.2, words=18)) == {closed}
    assert set(select_sentences(generation, chosen, 2.2, words=40)) == {closed, leaning - 1, leaning}


def test_what_was_taken_is_not_said_again(generation: Generation, evidence: Evidence) -> None:
    scores = np.zeros(len(evidence.found.sentences), np.float32)
    scores[:2] = 0.9
    both = select_sentences(generation, replace(evidence, sentence_score=scores))
    assert len(both) == 2
    first, second = both
    assert list(select_sentences(generation, replace(evidence, sentence_score=scores), taken=[first])) == [second]


SECTION = "\n".join(f"- Demand number {k} concerns the {word} in full." for k, word in enumerate(
    ("harbour", "railway", "airfield", "customs house", "pipeline", "embassy", "archive"), 1
))  # fmt: skip
COUNTED = "Lorries had been waiting at the northern gate. By Friday there were 5,000."


def test_a_list_in_several_chunks_comes_back_whole(tmp_path: Path, minilm: MiniLM) -> None:
    write_brief(tmp_path / "corpus", "list", "The envoy's paper", f"## Demands of the envoy\n\n{SECTION}\n\n{COUNTED}")
    settings = Settings(corpus=tmp_path / "corpus", store=tmp_path / "store", chunk_chars=200)
    build(settings)
    generation = open_current(settings)
    assert len(generation.chunks) > 2
    whole = find_evidence(generation, minilm, "What are the demands of the envoy?")
    best = whole.best_chunks[:1]
    evidence = replace(
        whole,
        found=whole.found.only(best),
        chunk_score=whole.chunk_score[best],
        sentence_score=whole.sentence_score[whole.found.owner == best[0]],
    )
    assert len(evidence.sentence_score) < 7, "some items are no candidates"
    told = " ".join(quotes(generation, select(generation, evidence)))
    assert all(f"Demand number {k} " in told for k in range(1, 8))


def test_a_number_brings_what_it_counts(tmp_path: Path, minilm: MiniLM) -> None:
    write_brief(tmp_path / "corpus", "gate", "The gate", COUNTED)
    settings = Settings(corpus=tmp_path / "corpus", store=tmp_path / "store")
    build(settings)
    generation = open_current(settings)
    for question, expected in (
        ("How many lorries were there?", [COUNTED]),
        ("What happened on Friday?", ["By Friday there were 5,000."]),
    ):
        found = find_evidence(generation, minilm, question)
        scored = replace(found, sentence_score=np.array([0.0, 0.9], np.float32))
        assert quotes(generation, select(generation, scored)) == expected


SNAG = """The autumn talks ran for a week. The main snag was a refusal to sign anything. On Friday they were declared over.

Because of the rain, the delegates left late."""


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Why did the autumn talks end?", ["The main snag was a refusal to sign anything. On Friday they were declared over."]),
        ("When did the autumn talks end?", ["On Friday they were declared over."]),
    ],
)  # fmt: skip
def test_a_reason_that_stands_beside_the_answer_comes_with_it(
    tmp_path: Path, minilm: MiniLM, question: str, expected: list[str]
) -> None:
    write_brief(tmp_path / "corpus", "talks", "Talks", SNAG)
    settings = Settings(corpus=tmp_path / "corpus", store=tmp_path / "store")
    build(settings)
    generation = open_current(settings)
    found = find_evidence(generation, minilm, question)
    scored = replace(found, sentence_score=np.array([0.0, 0.0, 0.9, 0.0], np.float32))
    assert quotes(generation, select(generation, scored)) == expected


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


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Kabul will let no country act against its sovereignty.", True),
        ("Mujahid repeated the first of them in May.", True),
        ("Pakistan's red lines are others, Kabul says.", False),
        ("Islamabad disagrees with Kabul.", False),
    ],
)
def test_under_anothers_title_a_sentence_is_on_the_other(sentence: str, expected: bool) -> None:
    same = {"pakistan": ("pakistan", "islamabad"), "kabul": ("kabul", "afghanistan")}
    title = "Kabul's positions and red lines"
    assert stands_under_another("what are Pakistan's red lines?", title, sentence, same) is expected
    assert not stands_under_another("what are Kabul's red lines?", title, sentence, same)
    assert not stands_under_another("what is Pakistan's budget?", title, sentence, same)
    assert not stands_under_another("what are Pakistan's red lines?", "Positions and red lines", sentence, same)


@pytest.mark.parametrize(
    ("clause", "sentence", "gives"),
    [
        ("how many cadets were killed", "Ten cadets were killed.", True),
        ("how many cadets were killed", "A bomber and five others attacked the cadets.", False),
        ("how many were killed", "The strike left nine dead.", True),
        ("how many were killed", "They were killed on 9 May 2025.", False),
        ("how much did it cost", "The closure cost $45m.", True),
        ("how much did it cost", "It has been shut for 12 days.", False),
    ],
)
def test_a_part_that_asks_for_a_count_needs_one(clause: str, sentence: str, gives: bool) -> None:
    assert gives_count(clause, sentence) is gives


def test_what_a_sentence_only_announces_comes_with_it(tmp_path: Path, minilm: MiniLM) -> None:
    body = """The talks stalled twice. Two sides were heard at length.

Two disputes run through the talks:

- Three explanations of the stalemate compete. One blames money; another blames pride; a third blames the weather.
- The border has no agreed line.
"""
    write_brief(tmp_path / "corpus", "talks", "Talks", body)
    settings = Settings(corpus=tmp_path / "corpus", store=tmp_path / "store")
    build(settings)
    generation = open_current(settings)
    found = find_evidence(generation, minilm, "which disputes run through the talks")
    rows = [sentence_text(generation, int(row)) for row in found.found.sentences]
    scores = np.zeros(len(rows), np.float32)
    scores[rows.index("Two disputes run through the talks:")] = 0.9
    chosen = quotes(generation, select(generation, replace(found, sentence_score=scores)))
    assert chosen == [
        "Two disputes run through the talks:",
        "Three explanations of the stalemate compete. One blames money; another blames pride; a third blames the weather.",
        "The border has no agreed line.",
    ]
