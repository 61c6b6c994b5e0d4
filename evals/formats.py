"""Suites in the project's own YAML and in public formats, told apart by what the path holds.

A public suite brings its own corpus. Its cases name briefs by source.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evals.cases import Case, Suite, SuiteError, load_cases, validation_line

SUITES = Path(__file__).with_name("suites")
"""Suites that come with the project; their names can be given instead of a path."""

_KNOWN = "a folder of YAML cases, BEIR, questions.jsonl with corpus/, SQuAD 2.0 .json or CLAP NQ .jsonl"


def load_suite(where: str) -> Suite:
    """The suite at a path, or one of the project's own by name.

    :raises SuiteError: if there is nothing, nothing known, or something broken.
    """
    path = Path(where)
    if not path.exists() and (SUITES / where).is_dir():
        path = SUITES / where
    if not path.exists():
        raise SuiteError(f"suite {where}: no such file or folder; expected {_KNOWN}")
    if path.is_dir():
        if (path / "corpus.jsonl").is_file() and (path / "queries.jsonl").is_file():
            return _load_public(load_beir, path)
        if (path / "questions.jsonl").is_file() and (path / "corpus").is_dir():
            return _load_public(load_spans, path)
        return load_cases(path)
    if path.suffix in {".yaml", ".yml"}:
        return load_cases(path)
    loader = {".json": load_squad, ".jsonl": load_clapnq}.get(path.suffix)
    if loader is None:
        raise SuiteError(f"suite {path}: found a {path.suffix or 'nameless'} file, expected {_KNOWN}")
    return _load_public(loader, path)


def _load_public(loader: Callable[[Path], Suite], path: Path) -> Suite:
    """A suite whose rows others wrote: one that lacks a key or has another shape is wrong input, not a bug."""
    try:
        return loader(path)
    except (KeyError, TypeError, AttributeError) as error:
        raise SuiteError(f"{path}: a row or article is of another shape ({error}); expected {_KNOWN}") from error


def load_beir(path: Path) -> Suite:
    """A BEIR folder: ``corpus.jsonl`` and ``queries.jsonl`` (``_id``, ``title``, ``text``) and ``qrels/*.tsv``.

    Only judged queries become cases, of ``test.tsv`` if there is one; they are searched and not answered.
    """
    texts = _Texts()
    source_of = {
        row["_id"]: texts.add(row.get("title", ""), [row["text"]])[0]
        for row in _rows(path / "corpus.jsonl", ("_id", "text"))
    }
    queries = {row["_id"]: row["text"] for row in _rows(path / "queries.jsonl", ("_id", "text"))}
    tables = sorted((path / "qrels").glob("*.tsv"))
    tables = [table for table in tables if table.name == "test.tsv"] or tables
    if not tables:
        raise SuiteError(f"{path / 'qrels'}: no judgements there; expected test.tsv with query-id, corpus-id and score")
    relevant: dict[str, dict[str, int]] = {}
    for table in tables:
        for query_id, brief, grade in _judgements(table):
            if query_id not in queries or brief not in source_of:
                raise SuiteError(
                    f"{table}: found {query_id} and {brief}, expected ids of queries.jsonl and corpus.jsonl"
                )
            relevant.setdefault(query_id, {})[source_of[brief]] = grade
    cases = [
        _case(table, query_id, "search", queries[query_id], None, relevant=grades)
        for query_id, grades in relevant.items()
    ]
    return Suite(path.name, path, tuple(cases), texts.by_source)


def load_spans(path: Path) -> Suite:
    """Questions with spans of whole files: ``questions.jsonl`` and ``corpus/``.

    A row has ``id``, ``question``, ``source`` (a file of ``corpus/``), ``spans`` (half-open offsets of the decoded
    file) and, optionally, ``answerable``. All spans of a row are required.
    """
    questions, texts = path / "questions.jsonl", {}
    cases = []
    for row in _rows(questions, ("id", "question", "source")):
        answerable = row.get("answerable", True)
        file = path / "corpus" / row["source"]
        if not file.is_file():
            raise SuiteError(
                f"{questions}: case {row['id']}: key source: found {row['source']!r}, expected a file of {file.parent}"
            )
        if row["source"] not in texts:
            texts[row["source"]] = file.read_bytes().decode("utf-8")
        spans = _spans(row["source"], texts[row["source"]], row.get("spans", []) if answerable else [])
        kind = "answerable" if answerable else "unanswerable"
        cases.append(_case(questions, row["id"], kind, row["question"], answerable, spans=spans))
    return Suite(path.name, path, tuple(cases), path / "corpus")


def load_squad(path: Path) -> Suite:
    """SQuAD 2.0: each article becomes one brief; the first answer is required, others are alternatives.

    A question that its paragraph does not answer counts as unanswerable for the whole corpus.
    """
    content = _json(path)
    if not isinstance(content, dict) or not isinstance(content.get("data"), list):
        raise SuiteError(f"{path}: key data: found none, expected the list of articles of SQuAD 2.0")
    texts = _Texts()
    cases: list[Case] = []
    for article in content["data"]:
        paragraphs = article["paragraphs"]
        source, starts = texts.add(article["title"].replace("_", " "), [p["context"] for p in paragraphs])
        text = texts.by_source[source]
        for paragraph, start in zip(paragraphs, starts, strict=True):
            cases += [_squad_case(path, text, source, start, question) for question in paragraph["qas"]]
    return Suite(path.stem, path, tuple(cases), texts.by_source)


def load_clapnq(path: Path) -> Suite:
    """CLAP NQ: ``id``, ``input``, ``passages`` (``title``, ``text``), ``output`` (``selected_sentences``), one a line.

    Each passage becomes one brief. The sentences selected by the first annotator who selected any are required; where
    nobody did, the question is unanswerable.
    """
    texts = _Texts()
    cases = []
    for row in _rows(path, ("id", "input", "passages", "output")):
        places = [texts.add(passage["title"], [passage["text"]]) for passage in row["passages"]]
        selected: list[str] = next(
            (one["selected_sentences"] for one in row["output"] if one["selected_sentences"]), []
        )
        spans = [
            _locate(path, row["id"], texts.by_source, [source for source, _ in places], words) for words in selected
        ]
        kind = "answerable" if spans else "unanswerable"
        cases.append(_case(path, row["id"], kind, row["input"], bool(spans), spans=spans))
    return Suite(path.stem, path, tuple(cases), texts.by_source)


@dataclass(slots=True)
class _Texts:
    """Texts of a corpus that comes inside other files. The same title and text is kept once."""

    by_source: dict[str, str] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)

    def add(self, title: str, paragraphs: Sequence[str]) -> tuple[str, list[int]]:
        """The source of the text, and the offset at which each paragraph starts in it."""
        parts = [title, *paragraphs] if title.strip() else list(paragraphs)
        text = "\n\n".join(parts)
        starts = [sum(len(part) + 2 for part in parts[:k]) for k in range(len(parts))]
        source = self._known.setdefault(text, f"brief-{len(self.by_source):06d}.txt")
        self.by_source[source] = text
        return source, starts[-len(paragraphs) :]


def _squad_case(path: Path, text: str, source: str, start: int, question: Mapping[str, Any]) -> Case:
    answers = {} if question["is_impossible"] else {(a["answer_start"], a["text"]): None for a in question["answers"]}
    spans = _spans(source, text, [(start + at, start + at + len(words)) for at, words in answers])
    spans = [{**span, "or": k > 0} for k, span in enumerate(spans)]
    facts = [{"any": list(dict.fromkeys(words for _, words in answers))}] if answers else []
    kind = "answerable" if answers else "unanswerable"
    return _case(path, question["id"], kind, question["question"], bool(answers), spans=spans, facts=facts)


def _spans(source: str, text: str, offsets: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    return [{"brief": source, "quote": text[start:end], "start": start, "end": end} for start, end in offsets]


def _locate(path: Path, case_id: str, texts: Mapping[str, str], sources: Sequence[str], words: str) -> dict[str, Any]:
    for source in sources:
        start = texts[source].find(words)
        if start >= 0:
            return _spans(source, texts[source], [(start, start + len(words))])[0]
    raise SuiteError(
        f"{path}: case {case_id}: key selected_sentences: found {words[:40]!r}, expected a sentence of the passage"
    )


def _case(path: Path, case_id: object, kind: str, question: str, answerable: bool | None, **gold: Any) -> Case:
    given = {"id": "-".join(str(case_id).split()), "kind": kind, "question": question, "answerable": answerable, **gold}
    try:
        return Case.model_validate(given)
    except ValidationError as error:
        raise SuiteError(f"{path}: case {case_id}: {validation_line(error, given)}") from error


def _rows(path: Path, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Objects of a JSONL file, each with at least ``keys``."""
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        row = _parse(path, line, f"line {number}: ")
        missing = next((key for key in keys if not isinstance(row, dict) or key not in row), None)
        if missing is not None:
            raise SuiteError(f"{path}: line {number}: key {missing}: found nothing, expected a value")
        yield row


def _judgements(path: Path) -> Iterator[tuple[str, str, int]]:
    for number, line in enumerate(_text(path).splitlines(), 1):
        cells = line.split("\t")
        if len(cells) != 3 or not cells[2].lstrip("-").isdigit():
            if number == 1:
                continue
            raise SuiteError(
                f"{path}: line {number}: found {line[:60]!r}, expected query-id, corpus-id and a whole score"
            )
        yield cells[0], cells[1], int(cells[2])


def _json(path: Path) -> Any:
    return _parse(path, _text(path), "")


def _parse(path: Path, text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SuiteError(f"{path}: {place}found no JSON ({error}), expected it") from error


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: cannot be read ({error}); expected a file in UTF-8") from error
