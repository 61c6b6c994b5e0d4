"""The tables of a generation: segments of its briefs, their vectors, and the files that hold both."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.aliases import Alias, find_aliases, owner_alias
from index.chunking import split_chunks
from index.embedding import Embedder, Tokens
from index.embedding.cache import Rows, VectorCache, cache_key
from index.generation import (
    ALIASES,
    ARRAYS,
    BRIEF_JSON,
    BRIEFS,
    CHUNK_VECTORS,
    HEADINGS,
    LEXICAL,
    SENTENCE_VECTORS,
    TOKEN_VECTORS,
    ChunkTable,
    SentenceTable,
)
from index.lexical import LexicalIndex
from index.segmentation import split_sentences
from index.traits import traits_of
from index.types import Brief, Chunk, Sentence, Span

_BATCH = 512
"""Chunks embedded between two writes to the cache: what a killed build loses."""
_INT = np.int32


class Passage(NamedTuple):
    """What is embedded for a chunk: its sentences in a row, without markup or boilerplate, and where each stands."""

    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Segments:
    """One brief cut up. ``passages`` and ``contexts``, title and headings, go with ``chunks``."""

    brief: Brief
    sentences: tuple[Sentence, ...]
    chunks: tuple[Chunk, ...]
    passages: tuple[Passage, ...]
    contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of all chunks (n, d), of all sentences (n, d) and of their tokens; ``embedded`` chunks were not in the cache."""

    chunks: NDArray[np.float16]
    sentences: NDArray[np.float16]
    tokens: Tokens
    embedded: int


def segment(brief: Brief, chunk_chars: int) -> Segments:
    """Sentences and chunks of a brief."""
    sentences = split_sentences(brief.text, brief.body)
    chunks = split_chunks(brief.id, brief.text, sentences, chunk_chars)
    contexts = tuple(" > ".join(dict.fromkeys((brief.metadata.title, *chunk.headings))) for chunk in chunks)
    passages = tuple(
        _passage(brief.text, context, sentences[chunk.first : chunk.last])
        for chunk, context in zip(chunks, contexts, strict=True)
    )
    return Segments(brief, sentences, chunks, passages, contexts)


def _passage(text: str, context: str, sentences: Sequence[Sentence]) -> Passage:
    parts = [text[sentence.start : sentence.end] for sentence in sentences]
    spans, position = [], len(context) + 1
    for part in parts:
        spans.append((position, position + len(part)))
        position += len(part) + 1
    return Passage("\n".join((context, " ".join(parts))), tuple(spans))


def embed(
    segments: Sequence[Segments], embedder: Embedder, cache_path: Path, progress: Callable[[int, int], None]
) -> Embedded:
    """The vectors of all passages, from the cache where it has them.

    They are rounded to float16 on every path: the same corpus gives the same vectors with a cold and a warm cache.
    ``progress`` is called with passages done and to do.
    """
    passages = [passage for one in segments for passage in one.passages]
    wanted = {cache_key(*passage): passage for passage in passages}
    cache = VectorCache(cache_path, embedder.fingerprint, embedder.dimensions)
    try:
        known = cache.get(list(wanted))
        missing = [(key, passage) for key, passage in wanted.items() if key not in known]
        for first in range(0, len(missing), _BATCH):
            batch = missing[first : first + _BATCH]

            def report(done: int, before: int = first) -> None:
                progress(before + done, len(missing))

            vectors = _embed_batch(embedder, [passage for _, passage in batch], report)
            fresh = {key: row for (key, _), row in zip(batch, vectors, strict=True)}
            cache.put(fresh)
            known |= fresh
        cache.keep_only(list(wanted))
    finally:
        cache.close()
    none = np.empty((0, embedder.dimensions), np.float16)
    rows = [known[cache_key(*passage)] for passage in passages]
    return Embedded(
        chunks=np.concatenate([none, *(row.vectors[:1] for row in rows)]),
        sentences=np.concatenate([none, *(row.vectors[1:] for row in rows)]),
        tokens=_join([row.tokens for row in rows]),
        embedded=len(missing),
    )


def _embed_batch(embedder: Embedder, passages: Sequence[Passage], progress: Callable[[int], None]) -> list[Rows]:
    chunks, sentences, tokens = embedder.embed_chunks(
        [passage.text for passage in passages], [passage.spans for passage in passages], progress
    )
    return [
        Rows(np.vstack([chunk[None], rows]).astype(np.float16), held)
        for chunk, rows, held in zip(chunks, sentences, tokens, strict=True)
    ]


