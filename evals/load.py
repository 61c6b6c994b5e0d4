"""Many callers and many pages at once, on a server of its own: ``python -m evals.load``.

One caller asks without a pause, then many do, each question another one of the suite. Then, on a fresh server, pages are opened, asked and
closed, and as many conversations are held through the API, while its memory is watched.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from evals.cases import load_cases
from evals.pagesession import open_page
from index.build import build
from index.settings import PREFIX, Settings, load_settings

SUITE = Path(__file__).with_name("suites") / "briefs"
FEW, MANY = 50, 500
"""Sessions after which memory is compared."""
AT_ONCE = 4
"""Pages that are open at the same time while memory is measured."""
WARM = 20
"""Questions before anything is measured."""
_WAIT_S = 120.0
_UNLIMITED = {"RATE_LIMIT": "1000000/second", "ANSWER_QUEUE": "10000", "ENGINE": "extractive", "AUTH": "off"}


@dataclass(frozen=True)
class Server:
    """A running server: its address and its process id."""

    address: str
    pid: int

    def memory(self) -> float:
        """What it has resident, in megabytes."""
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(self.pid)], check=True, capture_output=True, text=True)  # noqa: S607
        return int(told.stdout) / 1024


@contextmanager
def serving(settings: Settings) -> Iterator[Server]:
    """A server for the index of ``settings``, on a copy of its store, without a rate limit.

    :raises RuntimeError: if it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="briefs-load-") as folder:
        store, errors = Path(folder) / "store", Path(folder) / "errors"
        shutil.copytree(settings.store, store)
        given = {"CORPUS": str(settings.corpus.resolve()), "STORE": str(store), **_UNLIMITED}
        environment = {**os.environ, **{PREFIX + name: value for name, value in given.items()}}
        command = [sys.executable, "-m", "assistant", "serve", "--port", "0"]
        with (
            errors.open("w") as log,
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process,
        ):
            try:
                assert process.stdout
                line = process.stdout.readline()
                if not line.startswith("Briefs on "):
                    raise RuntimeError(f"the server did not start: {errors.read_text().strip()[-500:]}")
                yield Server(line.split()[2], process.pid)
            finally:
                process.terminate()


