"""Cases with expected answers, and the YAML files that hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from assistant.types import Turn
from evals.reading import Name, Strict, SuiteError, Words, read_yaml

__all__ = ["GATES_FILE", "Case", "Fact", "GoldSpan", "Message", "Suite", "SuiteError", "load_cases"]

GATES_FILE = "gates.yaml"
"""Name of the file of thresholds; in a folder of suites it is no suite."""


class Message(Strict):
    """One turn of the conversation before the question."""

    role: Literal["user", "assistant"]
    content: Words


class Fact(Strict):
    """One thing the answer has to say: any of the wordings will do."""

    any: tuple[Words, ...] = Field(min_length=1)


class GoldSpan(Strict):
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


class Case(Strict):
    """One question and what a good answer to it looks like.

    ``answerable`` None means that the question is only searched. ``relevant`` grades briefs (by id or source) for the
    ranking measures; without it the briefs of the spans count 1 each. A draft is listed and gates nothing.
    """

    id: Name
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


class _SuiteFile(Strict):
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
    loaded = [(file, read_yaml(file, _SuiteFile)) for file in files]
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
