"""Search: passages with exact offsets, filters inside both legs, no influence of hidden briefs."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from conftest import write_brief, write_topics

from assistant import Assistant
from index.build import build
from index.embedding.minilm import MiniLM
from index.errors import QuestionError
from index.evidence import CHUNK_FEATURES, SENTENCE_FEATURES, chunk_features, sentence_features
from index.filters import Filters
from index.generation import open_current
from index.search import KEPT, MAX_QUESTION, check_question, find_evidence, passage, top_hits
from index.settings import Settings

QUESTIONS = [
    "What are Kabul's red lines?", "How many trucks were stranded at Torkham?", "When did the Doha ceasefire begin?",
    "TTP", "Why did the Istanbul talks fail?", "crossings closed",
]  # fmt: skip


@pytest.fixture(scope="module")
def assistant(demonstration: Settings) -> Assistant:
    return Assistant(demonstration)


@pytest.mark.parametrize("question", QUESTIONS)
def test_hits_are_slices_in_order(assistant: Assistant, question: str) -> None:
    hits = assistant.search(question, 10)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1)) and len(hits) == 10
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        brief = assistant.generation.brief(hit.brief_id)
        assert brief.source == hit.source and brief.text[hit.start : hit.end] == hit.text
        assert 0 < hit.score < 1 and hit.end - hit.start <= assistant.settings.chunk_chars
    assert hits == assistant.search(question, 10)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_passage_touches_its_chunk(assistant: Assistant, minilm: MiniLM, question: str) -> None:
    generation = assistant.generation
    evidence = find_evidence(generation, minilm, question, keep=40)
    for row, chunk in enumerate(evidence.found.chunks):
        start, end = passage(generation, evidence, row, assistant.settings.chunk_chars)
        assert start < generation.chunks.end[chunk] and generation.chunks.start[chunk] < end


def test_a_long_sentence_is_its_own_passage(tmp_path: Path, minilm: MiniLM) -> None:
    long = " ".join(["The convoy of trucks moved on to Chaman and"] * 8)
    write_brief(tmp_path / "corpus", "convoys", "Convoys", f"The border opened briefly. {long} waited. Then it closed.")
    settings = Settings(corpus=tmp_path / "corpus", store=tmp_path / "store", chunk_chars=200)
    build(settings)
    generation = open_current(settings)
    evidence = find_evidence(generation, minilm, "convoy of trucks")
    for row, chunk in enumerate(evidence.found.chunks):
        start, end = passage(generation, evidence, row, 200)
        assert start < generation.chunks.end[chunk] and generation.chunks.start[chunk] < end


@pytest.mark.parametrize("question", QUESTIONS)
def test_evidence_is_a_table_of_candidates(assistant: Assistant, minilm: MiniLM, question: str) -> None:
    generation = assistant.generation
    evidence = find_evidence(generation, minilm, question)
    found = evidence.found
    assert len(found.chunks) >= KEPT and set(found.chunks) <= set(evidence.pool.chunks)
    assert chunk_features(evidence.pool).shape == (len(evidence.pool.chunks), len(CHUNK_FEATURES))
    table = sentence_features(generation, evidence.query, found, evidence.chunk_score)
    assert table.shape == (len(found.sentences), len(SENTENCE_FEATURES)) and np.isfinite(table).all()
    assert (generation.sentences.chunk[found.sentences] == found.chunks[found.owner]).all()
    assert ((evidence.sentence_score > 0) & (evidence.sentence_score < 1)).all()
    assert not generation.sentences.heading[found.sentences].any()


@pytest.mark.parametrize(
    "filters",
    [
        Filters(date_from=dt.date(2025, 12, 1)),
        Filters(date_to=dt.date(2025, 10, 31)),
        Filters(regions=frozenset({"torkham"})),
        Filters(briefs=frozenset({"kabul-positions-2025-12-06"})),
    ],
)
def test_filters_restrict_hits(assistant: Assistant, filters: Filters) -> None:
    for question in QUESTIONS:
        hits = assistant.search(question, 10, filters)
        assert hits and all(filters.allow(hit.brief_id, assistant.generation.metadata(hit.brief_id)) for hit in hits)


def test_nothing_allowed_finds_nothing(assistant: Assistant) -> None:
    assert assistant.search("Torkham", filters=Filters(briefs=frozenset())) == []


def test_a_hidden_brief_has_no_influence(tmp_path: Path, minilm: MiniLM) -> None:
    for name in ("open", "both"):
        write_topics(tmp_path / name)
    secret = "Torkham and Torkhan closed. Tehrik-e-Taliban Pakistan (TTP) crossed at Torkham. Chabahar doubled. Turkish delegations met."
    write_brief(tmp_path / "both", "secret", "Border closure at Torkham", secret, labels="[desk]")
    public = Filters(labels=frozenset())

    def hits(name: str, question: str, filters: Filters) -> tuple[str, list[tuple[str, int, int]], list[float]]:
        generation = open_current(Settings(corpus=tmp_path / name, store=tmp_path / f"{name}-store"))
        evidence = find_evidence(generation, minilm, question, filters)
        found = top_hits(generation, evidence, 10, 800)
        places = [(hit.brief_id, hit.start, hit.end) for hit in found]
        return evidence.query.searched, places, [hit.score for hit in found]

    for name in ("open", "both"):
        build(Settings(corpus=tmp_path / name, store=tmp_path / f"{name}-store"))
    for question in ("When did Torkham close?", "Torkhan", "TTP", "Who met in Istanbul?", "Did Chabahar double?"):
        searched, places, scores = hits("open", question, Filters())
        # Vectors depend in their last digits on what they were computed together with.
        found = hits("both", question, public)
        assert found[:2] == (searched, places)
        assert found[2] == pytest.approx(scores, abs=1e-3)
    assert "secret" in {brief_id for brief_id, _, _ in hits("both", "TTP", Filters())[1]}


def test_questions_are_checked() -> None:
    assert check_question("  What \n now?\t") == "What now?"
    assert check_question("a\ud800b") == "a?b"
    for empty in ("", "  ", "?!", "\ud800"):
        with pytest.raises(QuestionError, match="is empty"):
            check_question(empty)
    with pytest.raises(QuestionError, match="2,001 characters: at most 2,000"):
        check_question("x" * (MAX_QUESTION + 1))
