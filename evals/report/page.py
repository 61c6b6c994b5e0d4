"""The run as one HTML file that needs nothing else: no script, no network, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from evals.judging import Judged, Run, estimate_rows, kind_table, reasons
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
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { margin: 2.5rem 0 .5rem; }
h3 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
.soft { color: var(--soft); } .good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.wide { overflow-x: auto; } .wide td:last-child { min-width: 9rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .25rem; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { color: var(--soft); font-weight: 600; }
.plots { display: flex; flex-wrap: wrap; gap: 2rem; } figure { margin: 0; width: 22rem; max-width: 100%; }
figcaption { font-weight: 600; } svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 10px; }
.grid { stroke: var(--line); } .guide { stroke: var(--soft); stroke-dasharray: 4 4; fill: none; }
.curve { stroke: var(--accent); stroke-width: 2; fill: none; } .point { fill: var(--accent); }
details { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0;
  padding: .6rem .9rem; }
summary { cursor: pointer; } summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 4px; }
dt { font-weight: 600; margin-top: .6rem; } dd { margin: 0; overflow-wrap: anywhere; }
blockquote { margin: .3rem 0; padding-left: .8rem; border-left: 3px solid var(--line); white-space: pre-wrap; }
"""


def page(run: Run) -> str:
    """The whole document."""
    verdict = '<span class="good">passed</span>' if run.passed else '<span class="bad">failed</span>'
    suites = "\n".join(_suite(judged) for judged in run.suites)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Evaluation {escape(run.at)}</title><style>{_STYLE}</style></head>\n"
        f'<body><header><h1>Evaluation: {verdict}</h1><p class="soft">{escape(run.at)}</p></header>\n'
        f"<main>\n{suites}\n</main></body></html>\n"
    )


def _suite(judged: Judged) -> str:
    result = judged.result
    failed = judged.failed_cases
    headings, rows = kind_table(result)
    facts = f"{len(result.results)} cases, {len(failed)} failed, {result.seconds:.0f} s"
    facts += f", generation {result.generation}, corpus {result.corpus}"
    remarks = "".join(f"<li>{escape(remark)}</li>" for remark in judged.remarks())
    parts = [
        f'<section aria-label="{escape(result.suite.name)}"><h2>{escape(result.suite.name)}</h2>',
        f'<p class="soft">{escape(facts)}</p>',
        f"<ul>{remarks}</ul>" if remarks else "",
        "<h3>Gates</h3>" + _gates(judged) if judged.verdicts else "",
        "<h3>By kind</h3>" + _table("Means over the cases that each score applies to", headings, rows),
        _plots(judged),
        "<h3>All figures</h3>"
        + _table("With 95 % bootstrap intervals", ["figure", "value", "95 % interval", "cases"], estimate_rows(result)),
        f"<h3>Failed cases ({len(failed)})</h3>",
        "".join(_case(one) for one in failed) or "<p>None.</p>",
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _gates(judged: Judged) -> str:
    marks = {True: ("passed", "good"), False: ("failed", "bad"), None: ("not scored", "soft")}
    rows = []
    for verdict in judged.verdicts:
        mark, style = marks[verdict.passed]
        flipped = [f"worse: {', '.join(verdict.worse)}"] if verdict.worse else []
        flipped += [f"better: {', '.join(verdict.better)}"] if verdict.better else []
        found = "<br>".join(escape(line) for line in (verdict.why, *flipped))
        rows.append(
            f'<tr><td class="{style}">{mark}</td><th scope="row">{escape(verdict.name)}</th><td>{found}</td></tr>'
        )
    head = '<thead><tr><th scope="col">verdict</th><th scope="col">gate</th><th scope="col">found</th></tr></thead>'
    return _wide("Gates", f"{head}<tbody>{''.join(rows)}</tbody>")


def _plots(judged: Judged) -> str:
    answerable, confidence = judged.result.confidences()
    if not 0 < answerable.sum() < len(answerable):
        return ""
    plots = reliability_plot(reliability(answerable, confidence)) + risk_plot(*risk_coverage(answerable, confidence))
    return f'<h3>Confidence</h3><div class="plots">{plots}</div>'


def _case(one: CaseResult) -> str:
    """One failed case: what was asked, expected and found, the words cited, and why it failed."""
    case, answer = one.case, one.answer
    expected = ["an abstention"] if case.answerable is False else [" or ".join(fact.any) for fact in case.facts]
    gold = [("or " if span.alternative else "") + f"{span.brief}: {span.quote}" for span in case.spans]
    turns = [*(f"{turn.role}: {turn.content}" for turn in case.history), case.question]
    entries = [
        ("Asked", "".join(f"<p>{escape(turn)}</p>" for turn in turns)),
        ("Why it failed", _list(reasons(one))),
        ("Expected", _list(expected) if expected else ""),
        ("Gold words", "".join(f"<blockquote>{escape(line)}</blockquote>" for line in gold)),
    ]
    if answer:
        quotes = "".join(
            f"<blockquote>[{c.label}] {escape(c.quote)}<br>"
            f'<span class="soft">{escape(c.source)} {c.start}:{c.end}</span></blockquote>'
            for c in answer.citations
        )
        said = f'<p>{escape(answer.text)}</p><p class="soft">{answer.status}, confidence {answer.confidence:.2f}</p>'
        entries += [("Found", said), ("Cited words", quotes)]
    entries += [("Note", escape(case.note))]
    body = "".join(f"<dt>{name}</dt><dd>{content}</dd>" for name, content in entries if content)
    summary = f"<summary><b>{escape(case.id)}</b> {escape(case.question)}</summary>"
    return f'<details id="{escape(case.id)}">{summary}<dl>{body}</dl></details>'


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    table = f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return _wide(caption, table)


def _wide(name: str, table: str) -> str:
    """A table that scrolls by itself, by keyboard too, where the page is narrower."""
    label = escape(name)
    return f'<div class="wide" role="region" tabindex="0" aria-label="{label}"><table>{table}</table></div>'
