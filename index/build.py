"""From the corpus to a new generation: reads and embeds what changed, proves the result, then lets it answer."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from index import embedding, store
from index.assembly import embed, segment, write_tables
from index.duplicates import near_duplicates
from index.errors import CorpusError, StoreBroken, StoreError, StoreMissing, UnreadableBrief
from index.generation import MANIFEST, Entry, Generation, Manifest, Recipe
from index.isolated import Step
from index.reading import iter_sources, read_brief
from index.settings import Settings
from index.tracing import note, span, start
from index.types import Brief
from index.vectors import FOLDER as CHROMA_FOLDER
from index.vectors import drop

Progress = Callable[[str, int, int], None]
"""Called with the stage (reading, embedding, writing, checking), how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did. ``added`` to ``unchanged`` are brief ids; ``skipped`` and ``failed`` say why, by source.

    A failed file that was indexed before stays in the index as it was. ``chunks`` counts those of the generation,
    ``embedded`` those that no earlier build had embedded.
    """

    generation: str
    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    near_duplicates: tuple[tuple[str, ...], ...] = ()
    chunks: int = 0
    embedded: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Scan:
    """The corpus as it is now. ``fresh`` briefs were read; the others are as the previous generation has them."""

    entries: dict[str, Entry] = field(default_factory=dict)
    fresh: dict[str, Brief] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Job:
    """What every step of a build needs. ``deadline`` is on the monotonic clock, in seconds."""

    settings: Settings
    progress: Progress
    deadline: float
    steps: ExitStack = field(default_factory=ExitStack)

    def start_steps(self) -> tuple[Step, Step]:
        """The processes that write and that prove; they import Chroma while this one reads, on a core that idles then."""
        return self.steps.enter_context(Step("write")), self.steps.enter_context(Step("probe"))

    def left(self) -> float:
        """Seconds until the deadline. :raises StoreError: if it has passed."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise StoreError(
                "the build took longer than build_timeout_s; run it again (vectors are kept) or raise the limit"
            )
        return left


def build(
    settings: Settings, progress: Progress | None = None, *, allow_shrink: bool = False, rebuild: bool = False
) -> BuildReport:
    """Bring the index up to date. An unchanged corpus writes nothing; after a failure the old generation answers.

    ``allow_shrink`` lets more than half of the briefs vanish at once; ``rebuild`` reads all and writes all anew.

    :raises CorpusError: if the corpus is missing, has no readable brief, lost most of them, or overlaps the store.
    :raises StoreBusy: if another process builds.
    :raises StoreBroken: if the new generation does not pass its probe.
    :raises StoreError: if the build ran out of time or disk.
    :raises ModelError: if a hosted embedder fails.
    """
    start(settings)
    started = time.monotonic()
    _check_places(settings.corpus, settings.store)
    job = _Job(settings, progress or _silent, started + settings.build_timeout_s)
    try:
        with store.build_lock(settings.store), job.steps, span("index"):
            report = _build(job, allow_shrink, rebuild)
            note(briefs=len(report.added) + len(report.updated) + len(report.unchanged), chunks=report.chunks)
    except (OSError, sqlite3.OperationalError) as error:
        raise StoreError(
            f"{settings.store} cannot be written: {error}; what was indexed before is untouched"
        ) from error
    return replace(report, seconds=time.monotonic() - started)


def _silent(stage: str, done: int, total: int) -> None:
    pass


def _check_places(corpus: Path, store_folder: Path) -> None:
    """Neither may hold the other, except for a store in a hidden folder of the corpus, which is not read."""
    if not corpus.is_dir():
        raise CorpusError(f"corpus {corpus}: no such folder; create it or pass --corpus DIR")
    inner, outer = store_folder.resolve(), corpus.resolve()
    if outer.is_relative_to(inner):
        raise CorpusError(f"corpus {corpus} is inside the store {store_folder}; choose another store")
    if inner.is_relative_to(outer) and not any(part.startswith(".") for part in inner.relative_to(outer).parts):
        raise CorpusError(
            f"store {store_folder} is inside the corpus {corpus}; use a hidden folder such as {corpus / '.briefs'}"
        )


