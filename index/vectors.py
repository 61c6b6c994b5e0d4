"""Chunk vectors in Chroma, inside the store or on a server; the only module that imports chromadb.

A collection belongs to one generation and is never changed once that generation answers: a reader of an embedded
database does not see what another process adds to it.
"""

from __future__ import annotations

import importlib
import socket
import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import numpy as np
from numpy.typing import NDArray

from index.errors import SettingsError, StoreBroken, StoreError, StoreMismatch
from index.settings import Settings

if TYPE_CHECKING:
    from chromadb.api.client import Client

BATCH = 1000
"""Vectors written at once. Chroma takes 5,461, but a server also bounds the size of a request."""
FOLDER, DATABASE = "chroma", "chroma.sqlite3"
_COLLECTION = "chunks"
_PAGE = 20_000
_CONNECT, _TIMEOUT = 10.0, 60.0
"""Seconds to reach a server, and for one request to it."""
_SILENT: Any = {"anonymized_telemetry": False, "chroma_otel_granularity": "none"}
"""Said in so many words, because the library also reads variables and a file ``.env``."""
_HNSW = {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 32}
"""Twice the library's defaults: recall@50 against exact search over 12,000 sentences is .9995 instead of .989."""


class Server(NamedTuple):
    """A Chroma server: where it listens, what its collections are called, and whose they are."""

    host: str
    port: int
    tls: bool
    prefix: str
    tenant: str
    database: str

    def collection(self, generation_id: str) -> str:
        """What a generation's collection is called."""
        return f"{self.prefix}-{generation_id}"

    def __str__(self) -> str:
        return f"Chroma server {self.host}:{self.port}"


