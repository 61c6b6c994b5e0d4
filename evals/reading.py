"""Files that evals read: YAML and JSON, checked against a model. What is wrong with one is said in one line."""

from __future__ import annotations

import codecs
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from index.errors import BriefsError

Model = TypeVar("Model", bound=BaseModel)
Words = Annotated[str, Field(pattern=r"\S")]
"""Text that is not blank."""
Name = Annotated[str, Field(pattern=r"^\S+$")]
"""Text without spaces."""

_EXPECTED = {
    "extra_forbidden": "one of the keys in docs/evals.md",
    "missing": "a value",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "dict_type": "keys with values",
    "tuple_type": "a list",
    "too_short": "one or more",
    "string_type": "text",
}
_PATTERNS = {r"\S": "some text", r"^\S+$": "a word without spaces"}


class SuiteError(BriefsError):
    """A suite, a baseline or a file of gates that cannot be used."""


class Strict(BaseModel):
    """A part of a file of the project's own; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_yaml(path: Path, model: type[Model]) -> Model:
    """What a YAML file holds. Dates stay text, and no key may stand twice.

    :raises SuiteError: if it cannot be read, is no YAML, or is not as ``model`` has it.
    """
    try:
        found = yaml.load(_bytes(path).decode("utf-8"), Loader=_PlainLoader)  # noqa: S506  (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SuiteError(f"{path}: line {line}: {error.problem}; expected valid YAML") from error
    except RecursionError as error:
        raise SuiteError(f"{path}: too deep to be read; expected a file as in docs/evals.md") from error
    except (yaml.YAMLError, ValueError) as error:
        raise SuiteError(f"{path}: cannot be read ({str(error).splitlines()[0]}); expected YAML in UTF-8") from error
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise SuiteError(f"{path}: {_problem(error, found)}") from error


def read_json(path: Path, model: type[Model]) -> Model:
    """What a JSON file holds. :raises SuiteError: if it cannot be read or is not as ``model``, by its title, has it."""
    try:
        return model.model_validate_json(_bytes(path))
    except ValidationError as error:
        raise SuiteError(f"{path}: {_problem(error)} ({error.title})") from error


def read_rows(path: Path, model: type[Model]) -> Iterator[Model]:
    """What a JSONL file holds, blank lines aside.

    :raises SuiteError: if it cannot be read or a line is not as ``model`` has it.
    """
    for number, line in enumerate(_bytes(path).split(b"\n"), 1):
        if line.strip():
            try:
                yield model.model_validate_json(line)
            except ValidationError as error:
                raise SuiteError(f"{path}: line {number}: {_problem(error)} ({error.title})") from error


def read_text(path: Path) -> str:
    """The text of a file. :raises SuiteError: if it cannot be read or is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: cannot be read ({error}); expected text in UTF-8") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise SuiteError(f"{path}: cannot be read ({error.strerror or error}); see docs/evals.md") from error


def _problem(error: ValidationError, found: Any = None) -> str:
    """The first problem as "case …: key …: found …, expected …"; ``found`` is a parsed suite and names the case."""
    first = error.errors()[0]
    place, case = list(first["loc"]), ""
    if found is not None and place[:1] == ["cases"] and len(place) > 1 and isinstance(place[1], int):
        given = list(found["cases"])[place[1]]
        case = f"case {given.get('id', place[1] + 1) if isinstance(given, dict) else place[1] + 1}: "
        place = place[2:]
    key = f"key {'.'.join(str(part) for part in place)}: " if place else ""
    kind = first["type"]
    if kind == "value_error":
        return f"{case}{key}expected {first['ctx']['error']}"
    if kind == "json_invalid":
        return f"found no JSON ({first['ctx']['error']}), expected it"
    given_here = {"missing": "nothing", "extra_forbidden": "an unknown key"}.get(kind) or _short(first["input"])
    pattern = str(first.get("ctx", {}).get("pattern"))
    expected = _EXPECTED.get(kind) or _PATTERNS.get(pattern) or first["msg"].removeprefix("Input should be ")
    return f"{case}{key}found {given_here}, expected {expected}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class _PlainLoader(yaml.SafeLoader):
    """YAML without the last-one-wins rule for keys that stand twice, and in which a date is the text that it is."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (as the base class has it)
        first: [(tag, pattern) for tag, pattern in known if not tag.endswith(":timestamp")]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [str(key.value) for key, _ in node.value]
        twice = next((name for k, name in enumerate(names) if name in names[:k]), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)
