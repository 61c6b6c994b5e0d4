"""Reading a generation: tables that point back into the briefs, checks against the settings, reopening."""

from __future__ import annotations

import gc
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import write_brief

from index import store
from index.build import build
from index.embedding.minilm import MiniLM
from index.errors import StoreBroken, StoreMismatch, StoreMissing
from index.generation import (
    ARRAYS,
    BRIEFS,
    FILES,
    LEXICAL,
    MANIFEST,
    Generation,
    GenerationReader,
    current_id,
    open_current,
)
from index.reading import iter_sources, read_brief
from index.settings import Settings
from index.traits import Trait


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("built")
    corpus = folder / "corpus"
    write_brief(
        corpus,
        "b/long",
        "A long brief",
        "\n\n".join(f"## Part {k}\n\n" + f"Sentence {k} says this. " * 30 for k in range(4)),
    )
    write_brief(
        corpus,
        "a",
        "Étude",
        "- Kabul's first item, in full.\n- The second item — with a dash.\n\nÜber alles steht hier nichts.",
    )
    write_brief(corpus, "empty", "Only a title", "")
    settings = Settings(corpus=corpus, store=folder / "store", chunk_chars=400)
    build(settings)
    return settings


@pytest.fixture
def generation(built: Settings) -> Generation:
    return open_current(built)


def test_briefs_are_those_of_the_corpus(built: Settings, generation: Generation) -> None:
    expected = [read_brief(path, built.corpus, built) for path in iter_sources(built.corpus)[0]]
    assert [generation.brief(brief_id) for brief_id in generation.brief_ids] == expected
    assert [generation.metadata(brief.id) for brief in expected] == [brief.metadata for brief in expected]
    with pytest.raises(KeyError):
        generation.brief("nobody")


def test_tables_hang_together(generation: Generation) -> None:
    chunks, sentences = generation.chunks, generation.sentences
    assert (
        len(chunks) == len(generation.chunk_ids) == len(set(generation.chunk_ids)) == len(generation.chunk_vectors) > 4
    )
    assert len(sentences) == len(generation.sentence_vectors) == generation.manifest.sentences
    assert chunks.first[0] == 0 and chunks.last[-1] == len(sentences)
    assert (chunks.first[1:] == chunks.last[:-1]).all() and (np.diff(chunks.brief) >= 0).all()
    for k in range(len(chunks)):
        rows = slice(chunks.first[k], chunks.last[k])
        assert (sentences.chunk[rows] == k).all() and (sentences.brief[rows] == chunks.brief[k]).all()
        assert sentences.start[rows][0] == chunks.start[k] and sentences.end[rows][-1] == chunks.end[k]


def test_sentences_are_slices_of_the_briefs(generation: Generation) -> None:
    table = generation.sentences
    texts = [
        generation.brief(generation.brief_ids[b]).text[s:e]
        for b, s, e in zip(table.brief, table.start, table.end, strict=True)
    ]
    assert {"Kabul's first item, in full.", "The second item — with a dash.", "Étude", "Part 2"} <= set(texts)
    kinds = dict(zip(texts, zip(table.heading, table.item, strict=True), strict=True))
    assert kinds["Étude"] == (True, False) and kinds["The second item — with a dash."] == (False, True)
    assert Trait(int(table.traits[texts.index("Étude")])) & Trait.HEADING


def test_headings_and_positions(generation: Generation) -> None:
    paths = [generation.headings(k) for k in range(len(generation.chunks))]
    assert ("A long brief", "Part 3") in paths
    assert [generation.chunk_positions[chunk_id] for chunk_id in generation.chunk_ids] == list(range(len(paths)))


def test_vectors_are_unit_and_chroma_holds_the_same(generation: Generation, minilm: MiniLM) -> None:
    assert np.linalg.norm(generation.sentence_vectors.astype(np.float32), axis=1) == pytest.approx(1, abs=2e-3)
    query = minilm.embed_query("What is the second item?")
    exact = generation.chunk_vectors.astype(np.float32) @ query
    hits = generation.vectors.query(query, 3)
    assert [generation.chunk_positions[chunk_id] for chunk_id, _ in hits] == np.argsort(-exact, kind="stable")[
        :3
    ].tolist()
    assert [score for _, score in hits] == pytest.approx(np.sort(exact)[::-1][:3].tolist(), abs=2e-3)


