"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from index.errors import BriefsError


class ReportError(BriefsError):
    """A report, a baseline or a history cannot be written."""


def make_folder(folder: Path) -> None:
    """Make ``folder`` if it is not there. :raises ReportError: if it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"{folder} cannot be written: {error.strerror or error}; choose another place") from error


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` by way of a temporary file beside it; readers see the old content or the new.

    :raises ReportError: if the folder cannot be made or written.
    """
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ReportError(f"{path} cannot be written: {error.strerror or error}; choose another place") from error
