"""Speed as ratios to the floor, measured in the same run: ``make bench`` or ``python -m evals.bench``.

Each figure is a median over repetitions that alternate with the floor's, because machines are shared and noisy.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import SecretStr

from assistant import Assistant
from assistant.generative.access import Access
from assistant.generative.limits import Budget, Messages
from assistant.generative.records import Delta, Finish, Usage
from assistant.types import Stated
from index.assembly import segment
from index.build import build
from index.embedding import load_embedder
from index.reading import iter_sources, read_brief
from index.settings import Settings, load_settings

QUESTIONS = (
    "what are Kabul's red lines?",
    "How many containers were in the first batch of UN cargo?",
    "why did the Istanbul talks fail?",
    "Compare what Pakistan and Afghanistan say about the TTP",
    "who mediated the talks in Doha?",
)
_BARE_COLD = """
import sys, chromadb, onnxruntime
from chromadb.config import Settings
from tokenizers import Tokenizer
import numpy as np
model, tokenizer, folder, question = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
ids = np.array([Tokenizer.from_file(tokenizer).encode(question).ids], dtype=np.int64)
feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
vector = session.run(None, feed)[0][0].mean(axis=0)
client = chromadb.PersistentClient(folder, Settings(anonymized_telemetry=False))
client.list_collections()[0].query(query_embeddings=[(vector / np.linalg.norm(vector)).tolist()], n_results=10)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the ratios as a table, or as JSON with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--runs", type=int, default=5, help="repetitions of each measurement")
    given = parser.parse_args(argv)
    settings = load_settings()
    figures = {
        "indexing": bench_indexing(settings, given.runs),
        "warm question": bench_warm(settings, given.runs),
        "cold ask": bench_cold(settings, given.runs),
        "statement": bench_statement(settings, given.runs),
    }
    if given.json:
        print(json.dumps(figures))
        return 0
    for name, figure in figures.items():
        print(
            f"{name:14} ours {figure['ours']:.4f}  floor {figure['floor']:.4f}  ratio {figure['ratio']:.2f}  ({figure['unit']})"
        )
    return 0


def _alternate(ours: Callable[[], float], floor: Callable[[], float], runs: int) -> tuple[float, float, float]:
    """Medians of both and of their ratio, run in turn; the first round is not counted."""
    pairs = [(ours(), floor()) for _ in range(runs + 1)][1:]
    own, bare = (statistics.median(pair[k] for pair in pairs) for k in (0, 1))
    return own, bare, statistics.median(left / right for left, right in pairs)


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def bench_indexing(settings: Settings, runs: int) -> dict[str, float | str]:
    """Chunks a second of a whole build from nothing, against embedding the same chunks in a bare loop of the model."""
    embedder = load_embedder(settings)
    sources, _ = iter_sources(settings.corpus)
    briefs = [read_brief(path, settings.corpus, settings) for path in sources]
    passages = [passage for brief in briefs for passage in segment(brief, settings.chunk_chars).passages]
    texts = [passage.text for passage in passages]

    def ours() -> float:
        with tempfile.TemporaryDirectory() as store:
            return len(texts) / _timed(lambda: build(settings.model_copy(update={"store": Path(store)})))

    def floor() -> float:
        return len(texts) / _timed(lambda: [embedder.embed_query(text) for text in texts])

    own, bare, ratio = _alternate(ours, floor, max(1, runs // 2))
    return {"ours": own, "floor": bare, "ratio": ratio, "unit": "chunks a second, higher is better"}


def bench_warm(settings: Settings, runs: int) -> dict[str, float | str]:
    """Seconds of the median question in a warm process, against embedding it, one vector query and one BM25 query."""
    assistant = Assistant(settings)
    generation, embedder = assistant.generation, assistant.embedder
    from index.lexical import terms

    def ours() -> float:
        return statistics.median(_timed(partial(assistant.ask, question)) for question in QUESTIONS)

    def bare(question: str) -> None:
        generation.vectors.query(embedder.embed_query(question), 10)
        scores = generation.lexical.score_chunks(dict.fromkeys(terms(question), 1.0)).scores
        np.argsort(-scores)[:10]

    def floor() -> float:
        return statistics.median(_timed(partial(bare, question)) for question in QUESTIONS)

    own, bottom, ratio = _alternate(ours, floor, 4 * runs)
    return {"ours": own, "floor": bottom, "ratio": ratio, "unit": "seconds a question, lower is better"}


def bench_cold(settings: Settings, runs: int) -> dict[str, float | str]:
    """Seconds of a whole ``briefs ask`` process, against a bare process that imports, opens, embeds and queries once."""
    from index.embedding.minilm import MiniLM

    generation = Assistant(settings).generation
    model, tokenizer = (str(MiniLM().path(name)) for name in ("model", "tokenizer"))
    ask = [
        sys.executable,
        "-m",
        "assistant",
        "ask",
        QUESTIONS[0],
        "--json",
        "--corpus",
        str(settings.corpus),
        "--store",
        str(settings.store),
    ]
    bare = [sys.executable, "-c", _BARE_COLD, model, tokenizer, str(generation.folder / "chroma"), QUESTIONS[0]]

    def run(command: list[str]) -> float:
        return _timed(lambda: subprocess.run(command, check=True, capture_output=True))

    own, floor, ratio = _alternate(lambda: run(ask), lambda: run(bare), runs)
    return {"ours": own, "floor": floor, "ratio": ratio, "unit": "seconds a process, lower is better"}


class _Timed:
    """A model that says each of ``statements`` in two pieces and notes when the second one is handed over."""

    access = Access("http://127.0.0.1:9/v1", "bench", SecretStr(""))

    def __init__(self, statements: Sequence[str]) -> None:
        self._statements = statements
        self.complete: list[float] = []

    def stream(
        self, messages: Messages, schema: Mapping[str, Any] | None = None, budget: Budget | None = None
    ) -> Iterator[Delta | Finish]:
        """Statements that are quoted word for word."""
        yield Delta('{"statements": [')
        for text in self._statements:
            row = json.dumps({"text": text, "quotes": [{"source": "S1", "quote": text}]})
            yield Delta(row[:-1])
            self.complete.append(time.perf_counter())
            yield Delta("},")
        yield Finish("stop", Usage())


def bench_statement(settings: Settings, runs: int) -> dict[str, float | str]:
    """Seconds from a model's complete statement to the event that shows it, against finding its quote alone.

    Of the first statement of each answer, which meets whatever is not warm yet; the floor looks for the quote in one brief.
    """
    own: list[float] = []
    bare: list[float] = []
    for question in QUESTIONS * runs:
        assistant = Assistant(settings)
        floor = assistant.ask(question)
        model = _Timed([statement.text for statement in floor.statements])
        written = Assistant(settings.model_copy(update={"engine": "model"}), model)
        for event in written.stream(question):
            if isinstance(event, Stated):
                own.append(time.perf_counter() - model.complete[0])
                break
        text = written.generation.brief(floor.citations[0].brief_id).text
        bare.append(_timed(lambda: " ".join(text.split()).find(floor.statements[0].text)))  # noqa: B023  (called at once)
    first, least = statistics.median(own), statistics.median(bare)
    return {
        "ours": first,
        "floor": least,
        "ratio": first / least,
        "worst": max(own),
        "unit": "seconds, lower is better",
    }


if __name__ == "__main__":
    sys.exit(main())
