"""What the reader is trained on; the network itself needs torch, which is installed for training alone."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from assistant.reader import QUICK, encoded
from evals.training.examples import Example, Text, of_reading_sets, of_written_questions, texts_of, title_of

TRAINING = Path(__file__).parent.parent / "evals" / "training"
CONTEXT = "The bridge at Arl was built in 1911 by Ida Holm. It was closed after a flood. Trains cross it twice a day."
OTHER = "Olm has a harbour. Its ferries sail to Arl in summer, when the bridge is crowded."


def _squad(folder: Path) -> Path:
    def asked(question: str, answer: str = "", plausible: str = "") -> dict[str, object]:
        marks = {
            name: [{"text": text, "answer_start": CONTEXT.index(text)}] if text else []
            for name, text in (("answers", answer), ("plausible_answers", plausible))
        }
        return {"question": question, "is_impossible": not answer, **marks}

    first = {
        "context": CONTEXT,
        "qas": [
            asked("Who built the bridge at Arl?", "Ida Holm"),
            asked("How many trains a day cross the bridge at Arl in 1911?", "twice"),
            asked("Who closed the bridge?", plausible="closed after a flood"),
        ],
    }
    file = folder / "squad.json"
    articles = [
        {"title": "Arl_(town)", "paragraphs": [first, {"context": OTHER, "qas": []}]},
        {"title": "Left_out", "paragraphs": [first]},
    ]
    file.write_text(json.dumps({"data": articles}), encoding="utf-8")
    return file


def _holds(example: Example, words: str) -> bool:
    inside = encoded("", "", (words,), 0, QUICK.tokens)[0][2:-1]
    return any(example.ids[k : k + len(inside)] == inside for k in range(len(example.ids)))


def test_examples_of_a_reading_set_answer_only_with_the_marked_words(tmp_path: Path) -> None:
    file = _squad(tmp_path)
    for seed in range(20):
        examples = list(of_reading_sets([file], frozenset({"Left_out"}), QUICK.tokens, random.Random(seed)))
        assert Counter(example.answers for example in examples)[1.0] == 2
        assert len(examples) >= 5
        for example in examples:
            assert len(example.ids) == len(example.kinds) <= QUICK.tokens
            built = _holds(example, "Who built the bridge")
            assert not (built and example.answers) or _holds(example, "Ida Holm")
            assert not (_holds(example, "Who closed the bridge?") and example.answers)


def test_texts_are_named_by_article_and_place(tmp_path: Path) -> None:
    news = tmp_path / "news.json"
    news.write_text(json.dumps({"0123456789": {"articleBody": "Rain fell."}}), encoding="utf-8")
    invented = tmp_path / "texts.jsonl"
    invented.write_text(json.dumps({"text": "invented-a-0", "title": "Olm", "body": OTHER}), encoding="utf-8")
    texts = texts_of([_squad(tmp_path)], news, invented)
    assert texts["wiki-Arl_(town)-0"] == Text("Arl (town)", f"{CONTEXT}\n\n{OTHER}")
    assert texts["news-01234567"] == Text("Rain fell.", "Rain fell.")
    assert texts["invented-a-0"] == Text("Olm", OTHER)
    assert title_of("wiki-Arl_(town)-0") == "Arl_(town)"


def test_a_written_question_is_read_with_the_passages_that_the_search_brings(tmp_path: Path) -> None:
    start = CONTEXT.index("Ida Holm")
    rows = [
        {"text": "wiki-Arl-0", "question": "Who built the bridge at Arl?", "start": start, "end": start + 8},
        {"text": "wiki-Arl-0", "question": "Who paid for the bridge at Arl?"},
        {"text": "wiki-Olm-0", "question": "Where do the ferries sail?", "start": 32, "end": 42},
    ]
    questions = tmp_path / "questions.jsonl"
    questions.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    texts = {"wiki-Arl-0": Text("Arl", CONTEXT), "wiki-Olm-0": Text("Olm", OTHER)}
    examples = list(of_written_questions(questions, texts, QUICK.tokens, tmp_path / "work"))
    found = [example for _, example in examples]
    answering = [example for example in found if example.answers]
    assert answering and all(_holds(example, "Ida Holm") or _holds(example, "sail to Arl") for example in answering)
    assert not any(example.answers for example in found if _holds(example, "Who paid"))
    left = [example for text, example in examples if text != "wiki-Arl-0"]
    assert left and not any(_holds(example, "Who built") for example in left)


def test_a_passage_that_the_search_missed_is_read_too_and_the_words_that_answer_are_marked(tmp_path: Path) -> None:
    far = "Nobody remembers who paid for it. " + "Rain fell on the town all day, and the bridge stood. " * 30
    body = f"{far}\n\n{far}\n\nThe treasurer was Ida Holm."
    start = body.index("Ida Holm")
    questions = tmp_path / "questions.jsonl"
    row = {"text": "a", "question": "Who paid for the bridge in the rain?", "start": start, "end": start + 8}
    questions.write_text(json.dumps(row), encoding="utf-8")
    found = [
        one for _, one in of_written_questions(questions, {"a": Text("Arl", body)}, QUICK.tokens, tmp_path / "work")
    ]
    (answering,) = [one for one in found if one.answers]
    marked = [token for token, mark in zip(answering.ids, answering.marks, strict=True) if mark]
    assert marked == encoded("", "", ("Ida Holm",), 0, QUICK.tokens)[0][2:-1]
    assert not any(any(one.marks) for one in found if not one.answers)


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (TRAINING / name).read_text(encoding="utf-8").splitlines()]


def test_the_written_questions_are_half_without_an_answer() -> None:
    rows = _rows("questions.jsonl")
    assert len({(row["text"], row["question"]) for row in rows}) == len(rows) >= 8000
    answered = [row for row in rows if "start" in row]
    assert len(answered) == pytest.approx(len(rows) / 2, rel=0.02)
    assert all(0 <= row["start"] < row["end"] <= 4500 for row in answered)
    assert all(set(row) <= {"text", "question", "start", "end"} for row in rows)


def test_the_invented_texts_hold_what_answers_and_nothing_of_the_world_of_the_briefs() -> None:
    texts = {row["text"]: row for row in _rows("texts.jsonl")}
    invented = [row for row in _rows("questions.jsonl") if row["text"].startswith("invented-")]
    assert {row["text"] for row in invented} == set(texts)
    for row in invented:
        if "start" in row:
            assert texts[row["text"]]["body"][row["start"] : row["end"]].strip()
    written = " ".join(f"{text['title']} {text['body']}" for text in texts.values())
    assert not re.search(r"Pakistan|Afghan|Kabul|Islamabad|Taliban|Torkham|Durand", written)
