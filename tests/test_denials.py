"""A claim is quoted with what is said against it."""

from __future__ import annotations

import datetime as dt

import pytest

from assistant import Assistant
from assistant.denials import against, speaks_against
from assistant.sentences import sentence_text
from index.build import build
from index.generation import Generation, open_current
from index.settings import Settings

BRIEF = f"""---
title: Claims
published: {dt.date(2026, 1, 1)}
---

Kabul said that a strike hit a house in Gurbuz. Nine children were killed.

The army denied it on 25 November.

A recording was aired in which the leader said he was safe. The recording is unverified.

Islamabad claimed that 352 fighters were killed. Posts were destroyed, it added. None of these claims was independently verified.

Trade fell by half in October. A new road is being built to the north.

New Delhi denies that it has any hand in Balochistan.

- Kabul counts ten dead in Khost.
- The toll in Kunar is disputed by Islamabad.

Talks ended without a result.

## What is disputed

Officials named no date.
"""


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    folder = tmp_path_factory.mktemp("claims")
    (folder / "corpus").mkdir()
    (folder / "corpus" / "claims.md").write_text(BRIEF, encoding="utf-8")
    settings = Settings(corpus=folder / "corpus", store=folder / "store")
    build(settings)
    return open_current(settings)


def _against(generation: Generation, start: str) -> str | None:
    rows = [k for k in range(len(generation.sentences)) if sentence_text(generation, k).startswith(start)]
    assert len(rows) == 1
    found = against(generation, rows[0])
    return None if found is None else sentence_text(generation, found)


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("Nine children", "The army denied it on 25 November."),
        ("Kabul said", "The army denied it on 25 November."),
        ("A recording", "The recording is unverified."),
        ("Islamabad claimed", "None of these claims was independently verified."),
        ("Trade fell", None),
        ("A new road", None),
        ("Kabul counts", None),
        ("The army denied", None),
        ("Talks ended", None),
        ("Officials named", None),
    ],
)
def test_what_is_said_against_a_claim_stands_close_and_points_back(
    generation: Generation, claim: str, said: str | None
) -> None:
    assert _against(generation, claim) == said


@pytest.mark.parametrize(
    ("sentence", "against"),
    [
        ("AFP could not confirm the toll.", True),
        ("The army confirmed the toll.", False),
        ("The toll was not confirmed.", True),
        ("He was denied.", True),
        ("Islamabad dismissed the report as propaganda.", True),
        ("The dispute goes on.", False),
        ("What is disputed and what is not known", False),
        ("The toll is disputed", False),
    ],
)
def test_words_of_denial(sentence: str, against: bool) -> None:
    assert speaks_against(sentence) is against


def test_an_answer_quotes_the_claim_and_the_denial(demonstration: Settings) -> None:
    answer = Assistant(demonstration).ask("Did Pakistan strike the house in Khost on 25 November 2025?")
    assert "a Pakistani strike hit a house in Gurbuz" in answer.text
    assert "denied it on 25 November" in answer.text
