"""From a question to what is searched: spelling, other names, kinds of question, traits of sentences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_lexical import index_of

from index.aliases import Alias
from index.embedding.minilm import MiniLM
from index.lexical import LexicalIndex
from index.query import EXPANSION_WEIGHT, Query, parse_question
from index.spelling import known_word
from index.traits import Asks, Trait, asks_of, traits_of, wanted_traits

CHUNKS = [
    ["Iran offered its ports to Afghan traders at Chabahar"],
    ["The Pakistani Taliban and Islamabad held talks", "Islamabad refused relocation"],
    ["Torkham and Chaman stayed closed in Pakistan"],
]
TTP = Alias("ttp", ("tehrik", "taliban", "pakistan"), ("b",))


@pytest.fixture(scope="module")
def lexical(tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    return index_of(tmp_path_factory.mktemp("lexical"), CHUNKS)


@pytest.fixture
def parse(lexical: LexicalIndex, minilm: MiniLM) -> Parse:
    return Parse(lexical, minilm)


class Parse:
    """Questions against ``CHUNKS``, with the aliases given."""

    def __init__(self, lexical: LexicalIndex, minilm: MiniLM) -> None:
        self.lexical, self.is_word = lexical, known_word(minilm)

    def __call__(self, question: str, *aliases: Alias) -> Query:
        return parse_question(question, self.lexical, aliases, self.is_word)


@pytest.mark.parametrize(
    ("question", "searched"),
    [
        ("What about Torkam?", "What about torkham?"),
        ("What did Islmabad refuse?", "What did islamabad refuse?"),
        ("chabahr ports", "chabahar ports"),
        ("relcoation of fighters", "relocation of fighters"),
        ("Waht is closed?", "what is closed?"),
    ],
)
def test_spelling_is_mended(parse: Parse, question: str, searched: str) -> None:
    query = parse(question)
    assert (query.question, query.searched) == (question, searched)
    assert len(query.mended) == 1


@pytest.mark.parametrize(
    "question",
    [
        "What about Iraq?",
        "Who trades with China?",
        "tails of Iran",
        "Xqzvw?",
        "TTP TTA",
        "What did Imran Khan say?",
        "who is modi",
        "Torches and shelved freighters",
        "to criticise the porters",
        "Stated: Pork prices",
    ],
)
def test_other_names_real_words_and_riddles_stay(parse: Parse, question: str) -> None:
    query = parse(question)
    assert query.searched == question and not query.mended


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("In Chammann", "chaman"),
        ("of Torkhan", "torkham"),
        ("via Chabbahar", "chabahar"),
        ("the Talliban", "taliban"),
        ("to Islammabad", "islamabad"),
    ],
)
def test_a_name_is_mended_into_one_that_sounds_the_same(parse: Parse, typed: str, meant: str) -> None:
    assert list(parse(f"What happened {typed}?").mended.values()) == [meant]


def test_an_ordinary_word_is_a_slip_only_as_a_name_that_sounds_the_same(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["Unrest in Balochistan"]])
    known = {"baluchistan"}.__contains__
    assert parse_question("the unrest in Baluchistan", index, (), known).mended == {"Baluchistan": "balochistan"}
    assert not parse_question("the unrest in baluchistan", index, (), known).mended
    assert not parse_question("Baluchistan", index, (), known).mended


def test_spelling_is_mended_only_to_what_may_be_read(lexical: LexicalIndex) -> None:
    hidden = np.array([True, True, False])
    assert parse_question("Torkam", lexical, (), lambda _: False).mended == {"Torkam": "torkham"}
    assert not parse_question("Torkam", lexical, (), lambda _: False, hidden).mended


def test_hidden_words_do_not_crowd_out_the_one_that_may_be_read(tmp_path: Path) -> None:
    crowd = [[f"chama{letter}"] for letter in "abcdefghijkl"]
    index = index_of(tmp_path, [*crowd, ["chamat"]])
    allowed = np.array([False] * len(crowd) + [True])
    assert parse_question("chamaz", index, (), lambda _: False, allowed).mended == {"chamaz": "chamat"}


def test_asking_words_count_only_when_there_is_nothing_else(parse: Parse) -> None:
    assert set(parse("Compare the latest position of Iran").weights) == {"posit", "iran"}
    assert set(parse("What is the latest?").weights) == {"latest"}


def test_an_abbreviation_brings_its_long_form(parse: Parse) -> None:
    query = parse("ttp relocation", TTP)
    assert query.weights == {"ttp": 1.0, "reloc": 1.0} | dict.fromkeys(TTP.long, EXPANSION_WEIGHT)
    # One chunk each holds "taliban" and "pakistan", none "tehrik": the first by the alphabet stands for the name.
    assert query.groups == (("ttp", "pakistan"), ("reloc",))


def test_a_long_form_brings_its_abbreviation(parse: Parse) -> None:
    query = parse("Tehrik-e-Taliban Pakistan", TTP)
    assert query.weights["ttp"] == EXPANSION_WEIGHT
    assert ("pakistan", "ttp") in query.groups
    assert "ttp" not in parse("Taliban in Pakistan", TTP).weights


def test_aliases_of_hidden_briefs_are_not_used(lexical: LexicalIndex) -> None:
    def weights(briefs: set[str] | None) -> set[str]:
        return set(parse_question("ttp", lexical, (TTP,), lambda _: True, None, briefs).weights)

    assert weights({"a"}) == {"ttp"}
    assert weights({"a", "b"}) == weights(None) == {"ttp", *TTP.long}


def test_what_stands_for_a_name_is_counted_over_allowed_chunks(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["Pakistan"], ["Taliban"], ["Taliban"], ["Pakistan"], ["Pakistan"]])
    allowed = np.array([True, True, True, False, False])
    assert parse_question("ttp", index, (TTP,), lambda _: True).groups == (("ttp", "taliban"),)
    assert parse_question("ttp", index, (TTP,), lambda _: True, allowed).groups == (("ttp", "pakistan"),)


@given(question=st.text(max_size=60))
def test_any_text_can_be_read(lexical: LexicalIndex, question: str) -> None:
    query = parse_question(question, lexical, (TTP,), lambda _: False)
    assert all(weight in {1.0, EXPANSION_WEIGHT} for weight in query.weights.values())
    assert all(term in query.weights for group in query.groups for term in group)


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("How many trucks waited?", Asks.NUMBER),
        ("When did Torkham close?", Asks.DATE),
        ("Who spoke for Kabul?", Asks.PERSON),
        ("Where did they meet?", Asks.PLACE),
        ("Why did the talks fail?", Asks.REASON),
        ("How did the talks end?", Asks.MANNER),
        ("What is the Durand Line?", Asks.DEFINITION),
        ("What are Kabul's red lines?", Asks.LIST),
        ("Where and when did they meet?", Asks.PLACE | Asks.DATE),
        ("Torkham", Asks(0)),
    ],
)
def test_what_a_question_asks_for(question: str, asks: Asks) -> None:
    assert asks_of(question) == asks


@pytest.mark.parametrize(
    ("sentence", "held", "not_held"),
    [
        ("Fighting began on 12 October.", Trait.NUMBER | Trait.DATE, Trait.AMOUNT | Trait.QUESTION),
        ("It cost $240 million a month.", Trait.AMOUNT | Trait.NUMBER | Trait.LEANS_BACK, Trait.DATE),
        ("The talks failed because Kabul refused.", Trait.CAUSE, Trait.NUMBER | Trait.LEANS_BACK),
        ("Will the truce hold?", Trait.QUESTION, Trait.NUMBER),
        ("Reuters: https://example.org/a/very/long/address/of/a/page", Trait.REFERENCE, Trait.CAUSE),
        ("The envoys met in Doha.", Trait.PLACE, Trait.REFERENCE),
    ],
)
def test_traits_of_sentences(sentence: str, held: Trait, not_held: Trait) -> None:
    traits = traits_of(sentence)
    assert held in traits and not traits & not_held


def test_layout_becomes_traits() -> None:
    assert Trait.HEADING in traits_of("Demands", heading=True)
    assert Trait.ITEM in traits_of("Demands", item=True) and Trait.HEADING not in traits_of("Demands", item=True)


def test_wanted_traits_go_with_the_kind() -> None:
    assert wanted_traits(Asks.DATE | Asks.REASON) == Trait.DATE | Trait.CAUSE
    assert wanted_traits(Asks.LIST) == Trait(0)
