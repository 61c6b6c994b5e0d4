"""One case of a report: what was asked, expected and found, the words cited, why it failed, and how to run it again."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from assistant import Answer
from index.errors import BriefsError
from index.filters import Filters
from index.settings import Settings
from ui.service import open_assistant
from ui.view.answer import show_statements
from ui.view.brief import day
from ui.view.caselist import show_way_back
from ui.view.charts import show_table
from ui.view.conversation import Conversation
from ui.view.opened import show_opened
from ui.view.plain import plain
from ui.view.report import Case, Suite, title

STATUS = {"answered": "Answered", "partial": "Answered in part", "abstained": "Abstained"}


def show_case(settings: Settings, suite: Suite, case: Case) -> None:
    """The case in full."""
    show_way_back(case.id)
    _heading(suite, case)
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader("Expected", anchor=False)
        _expected(case)
        if case.reasons:
            st.subheader("Why it failed", anchor=False)
            for name, why in case.reasons:
                st.error(f"**{plain(title(name))}**  \n{plain(why)}")
    with right:
        st.subheader("Found", anchor=False)
        if case.answer:
            _found(settings, case, case.answer)
        else:
            st.markdown("No answer." if case.error else "It was searched only.")
    scores = [
        {"Score": title(name), "Value": "–" if one.value is None else f"{one.value:.2f}", "From": one.why}
        for name, one in case.scores.items()
    ]
    show_table("All scores", scores, f"Scores of {case.id}")
    _look_closer(suite, case)


def _look_closer(suite: Suite, case: Case) -> None:
    """The question in the chat, and the command that runs the case alone."""
    searched = case.answer.searched if case.answer else ""
    address = f"./?{urlencode({'q': searched or case.question})}"
    st.link_button("Ask it in the chat", address, icon=":material/forum:")
    st.caption("This runs the case alone and shows what every stage made of it:")
    st.code(suite.replay(case), language=None, wrap_lines=True)


def _heading(suite: Suite, case: Case) -> None:
    with st.container(gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if case.passed:
                st.badge("passed", icon=":material/check_circle:", color="green")
            else:
                st.badge("failed", icon=":material/cancel:", color="red")
            if case.id in suite.worse:
                st.badge("worse than the baseline", icon=":material/trending_down:", color="orange")
            st.caption(plain(f"{suite.suite} · {case.kind} · {case.id}"))
        for said in case.history:
            st.caption(plain(f"{said.role}: {said.content}"))
        st.header(plain(case.question), anchor=False)


def _expected(case: Case) -> None:
    """An answer or an abstention; what it has to say; the words that hold it."""
    lines = [" *or* ".join(f"“{plain(wording)}”" for wording in fact.any) for fact in case.facts]
    lines += [f"never “{plain(wording)}”" for wording in case.forbidden]
    if case.answerable is None:
        st.markdown("The right briefs among the hits.")
    elif not case.answerable:
        st.markdown("An abstention: the briefs do not answer this.")
    else:
        st.markdown("An answer that says:" if lines else "An answer.")
    if lines:
        st.markdown("\n".join(f"- {line}" for line in lines))
    if case.spans:
        st.markdown("**Gold words**")
    for span in case.spans:
        _quotation(span.quote, ("or " if span.alternative else "") + span.brief, "green")
    if case.note:
        st.caption(plain(case.note))


def _found(settings: Settings, case: Case, answer: Answer) -> None:
    """The answer as the chat page shows it, and below it the words that it cites."""
    st.caption(plain(f"{STATUS[answer.status]} · confidence {answer.confidence:.2f} · {answer.engine}"))
    talk = _talk(case, answer)
    show_statements(talk, talk.exchanges[0])
    if answer.missing:
        st.caption(plain(answer.missing))
    if answer.nearest:
        st.markdown("Nearest briefs:\n\n" + "\n".join(f"- {plain(near.title)}" for near in answer.nearest))
    if not answer.citations:
        return
    st.markdown("**Cited words**")
    for cited in answer.citations:
        place = (cited.title, day(cited.published), f"characters {cited.start} to {cited.end}")
        _quotation(cited.quote, f"{cited.label} · {', '.join(part for part in place if part)}", "yellow")
    try:
        show_opened(open_assistant(settings), talk)
    except BriefsError as error:
        talk.close()
        st.caption(plain(f"The briefs cannot be opened here: {error}"))


def _talk(case: Case, answer: Answer) -> Conversation:
    """The case as a conversation of one exchange, which remembers what is opened beside it."""
    talk: Conversation = st.session_state.setdefault("case-talk", Conversation())
    if not talk.exchanges or talk.exchanges[0].answer is not answer:
        talk.clear()
        exchange = talk.begin(case.question, Filters())
        exchange.answer = answer
    return talk


def _quotation(quote: str, place: str, colour: str) -> None:
    """Words of a brief, marked, and where they stand."""
    st.markdown(f":{colour}-background[{plain(quote)}]  \n:small[{plain(place)}]")
