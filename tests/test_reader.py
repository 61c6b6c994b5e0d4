"""The cross-encoder that reads a passage with the question: what it is given, what it says, and when it is asked at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Assistant, reader
from assistant.answerability import UNSURE, answerability_of, confidence, features
from assistant.findings import evidence_on
from assistant.reader import (
    ENOUGH,
    MODEL_FILE,
    NEIGHBOURS,
    PASSAGES,
    QUESTION,
    SHA256,
    TOKENS,
    encoded,
    log_odds,
    passage_around,
    read,
)
from assistant.sentences import sentence_text
from index.errors import SettingsError
from index.settings import Settings
from index.traits import NEVER_QUOTED

WORDS = st.text("abcde ,.?", max_size=120)


@pytest.fixture(scope="module")
def assistant(demonstration: Settings) -> Assistant:
    return Assistant(demonstration)


@given(WORDS, WORDS, st.lists(WORDS, min_size=1, max_size=9), st.data())
def test_what_is_read_keeps_to_its_length(question: str, title: str, sentences: list[str], data: st.DataObject) -> None:
    middle = data.draw(st.integers(0, len(sentences) - 1))
    ids, kinds = encoded(question, title, sentences, middle)
    assert len(ids) == len(kinds) <= TOKENS
    assert kinds == sorted(kinds) and kinds.count(0) <= QUESTION + 2


def test_neighbours_are_read_whole_or_not_at_all() -> None:
    long = "word " * 30
    alone, _ = encoded("who", "", ("it rained.",), 0)
    assert encoded("who", "", (long, "it rained.", long), 1)[0] != alone
    assert encoded("who", "", (3 * long, "it rained.", 3 * long), 1)[0] == alone


def test_the_passage_around_a_sentence_stays_in_its_section(assistant: Assistant) -> None:
    generation = assistant.generation
    lines = generation.sentences
    for position in range(0, len(lines), 7):
        if lines.traits[position] & NEVER_QUOTED.value:
            continue
        title, sentences, middle = passage_around(generation, position)
        assert title == generation.metadata(generation.brief_ids[lines.brief[position]]).title
        assert sentences[middle] == sentence_text(generation, position)
        assert len(sentences) <= 2 * NEIGHBOURS + 1
        rows = range(position - middle, position - middle + len(sentences))
        assert not any(lines.traits[row] & NEVER_QUOTED.value for row in rows)


LETTER = ("Trade note", ("The ministry's letter of 1 December was signed by Deputy Secretary Lena Moss in Oslo.",), 0)
UNSIGNED = ("Trade note", ("The ministry's letter of 1 December authorised the cargo in three phases.",), 0)


@pytest.mark.parametrize(
    ("question", "answers", "does_not"),
    [
        ("Who signed the ministry's letter of 1 December?", LETTER, UNSIGNED),
        ("In how many phases did the letter authorise the cargo?", UNSIGNED, LETTER),
        ("where was the letter signed", LETTER, UNSIGNED),
    ],
)
def test_a_passage_that_answers_is_told_from_one_that_is_near(
    question: str, answers: tuple[str, tuple[str, ...], int], does_not: tuple[str, tuple[str, ...], int]
) -> None:
    assert log_odds(question, *answers) > log_odds(question, *does_not) + 1


@pytest.mark.parametrize(
    "question", ["What are Kabul's red lines?", "Who signed the letter of 1 December?", "Which nine other conflicts?"]
)
def test_passages_are_read_until_one_answers(assistant: Assistant, question: str) -> None:
    evidence = evidence_on(assistant.generation, assistant.embedder, question)
    likely = np.argsort(-evidence.sentence_score, kind="stable")[:PASSAGES]
    rows = [int(evidence.found.sentences[row]) for row in likely]
    odds = [log_odds(evidence.query.searched, *passage_around(assistant.generation, row)) for row in rows]
    log_odds.cache_clear()
    found = read(assistant.generation, evidence)
    enough = next((k + 1 for k, value in enumerate(odds) if value >= ENOUGH), PASSAGES)
    assert log_odds.cache_info().currsize == enough
    assert found == max(odds[:enough])


def test_only_what_is_unsure_is_read(assistant: Assistant) -> None:
    generation, model = assistant.generation, answerability_of(assistant.settings)
    asked = {"best sourdough starter for rye bread": False, "In which hotel were the Istanbul talks held?": True}
    for question, unsure in asked.items():
        evidence = evidence_on(generation, assistant.embedder, question)
        quick = float(model.quick.probability(features(generation, evidence)[None, :])[0])
        assert (UNSURE[0] < quick < UNSURE[1]) is unsure
        log_odds.cache_clear()
        chance = confidence(generation, evidence, model)
        assert (log_odds.cache_info().currsize > 0) is unsure
        assert (chance == pytest.approx(quick)) is not unsure


def test_the_weights_are_those_of_this_version() -> None:
    assert hashlib.sha256(MODEL_FILE.read_bytes()).hexdigest() == SHA256


@pytest.mark.parametrize("content", [None, b"", b"something else"])
def test_other_weights_are_refused_in_one_line(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "reader.onnx"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setattr(reader, "MODEL_FILE", file)
    reader._session.cache_clear()
    log_odds.cache_clear()
    try:
        with pytest.raises(SettingsError, match=r"reader\.onnx.*install the package again") as raised:
            log_odds("who", "", ("it rained.",), 0)
        assert "\n" not in str(raised.value)
    finally:
        reader._session.cache_clear()
