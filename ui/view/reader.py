"""Who reads the page, and what they may read."""

from __future__ import annotations

import streamlit as st
from streamlit import runtime

from ui.access.caller import ANONYMOUS, LOCAL, Caller
from ui.access.tickets import HEADER, TICKETS
from ui.view.components import keep_address
from ui.view.plain import plain

_CALLER = "briefs-caller"


def reader() -> Caller:
    """The caller whom the gate admitted to this page, anonymous when the sign-in has ended or the gate was gone around.

    Once the browser has gone there are no headers any more: what is under way ends for whom it began. A page that runs
    without a server, as in a test, is on this machine alone.
    """
    headers = st.context.headers
    if headers:
        return TICKETS.caller(headers.get(HEADER, ""))
    began: Caller = st.session_state.get(_CALLER, ANONYMOUS if _is_served() else LOCAL)
    return began


def _is_served() -> bool:
    return runtime.exists() and type(runtime.get_instance()) is runtime.Runtime  # not a stand-in for one


def forget_others(caller: Caller) -> None:
    """Start anew where the browser goes on with a page on which somebody else was signed in."""
    if st.session_state.get(_CALLER, caller).owner != caller.owner:
        st.session_state.clear()
    st.session_state[_CALLER] = caller


def show_sign_in() -> None:
    """All that is shown to somebody who is not signed in: the way to the provider."""
    with st.container(key="talk"), st.container(key="signing-in"):
        st.title("Ask the briefs", anchor=False)
        if HEADER not in st.context.headers:
            st.markdown("This page runs under `briefs serve` alone, which tells it who is asking.")
        elif "is_logged_in" in st.user:  # Streamlit knows of a provider
            st.markdown("Sign in to go on.")
            st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login, key="sign-in")
            keep_address(signed_in=False)
        else:
            st.markdown("Your sign-in has ended. Load the page again to go on.")


def show_account(caller: Caller) -> None:
    """Who is signed in, and the way out. A user whom a proxy names signs out there."""
    if caller.kind != "user":
        return
    with st.sidebar, st.container(key="account"):
        st.caption(f"Signed in as {plain(caller.name)}")
        if st.user.get("is_logged_in"):
            st.button("Sign out", type="tertiary", icon=":material/logout:", on_click=st.logout, key="sign-out")
