"""A conversation on a terminal and through a pipe: real processes, real terminals."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import pytest
from command import TORKHAM, briefs, clean_environment, complaint, settle
from conftest import write_brief
from scripted_page import NOTICE, QUOTES, READINGS, REASON, RED_LINES, STRUCK, VAGUE, ScriptedAssistant
from scripted_page import indexed as tiny_index

from assistant.ambiguity import CLARIFY
from assistant.cli import chat
from assistant.conversations import ConversationStore, Listed
from index.filters import Filters
from index.settings import Settings

COLOUR = "\x1b[1m"


@pytest.fixture
def place(indexed: Settings, tmp_path: Path) -> Path:
    """A folder with a corpus and an index where the command looks for them by default."""
    return settle(indexed, tmp_path)


def piped(place: Path, *lines: str, words: tuple[str, ...] = (), expected: int = 0) -> tuple[str, str]:
    """What the command writes to standard output and standard error when these lines are piped into it."""
    stdin = "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")
    done = briefs("chat", *words, cwd=place, stdin=stdin, expected=expected)
    return done.stdout, done.stderr


def kept(place: Path) -> list[Listed]:
    return ConversationStore(place / ".briefs").listed()


# through a pipe


def test_a_follow_up_is_understood_and_shown(place: Path) -> None:
    out, err = piped(place, TORKHAM, "", "and why?", "What did the United Nations ask for?")
    assert out.startswith("Pakistan closed the Torkham crossing on 12 October 2025.")
    assert out.count("searched: ") == 1
    assert "searched: When was the Torkham crossing closed: why?\n" in out
    assert "humanitarian corridor" in out
    assert err == ""
    assert "> " not in out
    assert "\x1b" not in out
    (conversation,) = kept(place)
    assert (conversation.title, conversation.turns) == (TORKHAM, 3)


def test_a_kept_conversation_goes_on(place: Path) -> None:
    piped(place, TORKHAM)
    (conversation,) = kept(place)
    start = conversation.id[:6]
    out, _ = piped(place, "/list", "and why?", words=("--resume", start))
    assert re.search(rf"^\* {conversation.id[:8]}  \S+ \S+  1 question    {re.escape(TORKHAM)}$", out, re.M)
    assert "searched: When was the Torkham crossing closed: why?" in out
    assert kept(place)[0].turns == 2
    out, _ = piped(place, f"/open {start}", "/new", TORKHAM, "/open")
    assert out.count(f"> {TORKHAM}") == 1, "opening shows what was asked"
    assert [(one.id[:6] == start, one.turns) for one in kept(place)] == [(False, 1), (True, 2)]


def test_a_citation_is_shown_among_its_neighbours(place: Path) -> None:
    out, _ = piped(place, TORKHAM, "/cite 1", "/cite [1]")
    shown = out.rpartition(" ms\n")[2].strip().splitlines()
    once = [
        "Border closure",
        "border.md, 2025-12-01",
        "    “Pakistan closed the Torkham crossing on 12 October 2025.”",
        "    Trucks waited for weeks.",
    ]
    assert shown == [*once, "", *once]


def test_a_changed_brief_is_noticed(place: Path) -> None:
    piped(place, TORKHAM)
    write_brief(place / "corpus", "border", "Border closure", "The Torkham crossing never closed.")
    briefs("index", cwd=place)
    out, _ = piped(place, "/cite 1", "/export old.md", words=("--resume", kept(place)[0].id))
    assert "[1] is no longer in its brief" in out
    assert "no longer in the brief\n    “Pakistan closed the Torkham crossing on 12 October 2025.”" in out
    assert "No longer in the brief" in (place / "old.md").read_text(encoding="utf-8")


def test_the_searched_question_can_be_changed(place: Path) -> None:
    out, _ = piped(place, TORKHAM, "and why?", "/edit What did the United Nations ask for?", "since when?")
    assert "searched: What did the United Nations ask for: since when?" in out
    turns = ConversationStore(place / ".briefs").open(kept(place)[0].id).turns
    assert [turn.searched for turn in turns][2] == "What did the United Nations ask for?"


def test_renaming_exporting_and_deleting(place: Path) -> None:
    out, _ = piped(place, TORKHAM, "/rename The crossing", "/export talk.md", "/export talk.DOCX", "/list")
    assert "The crossing" in out.splitlines()[-1]
    assert "1 question written to talk.md" in out
    assert (place / "talk.md").read_text(encoding="utf-8").startswith("# The crossing\n")
    assert (place / "talk.DOCX").read_bytes()[:2] == b"PK"
    out, err = piped(place, "/open " + kept(place)[0].id, "/export talk.md", "/delete", "/list", expected=2)
    assert "line 2: talk.md is already there" in err
    assert kept(place) == []


def test_lines_that_fail_are_named_and_the_others_answered(place: Path) -> None:
    wrong = {
        "?!": "the question is empty",
        "x" * 3000: "3,000 characters",
        "/bogus": "no command '/bogus'",
        "/lsit": "did you mean /list?",
        "/cite 9": "expected the number of a citation, from 1 to 1",
        "/cite": "expected the number",
        "/open zz": "no conversation kept under 'zz'",
        "/delete \udcff": "no conversation",
        "/rename": "expected a title",
        "/edit": "expected the question to search",
        "/export": "ends in .md or .docx",
        "/export nowhere/x.md": "nowhere/x.md cannot be written: No such file",
    }
    out, err = piped(place, TORKHAM, *wrong, TORKHAM, "/quit", "never asked", expected=2)
    assert out.count("12 October 2025. [1]") == 2
    told = err.splitlines()
    for number, (line, said) in zip(range(2, 99), zip(told, wrong.values(), strict=False), strict=False):
        assert line.startswith(f"briefs: line {number}: ")
        assert said in line
    assert told[-1] == f"briefs: {len(wrong)} of {len(wrong) + 3} lines could not be answered"
    assert kept(place)[0].turns == 2


def test_commands_need_a_conversation(place: Path) -> None:
    _, err = piped(place, "/cite 1", "/edit", "/rename x", "/delete", "/export x.md", expected=2)
    assert err.count("nothing has been asked yet") == 5


def test_what_cannot_begin_is_one_clear_line(place: Path) -> None:
    assert "no conversation kept under 'abc'" in complaint("chat", "--resume", "abc", cwd=place)
    assert "no index in empty; run `briefs index`" in complaint("chat", "--store", "empty", cwd=place)
    assert not (place / "empty").exists()
    (place / ".briefs" / "conversations.sqlite").write_bytes(b"no database" * 100)
    assert "damaged or no SQLite database" in complaint("chat", "--resume", "abc", cwd=place)


def test_filters_hold_for_every_question(place: Path) -> None:
    out, _ = piped(place, TORKHAM, words=("--to", "2019-12-31"))
    assert "abstained" in out


def test_what_is_shown_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    chat._print("a\x1b]0;owned\x07b \x1b[2Jc\x9b31m\td\r\ne")
    assert capsys.readouterr().out == "a]0;ownedb [2Jc31m\td\ne\n"


# what a model wrote, and questions that are asked back


@pytest.fixture
def talk(tmp_path: Path) -> chat.Chat:
    """A conversation with hand-written answers."""
    return chat.Chat(ScriptedAssistant(tiny_index()), ConversationStore(tmp_path), Filters())


def test_a_reading_is_picked_by_its_number(talk: chat.Chat, capsys: pytest.CaptureFixture[str]) -> None:
    talk.take(RED_LINES)
    talk.take(VAGUE)
    out = capsys.readouterr().out
    assert f"{CLARIFY}\n  1. {READINGS[0]}\n  2. {READINGS[1]}\n" in out
    assert talk.conversation
    talk.take("[2]\n")
    assert talk.conversation.turns[-1].question == READINGS[1]
    assert QUOTES["groups"][1] in capsys.readouterr().out
    talk.take("2")
    assert talk.conversation.turns[-1].question == "2", "nothing is offered any more"
    talk.take(VAGUE)
    talk.take("3")
    assert talk.conversation.turns[-1].question == "3"


def test_what_is_not_supported_is_struck_out_with_the_reason(
    talk: chat.Chat, capsys: pytest.CaptureFixture[str]
) -> None:
    talk.take(STRUCK)
    streamed = capsys.readouterr().out
    assert f"[struck out, {REASON}: {QUOTES['winter'][1]}] [2]\n" in streamed
    assert streamed.count(QUOTES["airspace"][1]) == 2, "as a statement and as a quote"
    assert streamed.index("[struck out") < streamed.index(NOTICE) < streamed.index("[1] North's positions")
    assert talk.conversation
    talk.resume(talk.conversation.id)
    assert streamed in capsys.readouterr().out, "opened again it reads as before"


def test_who_will_see_the_question_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    model = {"engine": "model", "model_url": "http://models.example/v1", "model_name": "small"}
    settings = tiny_index().model_copy(update=model)
    chat.Chat(ScriptedAssistant(settings), ConversationStore(tmp_path), Filters()).say_who_sees_it()
    assert "go to small at http://models.example/v1.\nmodels.example is addressed without" in capsys.readouterr().out


# on a terminal


class Terminal:
    """The far end of a command's terminal."""

    def __init__(self, handle: int, running: subprocess.Popen[bytes]) -> None:
        self._handle = handle
        self.running = running

    def send(self, keys: str) -> None:
        os.write(self._handle, keys.encode())

    def until(self, wanted: str, again: Callable[[], None] = lambda: None) -> str:
        """What is written up to ``wanted``, included; ``again`` is done whenever nothing comes for five seconds."""
        seen = ""
        limit = time.monotonic() + 120
        while wanted not in seen:
            assert time.monotonic() < limit, f"{wanted!r} never came: {seen!r}"
            if not select.select([self._handle], [], [], 5)[0]:
                again()
            else:
                try:
                    seen += os.read(self._handle, 1).decode(errors="replace")
                except OSError:  # nobody writes any more
                    raise AssertionError(f"ended without {wanted!r}: {seen!r}") from None
        return seen

    def say(self, line: str, wanted: str = "\r\n> ") -> str:
        """Type a line and wait for the next prompt."""
        self.send(f"{line}\n")
        self.until("\r\n")
        return self.until(wanted)

    def interrupt(self) -> None:
        self.running.send_signal(signal.SIGINT)


