"""The promise in figures: wrong statements made by script from right ones are caught, right ones are kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import ROOT

from evals.mutations import Mutator, Outcome, likeness, main, read_written, run, summary
from evals.paraphrases import RULES
from evals.passages import Passage, lexicon_of, read_corpus, read_passages


@pytest.fixture(scope="module")
def passages() -> list[Passage]:
    return read_corpus(ROOT / "corpus")


@pytest.fixture(scope="module")
def outcomes(passages: list[Passage]) -> list[Outcome]:
    lexicon = lexicon_of(passages)
    return run(list(Mutator(passages, lexicon, seed=3).trials(5)), lexicon)


def test_wrong_statements_are_caught_and_right_ones_kept(outcomes: list[Outcome]) -> None:
    shares = summary(outcomes)
    assert shares["caught"]["all"]["n"] >= 600 and shares["rejected"]["all"]["n"] >= 300
    assert shares["caught"]["all"]["share"] >= 0.95
    assert shares["rejected"]["all"]["share"] <= 0.05
    for kind in ("number", "date", "name", "negation", "source"):
        assert shares["caught"][kind]["share"] >= 0.9, kind


def test_nothing_with_an_invented_quote_is_kept(outcomes: list[Outcome]) -> None:
    assert all(o.verdict.status == "unsupported" for o in outcomes if o.trial.kind in ("invented", "label"))


def test_citations_are_stored_slices_of_the_quote(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        for found in outcome.verdict.found:
            assert found.source.text[found.start : found.end] == found.text
            assert any(start <= found.start < end for start, end in found.source.sentences)


def test_statements_written_by_hand(passages: list[Passage]) -> None:
    trials, lexicon = read_written(passages), lexicon_of(passages)
    shares = summary(run(trials, lexicon, likeness()))
    assert shares["caught"]["all"]["n"] == shares["rejected"]["all"]["n"] >= 150
    assert shares["caught"]["all"]["share"] >= 0.95
    assert shares["rejected"]["all"]["share"] <= 0.1


def test_the_same_seed_gives_the_same_statements(passages: list[Passage]) -> None:
    lexicon = lexicon_of(passages)
    first, second, other = ([trial.draft for trial in Mutator(passages, lexicon, seed).trials(1)] for seed in (1, 1, 2))
    assert first == second != other


@pytest.mark.parametrize(
    ("rule", "sentence", "changed"),
    [
        ("framed", "The truce holds.", "The brief says that the truce holds."),
        ("dated", "It began on 6–7 November 2025.", "It began on November 6–7, 2025."),
        ("dated", "It ran from 6 to 7 November 2025.", None),
        ("spelled", "It cost USD 3 million and 4 men.", "It cost $3 million and four men."),
        ("abbreviated", "World Food Programme (WFP) trucks left.", "WFP trucks left."),
        ("moved", "Asif said that trade would stop.", "According to Asif, trade would stop."),
        ("moved", "Trade would stop, Asif said.", "Asif said that Trade would stop."),
        (
            "shortened",
            "Trucks left Torkham at dawn on Sunday, including three of the UN.",
            "Trucks left Torkham at dawn on Sunday.",
        ),
        ("shortened", "Trucks left Torkham at dawn on Sunday, although Asif said otherwise.", None),
    ],
)
def test_rules_that_keep_the_meaning(rule: str, sentence: str, changed: str | None) -> None:
    assert RULES[rule](sentence) == changed


def test_passages_give_the_sentences_of_their_spans(tmp_path: Path) -> None:
    text = "The old gate in the town was shut in May. The new gate in the village was opened in June."
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.txt").write_text(text, encoding="utf-8")
    row = {"question": "?", "source": "a.txt", "spans": [[text.index("The new"), len(text)]]}
    (tmp_path / "questions.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (passage,) = read_passages(tmp_path)
    assert [passage.text(k) for k in passage.chosen] == ["The new gate in the village was opened in June."]


def test_the_command_prints_both_shares(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--corpus", str(ROOT / "corpus"), "--per-passage", "1", "--words", "--json"]) == 0
    assert {"caught", "rejected"} == set(json.loads(capsys.readouterr().out))
