"""Keys for programs and portals, in one SQLite file of the store. Of a secret only its SHA-256 is kept."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from index.errors import SettingsError, StoreBroken, StoreBusy, StoreMissing

FILE = "keys.sqlite"
PREFIX = "bk_"
WAIT_S = 5.0
"""How long another process may hold the file before it is reported."""
MAX_NAME, MAX_GROUPS = 100, 200
_USED_EVERY = dt.timedelta(hours=1)
_TABLE = """CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, groups TEXT, origins TEXT NOT NULL, secret TEXT NOT NULL,
    created TEXT NOT NULL, expires TEXT, used TEXT, revoked TEXT)"""
_INSERT = "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

Kind = Literal["key", "portal", "metrics"]


@dataclass(frozen=True, slots=True)
class Key:
    """``key`` for a program, ``portal`` for the backend of a portal, ``metrics`` for what collects them.

    ``groups`` are those that it reads for (of a portal: the most that its tokens may name), None for all. ``origins`` are
    those of a portal's pages. ``secret`` is the SHA-256 of the secret in hexadecimal, or a portal's public key in PEM. Times
    are in UTC; ``used`` is exact to the hour.
    """

    id: str
    kind: Kind
    name: str
    groups: frozenset[str] | None
    origins: frozenset[str]
    secret: str
    created: dt.datetime
    expires: dt.datetime | None = None
    used: dt.datetime | None = None
    revoked: dt.datetime | None = None

    @property
    def state(self) -> Literal["valid", "expired", "revoked"]:
        """Whether it may still be used."""
        if self.revoked:
            return "revoked"
        return "expired" if self.expires and self.expires <= _now() else "valid"


class KeyStore:
    """The keys in ``folder``. Cheap to make, safe to share between threads; nothing is held open.

    Every method
    :raises StoreBusy: if another process holds the file for ``WAIT_S`` seconds.
    :raises StoreBroken: if the file is no database, or cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def add(
        self,
        name: str,
        kind: Kind = "key",
        groups: frozenset[str] | None = frozenset(),
        expires: dt.timedelta | None = None,
        origins: frozenset[str] = frozenset(),
        public_key: str = "",
    ) -> tuple[Key, str]:
        """A new key, and what its holder must present, which is not kept; a portal presents tokens instead: empty.

        :raises SettingsError: if the name or a group is empty or too long, or the key would have no time to live.
        """
        _check(name, groups, expires)
        identity, secret, now = secrets.token_hex(6), secrets.token_urlsafe(32), _now()
        kept = public_key or _digest(secret)
        new = Key(identity, kind, name, groups, origins, kept, now, now + expires if expires else None)
        listed = None if groups is None else json.dumps(sorted(groups))
        times = (_text(now), _text(new.expires), None, None)
        row = (identity, kind, name, listed, json.dumps(sorted(origins)), kept, *times)
        with self._opened(create=True) as database:
            database.execute(_INSERT, row)
        return new, "" if public_key else f"{PREFIX}{identity}_{secret}"

    def listed(self) -> list[Key]:
        """All keys, oldest first, those no longer valid too."""
        if not self.path.exists():
            return []
        with self._opened() as database:
            rows = database.execute("SELECT * FROM keys ORDER BY rowid").fetchall()
        return [_key(row) for row in rows]

    def find(self, key_id: str) -> Key | None:
        """The key of that id if it is valid; its use is noted, to the hour."""
        if not self.path.exists():
            return None
        with self._opened() as database:
            row = database.execute("SELECT * FROM keys WHERE id = ?", (key_id,)).fetchone()
            if row is None:
                return None
            key, now = _key(row), _now()
            if key.state != "valid":
                return None
            if key.used is None or now - key.used >= _USED_EVERY:
                hour = now.replace(minute=0, second=0, microsecond=0)
                database.execute("UPDATE keys SET used = ? WHERE id = ?", (_text(hour), key_id))
        return key

    def holder(self, presented: str) -> Key | None:
        """The valid key whose id and secret were presented as ``bk_<id>_<secret>``."""
        key_id, _, secret = presented.removeprefix(PREFIX).partition("_")
        key = self.find(key_id) if key_id.isascii() and key_id.isalnum() else None
        matches = hmac.compare_digest(_digest(secret), key.secret if key and key.kind != "portal" else "0" * 64)
        return key if matches else None

    def revoke(self, key_id: str) -> Key:
        """End the key, from the next request on. :raises StoreMissing: if there is none of that id."""
        found = next((key for key in self.listed() if key.id == key_id), None)
        if found is None:
            raise StoreMissing(f"there is no key {key_id!r}; `briefs keys list` shows them")
        with self._opened() as database:
            database.execute("UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", (_text(_now()), key_id))
        return found

    @contextmanager
    def _opened(self, create: bool = False) -> Iterator[sqlite3.Connection]:
        try:
            if create and not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            with closing(sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)) as database:
                if create:
                    database.execute(_TABLE)
                yield database
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the kind of error
            if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise StoreBusy(f"{self.path} is held by another process; try again") from error
            raise StoreBroken(f"{self.path}: {error}; check its permissions and the disk, or restore it") from error
        except OSError as error:
            raise StoreBroken(f"{self.path}: {error.strerror}; check its permissions and the disk") from error


def _check(name: str, groups: frozenset[str] | None, expires: dt.timedelta | None) -> None:
    if not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
        raise SettingsError(f"found the name {name!r}, expected 1 to {MAX_NAME} printable characters")
    for group in groups or ():
        if not 0 < len(group) <= MAX_NAME or not group.isprintable():
            raise SettingsError(f"found the group {group!r}, expected 1 to {MAX_NAME} printable characters")
    if groups is not None and len(groups) > MAX_GROUPS:
        raise SettingsError(f"found {len(groups)} groups, expected {MAX_GROUPS} at most; use --all-groups")
    if expires is not None and expires <= dt.timedelta():
        raise SettingsError("the key would expire at once; pass a number of days above 0")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: tuple[Any, ...]) -> Key:
    key_id, kind, name, groups, origins, secret, *times = row
    listed = None if groups is None else frozenset(json.loads(groups))
    at = [dt.datetime.fromisoformat(time) if time else None for time in times]
    return Key(key_id, kind, name, listed, frozenset(json.loads(origins)), secret, at[0] or _now(), *at[1:])


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _text(at: dt.datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
