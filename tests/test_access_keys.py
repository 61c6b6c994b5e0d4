"""Keys: what is kept of them, who they let in, and the command that makes and ends them."""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from command import briefs, complaint
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

import ui.access.keys
from index.errors import SettingsError, StoreBroken, StoreBusy, StoreMissing
from ui.access.keys import KeyStore
from ui.access.tokens import mint, new_key_pair, verify

PORTAL = "https://portal.example.org"
DAY = dt.timedelta(days=1)
GROUPS = frozenset({"staff", "press"})


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "store")


def test_a_key_lets_its_holder_in(store: KeyStore) -> None:
    key, presented = store.add("analytics", groups=GROUPS, expires=90 * DAY)
    assert re.fullmatch(rf"bk_{key.id}_[\w-]{{43}}", presented)
    found = store.holder(presented)
    assert found is not None
    assert (found.id, found.name, found.groups) == (key.id, "analytics", GROUPS)
    assert found.expires
    assert abs(found.expires - found.created - 90 * DAY) < dt.timedelta(seconds=2)


def test_nothing_is_kept_that_lets_anybody_in(store: KeyStore) -> None:
    _, presented = store.add("analytics")
    secret = presented.split("_", 2)[2]
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert secret.encode() not in store.path.read_bytes()
    (kept,) = store.listed()
    assert store.holder(f"bk_{kept.id}_{kept.secret}") is None


def test_other_secrets_and_ids_are_turned_away(store: KeyStore) -> None:
    key, presented = store.add("one")
    other, _ = store.add("two")
    secret = presented.split("_", 2)[2]
    wrong = [f"bk_{other.id}_{secret}", f"bk_{key.id}_", f"bk_{key.id}", "bk_", "bk__", presented[:-1], presented + "x"]
    assert [store.holder(one) for one in [*wrong, f"bk_{key.id}_{'0' * 64}", f"bk_'; DROP TABLE keys_{secret}"]] == [
        None
    ] * (len(wrong) + 2)
    assert store.holder(presented)


