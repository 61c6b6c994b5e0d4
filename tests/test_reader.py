"""The cross-encoders that read a passage with the question: what they are given, what they say, and when they are asked at all."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Assistant, answerability
from assistant.answerability import (
    FEATURES,
    OPEN,
    READ,
    UNSURE,
    all_features,
    answerability_of,
    confidence,
    within,
)
from assistant.findings import evidence_on
from assistant.reader import (
    CAREFUL,
    NEIGHBOURS,
    PASSAGES,
    QUESTION,
    QUICK,
    Reader,
    encoded,
    log_odds,
    passage_around,
    read,
)
from assistant.sentences import sentence_text
from index.errors import SettingsError
from index.settings import Settings
from index.traits import NEVER_QUOTED

ASKED = [
    "best sourdough starter for rye bread",
    "What are Kabul's red lines?",
    "In which hotel were the Istanbul talks held?",
    "Who signed the letter of 1 December?",
    "Which nine other conflicts?",
    "Has Qatar's emir visited Kandahar?",
    "What did the TTP's spokesman say about the ceasefire?",
]
READERS = pytest.mark.parametrize("reader", [QUICK, CAREFUL], ids=["quick", "careful"])
WORDS = st.text("abcde ,.?", max_size=120)


@pytest.fixture(scope="module")
def assistant(demonstration: Settings) -> Assistant:
    return Assistant(demonstration)


@given(WORDS, WORDS, st.lists(WORDS, min_size=1, max_size=9), st.data())
def test_what_is_read_keeps_to_its_length(question: str, title: str, sentences: list[str], data: st.DataObject) -> None:
    middle = data.draw(st.integers(0, len(sentences) - 1))
    tokens = data.draw(st.sampled_from([QUICK.tokens, CAREFUL.tokens]))
    ids, kinds = encoded(question, title, sentences, middle, tokens)
    assert len(ids) == len(kinds) <= tokens
    assert kinds == sorted(kinds) and kinds.count(0) <= QUESTION + 2


def test_neighbours_are_read_whole_or_not_at_all() -> None:
    long = "word " * 30
    alone, _ = encoded("who", "", ("it rained.",), 0, 64)
    assert encoded("who", "", (long, "it rained.", long), 1, 64)[0] != alone
    assert encoded("who", "", (3 * long, "it rained.", 3 * long), 1, 64)[0] == alone


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


@READERS
@pytest.mark.parametrize(
    ("question", "answers", "does_not"),
    [
        ("Who signed the ministry's letter of 1 December?", LETTER, UNSIGNED),
        ("In how many phases did the letter authorise the cargo?", UNSIGNED, LETTER),
        ("where was the letter signed", LETTER, UNSIGNED),
    ],
)
def test_a_passage_that_answers_is_told_from_one_that_is_near(
    reader: Reader,
    question: str,
    answers: tuple[str, tuple[str, ...], int],
    does_not: tuple[str, tuple[str, ...], int],
) -> None:
    assert log_odds(reader, question, *answers) > log_odds(reader, question, *does_not) + 1


@READERS
@pytest.mark.parametrize(
    "question", ["What are Kabul's red lines?", "Who signed the letter of 1 December?", "Which nine other conflicts?"]
)
def test_passages_are_read_until_one_answers(assistant: Assistant, reader: Reader, question: str) -> None:
    evidence = evidence_on(assistant.generation, assistant.embedder, question)
    likely = np.argsort(-evidence.sentence_score, kind="stable")[:PASSAGES]
    rows = [int(evidence.found.sentences[row]) for row in likely]
    odds = [log_odds(reader, evidence.query.searched, *passage_around(assistant.generation, row)) for row in rows]
    log_odds.cache_clear()
    found = read(reader, assistant.generation, evidence)
    enough = next((k + 1 for k, value in enumerate(odds) if value >= reader.enough), PASSAGES)
    assert log_odds.cache_info().currsize == enough
    assert found == max(odds[:enough])


def test_only_what_is_unsure_is_read_and_only_what_stays_open_read_twice(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation, model = assistant.generation, answerability_of(assistant.settings)
    used: list[Reader] = []

    def noted(reader: Reader, *given: Any) -> float:
        used.append(reader)
        return read(reader, *given)

    monkeypatch.setattr(answerability, "read", noted)
    seen = set()
    for question in ASKED:
        evidence = evidence_on(generation, assistant.embedder, question)
        signals = all_features(generation, evidence)[None, :]
        used.clear()
        chance = confidence(generation, evidence, model)
        assert chance == pytest.approx(float(model.probability(signals)[0]), abs=1e-6)
        free, again = len(FEATURES), len(FEATURES + READ)
        unsure = bool(within(model.quick.probability(signals[:, :free]), UNSURE)[0])
        still = unsure and bool(within(model.read.probability(signals[:, :again]), OPEN)[0])
        assert used == [QUICK][:unsure] + [CAREFUL][:still]
        seen.add((unsure, still))
    assert seen == {(False, False), (True, False), (True, True)}


@READERS
def test_the_weights_are_those_of_this_version(reader: Reader) -> None:
    assert hashlib.sha256(reader.file.read_bytes()).hexdigest() == reader.sha256


@pytest.mark.parametrize("content", [None, b"", b"something else"])
def test_other_weights_are_refused_in_one_line(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "other.onnx"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"other\.onnx.*install the package again") as raised:
        log_odds(QUICK._replace(file=file), "who", "", ("it rained.",), 0)
    assert "\n" not in str(raised.value)
