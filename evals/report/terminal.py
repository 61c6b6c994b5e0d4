"""The run for somebody at a terminal; plain columns where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from evals.judging import Judged, Run, estimate_rows, kind_table, reasons

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
    for remark in judged.remarks():
        print(remark, file=out)
    failed = judged.failed_cases
    for one in failed[:SHOWN]:
        print(f"{one.case.id}: {'; '.join(reasons(one))}", file=out)
    if len(failed) > SHOWN:
        print(f"and {len(failed) - SHOWN} more failed cases", file=out)


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
