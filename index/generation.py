"""One generation of the index, as its readers see it: immutable, opened lazily, each part at its first use."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import threading
import weakref
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from index import embedding, store
from index.aliases import Alias
from index.chunking import VERSION as CHUNKER_VERSION
from index.errors import StoreBroken, StoreMismatch
from index.filters import Filters, allowed_briefs
from index.lexical import VERSION as LEXICAL_VERSION
from index.lexical import LexicalIndex
from index.scope import Scope, scope_of, seen_id
from index.settings import Settings
from index.traits import VERSION as TRAITS_VERSION
from index.traits import Trait
from index.types import Brief, Metadata
from index.vectors import DATABASE, FOLDER, VectorIndex

SCHEMA = 3
"""Layout of a generation's folder; raised when an older reader could not read a newer folder."""
READER_VERSION = 2
"""Raised when readers would make another text or other metadata of the same file."""

MANIFEST, BRIEFS, ARRAYS, HEADINGS = "manifest.json", "briefs.sqlite", "arrays.npz", "headings.json"
CHUNK_VECTORS, SENTENCE_VECTORS, TOKEN_VECTORS, LEXICAL, ALIASES = (
    "chunk_vectors.npy",
    "sentence_vectors.npy",
    "token_vectors.npy",
    "lexical",
    "aliases.json",
)
FILES = (MANIFEST, BRIEFS, ARRAYS, HEADINGS, CHUNK_VECTORS, SENTENCE_VECTORS, TOKEN_VECTORS, LEXICAL, ALIASES)
BRIEF_JSON = TypeAdapter(Brief)
_KEPT = 256
"""Briefs kept in memory."""
_SCOPES = 64
"""Sets of briefs for which what is counted over them is kept."""
_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
"""What a missing, short or overwritten file raises."""
_REBUILD = "run `briefs index --rebuild`"


class Recipe(BaseModel):
    """Everything besides the corpus that decides what a generation holds; another recipe means another index."""

    model_config = ConfigDict(frozen=True)

    schema_version: int
    embedder: str
    reader: int
    chunker: int
    lexical: int
    traits: int
    chunk_chars: int
    vector_url: str

    @classmethod
    def of(cls, settings: Settings) -> Recipe:
        """What a build with ``settings`` would follow."""
        return cls(
            schema_version=SCHEMA,
            embedder=embedding.fingerprint(settings),
            reader=READER_VERSION,
            chunker=CHUNKER_VERSION,
            lexical=LEXICAL_VERSION,
            traits=TRAITS_VERSION,
            chunk_chars=settings.chunk_chars,
            vector_url=settings.vector_url,
        )


class Entry(BaseModel):
    """One brief in the manifest. ``sha256`` is that of the file that was read, which may have changed since."""

    model_config = ConfigDict(frozen=True)

    source: str
    sha256: str
    metadata: Metadata
    warnings: tuple[str, ...] = ()


class Manifest(BaseModel):
    """What a generation holds. ``briefs`` is by id, in the order of the tables.

    ``failed`` and ``ignored`` say why, by source. A group of ``near_duplicates`` starts with the id to prefer.
    """

    model_config = ConfigDict(frozen=True)

    recipe: Recipe
    built_at: dt.datetime
    briefs: dict[str, Entry]
    failed: dict[str, str]
    ignored: dict[str, str]
    near_duplicates: tuple[tuple[str, ...], ...]
    chunks: int
    sentences: int

    @property
    def metadata(self) -> Mapping[str, Metadata]:
        """Metadata by brief id."""
        return {brief_id: entry.metadata for brief_id, entry in self.briefs.items()}


@dataclass(frozen=True, slots=True)
class ChunkTable:
    """One row a chunk, grouped by brief. ``brief`` is the brief's position in ``Generation.brief_ids``.

    ``start`` and ``end`` are offsets in that brief's text; ``first`` and ``last`` (exclusive) index the sentence table.
    ``heading`` indexes the list of heading paths. All int32, shape (chunks,).
    """

    brief: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    first: NDArray[np.int32]
    last: NDArray[np.int32]
    heading: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True, slots=True)
class SentenceTable:
    """One row a sentence, in the order of the chunks; every sentence is in exactly one chunk.

    ``paragraph`` counts within the brief; ``traits`` are values of ``traits.Trait``. All int32, shape (sentences,).
    """

    brief: NDArray[np.int32]
    chunk: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    paragraph: NDArray[np.int32]
    traits: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.start)

    @property
    def heading(self) -> NDArray[np.bool_]:
        """Which sentences are headings."""
        return (self.traits & Trait.HEADING.value) > 0

    @property
    def item(self) -> NDArray[np.bool_]:
        """Which sentences are of a list."""
        return (self.traits & Trait.ITEM.value) > 0


