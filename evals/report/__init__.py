"""Reports of a run: for people at a terminal, for machines, for a pull request, and for a browser."""

from __future__ import annotations

import json
from pathlib import Path

from assistant.feedback import append_line
from evals.files import write_whole
from evals.judging import Run
from evals.report.junit import junit
from evals.report.markdown import markdown
from evals.report.page import page
from evals.report.record import case_record, history_row, run_record
from evals.report.terminal import print_case, print_run

__all__ = [
    "HISTORY",
    "case_record",
    "junit",
    "markdown",
    "page",
    "print_case",
    "print_run",
    "run_record",
    "write_reports",
]

HISTORY = "history.jsonl"
"""One line a run, oldest first, in the folder of the reports."""


def write_reports(run: Run, folder: Path) -> list[Path]:
    """Write all reports into ``folder``, each whole or not at all, and add the run to the history there.

    :raises ReportError: if the folder cannot be written.
    :raises StoreError: if the history cannot be written.
    """
    reports = {
        "report.json": json.dumps(run_record(run), indent=1, ensure_ascii=False) + "\n",
        "junit.xml": junit(run),
        "summary.md": markdown(run),
        "report.html": page(run),
    }
    for name, text in reports.items():
        write_whole(folder / name, text)
    append_line(folder / HISTORY, json.dumps(history_row(run)))
    return [folder / name for name in (*reports, HISTORY)]
