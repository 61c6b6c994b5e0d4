"""Conversations are kept, checked against a changed index, and exported."""

from __future__ import annotations

import io
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import docx
import pytest
from command import clean_environment
from conftest import TOPICS, write_brief
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from markdown_it import MarkdownIt

from assistant import Assistant
from assistant.conversations import (
    HIDDEN,
    Checked,
    Conversation,
    ConversationStore,
    KeptTurn,
    allowed_to,
    check_citations,
    export,
    review,
    store,
    surroundings,
)
from assistant.conversations.export import GONE, UNCITED, escaped
from assistant.conversations.types import MAX_TITLE, UNTITLED, answer_from_json, short_title
from assistant.types import Answer, Citation, NearestBrief, Statement, Turn
from index.build import build
from index.errors import QuestionError, StoreBroken, StoreBusy, StoreError, StoreMismatch, StoreMissing
from index.generation import Generation, open_current
from index.settings import Settings
from index.types import Brief, Metadata

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
QUOTE = "Pakistan closed the Torkham crossing on 12 October 2025."


def cited(quote: str, label: int = 1, *, brief: str = "border", start: int = 0) -> Citation:
    return Citation(label, brief, f"{brief}.md", "Border closure", "2025-12-01", quote, start, start + len(quote))


def answered(question: str = "When was Torkham closed?", *citations: Citation) -> Answer:
    """An answer that states each quote."""
    kept = citations or (cited(QUOTE),)
    statements = tuple(Statement(citation.quote, (citation.label,)) for citation in kept)
    return Answer(question, "answered", "It was. [1]", 0.5, statements, kept, searched=question)


@pytest.fixture
def kept(tmp_path: Path) -> ConversationStore:
    return ConversationStore(tmp_path)


# store


def test_a_conversation_is_read_as_it_was_written(kept: ConversationStore) -> None:
    made = kept.create()
    answer = answered()
    abstained = Answer("why?", "abstained", "No.", 0.1, searched="x: why?", nearest=(NearestBrief("a", "a.md", "A"),))
    turns = tuple(kept.append(made.id, one) for one in (answer, abstained))
    found = ConversationStore(kept.path.parent).open(made.id)
    assert found.turns == turns
    assert [turn.answer for turn in found.turns] == [answer, abstained]
    assert [turn.searched for turn in found.turns] == ["When was Torkham closed?", "x: why?"]
    assert found.history == (
        Turn("user", answer.question),
        Turn("assistant", answer.text),
        Turn("user", "why?"),
        Turn("assistant", "No."),
    )
    assert (found.title, found.updated) == (answer.question, turns[-1].at)


def test_the_list_starts_with_the_last_one_written_to(kept: ConversationStore) -> None:
    assert kept.listed() == []
    first, second = kept.create(), kept.create("Named")
    assert [one.title for one in kept.listed()] == ["Named", UNTITLED]
    kept.append(first.id, answered())
    assert [(one.id, one.turns) for one in kept.listed()] == [(first.id, 1), (second.id, 0)]
    kept.append(second.id, answered())
    assert kept.listed()[0].title == "Named"


def test_owners_do_not_see_each_other(kept: ConversationStore) -> None:
    made = kept.create("Ours", owner="ann")
    kept.append(made.id, answered(), owner="ann")
    for stranger in ("", "bob", "ANN", "ann' OR '1'='1"):
        assert kept.listed(owner=stranger) == []
        for act in (
            lambda owner: kept.open(made.id, owner),
            lambda owner: kept.append(made.id, answered(), owner),
            lambda owner: kept.rename(made.id, "Theirs", owner),
            lambda owner: kept.delete(made.id, owner),
        ):
            with pytest.raises(StoreMissing, match="no conversation"):
                act(stranger)
    assert (kept.open(made.id, "ann").title, len(kept.open(made.id, "ann").turns)) == ("Ours", 1)


def test_titles_are_short_lines(kept: ConversationStore) -> None:
    made = kept.create()
    kept.append(made.id, answered("why " * 200))
    title = kept.open(made.id).title
    assert len(title) <= MAX_TITLE
    assert title.endswith("why…")
    assert kept.rename(made.id, " a\n\x1b[31m\u202eb\ud800 ") == "a [31m b"
    assert kept.open(made.id).title == kept.listed()[0].title == "a [31m b"
    assert kept.rename(made.id, " ") == UNTITLED


