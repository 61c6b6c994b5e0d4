"""Reading files: dispatch, metadata, refusals, and the invariants that every format keeps."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.errors import CorpusError, UnreadableBrief
from index.reading import SUFFIXES, extraction_json, iter_sources, read_brief, read_file
from index.settings import load_settings
from index.types import Extraction

LIMITS = load_settings()
FRONT = "---\nid: talks-1\ntitle: Talks\npublished: 2025-12-07\ntopics: trade\nactors: [Kabul, Islamabad]\n---\n"


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def body(extraction: Extraction) -> str:
    return "\n".join(extraction.text[start:end] for start, end in extraction.body)


def check(extraction: Extraction) -> None:
    position = 0
    for start, end in extraction.body:
        assert position <= start < end <= len(extraction.text)
        assert extraction.text[start:end].strip()
        position = end
    assert list(extraction.pages) == sorted(extraction.pages)
    assert all(0 <= page <= len(extraction.text) for page in extraction.pages)
    assert extraction.metadata.title
    json.dumps(extraction_json(extraction, "x"))


def test_markdown_is_the_file_itself_and_front_matter_is_no_body(tmp_path: Path) -> None:
    path = put(tmp_path, "a.md", FRONT + "# Heading\n\nThe border is shut.\r\nTrade fell.\n")
    found = read_file(path, LIMITS)
    check(found)
    assert found.text == path.read_text(encoding="utf-8")
    assert body(found) == "# Heading\n\nThe border is shut.\nTrade fell."
    assert found.brief_id == "talks-1"
    assert found.metadata.title == "Talks"
    assert found.metadata.published == dt.date(2025, 12, 7)
    assert found.metadata.topics == ("trade",)
    assert found.metadata.actors == ("Kabul", "Islamabad")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\n\t\r"), min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_offsets_of_any_text_are_those_of_the_file(tmp_path: Path, text: str) -> None:
    path = put(tmp_path, "a.md", text)
    try:
        found = read_file(path, LIMITS)
    except UnreadableBrief:
        return
    assert found.text == path.read_text(encoding="utf-8")
    check(found)


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(data=st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_no_bytes_raise_anything_but_unreadable(tmp_path: Path, suffix: str, data: bytes) -> None:
    path = put(tmp_path, f"a{suffix}", data)
    try:
        check(read_file(path, LIMITS))
    except UnreadableBrief as error:
        assert "\n" not in str(error)


def test_byte_order_mark_stays_in_the_text_but_not_in_the_body(tmp_path: Path) -> None:
    path = put(tmp_path, "a.txt", "\ufeffThe border is shut.")
    found = read_file(path, LIMITS)
    assert found.text == path.read_text(encoding="utf-8")
    assert body(found) == "The border is shut."


def test_utf16_with_a_mark_is_read(tmp_path: Path) -> None:
    assert read_file(put(tmp_path, "a.txt", "Grenze zu\r\n".encode("utf-16")), LIMITS).text == "Grenze zu\n"


def test_markup_only_lines_are_masked(tmp_path: Path) -> None:
    text = "One.\n\n![map](m.png)\n\n<!-- note -->\n\n---\n\n"
    text += "| a | b |\n|---|---|\n| 1 | 2 |\n\n[x]: http://e.org\n\nSee [two](http://e.org).\n"
    found = body(read_file(put(tmp_path, "a.md", text), LIMITS))
    assert [line for line in found.split("\n") if line] == [
        "One.",
        "| a | b |",
        "| 1 | 2 |",
        "See [two](http://e.org).",
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.md", b"", "0 bytes"),
        ("a.md", b" \n\t\n", "white space"),
        ("a.md", b"caf\xe9 au lait", "byte 3"),
        ("a.md", b"%PDF-1.4 ...", "holds PDF"),
        ("a.md", b"a\0b", "control character"),
        ("a.rtf", b"{\\rtf1 x}", "RTF"),
        ("a.xyz", b"hello", "format not read"),
        ("a.docx", b"PK\x03\x04rubbish", "broken ZIP"),
        ("a.docx", b"plain", "not DOCX"),
        ("a.pdf", b"plain", "not PDF"),
        ("a.pdf", b"%PDF-1.4 rubbish", "broken PDF"),
        ("a.html", b"no markup at all", "not HTML"),
        ("a.eml", b"no headers at all", "not mail"),
        ("a.md", b"---\ntitle: [a\n---\nx", "line 3"),
        ("a.md", b"---\ntitle: x\ntext goes on", "never closed"),
        ("a.md", b"---\ntitle: 12\n---\nx", "title: found a number '12', expected text"),
        ("a.md", b"---\npublished: soon\n---\nx", "published: found text 'soon', expected a day"),
        ("a.md", b"---\npublished: 2025-02-31\n---\nx", "month"),
        ("a.md", b"---\nsources:\n- UN: report\n---\nx", "sources: found a mapping in the list"),
        ("a.md", b"---\ntitle: a\ntitle: b\n---\nx", "line 3: title is given twice"),
        ("a.md", b"---\ntopics: &a [x]\nactors: *a\n---\nx", "aliases"),
        ("a.md", b"---\ntitle: " + b"[" * 5000 + b"\n---\nx", "broken metadata"),
    ],
)
def test_refusals_are_one_line_that_names_the_file(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    with pytest.raises(UnreadableBrief) as caught:
        read_file(put(tmp_path, name, content), LIMITS)
    assert says in str(caught.value)
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)


def test_bounds(tmp_path: Path) -> None:
    path = put(tmp_path, "a.md", "word " * 1000)
    with pytest.raises(UnreadableBrief, match=r"allowed are 0\.001 MB"):
        read_file(path, load_settings(max_file_mb=0.001))
    with pytest.raises(UnreadableBrief, match="5000 characters, allowed are 1000"):
        read_file(path, load_settings(max_brief_chars=1000))


def test_what_is_no_regular_file_is_refused_without_hanging(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.md")
    for path in (tmp_path / "a.md", tmp_path, tmp_path / "missing.md"):
        with pytest.raises(UnreadableBrief):
            read_file(path, LIMITS)


def test_a_rule_at_the_top_is_no_front_matter(tmp_path: Path) -> None:
    assert body(read_file(put(tmp_path, "a.md", "---\n\nThe border is shut.\n"), LIMITS)) == "The border is shut."


def test_unknown_keys_and_empty_values_are_no_error(tmp_path: Path) -> None:
    found = read_file(put(tmp_path, "a.md", "---\ntitle:\nauthor: X\n---\n# Real title\n\nText.\n"), LIMITS)
    assert found.metadata.title == "Real title"
    assert found.warnings == ("unknown keys left out: author",)


def test_fallbacks_for_title_and_day(tmp_path: Path) -> None:
    found = read_file(put(tmp_path, "readout-2025-11-09.txt", "The talks ended without a text."), LIMITS)
    assert found.metadata.title == "readout-2025-11-09"
    assert found.metadata.published == dt.date(2025, 11, 9)
    found = read_file(put(tmp_path, "notes.txt", "The Road to Doha\nThe talks ended."), LIMITS)
    assert found.metadata.title == "The Road to Doha"


def test_sidecar_overrides_and_counts_for_the_hash(tmp_path: Path) -> None:
    path = put(tmp_path, "sub/a.md", FRONT + "Text.\n")
    bare = read_brief(path, tmp_path, LIMITS)
    assert (bare.id, bare.source) == ("talks-1", "sub/a.md")
    assert bare.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    put(tmp_path, "sub/a.md.yaml", "title: Other\nlabels: staff\n")
    found = read_brief(path, tmp_path, LIMITS)
    assert (found.metadata.title, found.metadata.labels) == ("Other", ("staff",))
    assert found.metadata.topics == ("trade",)
    assert found.sha256 != bare.sha256
    put(tmp_path, "sub/a.md.yaml", "title: [\n")
    with pytest.raises(UnreadableBrief, match=r"a\.md\.yaml: line"):
        read_brief(path, tmp_path, LIMITS)


def test_id_is_the_path_without_suffix(tmp_path: Path) -> None:
    assert read_brief(put(tmp_path, "x/b.v2.txt", "Text here."), tmp_path, LIMITS).id == "x/b.v2"


def test_iter_sources(tmp_path: Path) -> None:
    for name in ("b.md", "a/c.TXT", "README.md", "_draft.md", ".x.md", "_sources/d.md", ".git/e.md", "b.md.yaml"):
        put(tmp_path, name, "x")
    for name in ("gone.pdf.yaml", "table.xlsx"):
        put(tmp_path, name, "x")
    (tmp_path / "out.md").symlink_to("/etc/hostname")
    briefs, ignored = iter_sources(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in briefs] == ["a/c.TXT", "b.md"]
    reasons = {path.name: reason for path, reason in ignored}
    assert set(reasons) == {"gone.pdf.yaml", "table.xlsx", "out.md"}
    assert "gone.pdf" in reasons["gone.pdf.yaml"]
    with pytest.raises(CorpusError, match="no such folder"):
        iter_sources(tmp_path / "nowhere")
