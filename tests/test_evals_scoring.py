"""Scores of hand-written answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.types import Answer, Citation, Statement
from evals.cases import Case, SuiteError
from evals.regions import Gold, resolve
from evals.scoring import Score, score_answer, score_failure, score_hits
from evals.wording import count_words, normalise, says
from index.search import Hit
from index.types import Brief, Metadata

TEXT = "Torkham closed on 12 October. Trucks waited.\n\nBuy our  guide today. Kabul wants a firm guarantee."
BRIEF = Brief("border", "border.md", "0", TEXT, ((0, 46), (68, len(TEXT))), Metadata("Border"))
OTHER = Brief("talks", "talks.md", "0", "No text was signed.", ((0, 19),), Metadata("Talks"))
BRIEFS = {"border": BRIEF, "talks": OTHER}


def case(**fields: Any) -> Case:
    return Case.model_validate({"id": "c", "kind": "k", "question": "q?", "answerable": True, **fields})


def cite(quote: str, label: int = 1, brief: Brief = BRIEF) -> Citation:
    start = brief.text.index(quote)
    return Citation(label, brief.id, brief.source, brief.metadata.title, None, quote, start, start + len(quote))


def answer(*citations: Citation, text: str | None = None) -> Answer:
    statements = tuple(Statement(one.quote, (one.label,)) for one in citations)
    shown = " ".join(f"{one.quote} [{one.label}]" for one in citations) if text is None else text
    return Answer("q?", "answered", shown, 0.9, statements, citations)


ABSTAINED = Answer("q?", "abstained", "The briefs do not answer this.", 0.1)


def golds(one: Case) -> tuple[Gold, ...]:
    return resolve(one, {"border": "border", "border.md": "border", "talks": "talks"}, BRIEFS.__getitem__)


def scored(one: Case, given_answer: Answer) -> dict[str, Score]:
    return score_answer(one, given_answer, golds(one), BRIEFS.__getitem__)


def values(one: Case, given_answer: Answer) -> dict[str, float | None]:
    return {name: score.value for name, score in scored(one, given_answer).items()}


def test_a_good_answer_has_full_marks() -> None:
    one = case(
        facts=[{"any": ["12 October"]}],
        spans=[{"brief": "border", "quote": "Torkham closed on 12 October"}],
        forbidden=["reopened"],
    )
    found = values(one, answer(cite("Torkham closed on 12 October.")))
    assert found == {
        "abstention_right": 1,
        "wrongly_abstained": 0,
        "quotes_exact": 1,
        "facts_present": 1,
        "forbidden_absent": 1,
        "words": 5,
        "span_cited": 1,
        "citation_precision": pytest.approx(28 / 29),
        "citation_recall": 1,
        "citation_iou": pytest.approx(28 / 29),
    }


def test_what_does_not_apply_is_unscored() -> None:
    found = values(case(answerable=False), ABSTAINED)
    assert found == {
        "abstention_right": 1,
        "abstained_when_unanswerable": 1,
        "quotes_exact": None,
        "facts_present": None,
        "forbidden_absent": None,
        "words": None,
    }


def test_both_wrong_ways_of_abstention() -> None:
    assert values(case(), ABSTAINED)["wrongly_abstained"] == 1
    found = values(case(answerable=False), answer(cite("Trucks waited.")))
    assert (found["abstention_right"], found["abstained_when_unanswerable"]) == (0, 0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"quote": "Trucks waited!"}, "quotes other words"),
        ({"start": 31}, "quotes other words"),
        ({"end": 10_000}, "offsets"),
        ({"start": 44, "end": 44, "quote": ""}, "offsets"),
        ({"brief_id": "gone"}, "not indexed"),
        ({"quote": "Buy our  guide today.", "start": 46, "end": 67}, "boilerplate"),
        ({"label": 2}, "cites [1]"),
    ],
)
def test_a_broken_citation_is_found(change: dict[str, Any], why: str) -> None:
    good = answer(cite("Trucks waited."))
    assert scored(case(), good)["quotes_exact"].value == 1
    score = scored(case(), replace(good, citations=(replace(good.citations[0], **change),)))["quotes_exact"]
    assert score.value == 0
    assert why in score.why


def test_markers_without_a_citation_are_found() -> None:
    score = scored(case(), answer(cite("Trucks waited."), text="Trucks waited. [1] And more. [7]"))["quotes_exact"]
    assert score.value == 0
    assert "[7]" in score.why


def test_an_answer_without_citations_is_not_exact() -> None:
    assert values(case(), answer(text="I believe so."))["quotes_exact"] == 0


def test_half_of_a_span_is_enough_and_less_is_not() -> None:
    one = case(spans=[{"brief": "border", "quote": "closed on 12 October."}])
    assert values(one, answer(cite("on 12 October.")))["span_cited"] == 1
    assert values(one, answer(cite("12 Octo")))["span_cited"] == 0


def test_spans_count_by_share_and_alternatives_stand_in() -> None:
    spans = [
        {"brief": "border", "quote": "Trucks waited."},
        {"brief": "border", "quote": "Kabul wants a firm guarantee."},
    ]
    one = case(spans=[*spans, {"brief": "talks", "quote": "No text was signed.", "or": True}])
    assert values(one, answer(cite("Trucks waited.")))["span_cited"] == 0.5
    assert values(one, answer(cite("Trucks waited."), cite("No text was signed.", 2, OTHER)))["span_cited"] == 1
    score = scored(one, ABSTAINED)["span_cited"]
    assert score.value == 0
    assert "Kabul wants a firm guarantee" in score.why


def test_quotes_are_looked_up_whatever_the_white_space() -> None:
    [gold] = golds(case(spans=[{"brief": "border.md", "quote": "Buy our guide"}]))
    assert [TEXT[start:end] for start, end in gold.places] == ["Buy our  guide"]


@pytest.mark.parametrize(
    ("span", "line"),
    [
        ({"brief": "gone", "quote": "x"}, "case c: key spans.0.brief: found 'gone'"),
        ({"brief": "border", "quote": "never said"}, "case c: key spans.0.quote: found nowhere in border"),
        ({"brief": "border", "quote": "Trucks", "start": 0, "end": 6}, "is not the quote"),
    ],
)
def test_gold_that_is_not_there_is_an_error(span: dict[str, Any], line: str) -> None:
    with pytest.raises(SuiteError) as caught:
        golds(case(spans=[span]))
    assert line in str(caught.value)


def test_a_relevant_brief_that_is_not_there_is_an_error() -> None:
    with pytest.raises(SuiteError, match="case c: key relevant: found 'gone'"):
        golds(case(relevant={"border": 1, "gone": 2}))


def hits(*briefs: Brief) -> Sequence[Hit]:
    return [Hit(b.id, b.source, 0, 30, b.text[:30], 0.5, k + 1, 0.5, 1.0) for k, b in enumerate(briefs)]


def test_hits_hold_briefs_and_characters() -> None:
    spans = [{"brief": "border", "quote": "Trucks waited."}, {"brief": "talks", "quote": "No text was signed."}]
    found = score_hits(hits(OTHER), golds(case(spans=spans)))
    assert found["brief_retrieved"] == Score(0.5, "not among the first 10 hits: border")
    assert found["span_recall@1"].value == pytest.approx(19 / (14 + 19))
    assert score_hits(hits(OTHER, BRIEF), golds(case(spans=spans)))["brief_retrieved"].value == 1


def test_an_error_is_wrong_wherever_it_applies() -> None:
    one = case(facts=[{"any": ["x"]}], spans=[{"brief": "border", "quote": "Trucks"}])
    found = {name: score.value for name, score in score_failure(one, "timed out").items()}
    applying = ("abstention_right", "facts_present", "span_cited", "brief_retrieved")
    assert found == {**dict.fromkeys(applying, 0), "wrongly_abstained": 1}
    assert score_failure(Case(id="s", kind="k", question="q", answerable=None), "timed out") == {}


@pytest.mark.parametrize(
    ("text", "wording", "said"),
    [
        ("Kabul’s “red lines” – sovereignty", "KABUL'S red  lines - sovereignty", True),
        ("about 4,000 trucks", "4000 trucks", True),
        ("Türkiye mediated", "turkiye", True),
        ("115 were killed", "15 were killed", False),
        ("15,000 trucks", "15", False),
        ("a loss of 2.5 million", "2", False),
        ("a loss of 2.5 million", "2.5 million", True),
        ("a loss of 2.5 million", "5 million", False),
        ("25% fewer", "25 fewer", False),
        ("USD 8,000, it said", "usd 8000", True),
        ("on 12\nOctober", "12 October", True),
        ("a cross‑border attack", "cross-border", True),
    ],
)
def test_wordings(text: str, wording: str, said: bool) -> None:
    assert (says([normalise(text)], [wording]) == wording) is said


def test_a_fact_may_be_split_by_a_marker_and_any_wording_will_do() -> None:
    one = case(facts=[{"any": ["no such words", "firm guarantee today"]}])
    assert values(one, answer(cite("Trucks waited."), text="A firm guarantee [1] today [1]."))["facts_present"] == 1


def test_forbidden_wordings_count_in_quotes_too() -> None:
    score = scored(case(forbidden=["Trucks Waited"]), answer(cite("Trucks waited."), text="See [1]."))[
        "forbidden_absent"
    ]
    assert score == Score(0.0, "said: Trucks Waited")


def test_markers_and_dashes_are_no_words() -> None:
    assert count_words("Trucks – waited. [1] Gates closed [2, 3].") == 4


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
