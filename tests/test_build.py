"""Building: what changes, what must not, and what a build that fails or is killed leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import write_brief

from index import store
from index.build import build, source_sha256
from index.errors import CorpusError, SettingsError, StoreBroken, StoreBusy, StoreError
from index.generation import CHUNK_VECTORS, current_id, open_current
from index.isolated import Step
from index.reading import iter_sources, read_brief
from index.settings import Settings
from index.vectors import DATABASE, FOLDER

ROOT = Path(__file__).resolve().parent.parent


def texts(settings: Settings) -> dict[str, str]:
    generation = open_current(settings)
    return {brief_id: generation.brief(brief_id).text for brief_id in generation.brief_ids}


def finds(settings: Settings) -> bool:
    """Whether the current generation finds each of its chunks by its own vector, and holds no others."""
    generation = open_current(settings)
    generation.check()
    found = [
        generation.vectors.query(vector.astype(np.float32), 1)[0][0] for vector in np.asarray(generation.chunk_vectors)
    ]
    return found == generation.chunk_ids and generation.vectors.ids() == set(found)


def files(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
        if path.name != store.LOCK
    }


def generations(settings: Settings) -> set[str]:
    return {path.name for path in (settings.store / store.GENERATIONS).iterdir()}


def test_a_life_of_a_corpus(any_backend: Settings) -> None:
    settings = any_backend
    first = build(settings)
    assert first.added == ("aid", "border", "talks", "trade") and first.embedded == first.chunks == 4
    assert finds(settings)

    before = files(settings.store)
    again = build(settings)
    assert again.generation == first.generation and again.unchanged == first.added and again.embedded == 0
    assert files(settings.store) == before, "an unchanged corpus writes nothing"

    write_brief(settings.corpus, "talks", "Talks in Doha", "A ceasefire was agreed in Doha, with Qatar as host.")
    write_brief(settings.corpus, "water", "Water", "The Kunar river feeds both countries.")
    (settings.corpus / "aid.md").unlink()
    second = build(settings)
    assert (second.added, second.updated, second.removed) == (("water",), ("talks",), ("aid",))
    assert second.unchanged == ("border", "trade") and second.embedded == 2
    found = texts(settings)
    assert list(found) == ["border", "talks", "trade", "water"]
    assert "Doha" in found["talks"] and "Istanbul" not in found["talks"]
    assert finds(settings)

    (settings.corpus / "trade.md").rename(settings.corpus / "routes.md")
    third = build(settings)
    assert (third.added, third.removed, third.embedded) == (("routes",), ("trade",), 0)
    assert finds(settings)
    assert generations(settings) == {second.generation, third.generation}, "the one before stays for its readers"


def test_delta_and_rebuild_give_the_same_index(indexed: Settings, tmp_path: Path) -> None:
    write_brief(indexed.corpus, "talks", "Talks in Doha", "A ceasefire was agreed in Doha.")
    build(indexed)
    delta = open_current(indexed)
    whole = indexed.model_copy(update={"store": tmp_path / "other"})
    build(whole)
    fresh = open_current(whole)
    assert delta.chunk_ids == fresh.chunk_ids
    assert np.array_equal(delta.chunk_vectors, fresh.chunk_vectors)
    assert np.array_equal(delta.sentence_vectors, fresh.sentence_vectors)


def test_other_settings_make_another_generation(indexed: Settings) -> None:
    first = build(indexed)
    second = build(indexed.model_copy(update={"chunk_chars": 300}))
    assert second.generation != first.generation and set(second.unchanged) == set(first.unchanged)


def test_hash_is_the_one_of_the_reader(settings: Settings) -> None:
    (settings.corpus / "aid.md.yaml").write_text("labels: [desk]\n", encoding="utf-8")
    for path in iter_sources(settings.corpus)[0]:
        assert source_sha256(path) == read_brief(path, settings.corpus, settings).sha256
    report = build(settings)
    assert open_current(settings).metadata("aid").labels == ("desk",)
    (settings.corpus / "aid.md.yaml").unlink()
    assert build(settings).updated == ("aid",) and report.failed == {}


def test_a_file_that_breaks_keeps_its_last_good_version(indexed: Settings) -> None:
    good = texts(indexed)["talks"]
    (indexed.corpus / "talks.md").write_bytes(b"half-saved \xff\xfe\x00")
    report = build(indexed)
    assert list(report.failed) == ["talks.md"] and "stays" in report.failed["talks.md"]
    assert report.removed == () and texts(indexed)["talks"] == good
    assert build(indexed).generation == report.generation, "the same failure again is no change"
    assert build(indexed, rebuild=True).failed.keys() == {"talks.md"} and texts(indexed)["talks"] == good
    (indexed.corpus / "talks.md").unlink()
    assert build(indexed).removed == ("talks",)


def test_a_new_file_that_cannot_be_read_is_reported(settings: Settings) -> None:
    (settings.corpus / "scan.pdf").write_bytes(b"not a PDF")
    (settings.corpus / "table.xlsx").write_bytes(b"PK")
    report = build(settings)
    assert list(report.failed) == ["scan.pdf"] and list(report.skipped) == ["table.xlsx"] and len(report.added) == 4


def test_two_briefs_with_one_id(settings: Settings) -> None:
    write_brief(settings.corpus, "z-copy", "Copy", "Another text under the same id.", id="talks")
    report = build(settings)
    assert "'talks' is taken by talks.md" in report.failed["z-copy.md"] and "Istanbul" in texts(settings)["talks"]
    write_brief(settings.corpus, "a-copy", "Copy", "The first by path has the id.", id="talks")
    assert build(settings).failed.keys() == {"talks.md", "z-copy.md"} and "by path" in texts(settings)["talks"]


def test_near_duplicates_are_named_newest_first(settings: Settings) -> None:
    body = "The crossing stayed closed while both sides blamed each other for the shots. " * 8
    write_brief(settings.corpus, "copy-old", "One title", body, published="2025-11-01")
    write_brief(settings.corpus, "copy-new", "One title", body, published="2025-12-01")
    assert build(settings).near_duplicates == (("copy-new", "copy-old"),)
    assert open_current(settings).manifest.near_duplicates == (("copy-new", "copy-old"),)


def test_a_brief_without_a_quotable_word(settings: Settings) -> None:
    (settings.corpus / "rule.md").write_text("---\ntitle: T\n---\n***\n", encoding="utf-8")
    report = build(settings)
    assert "rule" in (*report.added, *(Path(source).stem for source in report.failed)) and finds(settings)


def test_progress_goes_through_the_stages(settings: Settings) -> None:
    seen: list[tuple[str, int, int]] = []
    build(settings, lambda *step: seen.append(step))
    assert list(dict.fromkeys(stage for stage, _, _ in seen)) == ["reading", "embedding", "writing", "checking"]
    assert all(0 <= done <= total for _, done, total in seen) and ("embedding", 4, 4) in seen


def test_corpora_that_cannot_be_used(settings: Settings, tmp_path: Path) -> None:
    def refused(match: str, **change: object) -> None:
        with pytest.raises(CorpusError, match=match):
            build(settings.model_copy(update=change))

    refused("no such folder", corpus=tmp_path / "nowhere")
    refused("no such folder", corpus=settings.corpus / "talks.md")
    refused("inside the store", store=settings.corpus)
    refused("inside the store", store=settings.corpus.parent)
    refused("hidden folder", store=settings.corpus / "index")
    (tmp_path / "void").mkdir()
    refused("no readable brief", corpus=tmp_path / "void")
    (tmp_path / "void" / "empty.md").touch()
    refused(r"no readable brief: empty\.md", corpus=tmp_path / "void")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        build(settings.model_copy(update={"store": tmp_path / "file"}))
    with pytest.raises(SettingsError, match="vector_url"):
        build(settings.model_copy(update={"vector_url": "http://h"}))
    assert not (settings.store / store.CURRENT).exists()


def test_store_in_a_hidden_folder_of_the_corpus(settings: Settings) -> None:
    hidden = settings.model_copy(update={"store": settings.corpus / ".briefs"})
    first = build(hidden)
    assert build(hidden).generation == first.generation and len(first.added) == 4


def test_a_sync_that_emptied_the_corpus_is_refused(indexed: Settings) -> None:
    first = build(indexed)
    for name in ("aid", "border", "talks"):
        (indexed.corpus / f"{name}.md").unlink()
    with pytest.raises(CorpusError, match=r"lacks 3 of the 4 .*--allow-shrink"):
        build(indexed)
    assert current_id(indexed) == first.generation
    (indexed.corpus / "trade.md").rename(indexed.corpus / "routes.md")
    assert build(indexed, allow_shrink=True).removed == ("aid", "border", "talks", "trade")
    (indexed.corpus / "routes.md").unlink()
    for allow_shrink in (False, True):
        with pytest.raises(CorpusError, match="stay indexed"):
            build(indexed, allow_shrink=allow_shrink)
    assert list(texts(indexed)) == ["routes"]


def test_time_limit(indexed: Settings) -> None:
    first = build(indexed)
    write_brief(indexed.corpus, "fresh", "Fresh", "Something new.")
    with pytest.raises(StoreError, match="build_timeout_s"):
        build(indexed.model_copy(update={"build_timeout_s": 0.001}))
    assert current_id(indexed) == first.generation and generations(indexed) == {first.generation}


@pytest.mark.parametrize("name", [DATABASE, "arrays.npz"])
def test_a_damaged_index_is_built_anew(indexed: Settings, name: str) -> None:
    first = build(indexed)
    folder = store.folder_of(indexed.store, first.generation)
    next(folder.rglob(name)).write_bytes(b"damaged" * 100)
    second = build(indexed, rebuild=True)
    assert second.generation != first.generation and second.embedded == 0 and finds(indexed)


def test_a_damaged_database_does_not_spoil_the_delta(indexed: Settings) -> None:
    first = build(indexed)
    (store.folder_of(indexed.store, first.generation) / FOLDER / DATABASE).write_bytes(b"damaged" * 100)
    write_brief(indexed.corpus, "fresh", "Fresh", "Something new.")
    assert build(indexed).added == ("fresh",) and finds(indexed)


def test_the_probe_sees_what_is_wrong(indexed: Settings, tmp_path: Path) -> None:
    folder = store.folder_of(indexed.store, current_id(indexed))

    def probed(damage: str) -> None:
        copy = tmp_path / damage
        shutil.copytree(folder, copy)
        if damage == "vectors":
            np.save(copy / CHUNK_VECTORS, -np.load(copy / CHUNK_VECTORS))
        elif damage == "database":
            os.truncate(copy / FOLDER / DATABASE, 20_000)
        elif damage == "count":
            manifest = json.loads((copy / "manifest.json").read_text())
            (copy / "manifest.json").write_text(json.dumps({**manifest, "chunks": 99}))
        with Step("probe") as probe:
            probe.run(copy, indexed, 60)

    probed("nothing")
    for damage in ("vectors", "database", "count"):
        with pytest.raises(StoreBroken):
            probed(damage)


def test_a_step_that_hangs_is_stopped(indexed: Settings) -> None:
    folder = store.folder_of(indexed.store, current_id(indexed))
    with Step("probe") as probe:
        os.kill(probe.pid, signal.SIGSTOP)
        with pytest.raises(StoreError, match="was stopped after"):
            probe.run(folder, indexed, 0.3)
    with Step("probe") as probe:
        os.kill(probe.pid, signal.SIGKILL)
        with pytest.raises(StoreBroken, match="crashed"):
            probe.run(folder, indexed, 60)


BUILDER = """
import os, resource, signal, subprocess, sys
from pathlib import Path
from index import store
from index.build import build
from index.isolated import Step
from index.settings import Settings
point, limit = sys.argv[3], int(sys.argv[4])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def progress(stage, done, total):
    if stage == point:
        die()
