"""The evals page: how good the answers are by the latest report of ``briefs eval``, and the cases behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from index.errors import SettingsError
from index.settings import Settings
from ui.service import current_settings
from ui.view.brief import day
from ui.view.case import show_case
from ui.view.caselist import PARAMETER, show_cases
from ui.view.charts import interval, show_history, show_intervals, show_reliability, show_risk, show_table
from ui.view.condition import Trouble, explain
from ui.view.narrowing import plural
from ui.view.plain import plain
from ui.view.reader import reader
from ui.view.report import (
    Bound,
    Case,
    Figure,
    Report,
    Suite,
    bounds,
    by_kind,
    headlines,
    kind_rows,
    read_history,
    read_report,
    title,
)

LISTED = 200
"""Cases in the list at most."""
BY_KIND = ("passed", "facts_present", "span_cited", "abstention_right", "ndcg@10")
"""What can be drawn by kind."""
MARKS = {True: ":green[:material/check_circle:]", False: ":red[:material/cancel:]", None: ":gray[:material/remove:]"}


def show_evals() -> None:
    """The page from top to bottom: the report, or the one case that the address names."""
    with st.container(key="evals"):
        if reader().labels is not None:  # the report quotes whatever briefs its questions are about
            st.info("Reports are for readers of every brief.", icon=":material/lock:")
            return
        try:
            settings = current_settings()
        except SettingsError as error:
            explain(Trouble("The settings cannot be used", str(error), "briefs doctor"))
            return
        report = read_report(settings.report)
        if isinstance(report, Trouble):
            explain(report)
            return
        wanted = st.query_params.get(PARAMETER, "")
        if found := report.find(wanted):
            show_case(settings, *found)
            return
        if wanted:
            st.warning(f"The latest report has no case {plain(wanted)}.", icon=":material/help:")
        _overview(settings, report)


def _overview(settings: Settings, report: Report) -> None:
    st.title("Evaluation", anchor=False)
    suite = _chosen(report)
    _verdict(report, suite)
    limits = bounds(suite)
    with st.grid(4, min_column_width=150, gap="small"):
        for name, figure in headlines(suite):
            _card(name, figure, suite, limits.get(name))
    _gates(suite)
    estimates = [
        {"Figure": title(name), "Value": f"{one.value:.3f}", "95 %": interval(one, 3), "Cases": str(one.count)}
        for name, one in suite.estimates.items()
    ]
    show_table("All figures", estimates, f"All figures of {suite.suite}")
    _kinds(suite)
    _confidence(suite)
    _past(settings, suite)
    _cases(suite)


def _chosen(report: Report) -> Suite:
    """The suite to look at: the only one, or the one picked."""
    suites = {suite.suite: suite for suite in report.suites}
    if len(suites) == 1:
        return report.suites[0]
    return suites[_choice("Suite", list(suites), "suite")]


def _choice(label: str, options: Sequence[str], key: str, words: dict[str, str] | None = None) -> str:
    """One of ``options`` side by side, the first until another is picked."""
    chosen: str = st.segmented_control(
        label,
        options,
        default=options[0],
        required=True,
        format_func=lambda option: plain(words[option] if words else option),
        key=key,
        label_visibility="collapsed",
        persist_state="page",
    )
    return chosen


def _verdict(report: Report, suite: Suite) -> None:
    """Whether the gates hold, and which run this was."""
    if suite.gates:
        failed = sum(gate.passed is False for gate in suite.gates)
        if failed:
            st.badge(f"{failed} of {plural(len(suite.gates), 'gate')} fell", icon=":material/cancel:", color="red")
        else:
            st.badge(f"{plural(len(suite.gates), 'gate')} held", icon=":material/check_circle:", color="green")
    facts = [
        f"{day(report.at.date())}, {report.at:%H:%M} UTC",
        f"suite {suite.suite}",
        f"index {suite.generation}" if suite.generation else "",
        _commit(report.commit) if report.commit else "",
        f"{suite.seconds:.0f} s",
    ]
    st.caption(plain(" · ".join(fact for fact in facts if fact)))
    if suite.remarks:
        st.caption("  \n".join(plain(remark) for remark in suite.remarks))


def _commit(name: str) -> str:
    """What git had checked out, in short."""
    commit, _, dirty = name.partition("-")
    return f"commit {commit[:10]}" + (" with changes" if dirty else "")


def _card(name: str, figure: Figure, suite: Suite, bound: Bound | None) -> None:
    """A figure with its interval, and with its gate if it has one."""
    count = f"{sum(case.passed for case in suite.cases)} of " if name == "passed" else ""
    with st.container(border=True, gap="xsmall", height="stretch"):
        st.metric(title(name), f"{figure.value:.2f}")
        st.caption(f"95 %: {interval(figure)}  \n{count}{plural(figure.count, 'case')}")
        if bound:
            st.caption(f"{MARKS[bound.passed]} gate {bound.asks}")


def _gates(suite: Suite) -> None:
    """Every gate with its verdict, those that fell first; open where one did."""
    words = {True: "✓ held", False: "✕ fell", None: "– not scored"}
    rows = [
        {
            "Gate": gate.name,
            "Verdict": words[gate.passed],
            "Found": gate.why,
            "Worse": ", ".join(gate.worse) or "–",
            "Better": ", ".join(gate.better) or "–",
        }
        for gate in sorted(suite.gates, key=lambda gate: gate.passed is not False)
    ]
    failed = any(gate.passed is False for gate in suite.gates)
    show_table("All gates", rows, f"Gates of {suite.suite} with their verdicts", expanded=failed)


def _kinds(suite: Suite) -> None:
    """One figure for each kind of question, and a table of several."""
    st.header("By kind of question", anchor=False)
    names = [name for name in BY_KIND if any(case.value(name) is not None for case in suite.cases)]
    name = _choice("Figure", names, "figure", {name: title(name) for name in names})
    show_intervals(list(by_kind(suite, name)), f"{title(name)} by kind")
    show_table("All kinds and figures", kind_rows(suite), "Figures by kind of question")


def _confidence(suite: Suite) -> None:
    if not suite.reliability or not suite.risk_coverage:
        return
    st.header("Confidence", anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Reliability.** On the dashed line, confidence is the share of questions that the briefs answer.")
        show_reliability(suite.reliability)
    with right:
        st.markdown("**Risk and coverage.** How much goes wrong when only the surest questions are answered.")
        show_risk(suite.risk_coverage)


def _past(settings: Settings, suite: Suite) -> None:
    st.header("Runs so far", anchor=False)
    runs, broken = read_history(settings.report, suite.suite)
    if broken:
        st.caption(f"{plural(broken, 'line')} of the history cannot be read, and is left out.")
    if len(runs) > 1:
        show_history(runs)
    else:
        st.caption("One run so far; the next one draws a line." if runs else "There is no history beside the report.")


def _cases(suite: Suite) -> None:
    """The cases, those that failed unless more is asked for, narrowed by kind and by why."""
    st.header("Cases", anchor=False)
    failed = [case for case in suite.cases if not case.passed]
    which = _choice(
        "Show", ("failed", "all"), "show", {"failed": f"{len(failed)} failed", "all": f"All {len(suite.cases)}"}
    )
    cases: Sequence[Case] = failed if which == "failed" else suite.cases
    left, right = st.columns(2)
    with left:
        kinds = _narrow("Kind", "kind", Counter(case.kind for case in cases))
    with right:
        whys = _narrow("Why it failed", "why", Counter(name for case in cases for name, _ in case.reasons))
    cases = [
        case
        for case in cases
        if (not kinds or case.kind in kinds) and (not whys or any(name in whys for name, _ in case.reasons))
    ]
    show_cases(cases[:LISTED])
    if len(cases) > LISTED:
        st.caption(f"{len(cases) - LISTED} more: narrow them down to see them.")
    if not cases:
        st.caption("No case.")


def _narrow(label: str, key: str, counts: Counter[str]) -> list[str]:
    words = {name: f"{title(name) if key == 'why' else name} ({count})" for name, count in counts.items()}
    return st.multiselect(
        label,
        list(counts),
        format_func=lambda name: words.get(name, name),
        key=key,
        placeholder="Any",
        persist_state="page",
    )