class Generation:
    """A reader of one generation's folder. Safe to share between threads; closed when garbage-collected."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Reads the manifest alone.

        :raises StoreBroken: if the manifest cannot be read.
        :raises StoreMismatch: if a newer version of the project wrote it.
        """
        self.folder = folder
        self.id = folder.name.removesuffix(store.PARTIAL)
        self.manifest = _read_manifest(folder / MANIFEST)
        self.brief_ids: tuple[str, ...] = tuple(self.manifest.briefs)
        self._settings = settings
        self._opening = threading.RLock()
        database = _open_briefs(folder / BRIEFS)
        weakref.finalize(self, database.close)
        lock = threading.Lock()

        def read(brief_id: str) -> Brief:
            with lock:
                return _read_brief(database, folder, brief_id)

        self._brief = lru_cache(_KEPT)(read)

    def id_for(self, labels: frozenset[str] | None) -> str:
        """What a caller in the groups ``labels`` gets to see as the id; None, who reads every brief, sees ``id``.

        It is the same in every index that holds the same for these groups, whatever else it holds.
        """
        if labels is None:
            return self.id
        return self._seen_id(allowed_briefs(self.manifest.metadata, Filters(labels=labels)) or frozenset())

    @cached_property
    def _seen_id(self) -> Callable[[frozenset[str]], str]:
        manifest = self.manifest

        def name(allowed: frozenset[str]) -> str:
            return seen_id(manifest.recipe, {key: entry for key, entry in manifest.briefs.items() if key in allowed})

        return lru_cache(_SCOPES)(name)

    def scope(self, allowed: frozenset[str]) -> Scope:
        """What of the index a caller sees who may read the briefs ``allowed``."""
        return self._scope(allowed)

    @cached_property
    def _scope(self) -> Callable[[frozenset[str]], Scope]:
        brief_ids, brief_of_chunk = self.brief_ids, self.chunks.brief
        return lru_cache(_SCOPES)(lambda allowed: scope_of(allowed, brief_ids, brief_of_chunk))

    def brief(self, brief_id: str) -> Brief:
        """The brief with its canonical text. :raises KeyError: if there is none of that id."""
        return self._brief(brief_id)

    def metadata(self, brief_id: str) -> Metadata:
        """A brief's metadata, from the manifest. :raises KeyError: if there is none of that id."""
        return self.manifest.briefs[brief_id].metadata

    @cached_property
    def chunks(self) -> ChunkTable:
        """The chunk table."""
        return ChunkTable(**{name: self._arrays[f"chunk_{name}"] for name in ChunkTable.__slots__})

    @cached_property
    def sentences(self) -> SentenceTable:
        """The sentence table."""
        return SentenceTable(**{name: self._arrays[f"sentence_{name}"] for name in SentenceTable.__slots__})

    @cached_property
    def brief_sizes(self) -> NDArray[np.int64]:
        """How many sentences each brief has, in the order of ``brief_ids``."""
        return np.bincount(self.sentences.brief, minlength=len(self.brief_ids))

    @cached_property
    def chunk_ids(self) -> list[str]:
        """Ids of the chunks, by position: hashes of brief, content and place."""
        ids: list[str] = self._arrays["chunk_id"].tolist()
        return ids

    @cached_property
    def chunk_positions(self) -> dict[str, int]:
        """Position in the chunk table by chunk id."""
        return {chunk_id: k for k, chunk_id in enumerate(self.chunk_ids)}

    def headings(self, chunk: int) -> tuple[str, ...]:
        """The path of headings above the chunk at a position, outermost first."""
        return self._headings[int(self.chunks.heading[chunk])]

    @cached_property
    def chunk_vectors(self) -> NDArray[np.float16]:
        """Unit vectors of the chunks, shape (chunks, d), memory-mapped: the same that Chroma holds."""
        return _map(self.folder / CHUNK_VECTORS)

    @cached_property
    def sentence_vectors(self) -> NDArray[np.float16]:
        """Unit vectors of the sentences, shape (sentences, d), memory-mapped."""
        return _map(self.folder / SENTENCE_VECTORS)

    @cached_property
    def token_vectors(self) -> NDArray[np.int8]:
        """Unit vectors, times 127, of the tokens of all sentences in their order, shape (tokens, t), memory-mapped.

        Empty for an embedder that shows no tokens.
        """
        return _map(self.folder / TOKEN_VECTORS)

    @cached_property
    def token_ends(self) -> NDArray[np.int64]:
        """Where in ``token_vectors`` each sentence ends, shape (sentences,); it starts where the one before ends."""
        return self._arrays["token_end"]

    @property
    def lexical(self) -> LexicalIndex:
        """The inverted index over sentences."""
        with self._opening:
            return self._lexical

    @property
    def vectors(self) -> VectorIndex:
        """The chunk vectors in Chroma; the first use imports it, which takes a second or two."""
        with self._opening:
            return self._vectors

    @cached_property
    def _lexical(self) -> LexicalIndex:
        path = self.folder / LEXICAL
        try:
            return LexicalIndex.open(path)
        except _DAMAGE as error:
            raise StoreBroken(f"{path}: {error}; {_REBUILD}") from error

    @cached_property
    def _vectors(self) -> VectorIndex:
        return VectorIndex.open(self._settings, self.folder, self.id)

    @cached_property
    def aliases(self) -> tuple[Alias, ...]:
        """Other names for the same thing that the briefs introduce, with the briefs that do."""
        rows = json.loads((self.folder / ALIASES).read_bytes())
        return tuple(Alias(row["short"], tuple(row["long"]), tuple(row["brief_ids"])) for row in rows)

    @cached_property
    def _headings(self) -> list[tuple[str, ...]]:
        return [tuple(path) for path in json.loads((self.folder / HEADINGS).read_bytes())]

    @cached_property
    def _arrays(self) -> Mapping[str, NDArray[Any]]:
        path = self.folder / ARRAYS
        try:
            with np.load(path) as arrays:
                return dict(arrays)
        except _DAMAGE as error:
            raise StoreBroken(f"{path}: {error}; {_REBUILD}") from error

    def check(self) -> None:
        """Whether all files are there and agree on how much they hold; Chroma is not opened.

        :raises StoreBroken: naming the first that does not.
        """
        missing = next((name for name in FILES if not (self.folder / name).exists()), None)
        if missing:
            raise StoreBroken(f"{self.folder / missing} is missing; {_REBUILD}")
        found = (len(self.chunks), len(self.chunk_vectors), len(self.sentences), len(self.sentence_vectors))
        expected = (self.manifest.chunks,) * 2 + (self.manifest.sentences,) * 2
        if int(self.token_ends[-1]) != len(self.token_vectors):
            raise StoreBroken(f"{self.folder / TOKEN_VECTORS} does not fit the sentences; {_REBUILD}")
        if found != expected:
            raise StoreBroken(f"{self.folder}: chunks and sentences number {found}, expected {expected}; {_REBUILD}")
        self.brief(self.brief_ids[-1])
        self.lexical  # noqa: B018  (opens it)
        if not self.manifest.recipe.vector_url and not (self.folder / FOLDER / DATABASE).is_file():
            raise StoreBroken(f"{self.folder}: no vectors there; {_REBUILD}")