@given(st.text(max_size=300))
def test_any_text_gives_a_title(text: str) -> None:
    title = short_title(text)
    assert 0 < len(title) <= MAX_TITLE
    assert title.isprintable()
    assert short_title(title) == title


def test_deleted_is_gone_from_the_disk(kept: ConversationStore) -> None:
    secret = "the minister's unlisted number"
    others = kept.create()
    kept.append(others.id, answered())
    made = kept.create()
    for _ in range(20):
        kept.append(made.id, answered(secret, cited(secret)))
    with sqlite3.connect(kept.path) as reader:  # somebody else has the file open: the log stays
        reader.execute("SELECT count(*) FROM turns").fetchall()
        kept.delete(made.id)
        written = b"".join(path.read_bytes() for path in kept.path.parent.iterdir())
    reader.close()
    assert secret.encode() not in written
    assert [one.id for one in kept.listed()] == [others.id]
    with pytest.raises(StoreMissing):
        kept.append(made.id, answered())


def test_only_its_user_may_read_the_file(kept: ConversationStore) -> None:
    kept.create()
    assert kept.path.stat().st_mode & 0o077 == 0


WRITER = """
import sys
from pathlib import Path
from assistant.conversations import ConversationStore
from assistant.types import Answer
kept = ConversationStore(Path(sys.argv[1]))
made = kept.create(sys.argv[2])
print(made.id, flush=True)
for number in range(int(sys.argv[3])):
    kept.append(made.id, Answer(f"question {number} " + "x" * 3000, "abstained", "No.", 0.0))
    print(number, flush=True)
"""


def writer(folder: Path, title: str, turns: int) -> subprocess.Popen[str]:
    """A process that acknowledges each turn once it is kept."""
    command = [sys.executable, "-c", WRITER, str(folder), title, str(turns)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment())


def test_what_was_acknowledged_survives_a_kill(kept: ConversationStore) -> None:
    for acknowledged in (1, 7, 30):
        with writer(kept.path.parent, "killed", 100_000) as running:
            assert running.stdout
            made = running.stdout.readline().strip()
            for _ in range(acknowledged):
                running.stdout.readline()
            os.kill(running.pid, signal.SIGKILL)
            last = acknowledged - 1 + len(running.stdout.read().split())
        turns = kept.open(made).turns
        assert len(turns) >= last + 1
        assert [turn.question.split()[1] for turn in turns] == [str(k) for k in range(len(turns))]
    with sqlite3.connect(kept.path) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()


def test_processes_and_threads_write_at_once(kept: ConversationStore) -> None:
    shared: list[str] = []

    def write() -> None:
        made = kept.create("thread")
        for _ in range(10):
            kept.append(made.id, answered())
        shared.append(made.id)

    running = [writer(kept.path.parent, "process", 10) for _ in range(3)]  # the first of them makes the file
    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in running:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert len(shared) == 3
    assert sorted((one.title, one.turns) for one in kept.listed()) == [("process", 10)] * 3 + [("thread", 10)] * 3


