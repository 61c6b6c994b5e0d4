"""What ``briefs ask`` and ``briefs search`` have in common: the question, the filters, JSON lines in and out."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from assistant.cli.terminal import print_json
from assistant.types import Turn
from index.errors import BriefsError, ModelError, QuestionError
from index.filters import Filters

KEYS = ("id", "question", "history")
ROLES: tuple[Literal["user", "assistant"], ...] = ("user", "assistant")


@dataclass(frozen=True, slots=True)
class Asked:
    """One line of input. ``id`` is whatever JSON value came, and goes back with the answer."""

    id: Any
    question: str
    history: tuple[Turn, ...]


def question_of(options: Namespace) -> str:
    """The question on the command line. :raises QuestionError: if there is none, or it is not valid text."""
    if not options.question:
        raise QuestionError(f"no question; write it in quotes, or pass --jsonl: see `briefs {options.verb} --help`")
    return _checked(" ".join(options.question))


def filters_of(options: Namespace) -> Filters:
    """The filters on the command line. :raises QuestionError: if no day can satisfy them."""
    if options.date_from and options.date_to and options.date_from > options.date_to:
        raise QuestionError(f"no day is from {options.date_from} on and up to {options.date_to}; swap --from and --to")
    return Filters(
        date_from=options.date_from,
        date_to=options.date_to,
        regions=frozenset(options.region),
        actors=frozenset(options.actor),
        topics=frozenset(options.topic),
        kinds=frozenset(options.kind),
    )


def answer_lines(options: Namespace, answer: Callable[[Asked], dict[str, Any]]) -> int:
    """One JSON object a line in, one a line out, in the same order and at once.

    A line that cannot be answered gives ``{"id", "error"}``; the others are still answered. Returns 2 if there was one.

    :raises BriefsError: if nothing can be answered, such as for want of an index.
    """
    if options.question:
        raise QuestionError("found a question and --jsonl; with --jsonl questions are read from standard input")
    failed = total = 0
    for number, line in _lines(sys.stdin.buffer):
        total += 1
        given_id = None
        try:
            row = _parse(line)
            given_id = row.get("id")
            found = answer(_asked(row))
        except (QuestionError, ModelError) as error:
            failed += 1
            found = {"error": f"line {number}: {error}"}
        print_json({**found, "id": given_id}, line=True)
    if failed:
        raise BriefsError(f'{failed} of {total} lines could not be answered; each has an "error" in the output')
    return 0


def _lines(stream: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, numbered from 1."""
    for number, line in enumerate(stream, 1):
        if line.strip():
            yield number, line


def _parse(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise QuestionError("not UTF-8; save the questions as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise QuestionError(f'not JSON ({error}); expected {{"id": ..., "question": "..."}}') from error
    if not isinstance(row, dict):
        raise QuestionError(f'found a JSON {type(row).__name__}, expected an object {{"id": ..., "question": "..."}}')
    return row


def _asked(row: dict[str, Any]) -> Asked:
    strange = sorted(set(row) - set(KEYS))
    if strange:
        raise QuestionError(f"unknown key {strange[0]!r}; expected {', '.join(KEYS)}")
    question = row.get("question")
    if not isinstance(question, str):
        raise QuestionError(f"question: found {json.dumps(question)[:40]}, expected text")
    history = row.get("history") or []
    if not isinstance(history, list):
        raise QuestionError("history: expected a list of turns, oldest first")
    return Asked(row.get("id"), _checked(question), tuple(_turn(turn) for turn in history))


def _turn(turn: Any) -> Turn:
    if (
        not isinstance(turn, dict)
        or set(turn) != {"role", "content"}
        or turn["role"] not in ROLES
        or not isinstance(turn["content"], str)
    ):
        expected = '{"role": "user" or "assistant", "content": "..."}'
        raise QuestionError(f"history: found {json.dumps(turn)[:60]}, expected {expected}")
    return Turn(turn["role"], _checked(turn["content"]))


def _checked(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QuestionError(f"character {error.start + 1} is no valid text; write the question in UTF-8") from error
    return text