def test_lexical_index_is_over_the_same_rows(generation: Generation) -> None:
    assert len(generation.lexical.sentences.lengths) == len(generation.sentences)
    assert len(generation.lexical.chunks.lengths) == len(generation.chunks)


def test_nothing_indexed_yet(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="briefs index"):
        open_current(Settings(store=tmp_path / "nowhere"))


@pytest.mark.parametrize("change", [{"embedder": "openai"}, {"chunk_chars": 500}, {"vector_url": "chroma+http://h"}])
def test_other_settings_are_a_mismatch_that_names_both(built: Settings, change: dict[str, object]) -> None:
    with pytest.raises(StoreMismatch, match="briefs index") as caught:
        open_current(built.model_copy(update=change))
    assert next(iter(change)) in str(caught.value) and str(next(iter(change.values()))) in str(caught.value)


def copy_of(built: Settings, tmp_path: Path) -> tuple[Settings, Path]:
    """A copy of the store that a test may damage, and the folder of its generation."""
    shutil.copytree(built.store, tmp_path / "copy")
    settings = built.model_copy(update={"store": tmp_path / "copy"})
    return settings, store.folder_of(settings.store, current_id(settings))


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(built: Settings, tmp_path: Path, name: str) -> None:
    settings, folder = copy_of(built, tmp_path)
    (folder / name).rename(tmp_path / "elsewhere")
    with pytest.raises(StoreBroken, match=name):
        open_current(settings).check()


@pytest.mark.parametrize("name", [MANIFEST, ARRAYS, BRIEFS, "chunk_vectors.npy", f"{LEXICAL}/vocabulary.json"])
@pytest.mark.parametrize("content", [b"", b"\x00garbage" * 200])
def test_a_damaged_file_is_one_line(built: Settings, tmp_path: Path, name: str, content: bytes) -> None:
    settings, folder = copy_of(built, tmp_path)
    (folder / name).write_bytes(content)
    with pytest.raises(StoreBroken) as caught:
        open_current(settings).check()
    assert "\n" not in str(caught.value) and "briefs index" in str(caught.value)


@pytest.mark.parametrize(("version", "error"), [(0, StoreBroken), (99, StoreMismatch)])
def test_other_layouts(built: Settings, tmp_path: Path, version: int, error: type[Exception]) -> None:
    settings, folder = copy_of(built, tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["recipe"]["schema_version"] = version
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(error, match=f"layout {version}"):
        open_current(settings)


@pytest.mark.parametrize("content", ["", "../../etc", "gone"])
def test_pointer_to_nothing(built: Settings, tmp_path: Path, content: str) -> None:
    settings, _ = copy_of(built, tmp_path)
    (settings.store / store.CURRENT).write_text(content)
    with pytest.raises(StoreBroken):
        open_current(settings)


def test_reader_follows_the_pointer_and_old_users_go_on(settings: Settings) -> None:
    build(settings)
    reader = GenerationReader(settings)
    old = reader.get()
    assert reader.get() is old
    vector = old.chunk_vectors[0].astype(np.float32)
    assert old.vectors.count() == len(old.chunk_ids)
    write_brief(settings.corpus, "fresh", "Fresh", "A new brief about the river Kunar.")
    build(settings)
    new = reader.get()
    assert new.id != old.id and "fresh" in new.brief_ids and "fresh" not in old.brief_ids
    assert old.vectors.query(vector, 1)[0][0] == old.chunk_ids[0] and old.brief(old.brief_ids[0]).text
    assert new.vectors.count() == old.vectors.count() + 1


def test_reader_is_safe_between_threads(built: Settings) -> None:
    reader = GenerationReader(built)

    def ask(_: int) -> int:
        generation = reader.get()
        for brief_id in generation.brief_ids * 20:
            assert generation.brief(brief_id).id == brief_id
        generation.vectors.query(generation.chunk_vectors[0].astype(np.float32), 2)
        return id(generation)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1


def test_dropped_generations_give_their_files_back(built: Settings) -> None:
    def opened() -> int:
        gc.collect()
        return sum(str(built.store) in str(link.resolve()) for link in Path("/proc/self/fd").iterdir())

    before = opened()
    for _ in range(3):
        generation = open_current(built)
        generation.check()
        generation.vectors.count()
        del generation
    assert opened() <= before