def parse_url(url: str) -> Server:
    """``chroma+http(s)://host[:port][/collection-prefix][?tenant=...&database=...]``.

    :raises SettingsError: for anything else, and for an address that carries a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"setting vector_url: {error}") from error
    if parts.scheme not in ("chroma+http", "chroma+https") or not parts.hostname or parts.username or parts.fragment:
        raise SettingsError(
            "setting vector_url: expected chroma+http(s)://host:port[/collection-prefix], token in vector_token"
        )
    tls = parts.scheme.endswith("s")
    prefix = parts.path.strip("/")
    if not all(character.isalnum() or character in "-_" for character in prefix):
        raise SettingsError(f"setting vector_url: collection prefix {prefix!r} may hold letters, digits, - and _ only")
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return Server(
        parts.hostname,
        port or (443 if tls else 8000),
        tls,
        prefix or "briefs",
        query.get("tenant", "default_tenant"),
        query.get("database", "default_database"),
    )


class VectorIndex:
    """The chunk vectors of one generation. Safe to query from several threads; closed when garbage-collected."""

    def __init__(self, client: Client, name: str, create: bool, where: str, remote: bool) -> None:
        """Use :meth:`open`. ``where`` names the place in messages."""
        self._where = where
        self._remote = remote
        self._close = weakref.finalize(self, _close, client)
        with self._calling("opening"):
            if create:
                configuration: Any = {"hnsw": _HNSW}
                self._collection = client.get_or_create_collection(
                    name, configuration=configuration, embedding_function=None
                )
            else:
                self._collection = client.get_collection(name, embedding_function=None)

    @classmethod
    def open(cls, settings: Settings, folder: Path, generation_id: str, create: bool = False) -> VectorIndex:
        """The vectors of the generation in ``folder``: in its own database, or on the server that the settings name.

        :raises StoreBroken: if they are not there (unless ``create``) or do not open.
        :raises StoreError: if the server cannot be reached.
        """
        if settings.vector_url:
            server = parse_url(settings.vector_url)
            client = _connect(server, settings.vector_token.get_secret_value())
            return cls(client, server.collection(generation_id), create, str(server), remote=True)
        path = folder / FOLDER
        if not create and not (path / DATABASE).is_file():
            raise StoreBroken(f"{path}: no vectors there; run `briefs index --rebuild`")
        return cls(_embedded(path), _COLLECTION, create, str(path), remote=False)

    def sync(self, ids: Sequence[str], vectors: NDArray[np.float16], brief_ids: Sequence[str]) -> None:
        """Make the collection hold exactly ``ids``. An id names its content: what is there needs no writing."""
        present = self.ids()
        self.delete(sorted(present - set(ids)))
        missing = [k for k, chunk_id in enumerate(ids) if chunk_id not in present]
        self.add([ids[k] for k in missing], vectors[missing], [brief_ids[k] for k in missing])

    def add(self, ids: Sequence[str], vectors: NDArray[np.float16], brief_ids: Sequence[str]) -> None:
        """Write ``vectors`` (n, d); ``ids`` must be new."""
        for first in range(0, len(ids), BATCH):
            part = slice(first, first + BATCH)
            with self._calling("writing"):
                self._collection.add(
                    list(ids[part]),
                    embeddings=vectors[part].astype(np.float32),
                    metadatas=[{"brief": brief_id} for brief_id in brief_ids[part]],
                )

    def delete(self, ids: Sequence[str]) -> None:
        """Remove chunks by id."""
        for first in range(0, len(ids), BATCH):
            with self._calling("deleting"):
                self._collection.delete(list(ids[first : first + BATCH]))

    def query(self, vector: NDArray[np.float32], top_k: int) -> list[tuple[str, float]]:
        """The ``top_k`` nearest of all chunks as (id, cosine in [-1, 1]), best first.

        :raises StoreMismatch: if the vector has another length than those in the index.
        """
        with self._calling("searching"):
            found = self._collection.query(vector.astype(np.float32)[None], n_results=top_k, include=["distances"])
        distances = found["distances"] or [[]]
        hits = [(chunk_id, 1.0 - distance) for chunk_id, distance in zip(found["ids"][0], distances[0], strict=True)]
        return sorted(hits, key=_order)

    def count(self) -> int:
        """How many chunks it holds."""
        with self._calling("counting"):
            return self._collection.count()

    def ids(self) -> set[str]:
        """The ids of all chunks."""
        found: set[str] = set()
        for offset in range(0, self.count(), _PAGE):
            with self._calling("listing"):
                found.update(self._collection.get(include=[], limit=_PAGE, offset=offset)["ids"])
        return found

    def close(self) -> None:
        """Give files and connections back; also done on garbage collection."""
        self._close()

    def _calling(self, what: str) -> AbstractContextManager[None]:
        return _translated(f"{what} vectors in {self._where}", self._remote)


def _order(hit: tuple[str, float]) -> tuple[float, str]:
    """Best first, ties by id."""
    return -hit[1], hit[0]


def preload() -> None:
    """Import Chroma, which takes a second, before it is needed."""
    importlib.import_module("chromadb.api.client")


def drop(settings: Settings, generation_id: str) -> None:
    """Delete a generation's collection from the server that the settings name; embedded vectors go with their folder.

    :raises StoreError: if the server cannot be reached.
    """
    if not settings.vector_url:
        return
    from chromadb.errors import NotFoundError

    server = parse_url(settings.vector_url)
    client = _connect(server, settings.vector_token.get_secret_value())
    try:
        with _translated(f"deleting a collection in {server}", remote=True):
            client.delete_collection(server.collection(generation_id))
    except StoreError as error:
        if not isinstance(error.__cause__, NotFoundError):
            raise
    finally:
        _close(client)


def _embedded(path: Path) -> Client:
    from chromadb.api.client import Client
    from chromadb.config import Settings as ChromaSettings

    with _translated(f"opening {path}", remote=False):
        return Client(settings=ChromaSettings(is_persistent=True, persist_directory=str(path), **_SILENT))


def _connect(server: Server, token: str) -> Client:
    from chromadb.api.client import Client
    from chromadb.config import Settings as ChromaSettings

    headers = {"Authorization": f"Bearer {token}", "X-Chroma-Token": token} if token else {}
    with _translated(str(server), remote=True):
        # The library waits for ever: first whether anybody listens, then a limit for each request.
        socket.create_connection((server.host, server.port), _CONNECT).close()
        settings = ChromaSettings(
            chroma_api_impl="chromadb.api.fastapi.FastAPI",
            chroma_server_host=server.host,
            chroma_server_http_port=server.port,
            chroma_server_ssl_enabled=server.tls,
            chroma_server_headers=headers,
            **_SILENT,
        )
        client = Client(server.tenant, server.database, settings)
        client._server._session.timeout = _TIMEOUT  # type: ignore[attr-defined]  # noqa: SLF001
        return client


def _close(client: Client) -> None:
    # The library leaves the connections of the client and of its inner one open.
    servers = (client._server, client._admin_client._server)  # type: ignore[attr-defined]  # noqa: SLF001
    sessions = [server._session for server in servers if hasattr(server, "_session")]  # noqa: SLF001
    client.close()
    for session in sessions:
        session.close()


@contextmanager
def _translated(what: str, remote: bool) -> Iterator[None]:
    """Errors of Chroma, which raises classes of its own, ValueError, those of httpx and bare ``Exception``, as ours."""
    try:
        yield
    except Exception as error:
        said = " ".join(str(error).split())[:300] or type(error).__name__
        if "dimension" in said.lower():
            raise StoreMismatch(f"{what}: {said}; made by another embedder: run `briefs index`") from error
        if "disk is full" in said.lower():
            raise StoreError(f"{what}: {said}; free some space and run it again") from error
        if remote and type(error).__name__ != "NotFoundError":
            raise StoreError(f"{what}: {said}; check the server, vector_url and vector_token") from error
        raise StoreBroken(f"{what}: {said}; run `briefs index --rebuild`") from error
