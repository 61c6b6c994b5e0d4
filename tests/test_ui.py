"""The parts of the page that need no browser."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_page import BRIEFS, QUOTES, indexed

from assistant import Assistant, Citation
from assistant.types import Event, Sources, Stated, Statement
from index.errors import QuestionError, StoreMismatch, StoreMissing
from index.generation import open_current
from index.types import Brief, Metadata, Span
from ui.view import condition
from ui.view.brief import CHANGED, GAP, Run, day, excerpt, lay_out, panel
from ui.view.conversation import Exchange
from ui.view.foot import confidence_in_words
from ui.view.live import Live
from ui.view.plain import plain
from ui.view.suggestions import as_question, suggested_questions

TEXT = "# Title\n\nOne stays. MASKED Two stays.\n\n- first item\n- second item\n\n### Deep\n\nThree ends it."


def brief(text: str = TEXT, masked: str = "MASKED ") -> Brief:
    at = text.index(masked)
    body: tuple[Span, ...] = ((0, at), (at + len(masked), len(text)))
    return Brief("b", "b.md", "0", text, body, Metadata("Title"))


def cite(found: Brief, quote: str, label: int = 1) -> Citation:
    start = found.text.index(quote)
    return Citation(label, found.id, found.source, "Title", None, quote, start, start + len(quote))


def test_lay_out_has_the_blocks_in_order_without_boilerplate() -> None:
    shown = [(block.kind, block.level, "".join(run.text for run in block.runs)) for block in lay_out(brief(), {})]
    assert shown == [
        ("text", 0, f"One stays.{GAP}Two stays."),
        ("item", 0, "first item"),
        ("item", 0, "second item"),
        ("heading", 3, "Deep"),
        ("text", 0, "Three ends it."),
    ]


def test_marks_are_exactly_the_quoted_characters() -> None:
    start = TEXT.index("Two")
    blocks = lay_out(brief(), {7: (start, start + 9), 8: (TEXT.index("second"), len(TEXT))})
    marked = {label: [run.text for block in blocks for run in block.runs if run.label == label] for label in (7, 8)}
    assert marked == {7: ["Two stays"], 8: ["second item", "Deep", "Three ends it."]}


@given(st.data())
def test_marked_runs_are_slices_of_the_brief(data: st.DataObject) -> None:
    found = brief()
    start = data.draw(st.integers(0, len(TEXT) - 1))
    end = data.draw(st.integers(start + 1, len(TEXT)))
    marked = "".join(run.text for block in lay_out(found, {1: (start, end)}) for run in block.runs if run.label)
    everything = "".join(run.text for block in lay_out(found, {}) for run in block.runs if run != Run(GAP))
    assert "MASKED" not in everything
    kept = [character for character in TEXT[start:end] if not character.isspace()]
    assert all(character in kept for character in marked if not character.isspace())


def test_panel_marks_the_citations_of_its_brief_and_steps_through_all() -> None:
    found = brief()
    other = Citation(2, "elsewhere", "x.md", "X", None, "x", 0, 1)
    shown = panel(found, [cite(found, "One stays."), other, cite(found, "Three ends it.", 3)], 3)
    labels = {label for block in shown["blocks"] for _, label in block["runs"]}
    assert labels == {0, 1, 3}
    assert (shown["label"], shown["previous"], shown["next"], shown["remark"]) == (3, 2, 0, "")
    start = TEXT.index("Three ends it.")
    assert shown["link"] == f"?brief=b&start={start}&end={start + len('Three ends it.')}"


def test_panel_draws_no_mark_when_the_brief_has_changed() -> None:
    found = brief()
    old = Citation(1, "b", "b.md", "Title", None, "Other words", 9, 20)
    shown = panel(found, [old], 1)
    assert (shown["remark"], shown["link"]) == (CHANGED, "?brief=b")
    assert {label for block in shown["blocks"] for _, label in block["runs"]} == {0}


def test_excerpt_is_whole_words_without_headings() -> None:
    assert excerpt(brief(), 0, len(TEXT)) == "One stays. Two stays. first item second item Three ends it."
    assert excerpt(brief(), 0, len(TEXT), limit=14) == "One stays. …"


@pytest.mark.parametrize(("value", "words"), [(1.0, "High"), (0.8, "High"), (0.5, "Fair"), (0.49, "Low"), (0, "Low")])
def test_confidence_in_words(value: float, words: str) -> None:
    assert confidence_in_words(value) == f"{words} confidence"


def test_markdown_is_shown_as_it_is() -> None:
    assert plain("![x](http://a) *b*\n:red[c]") == "\\!\\[x\\]\\(http\u2060\\:\\/\\/a\\) \\*b\\* \\:red\\[c\\]"
    assert plain("www.a.b and a@b.c") == "www\u2060\\.a\\.b and a\u2060\\@b\\.c"


def test_live_passes_events_on_in_their_order_and_then_what_went_wrong() -> None:
    def stream(stopped: threading.Event) -> Iterator[Event]:
        yield Sources("a", ())
        yield Stated(Statement("b", ()), ())
        raise QuestionError("no")

    live = Live(stream)
    assert live.next(5) == Sources("a", ())
    assert live.next(5) == Stated(Statement("b", ()), ())
    for _ in range(2):
        with pytest.raises(QuestionError, match="no"):
            list(iter(lambda: live.next(0.01), 0))


def test_live_closes_a_stream_that_is_cancelled() -> None:
    closed = threading.Event()

    def stream(stopped: threading.Event) -> Iterator[Event]:
        try:
            while True:
                yield Sources("a", ())
                stopped.wait(5)
        finally:
            closed.set()

    live = Live(stream)
    assert live.next(5)
    live.cancel()
    assert closed.wait(5)


def test_stopped_exchange_keeps_what_was_stated() -> None:
    exchange = Exchange(1, "Why?", None)
    citation = Citation(1, "b", "b.md", "Title", None, "One stays.", 0, 10)
    exchange.take(Sources("Why so?", ()))
    exchange.take(Stated(Statement("One stays.", (1,)), (citation,)))
    exchange.take(Stated(Statement("Nobody says so.", (), unsupported="no quote"), ()))
    exchange.stop("model", "g1")
    answer = exchange.answer
    assert answer
    assert exchange.stopped
    assert (answer.status, answer.searched, answer.text, answer.truncated) == (
        "partial",
        "Why so?",
        "One stays. [1]",
        True,
    )
    assert (len(answer.statements), answer.citations) == (2, (citation,))
    assert answer.notice == "Stopped by the reader after 2 statements."
    nothing = Exchange(2, "Why?", None)
    nothing.stop("model", "g1")
    assert nothing.answer
    assert (nothing.answer.status, nothing.answer.notice) == (
        "abstained",
        "Stopped by the reader before there was an answer.",
    )


def test_day() -> None:
    assert (day("2025-12-06"), day(None)) == ("6 December 2025", "")


@pytest.mark.parametrize(
    ("phrase", "question"),
    [
        ("Could verification work, and what breaks it?", "Could verification work, and what breaks it?"),
        ("What happened at Torkham", "What happened at Torkham?"),
        ("What Islamabad says about trade", "What does Islamabad say about trade?"),
        ("What the UN monitors report", "What do the UN monitors report?"),
        ("How the decision was taken", "How was the decision taken?"),
        ("Kabul's objections", "What are Kabul's objections?"),
        ("Pakistan's case", "What is Pakistan's case?"),
        ("What is disputed", None),
        ("Bottom line", None),
        ("Spin Boldak–Chaman, 5–6 December", None),
    ],
)
def test_as_question(phrase: str, question: str | None) -> None:
    assert as_question(phrase) == question


def test_suggestions_are_answered_from_the_corpus() -> None:
    assistant = Assistant(indexed())
    questions = suggested_questions(assistant)
    assert len(set(questions)) == len(questions)
    assert all(assistant.ask(question).status == "answered" for question in questions)


def test_index_missing_and_corpus_empty_are_told_apart(tmp_path: Path) -> None:
    missing = StoreMissing("no index in .briefs; run `briefs index`")
    assert condition.unusable(missing, indexed().corpus).title == "The briefs are not indexed yet"
    trouble = condition.unusable(missing, tmp_path)
    assert (trouble.title, trouble.command) == ("There are no briefs yet", "briefs index")
    broken = condition.unusable(StoreMismatch("made otherwise; run `briefs index --rebuild`"), tmp_path)
    assert (broken.reason, broken.command) == ("made otherwise", "briefs index --rebuild")


def test_stale_counts_what_changed_since(tmp_path: Path) -> None:
    settings = indexed()
    generation = open_current(settings)
    assert condition.stale(generation, settings.corpus) is None
    for name in ("north", "extra"):
        (tmp_path / f"{name}.md").write_text(BRIEFS["north"], encoding="utf-8")
    future = time.time() + 60
    os.utime(tmp_path / "north.md", (future, future))
    trouble = condition.stale(generation, tmp_path)
    assert trouble
    assert "1 new, 1 changed, 2 removed" in trouble.reason


def test_quotes_of_the_scripted_answers_are_in_their_briefs() -> None:
    generation = open_current(indexed())
    assert all(quote in generation.brief(name).text for name, quote in QUOTES.values())
