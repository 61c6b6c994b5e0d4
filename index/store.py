"""The store's folder: who builds, which generation answers, and which ones can go."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import StoreBroken, StoreBusy, StoreMissing

CURRENT, LOCK, CACHE, GENERATIONS = "CURRENT", "build.lock", "cache.sqlite", "generations"
PARTIAL = ".partial"
"""Suffix of a generation's folder until it has passed its probe."""


def new_id() -> str:
    """Time in UTC, then six random hex digits: ids sort by age."""
    return f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def folder_of(store: Path, generation_id: str) -> Path:
    """Where a finished generation is."""
    return store / GENERATIONS / generation_id


def current_id(store: Path) -> str:
    """The id of the generation that answers.

    :raises StoreMissing: if there is none yet.
    :raises StoreBroken: if the pointer holds something else than an id.
    """
    path = store / CURRENT
    try:
        generation_id = path.read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        raise StoreMissing(f"no index in {store}; run `briefs index`") from error
    except (OSError, UnicodeDecodeError) as error:
        raise StoreBroken(f"{path} cannot be read ({error}); run `briefs index --rebuild`") from error
    if not generation_id or not generation_id.replace("-", "").isalnum():
        raise StoreBroken(f"{path} holds no id of a generation; run `briefs index --rebuild`")
    return generation_id


@contextmanager
def build_lock(store: Path) -> Iterator[None]:
    """Hold the store for one builder. The operating system frees the lock when its holder dies, however it dies.

    :raises StoreBusy: naming the process that holds it.
    """
    store.mkdir(parents=True, exist_ok=True)
    with (store / LOCK).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise StoreBusy(f"{store} is being built by {_holder(file.read())}; wait for it or stop it") from error
        file.truncate(0)
        json.dump(
            {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            },
            file,
        )
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


def publish(store: Path, partial: Path) -> None:
    """Make a finished folder the generation that answers: all of it on disk first, then one atomic rename."""
    for folder, _, names in os.walk(partial):
        for name in names:
            _fsync(Path(folder, name))
        _fsync(Path(folder))
    finished = partial.with_name(partial.name.removesuffix(PARTIAL))
    partial.rename(finished)
    _fsync(finished.parent)
    pointer = store / f"{CURRENT}{PARTIAL}"
    pointer.write_text(f"{finished.name}\n", encoding="ascii")
    _fsync(pointer)
    pointer.replace(store / CURRENT)
    _fsync(store)


def leftovers(store: Path, keep: frozenset[str], half_made_only: bool = False) -> list[Path]:
    """Folders of generations that are not in ``keep``; or only those that a killed build left half-made."""
    folders = sorted((store / GENERATIONS).glob("*"))
    return [path for path in folders if path.name not in keep and (path.name.endswith(PARTIAL) or not half_made_only)]


def remove(folder: Path) -> None:
    """Delete a folder; one that vanishes meanwhile is as good as deleted."""
    shutil.rmtree(folder, ignore_errors=True)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
