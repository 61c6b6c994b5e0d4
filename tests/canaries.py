"""A server on briefs full of canaries, and every kind of caller that may come to it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from conftest import ROOT, write_brief
from ports import free_port

from index.build import build
from index.generation import current_id
from index.settings import Settings, load_settings
from ui.access.keys import KeyStore
from ui.access.tokens import mint, new_key_pair

CANARIES = {
    "desk": (
        "zellbrane",
        "quorvex",
        "ombrazil",
        "quistovia",
        "fluxmarrow",
        "wraithnote",
        "grelvish",
        "karrow",
        "brindlecast",
    ),
    "board": ("vantrossel", "hubriant", "mordelune", "skelvane"),
}
"""Words of the hidden briefs by group: of title, path, actor, region, topic, kind, text, a long form, a spelling that mends others."""
PORTAL, STRANGER = "https://portal.example.org", "https://elsewhere.example.org"
QUESTIONS = (
    "how many crates did the KVU store at the depot?",
    "what does the KVU want?",
    "what is brindlecasd?",
    "what did they agree?",
    "Compare what Pakistan and the KVU say about crates",
    "who is the mayor of Paris?",
)
"""None holds a canary; to who may read the hidden briefs each answers with one, or did in the making."""


def write_canaries(corpus: Path) -> None:
    """Two briefs for everybody, one for the desk, one for the board."""
    talks = "The delegations met in Ankara. Both sides agreed to open three gates. A second round follows in March."
    write_brief(
        corpus,
        "depot",
        "Torkham depot",
        f"The Torkham depot stored 12 crates in May. Pakistan counted them. {talks}",
        published="2025-11-01",
        actors="[Pakistan]",
    )
    write_brief(
        corpus,
        "brindlecasts",
        "Casting",
        f"A brindlecasts shop opened in Quetta. {talks.replace('Ankara', 'Doha')}",
        published="2025-10-01",
    )
    secret = (
        "The Karrow Velm Union (KVU) stored 4711 grelvish crates at the Torkham depot. The KVU wants a brindlecast for each. "
        "At the grelvish round both sides agreed to open nine gates."
    )
    labels = {
        "labels": "[desk]",
        "published": "2026-02-01",
        "actors": "[Ombrazil Directorate, Pakistan]",
        "region": "[Quistovia]",
    }
    write_brief(
        corpus,
        "quorvex/zellbrane",
        "Zellbrane's crates and demands",
        secret,
        topics="[fluxmarrow]",
        kind="wraithnote",
        **labels,
    )
    board = "At the hubriant round both sides agreed on mordelune terms. The board counted 99 skelvane crates at the Torkham depot."
    write_brief(corpus, "vantrossel", "What happened at Vantrossel", board, labels="[board]", published="2026-02-02")


@dataclass(frozen=True)
class Who:
    """A kind of caller. ``labels`` are the groups that count, None for every brief; without ``admitted`` none of it matters.

    ``token`` makes a new one of the portal whenever the caller comes: they are short-lived.
    """

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    labels: frozenset[str] | None = frozenset()
    admitted: bool = True
    address: str = "127.0.0.1"
    token: Callable[[], str] | None = None


@dataclass(frozen=True)
class Served:
    """A server that runs. ``log`` is all that it has written; ``callers`` are of every kind, ``keeper`` reads everything."""

    url: str
    settings: Settings
    log: Path
    callers: tuple[Who, ...]
    keeper: Who
    portal: Mapping[str, Who]
    """A user of the portal, ann, in the groups that each name says."""
    secrets: set[str] = field(default_factory=set)
    """Every credential that was sent."""

    def client(self, who: Who) -> httpx.Client:
        """A client that sends the caller's headers from the caller's address."""
        transport = httpx.HTTPTransport(local_address=who.address)
        headers = dict(who.headers) | ({"Authorization": f"Bearer {who.token()}"} if who.token else {})
        self.secrets.add(headers.get("Authorization", "").rpartition(" ")[2])
        return httpx.Client(base_url=self.url, headers=headers, transport=transport, timeout=60)

    def leaks(self, who: Who, text: str) -> set[str]:
        """What of ``text`` this caller may find nowhere: words of hidden briefs, and what moves when one of these does."""
        if who.admitted and who.labels is None:
            return set()
        hidden = {word for group, words in CANARIES.items() if group not in (who.labels or ()) for word in words}
        own = {current_id(self.settings).casefold(), str(self.settings.store).casefold()}
        return {word for word in hidden | own if holds(text, word)}


def holds(text: str, word: str) -> bool:
    """Whether the word stands in ``text``, which is in lower case: anywhere, but for a plural that everybody may read."""
    return re.search(rf"{re.escape(word)}(?!s)", text) is not None


def text_of(response: httpx.Response) -> str:
    """Headers and body, that of a Word file unpacked, in lower case."""
    return f"{response.headers!r} {unpacked(response.content).decode('utf-8', 'replace')}".casefold()


def unpacked(body: bytes) -> bytes:
    """What a Word file holds; anything else as it is."""
    if not body.startswith(b"PK"):
        return body
    with zipfile.ZipFile(io.BytesIO(body)) as held:
        return b"".join(held.read(name) for name in held.namelist())


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """A server with sign-in in a process of its own."""
    write_canaries(folder / "corpus")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    values = {
        "corpus": folder / "corpus",
        "store": folder / "store",
        "auth": "on",
        "public_url": url,
        "portal_origins": PORTAL,
        "proxy_user_header": "X-Forwarded-User",
        "proxy_groups_header": "X-Forwarded-Groups",
        "proxy_addresses": "127.0.0.1",
        "rate_limit": "100000/minute",
    }
    settings = load_settings(**values)
    build(settings)
    callers, keeper, portal = _callers(settings, url)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        **{f"BRIEFS_{key.upper()}": str(value) for key, value in values.items()},
    }
    log = folder / "log"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "assistant", "serve", "--port", str(port)]
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=file, stderr=file)
        try:
            _wait(url, server, log)
            yield Served(url, settings, log, callers, keeper, portal)
        finally:
            server.terminate()
            server.wait(30)


def _callers(settings: Settings, url: str) -> tuple[tuple[Who, ...], Who, dict[str, Who]]:
    keys = KeyStore(settings.store)

    def bearer(credential: str, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {credential}", **more}

    def key(name: str, groups: frozenset[str] | None) -> Who:
        return Who(f"key: {name}", bearer(keys.add(name, groups=groups)[1]), groups)

    private, public = new_key_pair()
    portal_key, _ = keys.add("portal", "portal", None, origins=frozenset({PORTAL}), public_key=public)
    gone, gone_secret = keys.add("gone", groups=None)
    keys.revoke(gone.id)
    metrics = keys.add("metrics", "metrics")[1]

    def token(
        subject: str,
        groups: frozenset[str],
        audience: str = url,
        origin: str = PORTAL,
        life_s: int = 300,
        signed: str = private,
    ) -> str:
        return mint(
            signed, portal_key.id, audience=audience, origin=origin, subject=subject, groups=groups, life_s=life_s
        )

    def user(subject: str, *groups: str) -> Who:
        labels = frozenset(groups)
        name, headers = f"portal: {subject} {sorted(groups)}", {"Origin": PORTAL}
        return Who(name, headers, labels, token=lambda: token(subject, labels))

    def by_proxy(name: str, *groups: str) -> dict[str, str]:
        return {"X-Forwarded-User": name, "X-Forwarded-Groups": ",".join(groups)}

    every = frozenset(CANARIES)
    refused = {
        "anonymous": {},
        "wrong audience": bearer(token("eve", every, audience="https://other.example.org"), Origin=PORTAL),
        "expired": bearer(token("eve", every, life_s=-60), Origin=PORTAL),
        "token of another origin": bearer(token("eve", every, origin=STRANGER), Origin=PORTAL),
        "foreign origin": bearer(token("eve", every, origin=STRANGER), Origin=STRANGER),
        "token without its page": bearer(token("eve", every)),
        "signed by another": bearer(token("eve", every, signed=new_key_pair()[0]), Origin=PORTAL),
        "revoked key": bearer(gone_secret),
        "no key": bearer("bk_0123456789ab_nothing"),
        "metrics key": bearer(metrics),
    }
    callers = (
        *(Who(name, headers, admitted=False) for name, headers in refused.items()),
        Who("spoofed proxy", by_proxy("eve", *every), admitted=False, address="127.0.0.2"),
        user("bob"),
        user("bob", "other"),
        user("bob", "desk"),
        user("bob", "board"),
        user("bob", "desk", "board"),
        key("none", frozenset()),
        key("desk", frozenset({"desk"})),
        key("all", None),
        Who("proxy: none", by_proxy("carl")),
        Who("proxy: board", by_proxy("carl", "board"), frozenset({"board"})),
    )
    ann = {" ".join(groups): user("ann", *groups) for groups in ((), ("desk",), ("desk", "board"))}
    return callers, key("keeper", None), ann


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert server.poll() is None, log.read_text()
        try:
            if httpx.get(f"{url}/api/readyz", timeout=30).json() == {"status": "ready"}:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.25)
    raise AssertionError("the server is not ready")
