"""The filters above the question box. Their values are part of the page's address, so that a link carries them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable

import streamlit as st

from index.filters import Filters, allowed_briefs
from index.generation import Generation
from index.types import Metadata
from ui.view.brief import day
from ui.view.reader import reader

KEYS = ("from", "to", "region", "actor", "topic")
"""Keys of the widgets, which are also the names in the address."""


def read_filters() -> Filters:
    """What the widgets say, wherever on the page they are, and what the reader may see."""
    state = st.session_state
    return Filters(
        labels=reader().labels,
        date_from=state.get("from"),
        date_to=state.get("to"),
        regions=frozenset(state.get("region") or ()),
        actors=frozenset(state.get("actor") or ()),
        topics=frozenset(state.get("topic") or ()),
    )


def readable(generation: Generation) -> list[Metadata]:
    """The metadata of the briefs that the reader may see."""
    allowed = reader().allowed(generation)
    return [found for key, found in generation.manifest.metadata.items() if allowed is None or key in allowed]


def allowed_count(generation: Generation, filters: Filters) -> int:
    """How many briefs pass."""
    allowed = allowed_briefs(generation.manifest.metadata, filters)
    return len(generation.brief_ids) if allowed is None else len(allowed)


def in_words(filters: Filters) -> str:
    """The filters for people; empty if none is set."""
    parts = [
        f"from {day(filters.date_from)}" if filters.date_from else "",
        f"to {day(filters.date_to)}" if filters.date_to else "",
        *(", ".join(sorted(values)) for values in (filters.regions, filters.actors, filters.topics)),
    ]
    return "; ".join(part for part in parts if part)


def show_filters(generation: Generation) -> None:
    """A button that says how many briefs are searched and opens the filters.

    Runs the page again where the address brought values that the button did not know when it was drawn.
    """
    filters = read_filters()
    metadata = readable(generation)
    total, allowed = len(metadata), allowed_count(generation, filters)
    active = bool(in_words(filters))
    label = f"{allowed} of {total} briefs" if active else f"All {total} briefs"
    with st.popover(
        label, icon=":material/filter_list:", key="filters", type="primary" if active and not allowed else "secondary"
    ):
        dates = [found.date for found in metadata if found.date]
        if dates:
            _date_inputs(min(dates), max(dates))
        _choice("region", "Region", (value for found in metadata for value in found.region))
        _choice("actor", "Actor", (value for found in metadata for value in found.actors))
        _choice("topic", "Topic", (value for found in metadata for value in found.topics))
        st.button(
            "Clear filters", on_click=_clear, disabled=not active, key="clear", type="tertiary", icon=":material/close:"
        )
    if read_filters() != filters:
        st.rerun()


def _date_inputs(first: dt.date, last: dt.date) -> None:
    left, right = st.columns(2)
    for column, key, label in ((left, "from", "From"), (right, "to", "To")):
        column.date_input(
            label, value=None, min_value=first, max_value=last, key=key, format="YYYY-MM-DD", bind="query-params"
        )


def _choice(key: str, label: str, values: Iterable[str]) -> None:
    """The frequent values first; several of one kind widen, kinds narrow."""
    options = [value for value, _ in sorted(Counter(values).items(), key=lambda item: (-item[1], item[0].casefold()))]
    if options:
        st.multiselect(label, options, key=key, placeholder="Any", bind="query-params")


def _clear() -> None:
    for key in KEYS:
        if key in st.session_state:
            st.session_state[key] = None if key in ("from", "to") else []


def plural(count: int, one: str) -> str:
    """``1 brief``, ``2 briefs``."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


def span_of(metadata: Iterable[Metadata]) -> str:
    """First and last day of the briefs, for people; empty if none has a date."""
    dates = sorted(found.date for found in metadata if found.date)
    return f"{day(dates[0])} to {day(dates[-1])}" if dates else ""
