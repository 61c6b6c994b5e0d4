"""Sentences: where they start and end, what they never touch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.segmentation import MAX_SENTENCE, split_sentences
from index.types import Span

PIECES = [
    "# Red lines\n", "## What is disputed\n", "**Bottom line**\n", "- ", "1. ", "(a) ", "| a | b |\n", "> ", "\n", "\n\n", " ",
    "  \t", "\r\n", "Kabul said no. ", "Gen. Munir met Mr. Khan at 5 p.m. on 7 Nov. 2025. ", "“Will it hold?” he asked. ",
    "é 😀 straße ﬁ\u0301. ", "12.5% fell; ", "the U.S. and the U.N. agreed, ", "no capitals here. none at all. ", "Iran … ",
    "\u2028", "\x1c", "...", "word " * 40, "x" * 700, "\\n\\n", '"], "text": "', "Title without a stop\n", "- [x] done\n",
    "== Wiki ==\n",
]  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=14).map("".join)


@st.composite
def masked_texts(draw: st.DrawFn) -> tuple[str, tuple[Span, ...]]:
    """A text and the ranges of it that are not boilerplate."""
    text = draw(texts)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    return text, tuple(zip(cuts[::2], cuts[1::2], strict=False))


def sentences_of(text: str) -> list[str]:
    return [text[s.start : s.end] for s in split_sentences(text, ((0, len(text)),))]


@given(masked_texts())
def test_sentences_are_ordered_slices_of_the_body(given_text: tuple[str, tuple[Span, ...]]) -> None:
    text, body = given_text
    sentences = split_sentences(text, body)
    after, paragraph = 0, 0
    for sentence in sentences:
        assert after <= sentence.start < sentence.end <= len(text)
        assert any(start <= sentence.start and sentence.end <= end for start, end in body)
        quote = text[sentence.start : sentence.end]
        assert quote == quote.strip()
        assert len(quote) <= MAX_SENTENCE
        assert sentence.paragraph >= paragraph
        after, paragraph = sentence.end, sentence.paragraph


@given(texts)
def test_no_letter_is_lost(text: str) -> None:
    covered = [False] * len(text)
    for sentence in split_sentences(text, ((0, len(text)),)):
        covered[sentence.start : sentence.end] = [True] * (sentence.end - sentence.start)
    lost = {text[k] for k, inside in enumerate(covered) if not inside and text[k].isalpha()}
    # Escaped line breaks and field names of serialised logs separate sentences and belong to none.
    assert not lost or "\\" in text or '"' in text or "'" in text or "[x]" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kabul refused. Islamabad insisted.", ["Kabul refused.", "Islamabad insisted."]),
        ("Gen. Asim Munir met Mr. Khan.", ["Gen. Asim Munir met Mr. Khan."]),
        ("It fell by 12.5 per cent. Trade stopped.", ["It fell by 12.5 per cent.", "Trade stopped."]),
        ("The U.S. envoy left Kabul.", ["The U.S. envoy left Kabul."]),
        ("- first demand\n- second demand\n", ["first demand", "second demand"]),
        ("1. Hand over the leaders.\n2. Close the camps.\n", ["Hand over the leaders.", "Close the camps."]),
        ("| day | toll |\n| 12 October | 58 |\n", ["| day | toll |", "| 12 October | 58 |"]),
        ("# Red lines\n\nNone was named.\n", ["Red lines", "None was named."]),
        ("== History ==\nIt began in 1893.\n", ["History", "It began in 1893."]),
        (
            "The border was closed on 12 October and stayed\nclosed for two weeks. Trade stopped.\n",
            ["The border was closed on 12 October and stayed\nclosed for two weeks.", "Trade stopped."],
        ),
        ("all in small letters. nothing else here. done.", ["all in small letters.", "nothing else here.", "done."]),
        ("Hello 😀 world. Straße ist naß.", ["Hello 😀 world.", "Straße ist naß."]),
        (" \n\n---\n\n* * *\n", []),
        ("", []),
    ],
)
def test_sentences_of_everyday_text(text: str, expected: list[str]) -> None:
    marked = [quote.removeprefix("1. ").removeprefix("2. ") for quote in sentences_of(text)]
    assert marked == expected


def test_headings_and_items_are_marked() -> None:
    text = "# Demands\n\n- hand over the leaders\n- close the camps\n\nTalks failed.\n"
    found = split_sentences(text, ((0, len(text)),))
    assert [(s.is_heading, s.is_item) for s in found] == [(True, False), (False, True), (False, True), (False, False)]
    assert len({s.paragraph for s in found}) == 4


def test_a_title_is_a_heading_only_above_running_text() -> None:
    long = "Kabul and Islamabad met in Doha under Qatari mediation, and both sides later described what had been agreed there."
    above, alone = f"What was agreed\n\n{long}\n", "What was agreed\n\nNothing.\n"
    assert [s.is_heading for s in split_sentences(above, ((0, len(above)),))] == [True, False]
    assert [s.is_heading for s in split_sentences(alone, ((0, len(alone)),))] == [False, False]


def test_filler_inside_a_sentence_parts_it() -> None:
    filler = ". Find out more about guides."
    text = f"Pakistan closed the crossing{filler} on 12 October."
    cut = text.index(filler)
    found = split_sentences(text, ((0, cut), (cut + len(filler), len(text))))
    assert [text[s.start : s.end] for s in found] == ["Pakistan closed the crossing", "on 12 October."]
    assert found[0].paragraph != found[1].paragraph


def test_a_run_without_a_stop_is_cut_at_the_strongest_boundary() -> None:
    clause = "one two three four five six seven eight nine ten"
    quotes = sentences_of("; ".join([clause] * 30))
    assert len(quotes) > 1 and all(quote.endswith(";") for quote in quotes[:-1])
    assert [len(quote) for quote in sentences_of("x" * 1500)] == [600, 600, 300]
