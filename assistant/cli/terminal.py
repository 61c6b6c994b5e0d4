"""What verbs print: JSON for programs; colours, wrapped lines and a progress bar for people at a terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from index.build import Progress

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_WIDEST = 100


def print_json(value: Any, *, line: bool = False) -> None:
    """``value`` as JSON in ASCII, which survives any locale; with ``line`` on one line, written at once."""
    print(json.dumps(value, indent=None if line else 2), flush=line)


def styled(text: str, style: str) -> str:
    """``text`` in a colour or weight if standard output is a terminal that wants colours (see no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m"


def wrapped(text: str, indent: str = "", first: str | None = None) -> str:
    """``text`` in lines that fit the terminal; in one line where nobody looks, so that programs find words unbroken."""
    first = indent if first is None else first
    if not sys.stdout.isatty():
        return first + text
    width = min(_WIDEST, shutil.get_terminal_size().columns)
    return textwrap.fill(text, width, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)


def counted(number: int, noun: str) -> str:
    """``1 brief``, ``1,200 briefs``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


@contextmanager
def progress_bar() -> Iterator[Progress | None]:
    """A callback that draws a bar on standard error; None when that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        yield show