class Caller:
    """One connection that is kept."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_WAIT_S)

    def post(self, path: str, body: Any) -> tuple[int, bytes]:
        """Status and body; the status is 0 where the connection broke."""
        try:
            self._connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return 0, b""

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


@dataclass
class Round:
    """What callers met: seconds of each answer, and how many requests had which status (0: the connection broke)."""

    callers: int
    seconds: float
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        """Figures; times in seconds."""
        answered = sorted(self.latencies)
        return {
            "callers": self.callers,
            "requests": self.statuses.total(),
            "errors": {str(status): n for status, n in sorted(self.statuses.items()) if status != 200},
            "p50_s": round(quantile(answered, 0.5), 4),
            "p95_s": round(quantile(answered, 0.95), 4),
            "answers_a_second": round(len(answered) / self.seconds, 2),
        }


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest of ``ordered`` that at least ``share`` of them do not exceed; not a number where there is none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else float("nan")


def ask_for(server: Server, questions: Sequence[str], callers: int, seconds: float) -> Round:
    """``callers`` at once, each asking its next question as soon as it has its answer, for so many seconds."""
    result, numbers, lock = Round(callers, seconds), count(), threading.Lock()
    began = time.perf_counter()
    last = began + seconds

    def call() -> None:
        caller = Caller(server.address)
        while time.perf_counter() < last:
            with lock:
                question = questions[next(numbers) % len(questions)]
            asked = time.perf_counter()
            status, _ = caller.post("/api/v1/ask", {"question": question})
            took = time.perf_counter() - asked
            with lock:
                result.statuses[status] += 1
                if status == 200:
                    result.latencies.append(took)
        caller.close()

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result.seconds = time.perf_counter() - began
    return result


def hold_sessions(server: Server, questions: Sequence[str], numbers: range) -> int:
    """As many pages opened, asked a question and closed, and as many conversations of a question through the API; how many failed."""

    def hold(number: int) -> int:
        question = questions[number % len(questions)]
        caller = Caller(server.address)
        try:
            drawn = open_page(server.address, urlencode({"q": question}), _WAIT_S)
            status, body = caller.post("/api/v1/conversations", {"title": f"Session {number}"})
            named = json.loads(body).get("id", "") if status in {200, 201} else ""
            asked, _ = caller.post("/api/v1/ask", {"question": question, "conversation": named})
            return 0 if question.encode() in drawn and named and asked == 200 else 1
        except (OSError, ValueError) as error:
            print(f"session {number}: {type(error).__name__} {error}", file=sys.stderr)
            return 1
        finally:
            caller.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(hold, numbers))


def measure(
    settings: Settings,
    questions: Sequence[str],
    *,
    seconds: float = 60,
    callers: int = 50,
    sessions: tuple[int, int] = (FEW, MANY),
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """The figures of both parts, each on a fresh server."""
    load = os.getloadavg()[0]
    with serving(settings) as server:
        ask_for(server, questions[:WARM], 1, min(seconds, 5))
        tell(f"one caller for {seconds:g} s")
        alone = ask_for(server, questions, 1, seconds).to_json()
        tell(f"{callers} callers for {seconds:g} s")
        many = ask_for(server, questions, callers, seconds).to_json()
    memory, failed, before = [], 0, 0
    with serving(settings) as server:
        for upto in sessions:
            tell(f"sessions {before + 1} to {upto}")
            failed += hold_sessions(server, questions, range(before, upto))
            memory.append(round(server.memory(), 1))
            before = upto
    return {
        "load_before": round(load, 2),
        "one": alone,
        "many": many,
        "p95_ratio": round(many["p95_s"] / (callers * alone["p95_s"]), 3),
        "memory_mb": dict(zip(map(str, sessions), memory, strict=True)),
        "memory_ratio": round(memory[-1] / memory[0], 3),
        "sessions_failed": failed,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures as a table, or as JSON with ``--json``. Returns 0."""
    parser = argparse.ArgumentParser(prog="python -m evals.load", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long callers ask (default: 60)")
    parser.add_argument("--callers", type=int, default=50, help="how many ask at once (default: 50)")
    parser.add_argument("--sessions", type=int, nargs=2, default=(FEW, MANY), help="sessions (default: 50 500)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(argv)
    settings = load_settings()
    build(settings)
    questions = list(dict.fromkeys(case.question for case in load_cases(SUITE).cases))
    figures = measure(
        settings,
        questions,
        seconds=given.seconds,
        callers=given.callers,
        sessions=tuple(given.sessions),
        tell=lambda text: print(text, file=sys.stderr),
    )
    print(json.dumps(figures) if given.json else _table(figures))
    return 0


def _table(figures: dict[str, Any]) -> str:
    rows = [f"machine's load before: {figures['load_before']}"]
    for one in (figures["one"], figures["many"]):
        failed = ", ".join(f"{n} with {status}" for status, n in one["errors"].items()) or "none"
        rows.append(
            f"{one['callers']:3} callers  {one['requests']:6} requests  errors: {failed}  "
            f"p50 {one['p50_s'] * 1000:.0f} ms  p95 {one['p95_s'] * 1000:.0f} ms  {one['answers_a_second']:.1f} answers a second"
        )
    rows.append(f"p95 of many / (callers x p95 of one): {figures['p95_ratio']:.2f}")
    held = ", ".join(f"{size} MB after {sessions}" for sessions, size in figures["memory_mb"].items())
    rows.append(
        f"memory: {held} sessions, ratio {figures['memory_ratio']:.2f}; {figures['sessions_failed']} sessions failed"
    )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
