"""Filters and labels: which briefs a question may be answered from."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.filters import Filters, allowed_briefs
from index.types import Metadata

DAY = dt.date(2025, 12, 1)
BRIEFS = {
    "public": Metadata(
        "A", published=DAY, kind="readout", region=("Kunar", "Khyber"), actors=("TTP",), topics=("talks",)
    ),
    "later": Metadata("B", published=DAY, as_of=DAY + dt.timedelta(days=9), region=("khyber ",), kind="Ledger"),
    "undated": Metadata("C", topics=("Talks", "trade")),
    "secret": Metadata("D", published=DAY, labels=("desk", "board"), actors=("ttp", "India")),
}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(date_from=DAY), {"public", "later", "secret"}),
        (Filters(date_from=DAY + dt.timedelta(days=1)), {"later"}),
        (Filters(date_to=DAY), {"public", "secret"}),
        (Filters(date_from=DAY, date_to=DAY), {"public", "secret"}),
        (Filters(regions=frozenset({"KHYBER"})), {"public", "later"}),
        (Filters(actors=frozenset({"ttp"})), {"public", "secret"}),
        (Filters(topics=frozenset({"talks", "water"})), {"public", "undated"}),
        (Filters(kinds=frozenset({"ledger"})), {"later"}),
        (Filters(regions=frozenset({"khyber"}), actors=frozenset({"TTP"})), {"public"}),
        (Filters(briefs=frozenset({"later", "gone"})), {"later"}),
        (Filters(briefs=frozenset()), set()),
        (Filters(labels=frozenset()), {"public", "later", "undated"}),
        (Filters(labels=frozenset({"other"})), {"public", "later", "undated"}),
        (Filters(actors=frozenset({"ttp"}), labels=frozenset({"other"})), {"public"}),
    ],
)
def test_filters(filters: Filters, expected: set[str]) -> None:
    assert allowed_briefs(BRIEFS, filters) == frozenset(expected)


@pytest.mark.parametrize("filters", [Filters(), Filters(briefs=frozenset(BRIEFS))])
def test_everything_is_none(filters: Filters) -> None:
    assert allowed_briefs(BRIEFS, filters) is None


def test_with_labels_everything_is_a_set_like_any_other() -> None:
    assert allowed_briefs(BRIEFS, Filters(labels=frozenset({"board"}))) == frozenset(BRIEFS)


def test_labels_are_compared_exactly() -> None:
    assert allowed_briefs(BRIEFS, Filters(labels=frozenset({"Desk"}))) == frozenset({"public", "later", "undated"})


words = st.frozensets(st.sampled_from(["desk", "board", "khyber", "Kunar", "TTP", "talks", "x"]), max_size=3)


@given(st.builds(Filters, regions=words, actors=words, topics=words, labels=words), words)
def test_more_groups_never_hide_a_brief(filters: Filters, groups: frozenset[str]) -> None:
    assert filters.labels is not None
    wider = Filters(
        regions=filters.regions, actors=filters.actors, topics=filters.topics, labels=filters.labels | groups
    )
    everything = frozenset(BRIEFS)
    few, many = allowed_briefs(BRIEFS, filters), allowed_briefs(BRIEFS, wider)
    assert (everything if few is None else few) <= (everything if many is None else many)
