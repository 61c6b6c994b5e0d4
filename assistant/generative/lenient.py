"""JSON objects out of a stream of characters, each as it closes, however badly they are written.

Tolerated beside JSON itself: single quotes, values without quotes, missing and trailing commas, quotation marks and line
ends inside strings, an array that an object's brace closes. What cannot be understood is given up as a whole; the
next brace begins anew. One character at a time and never back, so that time is linear and pieces make no difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

_LONGEST_STRING = 4_000
_LONGEST_BARE = 100
_DEEPEST = 12
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_CONSTANTS = {"true": True, "false": False, "null": None, "none": None}
_HEX = frozenset("0123456789abcdefABCDEF")

State = Literal["outside", "key", "colon", "value", "item", "string", "escape", "closing", "bare"]


@dataclass(frozen=True, slots=True)
class Closed:
    """A whole object; its keys are in lower case. ``path`` are the keys that lead to it, the outermost first."""

    value: dict[str, Any]
    path: tuple[str, ...]


@dataclass(slots=True)
class _Open:
    """An object or an array that is not closed yet, found under ``key``; ``next_key`` waits for its value."""

    key: str
    value: dict[str, Any] | list[Any]
    next_key: str = ""


class ObjectReader:
    """Reads characters. ``broken`` counts what was given up."""

    def __init__(self) -> None:
        self.broken = 0
        self._state: State = "outside"
        self._stack: list[_Open] = []
        self._chars: list[str] = []
        self._is_key = False
        self._mark = ""
        self._hex = ""
        self._gap = ""
        self._on: dict[State, Callable[[str], Closed | None]] = {
            "outside": self._outside,
            "key": self._key,
            "colon": self._colon,
            "value": self._value,
            "item": self._item,
            "string": self._in_string,
            "escape": self._in_escape,
            "closing": self._after_mark,
            "bare": self._in_bare,
        }

    @property
    def is_outside(self) -> bool:
        """Whether nothing is open."""
        return not self._stack

    def read(self, char: str) -> Closed | None:
        """The object that ``char`` closes, if it closes one."""
        return self._on[self._state](char)

    def _outside(self, char: str) -> None:
        if char == "{":
            self._push({})

    def _key(self, char: str) -> Closed | None:
        """In an object, before a key."""
        if char == "}":
            return self._close()
        if char in "\"'":
            self._begin_string(char, is_key=True)
        elif not (char.isspace() or char == ","):
            self._give_up(char)
        return None

    def _colon(self, char: str) -> None:
        if char == ":":
            self._state = "value"
        elif not char.isspace():
            self._give_up(char)

    def _value(self, char: str) -> Closed | None:
        """In an object, after a colon."""
        if char in ",}":
            self._add(None)
            return self.read(char)
        if char in "]:":
            self._give_up(char)
        elif not char.isspace():
            self._begin(char)
        return None

    def _item(self, char: str) -> Closed | None:
        """In an array, before an item."""
        if char == "]":
            return self._close()
        if char == "}":
            self._close()
            return self.read(char)
        if char == ":":
            self._give_up(char)
        elif not (char.isspace() or char == ","):
            self._begin(char)
        return None

    def _begin(self, char: str) -> None:
        if char == "{":
            self._push({})
        elif char == "[":
            self._push([])
        elif char in "\"'":
            self._begin_string(char, is_key=False)
        else:
            self._state, self._chars = "bare", [char]

    def _begin_string(self, mark: str, *, is_key: bool) -> None:
        self._state, self._mark, self._is_key, self._chars = "string", mark, is_key, []

    def _in_string(self, char: str) -> None:
        if char == self._mark and self._is_key:
            self._end_string()
        elif char == self._mark:
            self._state, self._gap = "closing", ""
        elif char == "\\":
            self._state, self._hex = "escape", ""
        else:
            self._keep(char)

    def _in_escape(self, char: str) -> Closed | None:
        if not self._hex:
            if char == "u":
                self._hex = "u"
                return None
            self._keep(_ESCAPES.get(char, char))
        elif char in _HEX:
            self._hex += char
            if len(self._hex) < 5:
                return None
            self._keep(chr(int(self._hex[1:], 16)))
        else:
            self._keep(self._hex)
            self._state = "string"
            return self.read(char)
        self._state = "string"
        return None

    def _after_mark(self, char: str) -> Closed | None:
        """After a quotation mark that ends the string only if JSON goes on behind it."""
        in_object = isinstance(self._stack[-1].value, dict)
        if char.isspace() or (char == "," and in_object and "," not in self._gap):
            if char == "," or len(self._gap) < _LONGEST_BARE:
                self._gap += char
            return None
        if char in ("\"'}" if "," in self._gap else "}" if in_object else ",]}"):
            self._end_string()
        else:
            self._keep(self._mark + self._gap)
            self._state = "string"
        return self.read(char)

    def _in_bare(self, char: str) -> Closed | None:
        """In a value without quotation marks."""
        if not (char.isspace() or char in ",{}[]"):
            self._chars.append(char)
            if len(self._chars) > _LONGEST_BARE:
                self._give_up(char)
            return None
        word = "".join(self._chars)
        self._add(_CONSTANTS[word.lower()] if word.lower() in _CONSTANTS else _number(word))
        return self.read(char)

    def _keep(self, text: str) -> None:
        if len(self._chars) <= _LONGEST_STRING:
            self._chars.append(text)

    def _end_string(self) -> None:
        if len(self._chars) > _LONGEST_STRING:
            self.broken += 1
            text = None
        else:
            # Two escapes may make one letter; half a letter is none.
            text = "".join(self._chars).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if self._is_key:
            self._stack[-1].next_key, self._state = (text or "").strip().lower(), "colon"
        else:
            self._add(text)

    def _add(self, value: Any) -> None:
        """Put a value into what is open."""
        top = self._stack[-1]
        if isinstance(top.value, dict):
            top.value[top.next_key] = value
            self._state = "key"
        else:
            top.value.append(value)
            self._state = "item"

    def _push(self, value: dict[str, Any] | list[Any]) -> None:
        if len(self._stack) == _DEEPEST:
            self._give_up("")
            return
        self._stack.append(_Open(self._stack[-1].next_key if self._stack else "", value))
        self._state = "key" if isinstance(value, dict) else "item"

    def _close(self) -> Closed | None:
        path = tuple(opened.key for opened in self._stack if opened.key)
        value = self._stack.pop().value
        if self._stack:
            self._add(value)
        else:
            self._state = "outside"
        return Closed(value, path) if isinstance(value, dict) else None

    def _give_up(self, char: str) -> None:
        self.broken += 1
        self._stack.clear()
        self._state = "outside"
        self._outside(char)


def _number(word: str) -> int | str:
    """A whole number as such; other words as they are."""
    return int(word) if word.isascii() and word.isdigit() and len(word) < 10 else word
