"""How the command line behaves: wrong input, terminals, pipes, signals, and what it loads."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from command import TORKHAM, briefs, clean_environment, complaint, jsonl, settle
from conftest import write_brief

from index.settings import Settings


@pytest.fixture
def place(indexed: Settings, tmp_path: Path) -> Path:
    """A folder with a corpus and an index where the command looks for them by default."""
    return settle(indexed, tmp_path)


# wrong usage and wrong input: one clear line, exit code 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["aks", "x"], "did you mean ask?"),
        (["ask"], "no question"),
        (["ask", " \t "], "the question is empty"),
        (["ask", "?!"], "the question is empty"),
        (["ask", "why " * 25_000], "characters: at most"),
        (["ask", b"caf\xe9".decode(errors="surrogateescape")], "no valid text"),
        (["ask", "x", "--json", "--jsonl"], "not allowed with"),
        (["ask", "x", "--jsonl"], "read from standard input"),
        (["ask", "x", "--from", "yesterday"], "expected a day such as 2025-12-07"),
        (["ask", "x", "--from", "2025-02-02", "--to", "2025-02-01"], "swap --from and --to"),
        (["ask", "x", "--regoin", "Kabul"], "--regoin"),
        (["search", "x", "--top-k", "0"], "whole number from 1 to 100"),
        (["search", "x", "--top-k", "many"], "whole number from 1 to 100"),
        (["show"], "SOURCE"),
        (["extract", "missing.pdf"], "missing.pdf"),
        (["extract", "."], "not a regular file"),
        (["serve", "--port", "65536"], "whole number from 0 to 65535"),
        (["eval", "no-such-suite"], "no-such-suite"),
        (["completion", "tcsh"], "expected one of bash, zsh, fish"),
        (["index", "--corpus", "nowhere"], "nowhere: no such folder"),
        (["index", "--corpus", "empty"], "lacks 4 of the 4 indexed briefs"),
        (["index", "--corpus", "empty", "--store", "other"], "no readable brief"),
        (["index", "--store", "corpus/store"], "inside the corpus"),
        (["index", "--store", "corpus/border.md"], "border.md"),
        (["ask", "x", "--store", "empty"], "no index in empty; run `briefs index`"),
        (["search", "x", "--store", "empty"], "no index in empty; run `briefs index`"),
        (["show", "x", "--store", "empty"], "no index in empty; run `briefs index`"),
    ],
)
def test_wrong_input_is_one_clear_line(place: Path, words: list[str], said: str) -> None:
    (place / "empty").mkdir()
    assert said in complaint(*words, cwd=place)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"BRIEFS_COLOUR": "red"}, "BRIEFS_COLOUR"),
        ({"BRIEFS_CHUNK_CHARS": "few"}, "chunk_chars"),
        ({"BRIEFS_CHUNK_CHARS": "100"}, "chunk_chars"),
        ({"BRIEFS_CHUNK_CHARS": "400"}, "briefs index"),
        ({"BRIEFS_EMBEDDER": "word2vec"}, "word2vec"),
    ],
)
def test_wrong_settings_are_one_clear_line(place: Path, variables: dict[str, str], said: str) -> None:
    assert said in complaint("ask", TORKHAM, cwd=place, variables=variables)


@pytest.mark.parametrize("line", ["chunk_chars = ", "colour = 'red'", "chunk_chars = 'few'", "threads = -1"])
def test_wrong_file_of_settings_is_one_clear_line(place: Path, line: str) -> None:
    (place / "briefs.toml").write_text(line, encoding="utf-8")
    complaint("ask", TORKHAM, cwd=place)


@pytest.mark.parametrize("damaged", ["CURRENT", "manifest.json"])
def test_damaged_index_is_one_clear_line(place: Path, damaged: str) -> None:
    (file,) = (place / ".briefs").rglob(damaged)
    file.write_text("\x00", encoding="utf-8")
    assert "briefs index" in complaint("ask", TORKHAM, cwd=place)


def test_port_in_use_is_one_clear_line(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"port {port}" in complaint("serve", "--port", port, cwd=place)


def test_no_words_show_the_help(tmp_path: Path) -> None:
    done = briefs(cwd=tmp_path, expected=2)
    assert (done.stdout, done.stderr.split()[:2]) == ("", ["usage:", "briefs"])


# terminals, pipes and signals


def at_a_terminal(*words: str, cwd: Path, variables: Mapping[str, str] = MappingProxyType({})) -> str:
    """What the command writes when a terminal is connected."""
    ours, theirs = pty.openpty()
    environment = clean_environment({"TERM": "xterm", **variables})
    command = [sys.executable, "-m", "assistant", *words]
    with subprocess.Popen(command, cwd=cwd, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        written = b""
        while part := _read(ours):
            written += part
        assert running.wait(60) == 0, written
    os.close(ours)
    return written.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that nobody writes any more
        return b""


def test_colours_only_at_a_terminal_that_wants_them(place: Path) -> None:
    assert "\x1b[" in at_a_terminal("show", "border", cwd=place)
    assert "\x1b[" not in at_a_terminal("show", "border", cwd=place, variables={"NO_COLOR": "1"})
    assert "\x1b[" not in briefs("show", "border", cwd=place).stdout


def test_progress_only_at_a_terminal(tmp_path: Path, corpus: Path) -> None:
    assert "checking" in at_a_terminal("index", cwd=tmp_path)
    write_brief(corpus, "floods", "Floods", "Rivers rose in Nangarhar.")
    assert briefs("index", cwd=tmp_path).stderr == ""


def test_latin_1_output_does_not_fail(place: Path) -> None:
    write_brief(
        place / "corpus", "border", "Grenze – “geschlossen”", "Pakistan closed the Torkham crossing – “for ever”."
    )
    briefs("index", cwd=place)
    out = briefs("ask", TORKHAM, cwd=place, variables={"PYTHONIOENCODING": "ascii"}).stdout
    assert out.isascii()
    assert "Torkham" in out


def test_closed_pipe_is_quiet(place: Path) -> None:
    command = [sys.executable, "-m", "assistant", "show", "border"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        command, cwd=place, stdout=write, stderr=subprocess.PIPE, env=clean_environment(), check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_full_disk_is_one_clear_line(place: Path) -> None:
    command = [sys.executable, "-m", "assistant", "show", "border"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command, cwd=place, stdout=full, stderr=subprocess.PIPE, env=clean_environment(), check=False
        )
    assert (done.returncode, done.stderr) == (2, b"briefs: No space left on device\n")


def test_interrupt_is_quiet(place: Path) -> None:
    # Whoever runs the tests in the background has interrupts ignored, and children inherit that.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "assistant", "ask", "--jsonl"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=place, env=clean_environment(), **pipes) as running:
        assert running.stdin and running.stdout and running.stderr
        running.stdin.write(jsonl({"id": 1, "question": TORKHAM}))
        running.stdin.flush()
        assert running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
        assert running.stderr.read() == b""


# what a command costs


HEAVY = [
    "numpy",
    "pydantic",
    "rich",
    "chromadb",
    "llama_index",
    "onnxruntime",
    "openai",
    "streamlit",
    "trafilatura",
    "docx",
    "lxml",
    "sklearn",
]


def loaded_by(*words: str, cwd: Path) -> set[str]:
    """Top-level modules that are loaded once the command has run."""
    code = (
        "import sys\nfrom assistant.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=cwd,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("words", [["--help"], ["ask", "--help"], ["--version"], ["completion", "bash"], ["aks"]])
def test_help_loads_nothing_heavy(tmp_path: Path, words: list[str]) -> None:
    assert not loaded_by(*words, cwd=tmp_path).intersection(HEAVY)


def test_ask_loads_no_more_than_it_uses(place: Path) -> None:
    unused = {"llama_index", "openai", "streamlit", "trafilatura", "docx", "lxml", "sklearn", "shtab"}
    assert not loaded_by("ask", TORKHAM, cwd=place).intersection(unused)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_verbs_and_options(tmp_path: Path, shell: str) -> None:
    script = briefs("completion", shell, cwd=tmp_path).stdout
    assert "doctor" in script
    assert "allow-shrink" in script
    if program := shutil.which(shell):
        assert subprocess.run([program, "-n"], input=script, text=True, check=False).returncode == 0
