"""Runs the command line as its users do: real processes in a folder of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from index.settings import PREFIX, Settings

TORKHAM = "When was the Torkham crossing closed?"


def clean_environment(variables: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """The environment without settings, colours or a width of its own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX) and k not in ("NO_COLOR", "COLUMNS")}
    return {**inherited, "PYTHONPATH": str(Path(__file__).absolute().parent.parent), **variables}


def briefs(
    *words: str, cwd: Path, stdin: bytes = b"", expected: int = 0, variables: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[str]:
    """Run the command in ``cwd``; its exit code must be ``expected``."""
    done = subprocess.run(
        [sys.executable, "-m", "assistant", *words],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        env=clean_environment(variables),
        check=False,
        timeout=120,
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in err, err
    assert done.returncode == expected, (done.returncode, out, err)
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def complaint(*words: str, cwd: Path, variables: Mapping[str, str] = MappingProxyType({})) -> str:
    """The one line on standard error of a command that fails with 2 and prints nothing else."""
    done = briefs(*words, cwd=cwd, expected=2, variables=variables)
    assert done.stdout == ""
    assert done.stderr.startswith("briefs: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def settle(indexed: Settings, folder: Path) -> Path:
    """Put the store of ``indexed`` where the command looks for it by default in ``folder``, beside the corpus."""
    shutil.move(indexed.store, folder / ".briefs")
    assert indexed.corpus == folder / "corpus"
    return folder


def jsonl(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
