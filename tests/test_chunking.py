"""Chunks: whole sentences, exact offsets, bounded length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_segmentation import masked_texts

from index.chunking import split_chunks
from index.segmentation import split_sentences
from index.types import Chunk, Span


def chunks_of(text: str, chunk_chars: int = 400) -> tuple[Chunk, ...]:
    return split_chunks("b", text, split_sentences(text, ((0, len(text)),)), chunk_chars)


@given(masked_texts(), st.integers(200, 900))
def test_every_sentence_is_in_exactly_one_chunk(masked: tuple[str, tuple[Span, ...]], chunk_chars: int) -> None:
    text, body = masked
    sentences = split_sentences(text, body)
    chunks = split_chunks("b", text, sentences, chunk_chars)
    assert [k for chunk in chunks for k in range(chunk.first, chunk.last)] == list(range(len(sentences)))
    for chunk in chunks:
        assert chunk.brief_id == "b"
        assert (chunk.start, chunk.end) == (sentences[chunk.first].start, sentences[chunk.last - 1].end)
        assert chunk.end - chunk.start <= chunk_chars or chunk.last - chunk.first == 1


@given(masked_texts(), st.integers(200, 900))
def test_what_a_chunk_shows_holds_its_sentences_in_order(
    masked: tuple[str, tuple[Span, ...]], chunk_chars: int
) -> None:
    text, body = masked
    sentences = split_sentences(text, body)
    for chunk in split_chunks("b", text, sentences, chunk_chars):
        rest = " ".join(
            text[max(chunk.start, a) : min(chunk.end, b)] for a, b in body if a < chunk.end and b > chunk.start
        )
        for sentence in sentences[chunk.first : chunk.last]:
            _, quote, rest = rest.partition(text[sentence.start : sentence.end])
            assert quote


@pytest.mark.parametrize("heading", ["# ", "## ", "**"])
def test_many_headings_in_a_row_stay_within_the_bound(heading: str) -> None:
    text = "".join(f"{heading}{'word ' * 12}{k}{'**' if heading == '**' else ''}\n" for k in range(30))
    assert max(chunk.end - chunk.start for chunk in chunks_of(text)) <= 400


def test_a_sentence_longer_than_a_chunk_stands_alone() -> None:
    text = f"A short start. Then {'long ' * 60}end. A short end."
    spans = [text[chunk.start : chunk.end] for chunk in chunks_of(text, 200)]
    assert spans == ["A short start.", f"Then {'long ' * 60}end.", "A short end."]


def test_headings_are_the_path_above_the_chunk() -> None:
    paragraph = "Kabul and Islamabad met in Doha and nothing was signed there. " * 5
    text = f"# Title\n\n## Talks\n\n{paragraph}\n\n## Trade\n\n### Trucks\n\n{paragraph}\n"
    assert [chunk.headings for chunk in chunks_of(text)] == [("Title", "Talks"), ("Title", "Trade", "Trucks")]


def test_a_heading_opens_a_chunk() -> None:
    paragraph = "Kabul and Islamabad met in Doha and nothing was signed. " * 6
    text = f"## Talks\n\n{paragraph}\n\n## Trade\n\n{paragraph}\n"
    first, second = chunks_of(text, 800)
    assert text[first.start :].startswith("Talks") and text[second.start :].startswith("Trade")
