"""Charts of the evals page as Vega-Lite; colours and letters come from the page's theme, light or dark.

Each comes with its reading in words, and its figures stand in a table that opens below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from ui.view.report import Bin, Figure, PastRun, title

Rows = Sequence[Mapping[str, str]]
Points = Sequence[Mapping[str, Any]]
Spec = dict[str, Any]

GUIDE = "#868d96"
"""Of lines that are not data: visible on light and on dark."""
TRACKED = ("passed", "facts_present", "span_cited", "abstained_when_unanswerable", "auroc")
"""Figures whose history is drawn."""
_SHARE = {"format": ".2f", "tickCount": 6}


def _chart(spec: Spec, points: Points, said: str, table: Rows, *, height: int) -> None:
    """The chart, named by what it says, and what it shows as a table."""
    st.vega_lite_chart({"data": {"values": list(points)}, "height": height, **spec}, alt=said, width="stretch")
    show_table("As a table", table, said)


def show_table(label: str, rows: Rows, said: str, *, expanded: bool = False) -> None:
    """A table that opens below ``label``, cells and headings as they are. It scrolls where the page is narrower.

    Made by hand, because Streamlit's own cannot be scrolled by keyboard.
    """
    with st.expander(label, type="compact", icon=":material/table_rows:", expanded=expanded):
        if rows:
            st.html(_table(rows, said))


def _table(rows: Rows, said: str) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in rows[0])
    lines = []
    for row in rows:
        first, *rest = (escape(cell) for cell in row.values())
        lines.append(f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>')
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f'<div class="figures" role="region" tabindex="0" aria-label="{escape(said)}">{table}</div>'


def interval(figure: Figure, digits: int = 2) -> str:
    """The 95 % interval as people write it."""
    return f"{figure.low:.{digits}f} – {figure.high:.{digits}f}"


def show_intervals(rows: Sequence[tuple[str, Figure]], name: str) -> None:
    """Figures as points with their 95 % intervals. ``name`` says what they are of."""
    values = [{"name": label, **figure.model_dump()} for label, figure in rows]
    x = {"type": "quantitative", "scale": {"domain": [0, 1]}, "title": None, "axis": {"format": ".1f", "tickCount": 6}}
    tooltip = [
        {"field": "name", "title": "Of"},
        {"field": "value", "title": "Value", "format": ".2f"},
        {"field": "low", "title": "95 % from", "format": ".2f"},
        {"field": "high", "title": "95 % to", "format": ".2f"},
        {"field": "count", "title": "Cases"},
    ]
    spec = {
        "encoding": {
            "y": {
                "field": "name",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {"labelLimit": 160, "labelFlush": False},
            },
            "tooltip": tooltip,
        },
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2, "color": GUIDE},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {"x": {"field": "value", **x}},
            },
        ],
    }
    said = f"{name}: " + ", ".join(f"{label} {figure.value:.2f}" for label, figure in rows)
    table = [
        {"Kind": label, "Value": f"{figure.value:.2f}", "95 %": interval(figure), "Cases": str(figure.count)}
        for label, figure in rows
    ]
    _chart(spec, values, said, table, height=30 * len(rows) + 20)


def show_history(runs: Sequence[PastRun]) -> None:
    """The tracked figures over the runs."""
    names = [name for name in TRACKED if any(name in run.figures for run in runs)]
    titles = {name: title(name) for name in names}
    values = [
        {
            "run": k,
            "when": f"{run.at:%d %b %H:%M}",
            "figure": titles[name],
            "value": run.figures[name],
            "generation": run.generation,
        }
        for k, run in enumerate(runs)
        for name in names
        if name in run.figures
    ]
    when = f"{[f'{run.at:%d %b %H:%M}' for run in runs]}[datum.value]"
    order = {"domain": [titles[name] for name in names]}
    legend = {"title": None, "orient": "bottom", "columns": 2, "symbolSize": 90}
    spec = {
        "mark": {"type": "line", "point": {"size": 60, "filled": True}, "strokeWidth": 2},
        "encoding": {
            "x": {"field": "run", "type": "ordinal", "title": None, "axis": {"labelExpr": when, "labelAngle": 0, "labelOverlap": True}},
            "y": {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": False}, "axis": _SHARE},
            "color": {"field": "figure", "type": "nominal", "scale": order, "legend": legend},
            "shape": {"field": "figure", "type": "nominal", "scale": order, "legend": legend},
            "tooltip": [
                {"field": "figure", "title": "Figure"},
                {"field": "value", "title": "Value", "format": ".3f"},
                {"field": "when", "title": "Run"},
                {"field": "generation", "title": "Index"},
            ],
        },
    }  # fmt: skip
    first, last = runs[0].figures, runs[-1].figures
    said = f"Over {len(runs)} runs: " + ", ".join(
        f"{titles[name].lower()} from {first[name]:.2f} to {last[name]:.2f}"
        for name in names
        if name in first and name in last
    )
    table = [
        {"Run": f"{run.at:%Y-%m-%d %H:%M}", "Index": run.generation}
        | {titles[name]: f"{run.figures[name]:.3f}" if name in run.figures else "–" for name in names}
        for run in reversed(runs)
    ]
    _chart(spec, values, said, table, height=340)


def show_reliability(bins: Sequence[Bin]) -> None:
    """Share of answerable questions over confidence, a point for each bin, and the diagonal where they agree."""
    values = [{"confidence": one.confidence, "share": one.answerable, "count": one.count} for one in bins]
    spec = {
        "encoding": {"x": _axis("confidence", "Confidence"), "y": _axis("share", "Share answerable")},
        "layer": [
            {
                "data": {"values": [{"confidence": 0, "share": 0}, {"confidence": 1, "share": 1}]},
                "mark": {"type": "line", "color": GUIDE, "strokeDash": [5, 4], "strokeWidth": 1.5},
            },
            {"mark": {"type": "line", "strokeWidth": 2, "opacity": 0.55}},
            {
                "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
                "encoding": {
                    "tooltip": [
                        {"field": "confidence", "title": "Confidence", "format": ".2f"},
                        {"field": "share", "title": "Share answerable", "format": ".2f"},
                        {"field": "count", "title": "Questions"},
                    ]
                },
            },
        ],
    }
    said = "Reliability: " + "; ".join(
        f"confidence {one.confidence:.2f}, {one.answerable:.2f} answerable" for one in bins
    )
    table = [
        {
            "Confidence": f"{one.confidence:.2f}",
            "Share answerable": f"{one.answerable:.2f}",
            "Questions": str(one.count),
        }
        for one in bins
    ]
    _chart(spec, values, said, table, height=280)


def show_risk(curve: Sequence[tuple[float, float]]) -> None:
    """Share of answered questions that the briefs do not answer, over the share of questions answered."""
    values = [{"coverage": coverage, "risk": risk} for coverage, risk in curve]
    spec = {
        "mark": {"type": "line", "strokeWidth": 2.5, "interpolate": "step-after"},
        "encoding": {
            "x": _axis("coverage", "Share of questions answered"),
            "y": _axis("risk", "Share answered wrongly", high=None),
            "tooltip": [
                {"field": "coverage", "title": "Answered", "format": ".0%"},
                {"field": "risk", "title": "Of these wrongly", "format": ".1%"},
            ],
        },
    }
    picked = [next(point for point in curve if point[0] >= share - 1e-9) for share in (0.25, 0.5, 0.75, 0.9, 1)]
    said = "Risk and coverage: " + "; ".join(
        f"{risk:.0%} wrong when {coverage:.0%} are answered" for coverage, risk in picked
    )
    table = [{"Answered": f"{coverage:.0%}", "Of these wrongly": f"{risk:.1%}"} for coverage, risk in picked]
    _chart(spec, values, said, table, height=280)


def _axis(field: str, name: str, high: float | None = 1) -> Spec:
    scale = {"domain": [0, high]} if high else {"zero": True}
    axis = {"format": ".1f" if high else ".0%", "tickCount": 6}
    return {"field": field, "type": "quantitative", "title": name, "scale": scale, "axis": axis}