def test_an_older_file_is_brought_up_to_date(kept: ConversationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    made = kept.create()
    kept.append(made.id, answered())
    step = ("ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0",)
    monkeypatch.setattr(store, "MIGRATIONS", (*store.MIGRATIONS, step))
    assert len(kept.open(made.id).turns) == 1
    with sqlite3.connect(kept.path) as database:
        assert database.execute("SELECT pinned FROM conversations").fetchall() == [(0,)]
        assert database.execute("PRAGMA user_version").fetchone() == (2,)
    database.close()
    monkeypatch.undo()
    with pytest.raises(StoreMismatch, match="version 2, this version of the project reads 1"):
        kept.listed()


def complaint_of(kept: ConversationStore) -> StoreError:
    with pytest.raises(StoreError) as caught:
        kept.create()
    assert str(kept.path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_file_that_is_no_database_is_named(kept: ConversationStore) -> None:
    kept.path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    assert isinstance(complaint_of(kept), StoreBroken)
    kept.path.unlink()
    kept.path.mkdir()
    assert isinstance(complaint_of(kept), StoreBroken)


def test_a_damaged_file_is_named(kept: ConversationStore) -> None:
    made = kept.create()
    for _ in range(20):
        kept.append(made.id, answered("x" * 1000))
    data = kept.path.read_bytes()
    kept.path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with pytest.raises(StoreBroken, match="damaged"):
        kept.open(made.id)


def test_a_damaged_answer_can_still_be_deleted(kept: ConversationStore) -> None:
    made = kept.create()
    kept.append(made.id, answered())
    for damaged in ("{", "[]", "{}", '{"schema": 1}', '{"schema": "1"}'):
        with sqlite3.connect(kept.path) as database:
            database.execute("UPDATE turns SET answer = ?", (damaged,))
        database.close()
        with pytest.raises(StoreBroken, match="cannot be read"):
            kept.open(made.id)
    kept.delete(made.id)


def test_a_file_held_by_another_is_busy(kept: ConversationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.create()
    monkeypatch.setattr(store, "WAIT_S", 0.05)
    other = sqlite3.connect(kept.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert isinstance(complaint_of(kept), StoreBusy)
    assert len(kept.listed()) == 1, "reading waits for nobody"
    other.close()


words = st.text(st.characters(codec="utf-8"), max_size=20)
citations = st.builds(
    Citation, st.integers(1, 9), words, words, words, st.none() | words, words, st.integers(0, 99), st.integers(0, 99)
)
answers = st.builds(
    Answer,
    question=words,
    status=st.sampled_from(["answered", "partial", "abstained"]),
    text=words,
    confidence=st.sampled_from([0.0, 0.25, 1.0]),
    statements=st.lists(st.builds(Statement, words, st.tuples(st.integers(1, 9)), words, words), max_size=2).map(tuple),
    citations=st.lists(citations, max_size=2).map(tuple),
    nearest=st.lists(st.builds(NearestBrief, words, words, words), max_size=2).map(tuple),
    searched=words,
    missing=words,
    verdicts=st.lists(st.dictionaries(words, words, max_size=2), max_size=2).map(tuple),
    readings=st.lists(words, max_size=2).map(tuple),
    truncated=st.booleans(),
    usage=st.dictionaries(words, st.integers(), max_size=2),
)


@given(answers)
def test_an_answer_survives_json(answer: Answer) -> None:
    assert answer_from_json(answer.to_json()) == answer
    later = {**answer.to_json(), "colour": [{"x": 1}], "length": 3}
    assert answer_from_json(later) == answer
    with pytest.raises(StoreMismatch):
        answer_from_json({**answer.to_json(), "schema": 2})


# citations in a changed index


@pytest.fixture
def before(indexed: Settings) -> tuple[Citation, ...]:
    """Citations of the border brief as it is now."""
    brief = open_current(indexed).brief("border")
    start = brief.text.index(QUOTE)
    return (replace(cited(QUOTE), start=start, end=start + len(QUOTE)),)


def standing_of(generation: Generation, kept: tuple[Citation, ...], allowed: frozenset[str] | None = None) -> Checked:
    (checked,) = check_citations(generation, kept, allowed)
    if checked.standing == "gone":
        assert checked.citation == kept[0], "what was quoted is kept"
    else:
        now = checked.citation
        assert generation.brief(now.brief_id).text[now.start : now.end] == now.quote
        assert now.quote.split() == kept[0].quote.split()
    return checked


def test_unchanged_words_are_current(indexed: Settings, before: tuple[Citation, ...]) -> None:
    assert standing_of(open_current(indexed), before) == Checked(before[0], "current")


def test_changed_words_are_moved_or_gone(indexed: Settings, before: tuple[Citation, ...]) -> None:
    bodies = {
        "later": (f"News first. {QUOTE}", "moved"),
        "twice": (f"{QUOTE} {'Filler stands here. ' * 20}\n\n{QUOTE}", "moved"),
        "wrapped": (QUOTE.replace("Torkham crossing", "Torkham\ncrossing"), "moved"),
        "changed": ("Pakistan closed the Chaman crossing on 12 October 2025.", "gone"),
        "inside": (f"Un{QUOTE}", "gone"),
    }
    for name, (body, _) in bodies.items():
        write_brief(indexed.corpus, name, "Border, revised", body, published="2026-01-02")
    build(indexed)
    generation = open_current(indexed)
    for name, (_, standing) in bodies.items():
        checked = standing_of(generation, (replace(before[0], brief_id=name),))
        assert checked.standing == standing, name
        if standing == "moved":
            assert (checked.citation.title, checked.citation.published) == ("Border, revised", "2026-01-02")
            assert checked.citation.source == f"{name}.md"
    text = generation.brief("twice").text  # of two places the nearer one counts
    for start, nearest in ((0, text.index(QUOTE)), (len(text), text.rindex(QUOTE))):
        there = replace(before[0], brief_id="twice", start=start, end=start + len(QUOTE))
        assert standing_of(generation, (there,)).citation.start == nearest


def test_a_brief_that_left_is_gone_and_one_that_is_hidden_is_told_apart(
    indexed: Settings, before: tuple[Citation, ...]
) -> None:
    generation = open_current(indexed)
    (hidden,) = check_citations(generation, before, frozenset({"aid"}))
    assert hidden == Checked(Citation(1, "", "", HIDDEN, None, "", 0, 0), "hidden")
    assert standing_of(generation, before, frozenset({"border"})).standing == "current"
    (indexed.corpus / "border.md").unlink()
    build(indexed)
    assert standing_of(open_current(indexed), before).standing == "gone"


def test_labels_decide_what_is_hidden(indexed: Settings, before: tuple[Citation, ...]) -> None:
    write_brief(indexed.corpus, "border", *TOPICS["border"], labels="[staff]")
    build(indexed)
    generation = open_current(indexed)
    for labels, standing in ((None, "moved"), (frozenset({"staff"}), "moved"), (frozenset[str](), "hidden")):
        (checked,) = check_citations(generation, before, allowed_to(generation, labels))
        assert checked.standing == standing


def test_of_a_hidden_brief_nothing_is_left(indexed: Settings, before: tuple[Citation, ...]) -> None:
    other = replace(cited("Islamabad let aid trucks pass.", 2, brief="aid"))
    answer = replace(
        answered("When?", before[0], other),
        text=f"{QUOTE} [1] Islamabad let aid trucks pass. [2]",
        nearest=(NearestBrief("border", "border.md", "Border closure"), NearestBrief("aid", "aid.md", "Aid corridor")),
        raw=QUOTE,
        verdicts=({"text": QUOTE},),
    )
    shown, checked = review(open_current(indexed), answer, frozenset({"aid"}))
    assert [one.standing for one in checked] == ["hidden", "moved"]
    assert [statement.text for statement in shown.statements] == [HIDDEN, "Islamabad let aid trucks pass."]
    assert "Torkham" not in str(shown)
    assert "border" not in str(shown).lower()
    assert review(open_current(indexed), answer)[0].text == answer.text


def test_surroundings_are_the_sentences_next_to_it() -> None:
    text = "One came first. Two has several words. Three followed it. Four was far away."
    brief = Brief("x", "x.md", "", text, ((0, len(text)),), Metadata("X"))
    start = text.index("several")
    assert surroundings(brief, start, start + 7) == ("One came first. Two has ", " words. Three followed it.")
    assert surroundings(brief, text.index("Four"), len(text)) == ("Three followed it.", "")
    assert surroundings(brief, 0, 0) == ("", "")


# export


INJECTION = """<script>alert(1)</script> [pay](http://evil.example) ![x](http://evil.example/x.png) *not* #1 `a` | b
# Head
- item
1. one
> q
---
[^1]: note
    code"""


def conversation_of(*made: Answer) -> Conversation:
    at = "2026-01-02T03:04:05.000000+00:00"
    turns = tuple(KeptTurn(one.question, one.searched or one.question, one, at) for one in made)
    return Conversation("0" * 16, "A title", at, at, turns)


@pytest.fixture
def exported(indexed: Settings) -> tuple[Conversation, Generation]:
    """A real conversation, then one whose quote the brief never held."""
    assistant = Assistant(indexed)
    first = assistant.ask("When was the Torkham crossing closed?")
    second = assistant.ask("and why?", conversation_of(first).history)
    hostile = answered("What <b>now</b>?", cited(INJECTION))
    return conversation_of(first, second, hostile, assistant.ask("Who won the 2022 world cup?")), assistant.generation


def test_markdown_holds_everything_with_footnotes(exported: tuple[Conversation, Generation]) -> None:
    conversation, generation = exported
    text = export(conversation, generation, ".md").decode()
    numbers = re.findall(r"^\[\^(\d+)\]: ", text, re.M)
    count = sum(len(turn.answer.citations) for turn in conversation.turns)
    assert numbers == [str(k) for k in range(1, count + 1)]
    assert set(re.findall(r"(?<!^)\[\^(\d+)\]", text)) == set(numbers)
    assert f"    > {QUOTE}" in text
    assert "**Border closure** (border.md, 2025-12-01)." in text
    assert "*Searched: When was the Torkham crossing closed: why?*" in text
    assert "The briefs do not answer this." in text
    assert text.count(GONE) == 1


def test_markdown_of_hostile_text_is_only_text(exported: tuple[Conversation, Generation]) -> None:
    text = export(exported[0], exported[1], ".md").decode()
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or ()}
    assert not kinds.intersection({"html_block", "html_inline", "link_open", "image", "code_inline", "fence", "hr"})
    shown = [token.content for token in tokens if token.type == "heading_open"]
    assert len(shown) == 1 + len(exported[0].turns)
    assert "\\<script\\>alert(1)\\</script\\>" in text


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60))
def test_escaped_text_shows_exactly_its_words(line: str) -> None:
    """Whatever a line holds, Markdown shows it as one paragraph of plain text."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(escaped(line))
    if not line.split():
        assert tokens == []
        return
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children) == " ".join(line.split())


def test_word_has_real_footnotes(exported: tuple[Conversation, Generation]) -> None:
    conversation, generation = exported
    data = export(conversation, generation, ".docx")
    package = zipfile.ZipFile(io.BytesIO(data))
    notes = etree.fromstring(package.read("word/footnotes.xml"))
    body = etree.fromstring(package.read("word/document.xml"))
    referred = [note.get(f"{W}id") for note in body.iter(f"{W}footnoteReference")]
    held = [note.get(f"{W}id") for note in notes if note.get(f"{W}type") is None]
    assert referred == held == [str(k) for k in range(1, len(held) + 1)]
    assert len(held) == sum(len(turn.answer.citations) for turn in conversation.turns)
    assert b"footnotes+xml" in package.read("[Content_Types].xml")
    said = ["".join(note.itertext()) for note in notes if note.get(f"{W}type") is None]
    assert said[0].startswith(" Border closure (border.md, 2025-12-01).")
    assert QUOTE in said[0]
    assert [GONE in note for note in said].count(True) == 1
    assert "<script>alert(1)</script>" in said[-1]
    shown = [paragraph.text for paragraph in docx.Document(io.BytesIO(data)).paragraphs]
    assert shown[0] == "A title"
    assert "What <b>now</b>?" in shown
    styles = {style.name for style in docx.Document(io.BytesIO(data)).styles}
    assert {"footnote text", "footnote reference"} <= styles


def test_word_takes_characters_that_xml_cannot_hold(indexed: Settings) -> None:
    hostile = answered("a\x00b\x0bc\ufffed", cited("x\x01y"))
    data = export(conversation_of(hostile), open_current(indexed), ".docx")
    assert "a\ufffdb c\ufffdd" in [paragraph.text for paragraph in docx.Document(io.BytesIO(data)).paragraphs]


@pytest.mark.parametrize("suffix", [".md", ".docx"])
def test_export_marks_what_nothing_supports_and_what_is_hidden(indexed: Settings, suffix: str) -> None:
    bare = replace(answered(), statements=(Statement("A bare claim.", ()), Statement(QUOTE, (1,))))
    data = export(conversation_of(bare), open_current(indexed), suffix, frozenset())
    if suffix == ".docx":
        package = zipfile.ZipFile(io.BytesIO(data))
        data = package.read("word/document.xml") + package.read("word/footnotes.xml")
    text = re.sub("<[^>]+>", "", data.decode())
    assert f"A bare claim. {UNCITED}" in text
    assert HIDDEN in text
    assert "Torkham" not in text.replace("When was Torkham closed?", "")
    assert "border.md" not in text


def test_export_strikes_out_what_is_not_supported_but_cited(indexed: Settings) -> None:
    claims = (Statement(QUOTE, (1,)), Statement("It was *never* closed.", (1,), unsupported="negation"))
    struck = replace(answered(), statements=claims, notice="The model was cut short.", readings=("Which <one>?",))
    text = export(conversation_of(struck), open_current(indexed), ".md").decode()
    assert "~~It was \\*never\\* closed.~~[^1] (not supported: negation)" in text
    assert "The model was cut short." in text
    assert "- Which \\<one\\>?" in text
    data = export(conversation_of(struck), open_current(indexed), ".docx")
    runs = [run for paragraph in docx.Document(io.BytesIO(data)).paragraphs for run in paragraph.runs]
    assert [run.text for run in runs if run.font.strike] == ["It was *never* closed."]
    assert any("not supported: negation" in run.text for run in runs)


def test_unknown_formats_are_named(indexed: Settings) -> None:
    with pytest.raises(QuestionError, match=r"found '\.pdf', expected a file that ends in \.md or \.docx"):
        export(conversation_of(answered()), open_current(indexed), ".pdf")
