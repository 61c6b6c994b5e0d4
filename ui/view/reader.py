"""Who reads the page, and what they may read."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from index.filters import Filters, allowed_briefs
from index.generation import Generation


@dataclass(frozen=True, slots=True)
class Reader:
    """``owner`` keeps readers' conversations apart. ``labels`` are the reader's groups; None reads every brief."""

    owner: str = ""
    labels: frozenset[str] | None = None

    def allowed(self, generation: Generation) -> frozenset[str] | None:
        """The ids of the briefs that the reader may see, None for all."""
        return allowed_briefs(generation.manifest.metadata, Filters(labels=self.labels))


def reader() -> Reader:
    """Where Streamlit's login is set up, the address and the ``groups`` of who is logged in; else one reader of everything.

    Who has not logged in there reads the briefs without labels.
    """
    claims: dict[str, object] = dict(st.user.to_dict())
    if "is_logged_in" not in claims:
        return Reader()
    groups = claims.get("groups")
    return Reader(str(claims.get("email") or ""), frozenset(groups if isinstance(groups, list) else ()))
