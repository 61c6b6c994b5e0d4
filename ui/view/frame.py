"""What all pages share: name, logo, style, and the way from one to another."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from ui.view.components import ASSETS
from ui.view.page import show_page


def show() -> None:
    """The page that the address names: the chat, or under ``/evals`` the latest report.

    Inside a portal's frame there is no way from one to the other: what surrounds it leads the way.
    """
    # No icons: Streamlit would fetch those of the address bar from elsewhere.
    chat = st.Page(show_page, title="Ask", default=True)
    report = st.Page(_evals, title="Evaluation", url_path="evals")
    page = st.navigation([chat, report], position="hidden" if st.context.is_embedded else "top")
    name = "Briefs" if page is chat else f"{page.title} · Briefs"
    side: Literal["auto", "collapsed"] = "collapsed" if st.context.is_embedded else "auto"
    st.set_page_config(name, page_icon=str(ASSETS / "icon.png"), layout="wide", initial_sidebar_state=side)
    st.logo(ASSETS / "logo.svg", size="large")
    st.html(ASSETS / "page.css")
    page.run()


def _evals() -> None:
    # The chat page does without what only this page needs.
    from ui.view.evals_page import show_evals

    show_evals()
