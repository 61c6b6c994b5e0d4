"""Statements out of a model's text while it is being written, however badly it keeps to the form.

Asked for is ``{"statements": [{"text": "...", "quotes": [{"source": "S1", "quote": "..."}]}]}``. Understood is also: text
around it, code fences, a bare array, one object a line, other names of the keys, what ``lenient`` tolerates, and as the
last resort what ``prose`` finds. Nothing here is trusted: a quote counts only where it is found in the stored text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from assistant.generative.lenient import Closed, ObjectReader
from assistant.generative.prose import drafts_in_prose
from assistant.verification.types import Draft, Quoted

MOST_CHARS = 200_000
"""Of a model's text; what comes after is not read."""
_MOST_QUOTES = 20
"""Of one statement."""
_TEXT = ("text", "statement", "claim", "sentence")
_QUOTES = ("quotes", "quote", "evidence", "citations", "citation", "sources", "source", "references")
_LABELS = ("source", "sources", "label", "labels", "id", "ref", "citation", "citations", "references")
_WORDS = ("quote", "words", "text", "verbatim", "quotation")
_LABELLED = re.compile(r"\[?(S\d{1,3})\]?\s*:\s+(.+)", re.S)
_LABEL = re.compile(r"S\d+")
_LONGEST_LABEL = 40
_THINKING, _THOUGHT = "<think>", "</think>"


class Drafts:
    """Statements of one answer: ``feed`` it each piece of the text, then ``finish`` it.

    The same text gives the same drafts however it is cut into pieces, in linear time; no text is an error.
    """

    def __init__(self) -> None:
        self._reader = ObjectReader()
        self._prose: list[str] = []
        self._tail = ""
        self._thinks = False
        self._room = MOST_CHARS
        self._seen: set[Draft] = set()

    @property
    def broken(self) -> int:
        """How many objects and strings were left out because they could not be understood or are too long."""
        return self._reader.broken

    @property
    def unfinished(self) -> bool:
        """Whether the text ends inside an object, so that a statement may be missing, or was too long to be read."""
        return self._thinks or not self._reader.is_outside or self._room < 0

    def feed(self, text: str) -> list[Draft]:
        """The statements that close within ``text``, those left out that were there before."""
        read, self._room = text[: max(self._room, 0)], self._room - len(text)
        drafts = []
        for char in read:
            closed = None if self._skips(char) else self._reader.read(char)
            draft = _draft(closed) if closed else None
            if draft and draft not in self._seen:
                self._seen.add(draft)
                drafts.append(draft)
        return drafts

    def finish(self) -> list[Draft]:
        """What can be made of prose, if there was nothing else."""
        return [] if self._seen else list(dict.fromkeys(drafts_in_prose("".join(self._prose))))

    def _skips(self, char: str) -> bool:
        """Keeps prose, and passes over what a model thinks aloud."""
        if not self._reader.is_outside:
            return False
        self._tail = (self._tail + char)[-len(_THOUGHT) :]
        if self._thinks:
            self._thinks = not self._tail.endswith(_THOUGHT)
            return True
        self._prose.append(char)
        if self._tail.endswith(_THINKING):
            self._thinks = True
            del self._prose[-len(_THINKING) :]
        return False


def _draft(closed: Closed) -> Draft | None:
    """The statement that an object is, if it is one: not a quote, and not what is around statements."""
    text = _first(closed.value, _TEXT)
    if any(key in _QUOTES for key in closed.path) or not isinstance(text, str) or not text.strip():
        return None
    if any(isinstance(value, list) and any(map(_has_text, value)) for value in _others(closed.value)):
        return None
    return Draft(" ".join(text.split()), tuple(_quotes(closed.value))[:_MOST_QUOTES])


def _others(value: dict[str, Any]) -> Iterator[Any]:
    return (item for key, item in value.items() if key not in _QUOTES)


def _has_text(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(_first(value, _TEXT), str)


def _first(value: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _quotes(value: dict[str, Any]) -> Iterator[Quoted]:
    """The quotes of a statement, whichever way they are written."""
    labels = next((found for name in _LABELS if (found := _labels(value.get(name)))), [])
    for name in _QUOTES:
        given = value.get(name)
        items = given if isinstance(given, list) else [given]
        quotes = [quoted for number, item in enumerate(items) if (quoted := _quoted(item, labels, number))]
        if quotes:
            yield from quotes
            return


def _quoted(item: Any, labels: list[str], number: int) -> Quoted | None:
    """One quote: an object, or words whose label is before them or beside them."""
    if isinstance(item, dict):
        words, label = _first(item, _WORDS), _label(_first(item, _LABELS))
    else:
        words, label = item, ""
    if not isinstance(words, str) or not words.strip() or _LABEL.fullmatch(_label(words)):
        return None
    if not label and (labelled := _LABELLED.fullmatch(words.strip())):
        label, words = labelled.groups()
    if not label and labels:
        label = labels[min(number, len(labels) - 1)]
    return Quoted(label, words.strip())


def _labels(value: Any) -> list[str]:
    """What is a label beyond doubt, alone or in a list."""
    found = [_label(item) for item in (value if isinstance(value, list) else [value])]
    return [label for label in found if _LABEL.fullmatch(label)]


def _label(value: Any) -> str:
    """A label in its own form: S1 for 1, "[S1]" and "s1"; empty for what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"S{value}"
    if not isinstance(value, str):
        return ""
    label = value.strip().strip("[]()").strip()[:_LONGEST_LABEL]
    if label.isascii() and label.isdigit():
        return f"S{label}"
    return label.upper() if _LABEL.fullmatch(label.upper()) else label
