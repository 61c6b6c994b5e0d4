"""What the verbs of the command line do and print."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import TORKHAM, briefs, clean_environment, complaint, jsonl, objects, settle
from conftest import write_brief

from index.settings import Settings

ANSWER_KEYS = {
    "schema",
    "id",
    "question",
    "searched",
    "status",
    "text",
    "confidence",
    "statements",
    "citations",
    "nearest",
    "missing",
    "engine",
    "generation",
    "timings_ms",
    "usage",
}
CITATION_KEYS = {"label", "brief_id", "source", "title", "published", "quote", "start", "end", "page"}
HIT_KEYS = {"brief_id", "source", "start", "end", "text", "score", "rank"}


@pytest.fixture
def place(indexed: Settings, tmp_path: Path) -> Path:
    """A folder with a corpus and an index where the command looks for them by default."""
    return settle(indexed, tmp_path)


# index


def test_index_reports_what_changed(tmp_path: Path, corpus: Path) -> None:
    first = json.loads(briefs("index", "--json", cwd=tmp_path).stdout)
    assert sorted(first["added"]) == ["aid", "border", "talks", "trade"]
    write_brief(corpus, "border", "Border closure", "Pakistan reopened the Torkham crossing.")
    (corpus / "aid.md").unlink()
    write_brief(corpus, "floods", "Floods", "Rivers rose in Nangarhar.")
    (corpus / "figures.xlsx").write_bytes(b"PK\x03\x04")
    (corpus / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    done = briefs("index", cwd=tmp_path, expected=1)
    assert "1 added, 1 updated, 1 removed" in done.stdout
    for what, name in (
        ("added", "floods"),
        ("updated", "border"),
        ("removed", "aid"),
        ("skipped", "figures.xlsx"),
        ("failed", "broken.pdf"),
    ):
        assert any(what in line and name in line for line in done.stdout.splitlines()), (what, done.stdout)
    assert "nothing changed" in briefs("index", cwd=tmp_path, expected=1).stdout


def test_index_refuses_a_corpus_that_shrank(place: Path) -> None:
    for name in ("aid", "talks", "trade"):
        (place / "corpus" / f"{name}.md").unlink()
    assert "--allow-shrink" in complaint("index", cwd=place)
    assert "3 removed" in briefs("index", "--allow-shrink", cwd=place).stdout


# ask


def test_ask_keeps_the_contract_and_the_promise(place: Path) -> None:
    answer = json.loads(briefs("ask", TORKHAM, "--json", cwd=place).stdout)
    assert set(answer) == ANSWER_KEYS
    assert (answer["schema"], answer["id"], answer["status"]) == (1, None, "answered")
    assert answer["citations"]
    out = briefs("ask", TORKHAM, cwd=place).stdout
    for citation in answer["citations"]:
        assert set(citation) == CITATION_KEYS
        text = (place / "corpus" / citation["source"]).read_text(encoding="utf-8")
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        assert f"[{citation['label']}] {citation['title']}" in out
        assert f"{citation['source']}, characters {citation['start']} to {citation['end']}" in out
        assert citation["quote"] in out


def test_ask_abstains_with_the_nearest_briefs(place: Path) -> None:
    question = "Who won the football world cup in 2022?"
    answer = json.loads(briefs("ask", question, "--json", cwd=place).stdout)
    assert (answer["status"], answer["citations"]) == ("abstained", [])
    out = briefs("ask", question, cwd=place).stdout
    assert "Nearest briefs:" in out
    assert all(nearest["source"] in out for nearest in answer["nearest"])


def test_question_need_not_be_quoted(place: Path) -> None:
    answer = json.loads(briefs("ask", "--json", *TORKHAM.split(), cwd=place).stdout)
    assert answer["question"] == TORKHAM


def test_filters_leave_out_other_briefs(place: Path) -> None:
    write_brief(
        place / "corpus", "old", "Torkham", "Pakistan closed the Torkham crossing in May.", published="2019-05-01"
    )
    briefs("index", cwd=place)
    hits = json.loads(briefs("search", "Torkham", "--to", "2019-12-31", "--json", cwd=place).stdout)["hits"]
    assert [hit["source"] for hit in hits] == ["old.md"]
    assert briefs("search", "Torkham", "--region", "Mars", cwd=place).stdout == "Nothing found.\n"
    assert json.loads(briefs("ask", TORKHAM, "--region", "Mars", "--json", cwd=place).stdout)["status"] == "abstained"


# JSON lines


def test_lines_come_back_in_order_with_their_ids(place: Path) -> None:
    ids: list[Any] = ["a", 7, 1.5, None, ["x", {"y": 1}], {"k": "v"}, True, "ü\ud800"]
    rows = [{"id": given, "question": TORKHAM} for given in ids]
    out = objects(briefs("ask", "--jsonl", cwd=place, stdin=jsonl(*rows)).stdout)
    assert [row["id"] for row in out] == ids
    assert all(set(row) == ANSWER_KEYS and row["status"] == "answered" for row in out)


def test_bad_lines_are_named_and_the_others_answered(place: Path) -> None:
    good = {"id": 1, "question": TORKHAM}
    bad: list[tuple[bytes, Any, str]] = [
        (b"{not json", None, "not JSON"),
        (b'"a string"', None, "expected an object"),
        (b'{"id": "\xff"}', None, "not UTF-8"),
        (b"[" * 100_000, None, "not JSON"),
        (jsonl({"id": 2})[:-1], 2, "expected text"),
        (jsonl({"id": 3, "question": "  "})[:-1], 3, "empty"),
        (jsonl({"id": 4, "question": "x" * 100_000})[:-1], 4, "100,000"),
        (jsonl({"id": 5, "question": "Torkham \ud800?"})[:-1], 5, "no valid text"),
        (jsonl({"id": 6, "question": TORKHAM, "histroy": []})[:-1], 6, "'histroy'"),
        (jsonl({"id": 7, "question": TORKHAM, "history": [{"role": "system", "content": ""}]})[:-1], 7, "history"),
        (jsonl({"id": 8, "question": TORKHAM, "history": "before"})[:-1], 8, "history"),
    ]
    stdin = b"\xef\xbb\xbf" + jsonl(good) + b"\n" + b"".join(line + b"\n" for line, _, _ in bad) + jsonl(good)[:-1]
    done = briefs("ask", "--jsonl", cwd=place, stdin=stdin, expected=2)
    out = objects(done.stdout)
    assert len(out) == len(bad) + 2
    assert out[0]["status"] == out[-1]["status"] == "answered"
    for number, (row, (_, given, said)) in enumerate(zip(out[1:-1], bad, strict=True), start=3):
        assert row["id"] == given
        assert row["error"].startswith(f"line {number}: ")
        assert said in row["error"]
    assert (
        done.stderr
        == f'briefs: {len(bad)} of {len(bad) + 2} lines could not be answered; each has an "error" in the output\n'
    )


def test_each_line_is_answered_before_the_next_is_read(place: Path) -> None:
    command = [sys.executable, "-m", "assistant", "ask", "--jsonl"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=place, env=clean_environment(), **pipes) as running:
        assert running.stdin and running.stdout
        for given in range(2):
            running.stdin.write(jsonl({"id": given, "question": TORKHAM}))
            running.stdin.flush()
            assert json.loads(running.stdout.readline())["id"] == given
        running.stdin.close()
        assert running.wait(60) == 0


def test_history_resolves_a_follow_up(place: Path) -> None:
    history = [
        {"role": "user", "content": "When was the Torkham crossing closed?"},
        {"role": "assistant", "content": "In October."},
    ]
    row = {"id": 1, "question": "and why?", "history": history}
    (answer,) = objects(briefs("ask", "--jsonl", cwd=place, stdin=jsonl(row)).stdout)
    assert "Torkham" in answer["searched"]


def test_no_lines_are_no_error(place: Path) -> None:
    assert briefs("ask", "--jsonl", cwd=place, stdin=b"").stdout == ""


# search, show, extract


def test_search_objects(place: Path) -> None:
    found = json.loads(briefs("search", "Torkham", "--top-k", "2", "--json", cwd=place).stdout)
    assert set(found) == {"id", "hits"}
    assert [hit["rank"] for hit in found["hits"]] == [1, 2]
    for hit in found["hits"]:
        assert set(hit) == HIT_KEYS
        assert (place / "corpus" / hit["source"]).read_text(encoding="utf-8")[hit["start"] : hit["end"]] == hit["text"]
    (line,) = objects(
        briefs("search", "--jsonl", "--top-k", "2", cwd=place, stdin=jsonl({"id": "q", "question": "Torkham"})).stdout
    )
    assert line == {"id": "q", "hits": found["hits"]}
    assert "1. border.md" in briefs("search", "Torkham", cwd=place).stdout


@pytest.mark.parametrize("name", ["border", "border.md", "corpus/border.md"])
def test_show_accepts_id_source_and_path(place: Path, name: str) -> None:
    text = (place / "corpus" / "border.md").read_text(encoding="utf-8")
    assert briefs("show", name, "--text", cwd=place).stdout == text
    found = json.loads(briefs("show", name, "--json", cwd=place).stdout)
    assert (found["id"], found["source"], found["characters"]) == ("border", "border.md", len(text))
    assert "text" not in found
    assert "Border closure" in briefs("show", name, cwd=place).stdout


def test_show_suggests_names(place: Path) -> None:
    assert "did you mean border" in complaint("show", "bordr", cwd=place)


def test_extract_needs_no_index(tmp_path: Path) -> None:
    file = write_brief(tmp_path, "note", "A note", "One sentence.")
    found = json.loads(briefs("extract", str(file), "--json", cwd=tmp_path).stdout)
    assert set(found) == {"source", "title", "published", "metadata", "text", "body", "pages", "warnings"}
    assert found["text"] == file.read_text(encoding="utf-8")
    assert "One sentence." in briefs("extract", str(file), cwd=tmp_path).stdout


# doctor


def test_doctor_on_a_healthy_place(place: Path) -> None:
    found = json.loads(briefs("doctor", "--json", cwd=place, variables={"BRIEFS_EMBEDDER_KEY": "hush"}).stdout)
    assert found["ok"] is True
    assert {check["group"] for check in found["checks"]} == {"installed", "configured", "reachable", "stale"}
    settings = {value["name"]: value for value in found["settings"]}
    assert set(settings) == set(Settings.model_fields)
    assert settings["embedder_key"]["value"] == "(set)"
    assert settings["embedder_key"]["source"] == "variable BRIEFS_EMBEDDER_KEY"
    assert "hush" not in json.dumps(found)


def test_doctor_finds_what_is_stale(place: Path) -> None:
    write_brief(place / "corpus", "border", "Border closure", "Pakistan reopened the Torkham crossing.")
    write_brief(place / "corpus", "floods", "Floods", "Rivers rose in Nangarhar.")
    done = briefs("doctor", cwd=place)
    (line,) = [line for line in done.stdout.splitlines() if "since then" in line]
    assert "1 file new, 1 file changed" in line
    assert "-> briefs index" in done.stdout


@pytest.mark.parametrize(
    ("variables", "name", "remedy"),
    [
        ({}, "index", "briefs index"),
        ({"BRIEFS_VECTOR_URL": "chroma+http://127.0.0.1:9"}, "index", "briefs index"),
        ({"BRIEFS_CORPUS": "nowhere"}, "corpus", "pass --corpus DIR, or create it"),
        ({"BRIEFS_EMBEDDER": "word2vec"}, "embedder", "make setup, or see docs/settings.md"),
        ({"BRIEFS_COLOUR": "red"}, "settings", "mend the variable or briefs.toml"),
    ],
)
def test_doctor_names_the_remedy(corpus: Path, variables: dict[str, str], name: str, remedy: str) -> None:
    found = json.loads(briefs("doctor", "--json", cwd=corpus.parent, expected=1, variables=variables).stdout)
    failed = {check["name"]: check for check in found["checks"] if check["status"] == "fail"}
    assert failed[name]["remedy"] == remedy


def test_doctor_names_the_source_of_each_setting(place: Path) -> None:
    (place / "briefs.toml").write_text("chunk_chars = 800\nthreads = 1\n", encoding="utf-8")
    found = json.loads(
        briefs("doctor", "--json", "--corpus", "corpus", cwd=place, variables={"BRIEFS_THREADS": "2"}).stdout
    )
    sources = {value["name"]: (value["value"], value["source"]) for value in found["settings"]}
    assert sources["chunk_chars"] == ("800", "briefs.toml")
    assert sources["threads"] == ("2", "variable BRIEFS_THREADS")
    assert sources["corpus"] == ("corpus", "option --corpus")
    assert sources["store"] == (".briefs", "default")