@given(st.text(max_size=80))
def test_no_text_is_a_key_by_chance(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    store = KeyStore(tmp_path_factory.getbasetemp() / "chance")
    if not store.path.exists():
        store.add("one")
    assert store.holder(f"bk_{text}") is None
    assert store.find(text.replace("\x00", "")) is None


def test_revoked_and_expired_keys_let_nobody_in(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    key, presented = store.add("one")
    short, short_lived = store.add("two", expires=DAY)
    another_process = KeyStore(store.path.parent)
    assert store.revoke(key.id).name == "one"
    assert another_process.holder(presented) is None
    later = dt.datetime.now(dt.UTC) + DAY + dt.timedelta(seconds=1)
    monkeypatch.setattr(ui.access.keys, "_now", lambda: later)
    assert store.holder(short_lived) is None
    assert {found.id: found.state for found in store.listed()} == {key.id: "revoked", short.id: "expired"}
    with pytest.raises(StoreMissing, match="briefs keys list"):
        store.revoke("nobody")


def test_use_is_noted_to_the_hour(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    _, presented = store.add("one")
    assert store.listed()[0].used is None
    times = [dt.datetime(2026, 3, 1, 9, minute, tzinfo=dt.UTC) for minute in (10, 50)]
    noted = []
    for at in [*times, dt.datetime(2026, 3, 1, 10, 5, tzinfo=dt.UTC)]:
        monkeypatch.setattr(ui.access.keys, "_now", lambda at=at: at)
        assert store.holder(presented)
        noted.append(store.listed()[0].used)
    assert [at and (at.hour, at.minute, at.second) for at in noted] == [(9, 0, 0), (9, 0, 0), (10, 0, 0)]


def test_all_groups_is_not_no_group(store: KeyStore) -> None:
    store.add("all", groups=None)
    store.add("none")
    assert [key.groups for key in store.listed()] == [None, frozenset()]


@pytest.mark.parametrize("name", ["", " a", "a" * 101, "a\nb", "\x1b[31m"])
def test_names_are_one_line(store: KeyStore, name: str) -> None:
    with pytest.raises(SettingsError, match="expected 1 to 100 printable"):
        store.add(name)
    with pytest.raises(SettingsError):
        store.add("one", groups=frozenset({"b" * 101}))
    assert store.listed() == []


def test_store_without_keys_is_not_made_by_looking(store: KeyStore) -> None:
    assert store.holder("bk_00_11") is None
    assert not store.path.exists()


def test_trouble_with_the_file_is_one_line(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    key, _ = store.add("one")
    monkeypatch.setattr(ui.access.keys, "WAIT_S", 0.05)
    with sqlite3.connect(store.path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusy, match="held by another process"):
            store.find(key.id)
    other.close()
    store.path.write_bytes(b"no database" * 100)
    with pytest.raises(StoreBroken, match="restore it"):
        store.find(key.id)


def test_many_threads_use_one_store(store: KeyStore) -> None:
    presented = [store.add(f"key {k}")[1] for k in range(4)]
    found: list[str] = []

    def use(mine: str) -> None:
        for _ in range(25):
            key = store.holder(mine)
            assert key
            found.append(key.name)

    threads = [threading.Thread(target=use, args=(one,)) for one in presented]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted([f"key {k}" for k in range(4)] * 25)


def test_command_makes_lists_and_ends_keys(tmp_path: Path) -> None:
    made = briefs("keys", "add", "analytics", "--groups", "staff, press", "--expires", "30", cwd=tmp_path)
    presented = made.stdout.strip()
    store = KeyStore(tmp_path / ".briefs")
    key = store.holder(presented)
    assert key
    assert key.groups == GROUPS
    assert presented not in made.stderr
    assert f"key {key.id} (analytics): press, staff, expires" in made.stderr
    briefs("keys", "add", "reports", "--all-groups", cwd=tmp_path)
    briefs("keys", "add", "prometheus", "--metrics", cwd=tmp_path)
    listed = json.loads(briefs("keys", "list", "--json", cwd=tmp_path).stdout)
    assert [(one["kind"], one["groups"], one["state"]) for one in listed] == [
        ("key", ["press", "staff"], "valid"),
        ("key", None, "valid"),
        ("metrics", [], "valid"),
    ]
    shown = briefs("keys", "list", cwd=tmp_path).stdout
    secret = presented.split("_", 2)[2]
    assert secret not in shown + json.dumps(listed)
    assert key.secret not in shown + json.dumps(listed)
    assert "is revoked" in briefs("keys", "revoke", key.id, cwd=tmp_path).stderr
    assert store.holder(presented) is None
    assert "revoked" in briefs("keys", "list", cwd=tmp_path).stdout


def test_command_makes_keys_for_portals(tmp_path: Path) -> None:
    there = {"BRIEFS_PORTAL_ORIGINS": PORTAL}
    made = briefs("keys", "add", "intranet", "--portal", PORTAL, "--groups", "staff", cwd=tmp_path, variables=there)
    store = KeyStore(tmp_path / ".briefs")
    (key,) = store.listed()
    assert made.stdout.startswith("-----BEGIN PRIVATE KEY-----")
    token = mint(made.stdout, key.id, audience="https://b.org", origin=PORTAL, subject="ann", groups=["staff", "press"])
    assert verify(token, store, "https://b.org", PORTAL, [PORTAL]).groups == {"staff"}
    private, public = new_key_pair()
    (tmp_path / "portal.pem").write_text(public, encoding="ascii")
    words = ("keys", "add", "own", "--portal", PORTAL, "--all-groups", "--public-key", "portal.pem")
    assert briefs(*words, cwd=tmp_path, variables=there).stdout == ""
    own = store.listed()[1]
    token = mint(private, own.id, audience="https://b.org", origin=PORTAL, subject="ann", groups=["press"])
    assert verify(token, store, "https://b.org", PORTAL, [PORTAL]).groups == {"press"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "x", "--portal", "https://elsewhere.org"], "https://elsewhere.org is not in portal_origins"),
        (["add", "x", "--portal", "*"], "expected one such as https://portal.example.org"),
        (["add", "x", "--portal", f"{PORTAL}/path"], "expected one such as"),
        (["add", "x", "--metrics", "--groups", "a"], "--metrics reads no briefs"),
        (["add", "x", "--metrics", "--portal", PORTAL], "not allowed with"),
        (["add", "x", "--groups", "a", "--all-groups"], "not allowed with"),
        (["add", "x", "--public-key", "none.pem"], "pass --portal as well"),
        (["add", "x", "--portal", PORTAL, "--public-key", "none.pem"], "none.pem: No such file"),
        (["add", "x", "--portal", PORTAL, "--public-key", "ed448.pem"], "no Ed25519 public key"),
        (["add", "x", "--portal", PORTAL, "--public-key", "text.pem"], "no Ed25519 public key"),
        (["add", "x", "--expires", "0"], "from 1 to 36500"),
        (["add", ""], "expected 1 to 100"),
        (["add"], "NAME"),
        (["revoke", "nobody"], "there is no key 'nobody'"),
        ([], "ACTION"),
    ],
)
def test_command_refuses_in_one_line(tmp_path: Path, words: list[str], said: str) -> None:
    other = Ed448PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "ed448.pem").write_bytes(other)
    (tmp_path / "text.pem").write_text("no key", encoding="ascii")
    line = complaint("keys", *words, cwd=tmp_path, variables={"BRIEFS_PORTAL_ORIGINS": PORTAL})
    assert said in line
    assert not (tmp_path / ".briefs" / "keys.sqlite").exists()
