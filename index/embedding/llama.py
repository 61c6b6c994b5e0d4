"""The bridge to LlamaIndex, both ways. Importing it costs seconds: the default embedder's queries never do."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr

from index.embedding import Asked, Progress, Tokens, Vectors, embed_separately
from index.embedding.minilm import MiniLM
from index.errors import ModelError, SettingsError
from index.settings import Settings
from index.types import Span

_BATCH = 100
_DEFAULT_MODEL = "text-embedding-3-small"
_TIMEOUT = 30.0
"""Seconds for one request."""
_RETRIES = 3


class MiniLMEmbedding(BaseEmbedding):
    """The embedded embedder as LlamaIndex knows embeddings, for its pipelines and retrievers."""

    _encoder: MiniLM = PrivateAttr()

    def __init__(self, threads: int = 0, **data: Any) -> None:
        super().__init__(model_name=data.pop("model_name", "all-minilm-l6-v2-int8"), **data)
        self._encoder = MiniLM(threads)

    @classmethod
    def class_name(cls) -> str:
        """The name that LlamaIndex stores for this class."""
        return "MiniLMEmbedding"

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return [float(value) for value in self._encoder.embed_query(text)]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [[float(value) for value in vector] for vector in self._encoder.embed_texts(texts)]


class LlamaEmbedder:
    """Any LlamaIndex embedding as an ``Embedder``; its failures are ``ModelError``."""

    def __init__(self, model: BaseEmbedding, fingerprint: str) -> None:
        self._model = model
        self._fingerprint = fingerprint

    @property
    def fingerprint(self) -> str:
        """What the settings say of the model."""
        return self._fingerprint

    @cached_property
    def dimensions(self) -> int:
        """Length of a vector; asks the model once."""
        return int(self.embed_query("length").size)

    def embed_query(self, text: str) -> Vectors:
        """The vector of a question."""
        vector: Vectors = self._unit_rows(lambda: [self._model.get_query_embedding(text)], 1)[0]
        return vector

    def embed_question(self, text: str) -> Asked:
        """The vector of a question; hosted embeddings show no tokens."""
        return Asked(self.embed_query(text), np.empty((0, 0), np.float32), ())

    def embed_texts(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """One row a text, in requests of a hundred."""
        parts = [np.empty((0, self.dimensions), np.float32)]
        for first in range(0, len(texts), _BATCH):
            batch = list(texts[first : first + _BATCH])
            parts.append(self._unit_rows(partial(self._model.get_text_embedding_batch, batch), len(batch)))
            if progress:
                progress(first + len(batch))
        return np.concatenate(parts)

    def embed_chunks(
        self, texts: Sequence[str], sentence_spans: Sequence[Sequence[Span]], progress: Progress | None = None
    ) -> tuple[Vectors, list[Vectors], list[Tokens]]:
        """Sentences are embedded as texts of their own."""
        return embed_separately(self, texts, sentence_spans, progress)

    def _unit_rows(self, call: Callable[[], list[list[float]]], expected: int) -> Vectors:
        try:
            rows: Vectors = np.asarray(call(), np.float32)
        except Exception as error:  # each provider has errors of its own; all end here as one
            raise ModelError(f"embedder {self._fingerprint} failed: {_one_line(error)}") from error
        if rows.ndim != 2 or len(rows) != expected or not np.isfinite(rows).all():
            raise ModelError(
                f"embedder {self._fingerprint} answered shape {rows.shape}, expected {expected} finite vectors"
            )
        unit: Vectors = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)
        return unit


def configured_model(settings: Settings) -> BaseEmbedding:
    """The LlamaIndex embedding that ``settings.embedder`` names: openai, or an import path.

    :raises SettingsError: if it cannot be imported or made, or is no LlamaIndex embedding.
    """
    try:
        model = _openai(settings) if settings.embedder == "openai" else _imported(settings)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise SettingsError(f"setting embedder: {settings.embedder} cannot be used: {_one_line(error)}") from error
    if not isinstance(model, BaseEmbedding):
        raise SettingsError(
            f"setting embedder: {settings.embedder} is a {type(model).__name__}, expected a LlamaIndex BaseEmbedding"
        )
    return model


def _openai(settings: Settings) -> BaseEmbedding:
    from llama_index.embeddings.openai import OpenAIEmbedding

    return OpenAIEmbedding(
        model_name=settings.embedder_model or _DEFAULT_MODEL,
        api_base=settings.embedder_url or None,
        api_key=settings.embedder_key.get_secret_value() or None,
        embed_batch_size=_BATCH,
        timeout=_TIMEOUT,
        max_retries=_RETRIES,
    )


def _imported(settings: Settings) -> object:
    module, _, name = settings.embedder.partition(":")
    made: Callable[..., object] = getattr(importlib.import_module(module), name)
    return made(model_name=settings.embedder_model) if settings.embedder_model else made()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
