"""A server in a process of its own, over HTTP: what the tests of the API share."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from index.settings import Settings

ROOT = Path(__file__).absolute().parent.parent
JSON, EVENTS = {"Content-Type": "application/json"}, {"Accept": "text/event-stream"}
Found = TypeVar("Found")
QUESTION = "When was the Torkham crossing closed?"


@dataclass(frozen=True)
class Served:
    """A running server: its address, its process, and the file that its standard error goes to."""

    address: str
    process: subprocess.Popen[str]
    errors: Path

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def client(self, **options: Any) -> httpx.Client:
        """A client of the API, with paths below ``/api``."""
        return httpx.Client(base_url=f"{self.address}/api", **{"timeout": 60, **options})

    def lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        return [json.loads(line) for line in self.errors.read_text(encoding="utf-8").splitlines()]

    def awaited(self, sought: Callable[[list[dict[str, Any]]], Found | None]) -> Found:
        """What is ``sought`` in the log, as soon as it is there: the last line on a request comes after its last byte."""
        for _ in range(100):
            if (found := sought(lines := self.lines())) is not None:
                return found
            time.sleep(0.1)
        raise AssertionError(f"the log holds something else: {lines}")

    def events_of(self, request_id: str, wanted: set[str]) -> set[str]:
        """What the log says of a request, as soon as ``wanted`` is among it."""

        def events(lines: list[dict[str, Any]]) -> set[str] | None:
            found = {line["event"] for line in lines if line.get("request_id") == request_id}
            return found if wanted <= found else None

        return self.awaited(events)

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)
        return self.process.returncode


@contextmanager
def served(
    settings: Settings,
    *,
    patches: Mapping[str, Any] | None = None,
    before: str = "",
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[Served]:
    """A server for ``settings``, at a free port unless one is given; nothing but a clean end and a log without tracebacks is accepted.

    ``patches`` are values by dotted name (``ui.api.ask.BEAT_S``) that it runs with, ``before`` is code that it runs first.
    """
    order = pickle.dumps((settings, dict(patches or {}), before, host, port))
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    with tempfile.TemporaryDirectory(prefix="briefs-served-") as folder:
        errors = Path(folder) / "errors"
        with errors.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).absolute()), order.hex()],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": path},
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )
        server: Served | None = None
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("Briefs on http://"), line + errors.read_text(encoding="utf-8")
            server = Served(line.split()[2], process, errors)
            wait_until_healthy(server)
            yield server
        finally:
            if server is None:
                process.kill()
            code = process.wait() if server is None else server.stop()
            log = errors.read_text(encoding="utf-8")
        assert code == 0, log
        assert "Traceback" not in log, log


def wait_until_healthy(server: Served) -> None:
    """Until it answers, without a proxy in between."""
    with server.client() as client:
        for _ in range(240):
            try:
                assert client.get("/healthz").json() == {"status": "ok"}
                return
            except httpx.TransportError:
                time.sleep(0.25)
    raise AssertionError("the server does not answer")


def events(response: httpx.Response) -> Iterator[tuple[str, str, Any]]:
    """Name, id and data of each event of a stream; a comment has the name ``:``."""
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line.startswith(":"):
            yield ":", "", line[1:].strip()
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield fields["event"], fields["id"], json.loads(fields["data"])
            fields = {}


def _main() -> int:
    settings, patches, before, host, port = pickle.loads(bytes.fromhex(sys.argv[1]))
    exec(before, {})
    for name, value in patches.items():
        module, _, attribute = name.rpartition(".")
        setattr(importlib.import_module(module), attribute, value)
    from ui.server import main

    return main(settings, host=host, port=port)


if __name__ == "__main__":
    sys.exit(_main())
