"""Metadata in YAML: the block at the top of a text brief, and the sidecar file beside any brief."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from typing import Any

import yaml

from index.errors import UnreadableBrief
from index.types import Metadata

MAX_CHARS = 64_000
"""Longest block of YAML that is parsed."""

_TEXT = ("id", "title", "kind")
_DATE = ("published", "as_of")
_LIST = ("region", "actors", "topics", "labels", "sources")
KEYS = (*_TEXT, *_DATE, *_LIST)
"""Every key that is understood."""

_ALMOST_LABELS = {"label", "labels"}
"""Taken for nothing, they would let everybody read a brief that is meant for some."""
_OPEN = re.compile(r"\ufeff?---[ \t]*\n")
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)
_KEY = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*[A-Za-z_\"'][\w \"'-]*:(?:[ \t\n]|$)")
_NAMES = {str: "text", int: "a number", float: "a number", bool: "true/false", dict: "a mapping", list: "a list"}


@dataclass(frozen=True, slots=True)
class Fields:
    """Values of the known keys that were given and not empty, typed as in ``Metadata``; ``id`` beside them."""

    values: dict[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def brief_id(self) -> str | None:
        """The id given, or None."""
        found = self.values.get("id")
        return found if isinstance(found, str) else None

    def over(self, metadata: Metadata) -> Metadata:
        """``metadata`` with the given values in place of its own."""
        return replace(metadata, **{key: value for key, value in self.values.items() if key != "id"})


def split(text: str, name: str) -> int:
    """Length of the front matter at the start of ``text`` with its two marker lines, or 0 if there is none.

    :raises UnreadableBrief: when a block is opened and never closed, or is too long.
    """
    opened = _OPEN.match(text)
    if not opened or not (_KEY.match(text, opened.end()) or _CLOSE.match(text, opened.end())):
        return 0
    closed = _CLOSE.search(text, opened.end())
    if not closed:
        raise UnreadableBrief(f"{name}: front matter opened in line 1 is never closed; end it with a line ---")
    if closed.end() > MAX_CHARS:
        raise UnreadableBrief(f"{name}: front matter of {closed.end()} characters, allowed are {MAX_CHARS}; shorten it")
    return min(len(text), closed.end() + 1)


def inner(block: str) -> str:
    """The YAML between the two marker lines of ``block``, with the first as an empty line so that line numbers hold."""
    return "\n" + block.split("\n", 1)[1].rstrip("\n").rpartition("\n")[0] + "\n"


def parse(source: str, name: str) -> Fields:
    """Read a block of YAML.

    :raises UnreadableBrief: if it is no YAML mapping, uses aliases, repeats a key or gives a value of a wrong type;
        the message names the line.
    """
    if len(source) > MAX_CHARS:
        raise UnreadableBrief(f"{name}: metadata of {len(source)} characters, allowed are {MAX_CHARS}; shorten it")
    values: dict[str, Any] = {}
    unknown: list[str] = []
    for key, value, line in _pairs(source, name):
        if key not in KEYS and key.casefold().strip() in _ALMOST_LABELS:
            raise UnreadableBrief(f"{name}: line {line}: found {key!r}, expected labels; no other key hides a brief")
        if key not in KEYS:
            unknown.append(key)
        elif key in values:
            raise UnreadableBrief(f"{name}: line {line}: {key} is given twice; keep one")
        elif value is not None:
            values[key] = _typed(key, value, f"{name}: line {line}")
    warnings = (f"unknown keys left out: {', '.join(sorted(set(unknown)))[:200]}",) if unknown else ()
    return Fields({key: value for key, value in values.items() if value not in ("", ())}, warnings)


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases: a few of them can name billions of items."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not read", problem_mark=self.get_mark())
        return super().compose_node(parent, index)


def _pairs(source: str, name: str) -> list[tuple[str, Any, int]]:
    """Key, value and line number (from 1) of each entry."""
    try:
        loader = _Loader(source)
        root = loader.get_single_node()
        if root is None:
            return []
        if not isinstance(root, yaml.MappingNode):
            line = root.start_mark.line + 1
            raise UnreadableBrief(f"{name}: line {line}: metadata is not `key: value` lines; see docs/corpus.md")
        return [
            (
                str(loader.construct_object(key, deep=True)),
                loader.construct_object(value, deep=True),
                key.start_mark.line + 1,
            )
            for key, value in root.value
        ]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        problem = error.problem or "not valid YAML"
        raise UnreadableBrief(f"{name}: {where}broken metadata: {problem}; quote values that hold a colon") from error
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        problem = str(error).splitlines()[0][:120] if str(error) else "nested too deeply"
        raise UnreadableBrief(f"{name}: broken metadata: {problem}; see docs/corpus.md") from error


def _found(value: Any) -> str:
    if isinstance(value, dt.date):
        return f"the date {value}"
    shown = "" if isinstance(value, dict | list | set) else f" {str(value)[:60]!r}"
    return f"{_NAMES.get(type(value), type(value).__name__)}{shown}"


def _typed(key: str, value: Any, where: str) -> Any:
    if key in _DATE:
        return _date(key, value, where)
    if key in _TEXT:
        if not isinstance(value, str):
            raise UnreadableBrief(f"{where}: {key}: found {_found(value)}, expected text; put it in quotes")
        return " ".join(value.split())
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        raise UnreadableBrief(f"{where}: {key}: found {_found(value)}, expected text or a list of texts")
    for item in items:
        if not isinstance(item, str):
            raise UnreadableBrief(f"{where}: {key}: found {_found(item)} in the list, expected text; put it in quotes")
    found = tuple(clean for item in items if (clean := " ".join(item.split())))
    if key == "labels" and items and not found:
        raise UnreadableBrief(
            f"{where}: labels: found no name of a group; leave it out where everybody may read the brief"
        )
    return found


def _date(key: str, value: Any, where: str) -> dt.date:
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value.strip()[:10])
        except ValueError:
            pass
    raise UnreadableBrief(f"{where}: {key}: found {_found(value)}, expected a day such as 2025-12-07")
