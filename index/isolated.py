"""The steps of a build that run in a process of their own.

What writes to Chroma can hang on a full disk, and what opens a damaged database can crash the interpreter. The parent
kills a step that takes too long; a step ends when its parent does.

``python -m index.isolated STEP`` with a line of JSON on standard input, which then stays open.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import SecretStr

from index.errors import BriefsError, StoreBroken, StoreError
from index.generation import Generation
from index.settings import Settings
from index.vectors import VectorIndex, preload


def write_vectors(folder: Path, settings: Settings) -> None:
    """Make Chroma hold the vectors of the generation in ``folder``, starting from what is there."""
    generation = Generation(folder, settings)
    brief_ids = [generation.brief_ids[brief] for brief in generation.chunks.brief]
    vectors = VectorIndex.open(settings, folder, generation.id, create=True)
    vectors.sync(generation.chunk_ids, generation.chunk_vectors, brief_ids)
    vectors.close()


def probe(folder: Path, settings: Settings) -> None:
    """Open the generation in ``folder`` as a reader would, compare the counts, and look for three stored vectors.

    :raises StoreBroken: if anything is not as the manifest says.
    """
    generation = Generation(folder, settings)
    generation.check()
    found, expected = generation.vectors.count(), len(generation.chunk_ids)
    if found != expected:
        raise StoreBroken(f"{folder}: Chroma holds {found} vectors, expected {expected}")
    if not expected:
        return
    for position in sorted({0, expected // 2, expected - 1}):
        vector = generation.chunk_vectors[position].astype(np.float32)
        # Chunks with the same words have the same vector: any of them will do.
        best = {generation.chunk_positions[chunk_id] for chunk_id, _ in generation.vectors.query(vector, 1)}
        if not any(float(generation.chunk_vectors[k].astype(np.float32) @ vector) > 0.99 for k in best):
            raise StoreBroken(
                f"{folder}: Chroma does not find chunk {generation.chunk_ids[position]} by its own vector"
            )


STEPS: dict[str, Callable[[Path, Settings], None]] = {"write": write_vectors, "probe": probe}


class Step:
    """A process that will run one of ``STEPS``; it starts at once, so that two can import what they need together."""

    def __init__(self, name: str) -> None:
        places = [str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(place for place in places if place)}
        command = [sys.executable, "-m", "index.isolated", name]
        self._name = name
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._child.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.communicate()

    def run(self, folder: Path, settings: Settings, timeout: float) -> None:
        """Run the step on the generation in ``folder``, for at most ``timeout`` seconds.

        :raises StoreError: if it takes longer.
        :raises StoreBroken: if it fails or crashes.
        """
        job = {
            "folder": str(folder),
            "vector_url": settings.vector_url,
            "vector_token": settings.vector_token.get_secret_value(),
        }
        assert self._child.stdin and self._child.stderr
        try:
            self._child.stdin.write(json.dumps(job).encode() + b"\n")
            self._child.stdin.flush()
            code = self._child.wait(timeout)
        except BrokenPipeError:
            code = self._child.wait()
        except subprocess.TimeoutExpired as error:
            raise StoreError(
                f"step {self._name} was stopped after {timeout:.0f} s; check free disk space or raise build_timeout_s"
            ) from error
        if code:
            said = self._child.stderr.read().decode(errors="replace").strip().splitlines()[-1:]
            crash = f"step {self._name} crashed (exit code {code}): {' '.join(said)}"
            raise StoreBroken(said[0] if code == 2 and said else crash)


def main() -> int:
    """Run one step in this process: exit code 0 for done, 2 for an error of ours, with one line on standard error."""
    preload()

    job = json.loads(sys.stdin.readline() or "null")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if job is None:
        return 3
    settings = Settings.model_construct(vector_url=job["vector_url"], vector_token=SecretStr(job["vector_token"]))
    try:
        STEPS[sys.argv[1]](Path(job["folder"]), settings)
    except BriefsError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _end_with_parent() -> None:
    while os.read(0, 1):  # not sys.stdin: the interpreter cannot shut down while a thread waits in it
        pass
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main())