def _build(job: _Job, allow_shrink: bool, rebuild: bool) -> BuildReport:
    settings, progress = job.settings, job.progress
    previous = _previous(settings)
    _clear(settings, frozenset(), half_made_only=True)
    recipe = Recipe.of(settings)
    old = previous.manifest if previous else None
    early = job.start_steps() if previous is None or rebuild else None
    scan = _scan(settings, previous, progress, read_all=rebuild or not old or old.recipe.reader != recipe.reader)
    _check_size(settings, scan, old, allow_shrink)
    if previous and not rebuild and _same(previous.manifest, recipe, scan):
        return _report(previous.id, scan, previous.manifest, old, 0)
    partial = store.folder_of(settings.store, store.new_id() + store.PARTIAL)
    try:
        manifest, embedded = _assemble(job, partial, scan, recipe, previous)
        write, probe = early or job.start_steps()
        with span("write"):
            _write_vectors(job, partial, write, None if rebuild else previous)
        progress("checking", 0, 1)
        with span("prove"):
            probe.run(partial, settings, job.left())
        progress("checking", 1, 1)
        store.publish(settings.store, partial)
    except BaseException:
        job.steps.close()
        _discard(settings, partial)
        raise
    new_id = store.current_id(settings.store)
    _clear(settings, frozenset({new_id} | ({previous.id} if previous else set())))
    return _report(new_id, scan, manifest, old, embedded)


def _previous(settings: Settings) -> Generation | None:
    """The generation that answers, None if there is none or it is damaged.

    :raises StoreMismatch: if a newer version of the project made it.
    """
    try:
        generation = Generation(store.folder_of(settings.store, store.current_id(settings.store)), settings)
        generation.check()
        return generation
    except (StoreMissing, StoreBroken):
        return None


def _scan(settings: Settings, previous: Generation | None, progress: Progress, read_all: bool) -> _Scan:
    """Read what is new or changed, or all; what cannot be read any more stays as it is in the index."""
    sources, ignored = iter_sources(settings.corpus)
    scan = _Scan(ignored={path.relative_to(settings.corpus).as_posix(): reason for path, reason in ignored})
    known = (
        {entry.source: (brief_id, entry) for brief_id, entry in previous.manifest.briefs.items()} if previous else {}
    )
    for k, path in enumerate(sources):
        progress("reading", k, len(sources))
        source = path.relative_to(settings.corpus).as_posix()
        brief_id, entry = known.get(source, ("", None))
        fresh = None
        try:
            if entry is None or read_all or source_sha256(path) != entry.sha256:
                fresh = _read(path, settings)
                brief_id = fresh.id
                entry = Entry(source=source, sha256=fresh.sha256, metadata=fresh.metadata, warnings=fresh.warnings)
        except UnreadableBrief as error:
            kept = "; the version indexed before stays" if entry else ""
            scan.failed[source] = f"{error}{kept}"
        if entry is None:
            continue
        if brief_id in scan.entries:
            scan.failed[source] = (
                f"id {brief_id!r} is taken by {scan.entries[brief_id].source}; give one of the two another id"
            )
            continue
        scan.entries[brief_id] = entry
        if fresh:
            scan.fresh[brief_id] = fresh
    progress("reading", len(sources), len(sources))
    return scan


def _read(path: Path, settings: Settings) -> Brief:
    with span("read"):
        brief = read_brief(path, settings.corpus, settings)
        note(characters=len(brief.text))
    try:
        brief.text.encode()
    except UnicodeEncodeError as error:
        raise UnreadableBrief(
            f"{path.name}: half a surrogate pair at character {error.start}; save it as UTF-8"
        ) from error
    return brief


def source_sha256(path: Path) -> str:
    """``Brief.sha256`` of the brief in ``path``, without parsing it.

    :raises UnreadableBrief: if it cannot be opened.
    """
    digest = hashlib.sha256()
    sidecar = path.with_name(path.name + ".yaml")
    try:
        for part in (path, sidecar) if sidecar.is_file() else (path,):
            with part.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    except OSError as error:
        raise UnreadableBrief(f"{path.name}: cannot be opened ({error.strerror})") from error
    return digest.hexdigest()


def _check_size(settings: Settings, scan: _Scan, old: Manifest | None, allow_shrink: bool) -> None:
    """Refuse what looks like a sync that went wrong. A renamed brief has not vanished."""
    hashes = {entry.sha256 for entry in scan.entries.values()}
    before = old.briefs if old else {}
    gone = [
        brief_id for brief_id, entry in before.items() if brief_id not in scan.entries and entry.sha256 not in hashes
    ]
    if len(gone) * 2 > len(before) and not (allow_shrink and scan.entries):
        keep = "" if not scan.entries else "; if that is meant, pass --allow-shrink"
        raise CorpusError(
            f"corpus {settings.corpus} lacks {len(gone)} of the {len(before)} indexed briefs; these stay indexed{keep}"
        )
    if not scan.entries:
        why = next(
            (f": {reason}" for reason in scan.failed.values()), "; add .md, .txt, .html, .pdf, .docx or .eml files"
        )
        raise CorpusError(f"corpus {settings.corpus} has no readable brief{why}")


