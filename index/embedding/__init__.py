"""Vectors for questions, chunks and sentences: the interface of an embedder, and the one that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from index.errors import SettingsError
from index.settings import Settings
from index.types import Span

__all__ = [
    "Asked",
    "Embedder",
    "Progress",
    "Tokens",
    "Vectors",
    "embed_separately",
    "fingerprint",
    "load_embedder",
    "products",
]

Vectors = NDArray[np.float32]
Progress = Callable[[int], None]
"""Called with the number of texts done so far."""

_DEFAULT = "minilm"
_ONE_THREAD = 4 * 65536
"""Multiplications up to which OpenBLAS uses one thread."""
_HOSTED = "openai"


class Tokens(NamedTuple):
    """Vectors of the tokens of a chunk's sentences, in their order.

    ``vectors``, int8 of shape (tokens, t), are unit vectors times 127; ``counts`` says how many belong to each sentence,
    shape (sentences,). An embedder that shows no tokens has none (t = 0).
    """

    vectors: NDArray[np.int8]
    counts: NDArray[np.int32]


class Asked(NamedTuple):
    """A question: ``vector`` of the whole, shape (d,), unit vectors of its ``tokens``, shape (tokens, t), and where each stands in it."""

    vector: Vectors
    tokens: Vectors
    spans: tuple[Span, ...]


class Embedder(Protocol):
    """From text to unit vectors of float32: the dot product of two is their cosine, in [-1, 1]."""

    @property
    def fingerprint(self) -> str:
        """Names everything that decides the vectors: vectors of two fingerprints must never be compared."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """The vector of a question, shape (d,)."""
        ...

    def embed_question(self, text: str) -> Asked:
        """The same with the vectors of its tokens, in one pass."""
        ...

    def embed_texts(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """One row a text, shape (n, d)."""
        ...

    def embed_chunks(
        self, texts: Sequence[str], sentence_spans: Sequence[Sequence[Span]], progress: Progress | None = None
    ) -> tuple[Vectors, list[Vectors], list[Tokens]]:
        """Vectors of chunks, shape (n, d), and for each chunk those of its sentences, shape (sentences, d), and of their tokens.

        ``sentence_spans[k]`` are character ranges of ``texts[k]``.
        """
        ...


def fingerprint(settings: Settings) -> str:
    """The fingerprint of the embedder that ``settings`` name, without loading it."""
    if settings.embedder == _DEFAULT:
        from index.embedding.minilm import FINGERPRINT

        return FINGERPRINT
    return ":".join(part for part in (settings.embedder, settings.embedder_model, settings.embedder_url) if part)


def load_embedder(settings: Settings, verify: bool = False) -> Embedder:
    """The embedder that ``settings`` name. ``verify`` checks the hash of embedded model files, about 20 ms.

    :raises SettingsError: for an unknown embedder, one that is not installed, or model files with another hash.
    """
    if settings.embedder == _DEFAULT:
        from index.embedding.minilm import MiniLM

        return MiniLM(settings.threads, verify)
    if settings.embedder != _HOSTED and ":" not in settings.embedder:
        raise SettingsError(
            f"setting embedder: found {settings.embedder!r}; expected {_DEFAULT}, {_HOSTED} "
            "or the import path package.module:Class of a LlamaIndex embedding"
        )
    from index.embedding.llama import LlamaEmbedder, configured_model

    return LlamaEmbedder(configured_model(settings), fingerprint(settings))


def products(left: Vectors, right: Vectors) -> Vectors:
    """``left @ right.T`` in blocks small enough for BLAS to stay on one thread: waking others takes longer on a busy machine."""
    product = np.empty((len(left), len(right)), np.float32)
    block = max(1, _ONE_THREAD // max(left.size, 1))
    for start in range(0, len(right), block):
        np.matmul(left, right[start : start + block].T, out=product[:, start : start + block])
    return product


def embed_separately(
    embedder: Embedder, texts: Sequence[str], sentence_spans: Sequence[Sequence[Span]], progress: Progress | None = None
) -> tuple[Vectors, list[Vectors], list[Tokens]]:
    """``embed_chunks`` for an embedder that shows no token vectors: every sentence is a text of its own."""
    chunks = embedder.embed_texts(texts, progress)
    sentences = [text[start:end] for text, spans in zip(texts, sentence_spans, strict=True) for start, end in spans]
    distinct = list(dict.fromkeys(sentences))
    row = {sentence: k for k, sentence in enumerate(distinct)}
    vectors = embedder.embed_texts(distinct)
    found: list[Vectors] = []
    for text, spans in zip(texts, sentence_spans, strict=True):
        found.append(vectors[[row[text[start:end]] for start, end in spans]])
    return (
        chunks,
        found,
        [Tokens(np.empty((0, 0), np.int8), np.zeros(len(spans), np.int32)) for spans in sentence_spans],
    )