if point == "renamed":
    store._fsync = lambda path: die() if path.name == store.GENERATIONS else None
if point == "published":
    Path.replace = (lambda real: lambda self, target: (real(self, target), die()))(Path.replace)
if point == "child":
    subprocess.Popen.wait = die
if point == "hold":
    progress = lambda *_: (print("held", flush=True), signal.pause())
build(Settings(corpus=sys.argv[1], store=sys.argv[2]), progress)
"""


def builder(settings: Settings, point: str, limit: int = 0) -> subprocess.Popen[str]:
    """A build in its own process that kills itself (or waits) at ``point``; no file may exceed ``limit`` bytes."""
    command = [sys.executable, "-c", BUILDER, str(settings.corpus), str(settings.store), point, str(limit)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, text=True, stdout=pipe, stderr=pipe)


@pytest.mark.parametrize("point", ["embedding", "child", "checking", "renamed"])
def test_killed_builds_leave_the_old_generation(indexed: Settings, point: str) -> None:
    first = build(indexed)
    write_brief(indexed.corpus, "fresh", "Fresh", "Something new on the river.")
    process = builder(indexed, point)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert current_id(indexed) == first.generation and finds(indexed)
    second = build(indexed)
    assert second.added == ("fresh",) and finds(indexed)
    assert generations(indexed) == {first.generation, second.generation}


def test_killed_right_after_the_swap(indexed: Settings) -> None:
    first = build(indexed)
    write_brief(indexed.corpus, "fresh", "Fresh", "Something new on the river.")
    process = builder(indexed, "published")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert current_id(indexed) != first.generation and finds(indexed)
    assert build(indexed).unchanged == ("aid", "border", "fresh", "talks", "trade")


def test_one_builder_at_a_time(settings: Settings) -> None:
    process = builder(settings, "hold")
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    try:
        with pytest.raises(StoreBusy, match=f"process {process.pid} on"):
            build(settings)
    finally:
        process.kill()
        process.communicate()
    assert len(build(settings).added) == 4, "a killed builder leaves no lock"


@pytest.mark.parametrize("limit", [30_000, 150_000])
def test_no_room_on_the_disk(indexed: Settings, limit: int) -> None:
    """The kernel refuses files beyond ``limit`` bytes, much as a full disk does."""
    first = build(indexed)
    write_brief(indexed.corpus, "fresh", "Fresh", "Something new on the river.")
    process = builder(indexed, "never", limit)
    _, said = process.communicate()
    assert process.returncode == 1
    assert said.strip().splitlines()[-1].startswith("index.errors.Store"), said
    assert current_id(indexed) == first.generation and generations(indexed) == {first.generation}
    assert finds(indexed)


def test_what_a_killed_build_embedded_is_not_embedded_again(settings: Settings) -> None:
    process = builder(settings, "checking")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert build(settings).embedded == 0


def test_children_end_with_their_parent(settings: Settings) -> None:
    process = builder(settings, "child")
    process.communicate()

    def orphans() -> list[str]:
        lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
        return [line for line in lines if "index.isolated" in line and sys.executable in line]

    deadline = time.monotonic() + 30
    while orphans() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert orphans() == []