def _same(manifest: Manifest, recipe: Recipe, scan: _Scan) -> bool:
    return (
        manifest.recipe == recipe
        and list(manifest.briefs.items()) == list(scan.entries.items())
        and manifest.failed == scan.failed
        and manifest.ignored == scan.ignored
    )


def _assemble(
    job: _Job, partial: Path, scan: _Scan, recipe: Recipe, previous: Generation | None
) -> tuple[Manifest, int]:
    """Write everything but the vectors in Chroma."""
    settings = job.settings
    briefs = [scan.fresh.get(brief_id) or _kept(previous, brief_id) for brief_id in scan.entries]
    with span("chunk"):
        segments = [segment(brief, settings.chunk_chars) for brief in briefs]
        note(briefs=len(briefs), chunks=sum(len(one.chunks) for one in segments))
    embedder = embedding.load_embedder(settings, verify=True)

    def embedding_progress(done: int, total: int) -> None:
        job.progress("embedding", done, total)
        job.left()

    with span("embed"):
        vectors = embed(segments, embedder, settings.store / store.CACHE, embedding_progress)
        note(chunks=len(vectors.chunks), embedded=vectors.embedded)
    job.progress("writing", 0, 1)
    partial.mkdir(parents=True)
    write_tables(partial, briefs, segments, vectors)
    manifest = Manifest(
        recipe=recipe,
        built_at=dt.datetime.now(dt.UTC),
        briefs=scan.entries,
        failed=scan.failed,
        ignored=scan.ignored,
        near_duplicates=near_duplicates(briefs),
        chunks=len(vectors.chunks),
        sentences=len(vectors.sentences),
    )
    (partial / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return manifest, vectors.embedded


def _kept(previous: Generation | None, brief_id: str) -> Brief:
    assert previous is not None, "only the previous generation holds briefs that were not read"
    return previous.brief(brief_id)


def _write_vectors(job: _Job, partial: Path, write: Step, previous: Generation | None) -> None:
    """Chroma's part: a copy of the previous database brought up to date, or a new one where that does not work."""
    settings = job.settings
    if previous and _copyable(previous.manifest.recipe, settings):
        shutil.copytree(previous.folder / CHROMA_FOLDER, partial / CHROMA_FOLDER)
        try:
            write.run(partial, settings, job.left())
        except StoreBroken:
            shutil.rmtree(partial / CHROMA_FOLDER)
            with Step("write") as again:
                again.run(partial, settings, job.left())
    else:
        write.run(partial, settings, job.left())


def _copyable(made: Recipe, settings: Settings) -> bool:
    embedded = made.vector_url == settings.vector_url == ""
    return embedded and made.embedder == embedding.fingerprint(settings)


def _clear(settings: Settings, keep: frozenset[str], half_made_only: bool = False) -> None:
    """Delete generations that nobody needs. The one before the current stays, for readers that still have it open."""
    for folder in store.leftovers(settings.store, keep, half_made_only):
        _discard(settings, folder)


def _discard(settings: Settings, folder: Path) -> None:
    """Delete a generation; where the server does not answer, the folder stays as a reminder for the next build."""
    try:
        drop(settings, folder.name.removesuffix(store.PARTIAL))
    except StoreError:
        return
    store.remove(folder)


def _report(generation: str, scan: _Scan, manifest: Manifest, old: Manifest | None, embedded: int) -> BuildReport:
    before = old.briefs if old else {}
    now = manifest.briefs
    return BuildReport(
        generation=generation,
        added=tuple(brief_id for brief_id in now if brief_id not in before),
        updated=tuple(brief_id for brief_id in now if brief_id in before and now[brief_id] != before[brief_id]),
        removed=tuple(brief_id for brief_id in before if brief_id not in now),
        unchanged=tuple(brief_id for brief_id in now if now[brief_id] == before.get(brief_id)),
        skipped=scan.ignored,
        failed=scan.failed,
        warnings={entry.source: entry.warnings for entry in now.values() if entry.warnings},
        near_duplicates=manifest.near_duplicates,
        chunks=manifest.chunks,
        embedded=embedded,
    )
