"""What the tests of labels share: briefs that could give each other away, and an index of any of them in a moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from conftest import ROOT

from assistant import Assistant
from index import store
from index.assembly import embed, segment, write_tables
from index.duplicates import near_duplicates
from index.embedding import Asked, Progress, Tokens, Vectors
from index.embedding.minilm import MiniLM
from index.generation import MANIFEST, Entry, Manifest, Recipe
from index.reading import iter_sources, read_brief
from index.settings import Settings
from index.types import Brief, Metadata, Span

DAY = dt.date(2026, 1, 5)
_STORY = (
    "The delegations met in Ankara for two days. They agreed to open three gates for trucks. A second round was set for "
    "March. Observers from four states were in the room. The minister called the outcome modest. Nobody signed a text. "
    "Both sides promised to keep the hotline open. The host paid for the travel. Talks about prisoners were left out. "
    "A list of forbidden goods was exchanged. Customs officers will meet every week. The gates open at dawn."
)


def _made() -> dict[str, tuple[str, str]]:
    """Title and body by id. What one brief holds decides what another would get, were it not for labels."""
    told = _STORY.split(". ")
    texts = {
        # A spelling: "zarghun" comes before "zarghuns" for who types "zarghunn", and is of the same stem.
        "a-gates": ("Gates", "Several zarghuns stayed shut. The zarghuns need repair, drivers said."),
        "z-gates": ("More gates", "Each zarghun has a guard. The zarghun at Spin Boldak has two."),
        # An abbreviation: who brings it first, and who else does.
        "b-pact": ("A pact", "The Joint Border Authority (JBA) was founded in May. JBA has nine members."),
        "c-pact": ("The authority", "The Joint Border Authority (JBA) met again. Its budget is four million."),
        "d-tolls": ("Tolls", "The Kalat Overland Transit Exchange raised its tolls in June. Drivers paid double."),
        "d-unit": (
            "A unit",
            "The Regional Trade Unit (RTU) keeps the books. RTU sold the Kalat Overland Transit Exchange (KATEX) in May.",
        ),
        # Nearly the same: the first and the last only by way of the middle one.
        "e-story": ("Ankara round", " ".join(f"{part}." for part in told)),
        "f-story": ("Ankara talks", " ".join(f"{part}." for part in [*told[2:], "Rain fell", "A tent was raised"])),
        "g-story": ("Ankara meeting", " ".join(f"{part}." for part in [*told[4:], "Rain fell", "A tent was raised"])),
        # Whose is it, in two tongues.
        "h-lines": ("Kunduria's red lines", "Kunduria will not host bases. Kunduria will not share its rivers."),
        "i-lines": ("Zaranj's red lines", "Zaranj will not open its archive. Zaranj will not pay tolls."),
        "j-lines": (
            "Positions",
            "Kunduria's red lines are bases and rivers. Zaranj's red lines are tolls and archives.",
        ),
    }
    # Many that fit equally well, more than either leg brings.
    waits = {f"k-wait-{k:03d}": ("Waiting trucks", "Trucks waited at the northern depot.") for k in range(45)}
    others = {
        f"l-note-{k:03d}": (f"Note {k}", f"Depot {k} counted {k + 3} lorries. The clerk at depot {k} went home.")
        for k in range(60)
    }
    return {**texts, **waits, **others}


def made_briefs() -> tuple[Brief, ...]:
    """The made-up ones, in the order of their ids."""
    found = []
    for number, (key, (title, body)) in enumerate(sorted(_made().items())):
        text = f"# {title}\n\n## What was seen at {key}\n\n{body}\n"
        actors = ("Kunduria (Valley administration)", "Zaranj") if "lines" in key else ()
        day = DAY + dt.timedelta(days=number % 40)
        metadata = Metadata(title, published=day, region=("Kunduria",) if key == "h-lines" else (), actors=actors)
        found.append(Brief(key, f"{key}.md", f"{number:064x}", text, ((0, len(text)),), metadata))
    return tuple(found)


def demonstration_briefs() -> tuple[Brief, ...]:
    """Those of the project's corpus."""
    settings = Settings(corpus=ROOT / "corpus")
    return tuple(read_brief(path, settings.corpus, settings) for path in iter_sources(settings.corpus)[0])


def labelled(brief: Brief, *labels: str) -> Brief:
    """The same brief for the groups ``labels`` alone."""
    return replace(brief, metadata=replace(brief.metadata, labels=labels))


class Remembering:
    """The embedded embedder, which embeds every text once in the life of the tests."""

    def __init__(self, inner: MiniLM) -> None:
        self.fingerprint, self.dimensions, self.whole_words = inner.fingerprint, inner.dimensions, inner.whole_words
        self._inner = inner
        self._asked: dict[str, Asked] = {}
        self._chunks: dict[tuple[str, tuple[Span, ...]], tuple[Vectors, Vectors, Tokens]] = {}

    def embed_question(self, text: str) -> Asked:
        if text not in self._asked:
            self._asked[text] = self._inner.embed_question(text)
        return self._asked[text]

    def embed_query(self, text: str) -> Vectors:
        return self.embed_question(text).vector

    def embed_texts(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        return self._inner.embed_texts(texts, progress)

    def embed_chunks(
        self, texts: Sequence[str], sentence_spans: Sequence[Sequence[Span]], progress: Progress | None = None
    ) -> tuple[Vectors, list[Vectors], list[Tokens]]:
        import numpy as np

        keys = [(text, tuple(spans)) for text, spans in zip(texts, sentence_spans, strict=True)]
        new = [key for key in dict.fromkeys(keys) if key not in self._chunks]
        if new:
            found = self._inner.embed_chunks([text for text, _ in new], [spans for _, spans in new], progress)
            self._chunks.update(zip(new, zip(*found, strict=True), strict=True))
        rows = [self._chunks[key] for key in keys]
        return np.stack([row[0] for row in rows]), [row[1] for row in rows], [row[2] for row in rows]


class Indexed(Assistant):
    """An assistant on an index of ``briefs``, made in ``folder`` without Chroma: only callers with labels can be answered."""

    def __init__(self, folder: Path, briefs: Iterable[Brief], embedder: Remembering, **changes: object) -> None:
        settings = Settings(corpus=folder, store=folder / "store").model_copy(update=changes)
        super().__init__(settings)
        self._known = embedder
        _write(settings, sorted(briefs, key=lambda brief: brief.source), embedder)

    @cached_property
    def _embedder(self) -> Remembering:
        return self._known


def _write(settings: Settings, briefs: Sequence[Brief], embedder: Remembering) -> None:
    segments = [segment(brief, settings.chunk_chars) for brief in briefs]
    folder = store.folder_of(settings.store, store.new_id() + store.PARTIAL)
    folder.mkdir(parents=True)
    vectors = embed(segments, embedder, settings.store / store.CACHE, lambda done, total: None)
    write_tables(folder, briefs, segments, vectors)
    manifest = Manifest(
        recipe=Recipe.of(settings),
        built_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=len(briefs)),
        briefs={b.id: Entry(source=b.source, sha256=b.sha256, metadata=b.metadata) for b in briefs},
        failed={},
        ignored={},
        near_duplicates=near_duplicates(briefs),
        chunks=len(vectors.chunks),
        sentences=len(vectors.sentences),
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(), encoding="utf-8")
    store.publish(settings.store, folder)