@contextmanager
def at_terminal(place: Path, variables: Mapping[str, str] = MappingProxyType({})) -> Iterator[Terminal]:
    """The command at a terminal, at its first prompt; it must end well."""
    ours, theirs = pty.openpty()
    environment = clean_environment({"TERM": "xterm", "INPUTRC": "/dev/null", **variables})
    # Whoever runs the tests in the background has interrupts ignored, and children inherit that.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "assistant", "chat"]
    with subprocess.Popen(command, cwd=place, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        try:
            terminal = Terminal(ours, running)
            terminal.until("\r\n> ")
            yield terminal
            assert running.wait(60) == 0
        finally:
            running.kill()
            os.close(ours)


def test_a_terminal_prompts_answers_and_keeps(place: Path) -> None:
    with at_terminal(place) as terminal:
        said = terminal.say(TORKHAM)
        assert "12 October 2025. [1]" in said
        assert COLOUR in said
        assert "searched: When was the Torkham crossing closed: why?" in terminal.say("and why?")
        assert "no command" in terminal.say("/bogus")
        terminal.send("\x04")
        said = terminal.until("--resume ")
    assert "Kept: briefs chat --resume" in said
    assert kept(place)[0].turns == 2


def test_an_interrupt_stops_the_answer_and_no_more(place: Path) -> None:
    with at_terminal(place) as terminal:
        terminal.send(f"{TORKHAM}\n")
        terminal.until("\r\n")
        time.sleep(0.3)  # the line has been taken, and the libraries that the answer waits for are still being loaded
        terminal.interrupt()
        terminal.until("Stopped.")
        terminal.until("> ")
        terminal.send("half a line")
        terminal.until("half a line")
        terminal.interrupt()
        # Python misses an interrupt that comes just before readline begins to wait, until the next one.
        terminal.until("\r\n> ", again=terminal.interrupt)
        assert "12 October 2025. [1]" in terminal.say(TORKHAM)
        terminal.send("/quit\n")
        terminal.until("--resume ")
    assert kept(place)[0].turns == 1


def test_no_colours_where_none_are_wanted(place: Path) -> None:
    with at_terminal(place, {"NO_COLOR": "1"}) as terminal:
        said = terminal.say(TORKHAM)
        assert "12 October 2025. [1]" in said
        assert not re.search(r"\x1b\[\d*m", said)
        terminal.send("/quit\n")


def test_lines_come_back_and_can_be_edited(place: Path) -> None:
    with at_terminal(place) as terminal:
        terminal.say(TORKHAM)
        terminal.say("and why?")
        terminal.send("/edit\n")
        terminal.until("search: When was the Torkham crossing closed: why?")
        terminal.send("\x15When did delegations meet in Istanbul?\n")
        terminal.until(" ms")
        terminal.until("\r\n> ")
        terminal.send("\x1b[A\x1b[A\x1b[A\n")  # up: the edited question, the command, the follow-up
        terminal.until("searched: When did delegations meet in Istanbul: why?")
        terminal.until("\r\n> ")
        terminal.send("/edit\n")
        terminal.until("search: ")
        terminal.send("\x15\x04")
        assert "expected the question to search" in terminal.until("\r\n> ")
        terminal.send("/delete\n")
        terminal.until("[y/N] ")
        terminal.send("\x04")
        terminal.until("\r\n> ")
        terminal.send("/delete\n")
        terminal.until("[y/N] ")
        terminal.say("n")
        assert kept(place)[0].turns == 4
        terminal.send("/delete\n")
        terminal.until("[y/N] ")
        terminal.say("y")
        terminal.send("/quit\n")
    assert kept(place) == []
