"""What all pages share: name, logo, style, and the way from one to another."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from ui.view.components import ASSETS, keep_address
from ui.view.page import show_page
from ui.view.reader import forget_others, reader, show_account, show_sign_in


def show() -> None:
    """The page that the address names: the chat, or under ``/evals`` the latest report for who reads every brief.

    Nothing leads others there; nor does it inside a portal's frame, where what surrounds it leads the way.
    """
    caller = reader()
    forget_others(caller)
    if caller.kind == "anonymous":
        _sign_in()
        return
    # No icons: Streamlit would fetch those of the address bar from elsewhere.
    chat = st.Page(show_page, title="Ask", default=True)
    report = st.Page(_evals, title="Evaluation", url_path="evals")
    alone = st.context.is_embedded or caller.labels is not None
    page = st.navigation([chat, report], position="hidden" if alone else "top")
    name = "Briefs" if page is chat else f"{page.title} · Briefs"
    side: Literal["auto", "collapsed"] = "collapsed" if st.context.is_embedded else "auto"
    st.set_page_config(name, page_icon=str(ASSETS / "icon.png"), layout="wide", initial_sidebar_state=side)
    st.logo(ASSETS / "logo.svg", size="large")
    st.html(ASSETS / "page.css")
    show_account(caller)
    page.run()
    if st.user.get("is_logged_in"):
        keep_address(signed_in=True)


def _sign_in() -> None:
    """No logo and no icon either: the browser would have to be signed in to load them."""
    pages = [
        st.Page(show_sign_in, title="Sign in", default=True),
        st.Page(show_sign_in, title="Sign in", url_path="evals"),
    ]
    page = st.navigation(pages, position="hidden")
    st.set_page_config("Sign in · Briefs", layout="wide", initial_sidebar_state="collapsed")
    st.html(ASSETS / "page.css")
    page.run()


def _evals() -> None:
    # The chat page does without what only this page needs.
    from ui.view.evals_page import show_evals

    show_evals()
