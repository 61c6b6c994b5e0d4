"""Cases with expected answers, and the YAML files that hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assistant.types import Turn
from index.errors import BriefsError

GATES_FILE = "gates.yaml"
"""Name of the file of thresholds; in a folder of suites it is no suite."""

Words = Annotated[str, Field(min_length=1, pattern=r"\S")]


class SuiteError(BriefsError):
    """A suite, a baseline or a file of gates that cannot be used."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Message(_Strict):
    """One turn of the conversation before the question."""

    role: Literal["user", "assistant"]
    content: Words


class Fact(_Strict):
    """One thing the answer has to say: any of the wordings will do."""

    any: tuple[Words, ...] = Field(min_length=1)


class GoldSpan(_Strict):
    """Words of a brief that support the answer. ``brief`` is an id or a source.

    ``start`` and ``end`` are half-open offsets in the brief's text; without them the quote is looked up. With
    ``or: true`` the span makes up for one of the required spans before it.
    """

    brief: Words
    quote: Words
    alternative: bool = Field(default=False, alias="or")
    start: int | None = Field(default=None, ge=0)
    end: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _both_or_none(self) -> GoldSpan:
        if (self.start is None) != (self.end is None):
            raise ValueError("both start and end, or neither")
        return self


class Case(_Strict):
    """One question and what a good answer to it looks like.

    ``answerable`` None means that the question is only searched. ``relevant`` grades briefs (by id or source) for the
    ranking measures; without it the briefs of the spans count 1 each. A draft is listed and gates nothing.
    """

    id: Annotated[str, Field(pattern=r"^\S+$")]
    kind: Words
    question: Words
    answerable: bool | None
    history: tuple[Message, ...] = ()
    facts: tuple[Fact, ...] = ()
    spans: tuple[GoldSpan, ...] = ()
    forbidden: tuple[Words, ...] = ()
    relevant: dict[str, int] = Field(default_factory=dict)
    note: str = ""
    draft: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Case:
        if self.answerable is False and (self.facts or self.spans or self.relevant):
            raise ValueError("no facts, spans or relevant briefs where answerable is false")
        if self.spans and self.spans[0].alternative:
            raise ValueError("a required span before the first with `or: true`")
        return self

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The conversation before the question, as the assistant takes it."""
        return tuple(Turn(message.role, message.content) for message in self.history)

    @property
    def grades(self) -> Mapping[str, int]:
        """Relevance by brief (id or source)."""
        return self.relevant or {span.brief: 1 for span in self.spans}

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that change when anything that is scored changes; the note is not."""
        return hashlib.sha256(self.model_dump_json(exclude={"note", "draft"}).encode()).hexdigest()[:12]


class _SuiteFile(_Strict):
    suite: Words
    cases: tuple[Case, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases that are run together. ``path`` is where they come from.

    ``corpus`` is the suite's own: a folder of briefs, or texts by source; None means the corpus of the settings.
    """

    name: str
    path: Path
    cases: tuple[Case, ...]
    corpus: Path | Mapping[str, str] | None = None


def load_cases(path: Path) -> Suite:
    """The suite in a YAML file, or in all YAML files below a folder but the gates.

    :raises SuiteError: naming file, case, key, what was found and what was expected.
    """
    files = sorted({*path.rglob("*.yaml"), *path.rglob("*.yml")}) if path.is_dir() else [path]
    files = [file for file in files if file.name != GATES_FILE]
    if not files:
        raise SuiteError(f"{path}: no cases there; expected YAML files as in docs/evals.md")
    loaded = [(file, _read(file)) for file in files]
    seen: dict[str, Path] = {}
    for file, content in loaded:
        if content.suite != loaded[0][1].suite:
            raise SuiteError(
                f"{file}: key suite: found {content.suite!r}, expected {loaded[0][1].suite!r} as in {loaded[0][0].name}"
            )
        for case in content.cases:
            if case.id in seen:
                raise SuiteError(
                    f"{file}: case {case.id}: key id: found also in {seen[case.id].name}, expected an id used once"
                )
            seen[case.id] = file
    return Suite(loaded[0][1].suite, path, tuple(case for _, content in loaded for case in content.cases))


def read_yaml(path: Path) -> Any:
    """What a YAML file holds. :raises SuiteError: if it cannot be read, is no YAML, or gives a key twice."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)  # noqa: S506  (a SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: cannot be read ({error}); expected a YAML file in UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SuiteError(f"{path}: line {line}: {error.problem}; expected valid YAML") from error


def validation_line(error: ValidationError, found: Any) -> str:
    """The first problem of ``error`` in the parsed file ``found`` as "case …: key …: found …, expected …"."""
    first = error.errors()[0]
    place = [part for part in first["loc"] if part != "function-after"]
    case = ""
    if len(place) > 2 and place[0] == "cases" and isinstance(place[1], int):
        given = found["cases"][place[1]]
        case = f"case {given.get('id', place[1] + 1) if isinstance(given, dict) else place[1] + 1}: "
        place = place[2:]
    elif len(place) == 2 and place[0] == "cases" and isinstance(found["cases"][int(place[1])], dict):
        case, place = f"case {found['cases'][int(place[1])].get('id', int(place[1]) + 1)}: ", []
    key = f"key {'.'.join(str(part) for part in place)}: " if place else ""
    if first["type"] == "extra_forbidden":
        return f"{case}{key}found an unknown key, expected one of those in docs/evals.md"
    if first["type"] == "missing":
        return f"{case}{key}found nothing, expected a value"
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    shown = "" if first["type"] == "value_error" else f"found {_short(first['input'])}, "
    return f"{case}{key}{shown}expected {message}"


def _read(path: Path) -> _SuiteFile:
    found = read_yaml(path)
    try:
        return _SuiteFile.model_validate(found)
    except ValidationError as error:
        raise SuiteError(f"{path}: {validation_line(error, found)}") from error


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class _UniqueKeys(yaml.SafeLoader):
    """YAML without the last-one-wins rule for keys that stand twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        twice = _repeated(str(key.value) for key, _ in node.value)
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