def _join(tokens: Sequence[Tokens]) -> Tokens:
    filled = [one.vectors for one in tokens if len(one.vectors)]
    vectors = np.concatenate(filled) if filled else np.empty((0, 0), np.int8)
    return Tokens(vectors, np.concatenate([np.zeros(0, _INT), *(one.counts for one in tokens)]))


def write_tables(folder: Path, briefs: Sequence[Brief], segments: Sequence[Segments], vectors: Embedded) -> None:
    """Write briefs, tables, vectors and the lexical index of a generation into ``folder``."""
    _write_briefs(folder / BRIEFS, briefs)
    arrays, headings = _tables(segments)
    arrays["token_end"] = np.cumsum(vectors.tokens.counts, dtype=np.int64)
    np.savez(folder / ARRAYS, allow_pickle=False, **arrays)
    np.save(folder / TOKEN_VECTORS, vectors.tokens.vectors)
    (folder / HEADINGS).write_text(json.dumps(headings, ensure_ascii=False), encoding="utf-8")
    np.save(folder / CHUNK_VECTORS, vectors.chunks)
    np.save(folder / SENTENCE_VECTORS, vectors.sentences)
    texts = [one.brief.text[sentence.start : sentence.end] for one in segments for sentence in one.sentences]
    contexts = [context for one in segments for context in one.contexts]
    (folder / ALIASES).write_text(
        json.dumps([asdict(alias) for alias in _aliases(segments)], ensure_ascii=False), encoding="utf-8"
    )
    LexicalIndex.build(texts, arrays["sentence_chunk"].astype(_INT), contexts, folder / LEXICAL)


def _aliases(segments: Sequence[Segments]) -> list[Alias]:
    """Other names that each brief's sentences and actors introduce."""
    texts = {
        one.brief.id: [*one.brief.metadata.actors, *(one.brief.text[s.start : s.end] for s in one.sentences)]
        for one in segments
    }
    owners = {one.brief.id: owner_alias(one.brief.metadata.title, one.brief.metadata.region) for one in segments}
    return find_aliases(texts, {brief_id: pair for brief_id, pair in owners.items() if pair})


def _write_briefs(path: Path, briefs: Sequence[Brief]) -> None:
    database = sqlite3.connect(path)
    try:
        with database:
            database.execute("CREATE TABLE briefs (id TEXT PRIMARY KEY, json BLOB NOT NULL) WITHOUT ROWID")
            database.executemany(
                "INSERT INTO briefs VALUES (?, ?)", ((brief.id, BRIEF_JSON.dump_json(brief)) for brief in briefs)
            )
    finally:
        database.close()


def _tables(segments: Sequence[Segments]) -> tuple[dict[str, NDArray[Any]], list[tuple[str, ...]]]:
    """Columns of the chunk and sentence tables by name, and the heading paths that the chunks point to."""
    paths: dict[tuple[str, ...], int] = {}
    chunk_ids: list[str] = []
    chunk_rows: list[tuple[int, ...]] = []
    sentence_rows: list[tuple[int, ...]] = []
    for brief, one in enumerate(segments):
        offset = len(sentence_rows)
        for chunk in one.chunks:
            row = len(chunk_rows)
            path = paths.setdefault(chunk.headings, len(paths))
            chunk_rows.append((brief, chunk.start, chunk.end, offset + chunk.first, offset + chunk.last, path))
            chunk_ids.append(chunk_id(one.brief, chunk))
            for s in one.sentences[chunk.first : chunk.last]:
                traits = traits_of(one.brief.text[s.start : s.end], heading=s.is_heading, item=s.is_item)
                sentence_rows.append((brief, row, s.start, s.end, s.paragraph, traits.value))
    arrays: dict[str, NDArray[Any]] = {"chunk_id": np.asarray(chunk_ids, "U20")}
    arrays |= _columns("chunk", ChunkTable.__slots__, chunk_rows)
    arrays |= _columns("sentence", SentenceTable.__slots__, sentence_rows)
    return arrays, list(paths)


def _columns(table: str, names: Sequence[str], rows: Sequence[tuple[int, ...]]) -> dict[str, NDArray[Any]]:
    columns = np.asarray(rows, _INT).reshape(-1, len(names)).T
    return {f"{table}_{name}": np.ascontiguousarray(column) for name, column in zip(names, columns, strict=True)}


def chunk_id(brief: Brief, chunk: Chunk) -> str:
    """Twenty hex digits that name the chunk's brief, that brief's content, and the place in it."""
    name = f"{brief.id}\0{brief.sha256}\0{chunk.start}\0{chunk.end}"
    return hashlib.blake2b(name.encode(), digest_size=10).hexdigest()
