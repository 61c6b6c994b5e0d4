"""Embedders: the embedded one, the bridge to LlamaIndex, and the cache of vectors."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from pydantic import SecretStr

from index import embedding
from index.embedding import Tokens, embed_separately, load_embedder
from index.embedding.cache import Rows, VectorCache, cache_key
from index.embedding.minilm import DIMENSIONS, FILES, FINGERPRINT, MAX_TOKENS, TOKEN_DIMENSIONS, MiniLM
from index.errors import ModelError, SettingsError
from index.settings import Settings

FIRST = "Kabul rejects the fence along the border."
SECOND = "Islamabad wants written guarantees."
PASSAGE = f"{FIRST} {SECOND}"
SPANS = [(0, len(FIRST)), (len(FIRST) + 1, len(PASSAGE))]


def test_near_meanings_have_near_vectors(minilm: MiniLM) -> None:
    query = minilm.embed_query("Who is against the border fence?")
    near, far = minilm.embed_texts([FIRST, "The recipe needs two eggs and a cup of milk."])
    assert query @ near > 0.4
    assert query @ far < 0.2


def test_vectors_have_unit_length_and_match_one_by_one(minilm: MiniLM) -> None:
    texts = [FIRST, "", "x", "Ω" * 3000, PASSAGE]
    vectors = minilm.embed_texts(texts)
    assert vectors.shape == (5, DIMENSIONS) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        assert minilm.embed_query(text) @ vector > 0.9999
    assert minilm.embed_texts([]).shape == (0, DIMENSIONS)


def test_late_sentences_know_their_chunk(minilm: MiniLM) -> None:
    chunks, sentences, _ = minilm.embed_chunks([PASSAGE], [SPANS])
    assert sentences[0].shape == (2, DIMENSIONS)
    assert np.allclose(chunks[0], minilm.embed_query(PASSAGE), atol=1e-5), "spans do not change the chunk's vector"
    alone = minilm.embed_texts([FIRST, SECOND])
    for late, own in zip(sentences[0], alone, strict=True):
        assert 0.5 < late @ own < 0.999


def test_a_sentence_beyond_the_window_gets_a_pass_of_its_own(minilm: MiniLM) -> None:
    filler = "word " * (MAX_TOKENS + 20)
    text = f"{FIRST} {filler}{SECOND}"
    spans = [(0, len(FIRST)), (len(text) - len(SECOND), len(text))]
    _, (rows,), _ = minilm.embed_chunks([text], [spans])
    own = minilm.embed_query(SECOND)
    assert np.allclose(rows[1], own, atol=1e-5)
    assert rows[0] @ minilm.embed_query(FIRST) < 0.999


def test_text_beyond_the_window_does_not_count(minilm: MiniLM) -> None:
    start = "word " * (MAX_TOKENS + 5)
    assert np.allclose(minilm.embed_query(start + FIRST), minilm.embed_query(start + SECOND), atol=1e-5)


def test_separate_sentences_are_texts_of_their_own() -> None:
    separate = MiniLM(late=False)
    assert separate.fingerprint != FINGERPRINT
    _, (rows,), _ = separate.embed_chunks([PASSAGE], [SPANS])
    assert np.allclose(rows, separate.embed_texts([FIRST, SECOND]), atol=1e-5)


def test_tokens_go_with_their_sentences(minilm: MiniLM) -> None:
    far = f"{FIRST} {'word ' * (MAX_TOKENS + 20)}{SECOND}"
    _, _, (near, beyond) = minilm.embed_chunks(
        [PASSAGE, far], [SPANS, [(0, len(FIRST)), (len(far) - len(SECOND), len(far))]]
    )
    for tokens in (near, beyond):
        assert tokens.vectors.shape == (int(tokens.counts.sum()), TOKEN_DIMENSIONS) and tokens.vectors.dtype == np.int8
        assert np.linalg.norm(tokens.vectors / 127, axis=1) == pytest.approx(1, abs=0.05)
    assert near.counts.tolist() == beyond.counts.tolist(), "also those of a sentence beyond the window"
    asked = minilm.embed_question(FIRST)
    assert np.allclose(asked.vector, minilm.embed_query(FIRST), atol=1e-6)
    best = (asked.tokens[1:-2] @ near.vectors.T / 127).argmax(axis=1)
    assert (best < near.counts[0]).all(), "each word is likest itself"
    assert [FIRST[start:end] for start, end in asked.spans[1:3]] == ["Kabul", "rejects"]


def test_an_old_cache_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with sqlite3.connect(path) as old:
        old.execute("CREATE TABLE vectors (embedder TEXT, key BLOB, rows BLOB)")
    cache = VectorCache(path, "e", 2)
    cache.put({b"k": ROWS})
    assert same(cache.get([b"k"])[b"k"], ROWS)
    cache.close()


def test_chunk_without_sentences(minilm: MiniLM) -> None:
    for embed in (minilm.embed_chunks, lambda texts, spans: embed_separately(minilm, texts, spans)):
        _, rows, _ = embed([FIRST, PASSAGE], [[], SPANS])
        assert [row.shape for row in rows] == [(0, DIMENSIONS), (2, DIMENSIONS)]


@limits(max_examples=30, deadline=None)
@given(st.text(max_size=400), st.data())
def test_any_text_with_any_spans(minilm: MiniLM, text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    chunks, (rows,), _ = minilm.embed_chunks([text.encode("utf-8", "replace").decode()], [spans])
    assert np.isfinite(chunks).all() and np.isfinite(rows).all() and rows.shape == (len(spans), DIMENSIONS)


def test_progress_counts_texts(minilm: MiniLM) -> None:
    seen: list[int] = []
    minilm.embed_texts([FIRST, SECOND, PASSAGE], seen.append)
    assert seen == [1, 2, 3]


def test_many_threads_may_ask_at_once(minilm: MiniLM) -> None:
    expected = minilm.embed_query(FIRST)
    with ThreadPoolExecutor(8) as pool:
        assert all(np.allclose(vector, expected, atol=1e-5) for vector in pool.map(minilm.embed_query, [FIRST] * 40))


def test_other_model_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    package, inside, _ = FILES["model"]
    monkeypatch.setitem(FILES, "model", (package, inside, "0" * 64))
    MiniLM()
    with pytest.raises(SettingsError, match="sha256"):
        MiniLM(verify=True)


def test_missing_model_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILES, "model", ("package_that_is_not_there", "model.onnx", ""))
    with pytest.raises(SettingsError, match="package-that-is-not-there is not installed"):
        MiniLM()


def test_fingerprint_says_what_the_embedder_says() -> None:
    for settings in (Settings(), Settings(embedder="index.embedding.llama:MiniLMEmbedding")):
        assert load_embedder(settings).fingerprint == embedding.fingerprint(settings)
    names = [
        embedding.fingerprint(Settings(embedder="openai", embedder_model=model, embedder_url=url))
        for model in ("a", "b")
        for url in ("", "http://h/v1")
    ]
    assert len(set(names)) == 4


@pytest.mark.parametrize("name", ["word2vec", "json:loads", "nowhere.at.all:Class", "json:nothing"])
def test_unknown_embedder_is_a_settings_error(name: str) -> None:
    with pytest.raises(SettingsError, match="setting embedder"):
        load_embedder(Settings(embedder=name))


def test_llamaindex_embedding_gives_the_same_vectors(minilm: MiniLM) -> None:
    adapter = load_embedder(Settings(embedder="index.embedding.llama:MiniLMEmbedding"))
    assert adapter.dimensions == DIMENSIONS
    assert np.allclose(adapter.embed_query(FIRST), minilm.embed_query(FIRST), atol=1e-5)
    assert np.allclose(adapter.embed_texts([FIRST, SECOND]), minilm.embed_texts([FIRST, SECOND]), atol=1e-5)
    chunks, (rows,), _ = adapter.embed_chunks([PASSAGE], [SPANS])
    assert np.allclose(rows, minilm.embed_texts([FIRST, SECOND]), atol=1e-5) and chunks.shape == (1, DIMENSIONS)


def test_llamaindex_pipeline_takes_the_embedding() -> None:
    from llama_index.core.ingestion import IngestionPipeline
    from llama_index.core.schema import TextNode

    from index.embedding.llama import MiniLMEmbedding

    (node,) = IngestionPipeline(transformations=[MiniLMEmbedding()]).run(nodes=[TextNode(text=FIRST)])
    assert node.embedding is not None and len(node.embedding) == DIMENSIONS


class Endpoint(BaseHTTPRequestHandler):
    """An OpenAI-compatible endpoint for embeddings: the vector of a text is (its length, 1)."""

    status: ClassVar[int] = 200
    seen: ClassVar[list[tuple[str | None, str]]] = []

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Endpoint.seen.append((self.headers["Authorization"], asked["model"]))
        rows = [
            {"object": "embedding", "index": k, "embedding": [len(text), 1]} for k, text in enumerate(asked["input"])
        ]
        answer = {"object": "list", "data": rows, "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
        body = json.dumps(answer if self.status == 200 else {"error": {"message": "who are you?"}}).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Settings]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    yield Settings(embedder="openai", embedder_model="some-model", embedder_url=url, embedder_key=SecretStr("sesame"))
    server.shutdown()
    server.server_close()


def test_openai_compatible_endpoint(endpoint: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Endpoint, "seen", [])
    embedder = load_embedder(endpoint)
    assert embedder.dimensions == 2
    rows = embedder.embed_texts(["abc", "a" * 30])
    assert rows == pytest.approx(np.array([[3, 1], [30, 1]]) / np.sqrt([[10], [901]]), abs=1e-4)
    assert set(Endpoint.seen) == {("Bearer sesame", "some-model")}


def test_endpoint_that_refuses_is_a_model_error(endpoint: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Endpoint, "status", 401)
    with pytest.raises(ModelError, match="who are you") as caught:
        load_embedder(endpoint).embed_query("hello")
    assert "sesame" not in str(caught.value) and "\n" not in str(caught.value)


TOKENS = Tokens(np.arange(8, dtype=np.int8).reshape(4, 2), np.array([3, 1], np.int32))
ROWS = Rows(np.arange(6, dtype=np.float16).reshape(3, 2), TOKENS)


def same(left: Rows, right: Rows) -> bool:
    return (
        np.array_equal(left.vectors, right.vectors)
        and np.array_equal(left.tokens.vectors, right.tokens.vectors)
        and np.array_equal(left.tokens.counts, right.tokens.counts)
    )


def test_cache_gives_back_what_it_got(tmp_path: Path) -> None:
    key = cache_key(PASSAGE, SPANS)
    cache = VectorCache(tmp_path / "cache.sqlite", "e", 2)
    cache.put({key: ROWS})
    assert cache.get([key, b"unknown"]).keys() == {key}
    assert same(cache.get([key])[key], ROWS)
    other = VectorCache(tmp_path / "cache.sqlite", "another embedder", 2)
    assert other.get([key]) == {}
    other.put({b"k": ROWS})
    cache.keep_only([])
    assert cache.get([key]) == {} and other.get([b"k"]).keys() == {b"k"}, "only this embedder's rows go"
    cache.close()
    other.close()


def test_cache_key_knows_text_and_spans() -> None:
    keys = {
        cache_key(PASSAGE, SPANS),
        cache_key(PASSAGE, SPANS[:1]),
        cache_key(PASSAGE + ".", SPANS),
        cache_key("", []),
    }
    assert len(keys) == 4


def test_cache_that_is_no_database_is_started_anew(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"not a database at all, but long enough to be one" * 100)
    cache = VectorCache(path, "e", 2)
    cache.put({b"k": ROWS})
    assert same(cache.get([b"k"])[b"k"], ROWS)
    cache.close()


def test_cache_takes_writers_at_once(tmp_path: Path) -> None:
    def write(worker: int) -> None:
        cache = VectorCache(tmp_path / "cache.sqlite", "e", 2)
        for k in range(20):
            cache.put({f"{worker}-{k}".encode(): ROWS})
        cache.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    cache = VectorCache(tmp_path / "cache.sqlite", "e", 2)
    assert len(cache.get(f"{worker}-{k}".encode() for worker in range(4) for k in range(20))) == 80
    cache.close()
