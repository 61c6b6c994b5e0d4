"""The list of cases, links that open a case on the page, and the way back to it.

A component of its own, because Streamlit's links leave the page. It draws with ``textContent`` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from ui.view.components import asset
from ui.view.report import Case, title

_component = st.components.v2.component(
    "briefs_cases", html=asset("cases.html"), css=asset("cases.css"), js=asset("cases.js")
)
PARAMETER = "case"
"""Holds the id of the case that is shown, in the address of the page."""
LIST, BACK = "cases", "cases-back"
CAME_FROM = "came-from"


def show_cases(cases: Sequence[Case]) -> None:
    """``cases`` as links; a click shows the case. The one that was shown last gets the keyboard back."""
    rows = [
        {
            "id": case.id,
            "question": case.question,
            "kind": case.kind,
            "passed": case.passed,
            "why": "; ".join(f"{title(name)}: {why}" for name, why in case.reasons),
        }
        for case in cases
    ]
    _show(LIST, {"cases": rows, "focus": st.session_state.pop(CAME_FROM, "")})


def show_way_back(case_id: str) -> None:
    """A link from a case to the list; it gets the keyboard if the case was opened from there."""
    _show(BACK, {"cases": [], "back": case_id, "focus": st.session_state.pop(CAME_FROM, "")})


def _show(key: str, data: dict[str, Any]) -> None:
    def open_case() -> None:
        chosen = st.session_state[key].open
        st.session_state[CAME_FROM] = chosen or data["back"]
        if chosen:
            st.query_params[PARAMETER] = chosen
        else:
            st.query_params.pop(PARAMETER, None)

    _component(key=key, data=data, on_open_change=open_case)
