"""A summary in Markdown, short enough for a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evals.judging import Judged, Run, estimate_rows, kind_table, reasons

SHOWN = 25
"""Failed cases that are listed; the HTML report has all."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~@!&]|:(?=//)|(?<=www)\.)")
"""What Markdown could take for markup, a mention or an address."""


def markdown(run: Run) -> str:
    """The run in Markdown. Words of briefs and cases are escaped: they make no links, images or mentions."""
    return "\n".join(
        ["# Evaluation: " + ("passed" if run.passed else "failed"), "", *(_suite(one) for one in run.suites)]
    )


def _suite(judged: Judged) -> str:
    result = judged.result
    failed = judged.failed_cases
    lines = [
        f"## {_text(result.suite.name)}: {'passed' if judged.passed else 'failed'}",
        "",
        f"{len(result.results)} cases, {len(failed)} failed, {result.seconds:.0f} s.",
        "",
        *(f"- {_text(remark)}" for remark in judged.remarks()),
        "",
        *_table(
            ["gate", "", "found"],
            [
                [v.name, {True: "passed", False: "**failed**", None: "not scored"}[v.passed], v.why]
                for v in judged.verdicts
            ],
        ),
        "",
    ]
    for verdict in judged.verdicts:
        if verdict.passed is False and verdict.worse:
            lines += [f"{_text(verdict.name)}: worse in {', '.join(f'`{case}`' for case in verdict.worse)}", ""]
    headings, rows = kind_table(result)
    lines += [*_table(headings, rows), "", "<details><summary>All figures</summary>", ""]
    lines += [*_table(["figure", "value", "95 % interval", "cases"], estimate_rows(result)), "", "</details>", ""]
    if failed:
        lines += ["<details><summary>Failed cases</summary>", ""]
        lines += [f"- `{one.case.id}` {_text('; '.join(reasons(one)))}" for one in failed[:SHOWN]]
        lines += [f"- and {len(failed) - SHOWN} more"] if len(failed) > SHOWN else []
        lines += ["", "</details>", ""]
    return "\n".join(lines)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    marks = ["---"] + ["---:"] * (len(headings) - 1)
    cells = [[cell if cell == "**failed**" else _text(cell) for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (list(headings), marks, *cells)]


def _text(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