def current_id(settings: Settings) -> str:
    """The id of the generation that answers now, at the cost of reading one small file.

    :raises StoreMissing: if nothing has been indexed.
    """
    return store.current_id(settings.store)


def open_current(settings: Settings) -> Generation:
    """The generation that answers now, checked against the settings.

    :raises StoreMissing: if nothing has been indexed.
    :raises StoreMismatch: if it was made with another embedder, chunk length or place for its vectors.
    :raises StoreBroken: if it does not open.
    """
    generation_id = current_id(settings)
    generation = Generation(store.folder_of(settings.store, generation_id), settings)
    made, wanted = generation.manifest.recipe, Recipe.of(settings)
    for what, found, expected in (
        ("embedder", made.embedder, wanted.embedder),
        ("chunk_chars", made.chunk_chars, wanted.chunk_chars),
        ("vector_url", made.vector_url or "none", wanted.vector_url or "none"),
    ):
        if found != expected:
            raise StoreMismatch(
                f"the index was made with {what} {found}, the settings say {expected}; run `briefs index`"
            )
    return generation


class GenerationReader:
    """The current generation for a long-lived process. One that was handed out stays open while it is in use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._generation: Generation | None = None

    def get(self) -> Generation:
        """The current generation, reopened if another one answers now. :raises StoreError: as ``open_current``."""
        with self._lock:
            if self._generation is None or self._generation.id != current_id(self._settings):
                self._generation = open_current(self._settings)
            return self._generation


def _read_manifest(path: Path) -> Manifest:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreBroken(f"{path}: {error.strerror}; {_REBUILD}") from error
    try:
        raw = json.loads(data)
        version = raw["recipe"]["schema_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreBroken(f"{path} is no manifest; {_REBUILD}") from error
    if version > SCHEMA:
        raise StoreMismatch(
            f"the index has layout {version}, this version reads {SCHEMA}; upgrade, or choose another store"
        )
    if version < SCHEMA:
        raise StoreBroken(f"the index has layout {version}, this version reads {SCHEMA}; run `briefs index`")
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        raise StoreBroken(f"{path} is no manifest ({error.errors()[0]['msg']}); {_REBUILD}") from error


def _open_briefs(path: Path) -> sqlite3.Connection:
    try:
        # Immutable: no locks and no side files, so that a store on a read-only disk can be read.
        return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    except sqlite3.Error as error:
        raise StoreBroken(f"{path}: {error}; {_REBUILD}") from error


def _read_brief(database: sqlite3.Connection, folder: Path, brief_id: str) -> Brief:
    try:
        row = database.execute("SELECT json FROM briefs WHERE id = ?", (brief_id,)).fetchone()
    except sqlite3.Error as error:
        raise StoreBroken(f"{folder / BRIEFS}: {error}; {_REBUILD}") from error
    if row is None:
        raise KeyError(brief_id)
    return BRIEF_JSON.validate_json(row[0])


def _map(path: Path) -> NDArray[Any]:
    try:
        # What has no rows cannot be mapped.
        mapped: NDArray[Any] = np.load(path, mmap_mode="r")
        return mapped
    except _DAMAGE as error:
        raise StoreBroken(f"{path}: {error}; {_REBUILD}") from error
