"""Conversations in one SQLite file of the store, which outlives every generation of the index.

Every operation opens the file, does its work in one transaction and closes it: several threads and processes may work
at once, and what was acknowledged is on disk however the process ends. The file is in WAL mode with full synchronisation.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from assistant.conversations.types import Conversation, KeptTurn, Listed, answer_from_json, short_title
from assistant.types import Answer
from index.errors import StoreBroken, StoreBusy, StoreError, StoreMismatch, StoreMissing

FILE = "conversations.sqlite"
WAIT_S = 10.0
"""How long another process may hold the file before it is reported."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE conversations (
            id TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL)""",
        "CREATE INDEX conversations_of_owner ON conversations (owner, updated)",
        """CREATE TABLE turns (
            conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE, number INTEGER NOT NULL,
            question TEXT NOT NULL, searched TEXT NOT NULL, answer TEXT NOT NULL, at TEXT NOT NULL,
            PRIMARY KEY (conversation, number))""",
    ),
)
"""The statements that lead from each version of the file to the next; its version is how many have been applied."""

_LIST = """SELECT id, title, created, updated, (SELECT count(*) FROM turns WHERE conversation = conversations.id)
    FROM conversations WHERE owner = ? ORDER BY updated DESC, rowid DESC"""
_OWNED = "SELECT title, created, updated FROM conversations WHERE id = ? AND owner = ?"
_TURNS = "SELECT question, searched, answer, at FROM turns WHERE conversation = ? ORDER BY number"
_APPEND = """INSERT INTO turns VALUES
    (?, (SELECT coalesce(max(number), 0) + 1 FROM turns WHERE conversation = ?), ?, ?, ?, ?)"""
_ASIDE = "move it aside to start with none, or restore it"


class ConversationStore:
    """The conversations in ``folder``. Cheap to make, safe to share between threads; nothing is held open.

    ``owner`` separates callers: what one owns does not exist for another. Every method
    :raises StoreBusy: if another process holds the file for ``WAIT_S`` seconds.
    :raises StoreBroken: if the file is not a database, is damaged, or cannot be read or written.
    :raises StoreMismatch: if a newer version of the project wrote it.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def create(self, title: str = "", owner: str = "") -> Conversation:
        """A new conversation without turns. Without a ``title`` it takes the first question's words."""
        at = _now()
        new = Conversation(secrets.token_hex(8), short_title(title) if title.strip() else "", at, at)
        with self._transaction() as database:
            database.execute("INSERT INTO conversations VALUES (?, ?, ?, ?, ?)", (new.id, owner, new.title, at, at))
        return new

    def listed(self, owner: str = "") -> list[Listed]:
        """All conversations of ``owner``, the one last written to first."""
        with self._transaction("DEFERRED") as database:
            rows = database.execute(_LIST, (owner,)).fetchall()
        return [Listed(key, short_title(title), *rest) for key, title, *rest in rows]

    def open(self, conversation_id: str, owner: str = "") -> Conversation:
        """The conversation with all its turns. :raises StoreMissing: if ``owner`` has none of that id."""
        with self._transaction("DEFERRED") as database:
            title, created, updated = _owned(database, conversation_id, owner)
            rows = database.execute(_TURNS, (conversation_id,)).fetchall()
        turns = tuple(KeptTurn(question, searched, self._answer(kept), at) for question, searched, kept, at in rows)
        return Conversation(conversation_id, short_title(title), created, updated, turns)

    def append(self, conversation_id: str, answer: Answer, owner: str = "") -> KeptTurn:
        """Add one question and its answer, on disk when this returns.

        :raises StoreMissing: if ``owner`` has no such conversation, or has deleted it meanwhile.
        """
        turn = KeptTurn(answer.question, answer.searched or answer.question, answer, _now())
        with self._transaction() as database:
            title, *_ = _owned(database, conversation_id, owner)
            kept = json.dumps(answer.to_json())
            database.execute(_APPEND, (conversation_id, conversation_id, turn.question, turn.searched, kept, turn.at))
            database.execute(
                "UPDATE conversations SET updated = ?, title = ? WHERE id = ?",
                (turn.at, title or short_title(turn.question), conversation_id),
            )
        return turn

    def rename(self, conversation_id: str, title: str, owner: str = "") -> str:
        """The new title as it is kept: on one line, cut if it is long. :raises StoreMissing: as :meth:`open`."""
        kept = short_title(title)
        with self._transaction() as database:
            _owned(database, conversation_id, owner)
            database.execute("UPDATE conversations SET title = ? WHERE id = ?", (kept, conversation_id))
        return kept

    def delete(self, conversation_id: str, owner: str = "") -> None:
        """Erase the conversation: its pages are overwritten, the log is emptied.

        :raises StoreMissing: as :meth:`open`.
        """
        with self._transaction() as database:
            _owned(database, conversation_id, owner)
            database.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))
        with self._opened() as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _answer(self, kept: str) -> Answer:
        try:
            return answer_from_json(json.loads(kept))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreBroken(f"{self.path} holds an answer that cannot be read ({error}); {_ASIDE}") from error

    @contextmanager
    def _transaction(self, kind: Literal["IMMEDIATE", "DEFERRED"] = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """One transaction, to write or (deferred) to read in; what is raised inside undoes it, by closing the file."""
        with self._opened() as database:
            database.execute(f"BEGIN {kind}")
            yield database
            database.execute("COMMIT")

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            _create(self.path)
            with closing(sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)) as database:
                for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
                    database.execute(f"PRAGMA {pragma}")
                if _version(database) != len(MIGRATIONS):
                    _migrate(database, self.path)
                yield database
        except sqlite3.Error as error:
            raise _translated(self.path, error) from error
        except OSError as error:
            raise StoreBroken(f"{self.path}: {error.strerror}; check its permissions and the disk") from error


def _owned(database: sqlite3.Connection, conversation_id: str, owner: str) -> tuple[str, str, str]:
    """Title and times of a conversation. :raises StoreMissing: if ``owner`` has none of that id."""
    row: tuple[str, str, str] | None = None
    if conversation_id.isascii():
        row = database.execute(_OWNED, (conversation_id, owner)).fetchone()
    if row is None:
        raise StoreMissing(f"no conversation {conversation_id!r} is kept here; it may have been deleted")
    return row


def _create(path: Path) -> None:
    """Make the file, empty and for this user alone, unless it is there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _version(database: sqlite3.Connection) -> int:
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    return version


def _migrate(database: sqlite3.Connection, path: Path) -> None:
    """Bring the file to this version. One process at a time: two that change the journal mode at once would both fail."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        version = _version(database)
        if version > len(MIGRATIONS):
            known = len(MIGRATIONS)
            raise StoreMismatch(f"{path} has version {version}, this version of the project reads {known}; upgrade")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("BEGIN IMMEDIATE")
        for statement in (statement for step in MIGRATIONS[version:] for statement in step):
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        database.execute("COMMIT")
    finally:
        os.close(folder)


def _translated(path: Path, error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the kind of error
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreBusy(f"{path} is held by another process; try again")
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return StoreBroken(f"{path} is damaged or no SQLite database; {_ASIDE}")
    return StoreBroken(f"{path}: {error}; check its permissions and the disk")


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
