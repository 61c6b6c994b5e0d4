"""Vectors that were computed before, by embedder and text: a build embeds only what it has never seen."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.embedding import Tokens
from index.types import Span


class Rows(NamedTuple):
    """The vector of a chunk, then those of its sentences, shape (1 + sentences, d), and their tokens."""

    vectors: NDArray[np.float16]
    tokens: Tokens


_SCHEMA = """
    DROP TABLE IF EXISTS vectors;
    CREATE TABLE IF NOT EXISTS passages (
        embedder TEXT, key BLOB, rows BLOB, tokens BLOB, counts BLOB, PRIMARY KEY (embedder, key)
    ) WITHOUT ROWID;
"""
"""The first table is that of a version without tokens."""
_WAIT = 60.0
"""Seconds to wait for another process that writes."""


def cache_key(text: str, spans: Sequence[Span]) -> bytes:
    """The key of a chunk's rows: the sha256 of its text and of where its sentences are."""
    return hashlib.sha256(json.dumps([text, spans], ensure_ascii=True).encode()).digest()


class VectorCache:
    """Rows of float16 in one SQLite file, safe to share between processes. A file that is no cache is started anew."""

    def __init__(self, path: Path, embedder: str, dimensions: int) -> None:
        self._embedder = embedder
        self._dimensions = dimensions
        try:
            self._db = _open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            path.unlink()
            self._db = _open(path)

    def get(self, keys: Iterable[bytes]) -> dict[bytes, Rows]:
        """The rows that are there."""
        query = "SELECT rows, tokens, counts FROM passages WHERE embedder = ? AND key = ?"
        found: dict[bytes, Rows] = {}
        for key in keys:
            row = self._db.execute(query, (self._embedder, key)).fetchone()
            if row is not None:
                vectors = np.frombuffer(row[0], np.float16).reshape(-1, self._dimensions)
                counts = np.frombuffer(row[2], np.int32)
                tokens = (
                    np.frombuffer(row[1], np.int8).reshape(int(counts.sum()), -1)
                    if row[1]
                    else np.empty((0, 0), np.int8)
                )
                found[key] = Rows(vectors, Tokens(tokens, counts))
        return found

    def put(self, rows: Mapping[bytes, Rows]) -> None:
        """Keep ``rows``; on return they outlive a killed process."""
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO passages VALUES (?, ?, ?, ?, ?)",
                [
                    (
                        self._embedder,
                        key,
                        row.vectors.tobytes(),
                        row.tokens.vectors.tobytes(),
                        row.tokens.counts.tobytes(),
                    )
                    for key, row in rows.items()
                ],
            )

    def keep_only(self, keys: Iterable[bytes]) -> None:
        """Drop what this embedder made of texts that are no longer there."""
        with self._db:
            self._db.execute("CREATE TEMP TABLE wanted (key BLOB PRIMARY KEY)")
            self._db.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((key,) for key in keys))
            self._db.execute(
                "DELETE FROM passages WHERE embedder = ? AND key NOT IN (SELECT key FROM wanted)", (self._embedder,)
            )
            self._db.execute("DROP TABLE wanted")

    def close(self) -> None:
        """Give the file back."""
        self._db.close()


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_WAIT)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(_SCHEMA)
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db
