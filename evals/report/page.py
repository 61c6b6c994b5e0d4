"""The run as one HTML file that needs nothing else: no script, no network, light and dark."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from html import escape

from evals.judging import TITLES, Judged, Run, account, estimate_rows, kind_table
from evals.metrics import reliability, risk_coverage
from evals.report.plots import reliability_plot, risk_plot
from evals.running import CaseResult

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5a6573; --paper: #fff; --card: #f5f6f8; --line: #d9dde3;
  --accent: #1f5fae; --good: #14713d; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7eaee; --soft: #a5afbb; --paper: #14181d; --card: #1d232a;
  --line: #343c46; --accent: #7fb2f0; --good: #6fd09a; --bad: #ff8f86; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { margin: 2.5rem 0 .5rem; }
h3 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
.soft { color: var(--soft); } .good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.wide { overflow-x: auto; } .wide:focus-visible { outline: 2px solid var(--accent); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .25rem; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { color: var(--soft); font-weight: 600; } tbody th { font-weight: 500; }
.wide th + th, .wide td { text-align: right; padding: .3rem 0 .3rem .8rem; } .wide td { white-space: nowrap; }
.gates td { overflow-wrap: anywhere; } .gates td:first-child { white-space: nowrap; } .gates th { min-width: 17rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .75rem; padding: 0;
  list-style: none; }
.cards li { display: grid; background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .6rem .9rem; }
.cards b { font-size: 1.5rem; line-height: 1.3; }
.plots { display: flex; flex-wrap: wrap; gap: 2rem; } figure { margin: 0; width: 22rem; max-width: 100%; }
figcaption { font-weight: 600; } svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 10px; }
.grid { stroke: var(--line); } .guide { stroke: var(--soft); stroke-dasharray: 4 4; fill: none; }
.curve { stroke: var(--accent); stroke-width: 2; fill: none; } .point { fill: var(--accent); }
details { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0;
  padding: .6rem .9rem; }
summary { cursor: pointer; } summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 4px; }
summary b, code { overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: 7.5rem 1fr; gap: .6rem 1rem; margin: .75rem 0 .25rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
dd p { margin: 0 0 .35rem; white-space: pre-wrap; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: .1rem; } dt { margin-top: .5rem; }
  .gates thead { display: none; } .gates tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--line); }
  .gates td, .gates th { display: block; border: 0; padding: 0; }
  .gates td:first-child, .gates th { display: inline; padding-right: .4rem; } }
"""


def page(run: Run) -> str:
    """The whole document."""
    verdict = '<span class="good">passed</span>' if run.passed else '<span class="bad">failed</span>'
    suites = "\n".join(_suite(judged) for judged in run.suites)
    when = f"{run.at}, {run.commit}" if run.commit else run.at
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Evaluation {escape(run.at)}</title><style>{_STYLE}</style></head>\n"
        f'<body><header><h1>Evaluation: {verdict}</h1><p class="soft">{escape(when)}</p></header>\n'
        f"<main>\n{suites}\n</main></body></html>\n"
    )


def _suite(judged: Judged) -> str:
    result = judged.result
    failed = judged.failed_cases
    facts = f"{judged.counts} {result.seconds:.0f} s, generation {result.generation}, corpus {result.corpus}"
    remarks = "".join(f"<li>{escape(remark)}</li>" for remark in (*judged.flips(), *judged.remarks()))
    figures = _table(
        "Means with 95 % bootstrap intervals", ["figure", "value", "95 % interval", "cases"], estimate_rows(result)
    )
    broken = judged.changes.broken if judged.changes else ()
    parts = [
        f'<section aria-label="{escape(result.suite.name)}"><h2>{escape(result.suite.name)}</h2>',
        f'<p class="soft">{escape(facts)}</p>',
        f"<ul>{remarks}</ul>" if remarks else "",
        _cards(judged),
        "<h3>Gates</h3>" + _gates(judged),
        "<h3>By kind</h3>" + _table("Means over the cases that each score applies to", *kind_table(result)),
        _plots(judged),
        f"<h3>All figures</h3><details><summary>{len(result.estimates)} figures</summary>{figures}</details>",
        f"<h3>Failed cases ({len(failed)})</h3>",
        "".join(_case(one, judged, one.case.id in broken) for one in failed) or "<p>None.</p>",
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _cards(judged: Judged) -> str:
    """The figures to look at first; one whose gate fell says so."""
    fallen = {verdict.score for verdict in judged.verdicts if verdict.passed is False}
    cards = []
    for name, title in TITLES.items():
        if name in (estimates := judged.result.estimates):
            one = estimates[name]
            mark = '<span class="bad">gate failed</span>' if name in fallen else ""
            cards.append(
                f"<li><span>{escape(title)}</span><b>{one.value:.2f}</b>"
                f'<span class="soft">{one.low:.2f} – {one.high:.2f}</span>{mark}</li>'
            )
    return f'<ul class="cards">{"".join(cards)}</ul>' if cards else ""


def _gates(judged: Judged) -> str:
    marks = {True: ("passed", "good"), False: ("failed", "bad"), None: ("not scored", "soft")}
    rows = []
    for verdict in sorted(judged.verdicts, key=lambda one: one.passed is not False):
        mark, style = marks[verdict.passed]
        flipped = [f"worse: {', '.join(verdict.worse)}"] if verdict.worse else []
        flipped += [f"better: {', '.join(verdict.better)}"] if verdict.better else []
        found = "<br>".join(escape(line) for line in (verdict.why, *flipped))
        rows.append(
            f'<tr><td class="{style}">{mark}</td><th scope="row">{escape(verdict.name)}</th><td>{found}</td></tr>'
        )
    head = '<thead><tr><th scope="col">verdict</th><th scope="col">gate</th><th scope="col">found</th></tr></thead>'
    return f'<table class="gates">{head}<tbody>{"".join(rows)}</tbody></table>'


def _plots(judged: Judged) -> str:
    answerable, confidence = judged.result.confidences()
    if not 0 < answerable.sum() < len(answerable):
        return ""
    plots = reliability_plot(reliability(answerable, confidence)) + risk_plot(*risk_coverage(answerable, confidence))
    return f'<h3>Confidence</h3><div class="plots">{plots}</div>'


def _case(one: CaseResult, judged: Judged, broken: bool) -> str:
    """One failed case: what was asked, expected and found, the words cited, why it failed, and how to run it alone."""
    told = "".join(
        f"<dt>{name[0].upper()}{name[1:]}</dt><dd>{''.join(f'<p>{escape(line)}</p>' for line in lines)}</dd>"
        for name, lines in account(one).items()
    )
    command = f"briefs eval {shlex.quote(str(judged.result.suite.path))} --case {shlex.quote(one.case.id)} --explain"
    mark = ' <span class="bad">passed in the baseline</span>' if broken else ""
    return (
        f"<details><summary><b>{escape(one.case.id)}</b> {escape(one.case.question)} "
        f'<span class="soft">{escape(one.case.kind)}</span>{mark}</summary>'
        f"<dl>{told}<dt>Alone</dt><dd><code>{escape(command)}</code></dd></dl></details>"
    )


def _table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    table = f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    label = escape(caption)  # a table that scrolls by itself, by keyboard too, where the page is narrower
    return f'<div class="wide" role="region" tabindex="0" aria-label="{label}"><table>{table}</table></div>'
