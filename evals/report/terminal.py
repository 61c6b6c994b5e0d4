"""The run for somebody at a terminal; plain columns where there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from evals.judging import Judged, Run, account, estimate_rows, kind_table, reasons
from evals.running import CaseResult

SHOWN = 20
"""Failed cases that are listed."""
_MARKS = {True: "ok", False: "FAILED", None: "not scored"}
_STYLES = {True: "green", False: "bold red", None: "dim"}


def print_run(run: Run, out: TextIO) -> None:
    """Tables by kind, all figures, the gates, and the cases that failed."""
    for judged in run.suites:
        _print_suite(judged, out)


def _print_suite(judged: Judged, out: TextIO) -> None:
    result = judged.result
    headings, rows = kind_table(result)
    _print_table(f"{result.suite.name}: {len(result.results)} cases", headings, rows, out)
    _print_table("figures", ["figure", "value", "95 % interval", "cases"], estimate_rows(result), out)
    gates = [[_MARKS[verdict.passed], verdict.name, verdict.why] for verdict in judged.verdicts]
    _print_table("gates", ["", "gate", "found"], gates, out, [_STYLES[verdict.passed] for verdict in judged.verdicts])
    for verdict in judged.verdicts:
        if verdict.worse:
            print(f"{verdict.name}: worse in {', '.join(verdict.worse)}", file=out)
        if verdict.better:
            print(f"{verdict.name}: better in {', '.join(verdict.better)}", file=out)
    for remark in (*judged.flips(), *judged.remarks()):
        print(remark, file=out)
    failed = judged.failed_cases
    for one in failed[:SHOWN]:
        print(f"{one.case.id}: {'; '.join(reasons(one))}", file=out)
    if len(failed) > SHOWN:
        print(f"and {len(failed) - SHOWN} more failed cases", file=out)


def print_case(one: CaseResult, explanation: Mapping[str, Any], out: TextIO) -> None:
    """One case: what was asked, expected and found, its scores, and what every stage made of the question."""
    print(f"{one.case.id}: {'passed' if one.passed else 'failed'}\n", file=out)
    for name, lines in account(one).items():
        print(name, *(f"  {line}" for line in lines), "", sep="\n", file=out)
    scores = [
        [name.replace("_", " "), "–" if score.value is None else f"{score.value:.3g}", score.why]
        for name, score in one.scores.items()
    ]
    _print_table("scores", ["score", "value", "why"], scores, out)
    for stage, found in explanation.items():
        if isinstance(found, list) and all(isinstance(row, dict) for row in found):
            headings = list(dict.fromkeys(name for row in found for name in row))
            rows = [[_cell(row.get(name)) for name in headings] for row in found]
            _print_table(f"{stage} ({len(rows)})", headings, rows, out)
        elif isinstance(found, dict):
            _print_table(stage, ["", "value"], [[name, _cell(value)] for name, value in found.items()], out)
        else:
            print(f"{stage}: {_cell(found)}\n", file=out)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_cell(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_cell(inner) for inner in value)
    return value if isinstance(value, str) else json.dumps(value)


def _print_table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO, styles: Sequence[str] = ()
) -> None:
    if not rows:
        return
    if not out.isatty():
        widths = [max(len(row[k]) for row in (headings, *rows)) for k in range(len(headings))]
        print(title, file=out)
        for row in (headings, *rows):
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), file=out)
        print(file=out)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", header_style="bold")
    for heading in headings:
        table.add_column(Text(heading))
    for k, row in enumerate(rows):
        table.add_row(*(Text(cell) for cell in row), style=styles[k] if styles else None)
    Console(file=out).print(table)
