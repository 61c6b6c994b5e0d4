"""Suites in the project's own YAML and in public formats, told apart by what the path holds.

A public suite brings its own corpus. Its cases name briefs by source.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from evals.cases import Case, Fact, GoldSpan, Suite, load_cases
from evals.reading import SuiteError, Words, read_json, read_rows, read_text

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
            return _checked(load_beir(path))
        if (path / "questions.jsonl").is_file() and (path / "corpus").is_dir():
            return _checked(load_spans(path))
        return load_cases(path)
    if path.suffix in {".yaml", ".yml"}:
        return load_cases(path)
    loader = {".json": load_squad, ".jsonl": load_clapnq}.get(path.suffix)
    if loader is None:
        raise SuiteError(f"suite {path}: found a {path.suffix or 'nameless'} file, expected {_KNOWN}")
    return _checked(loader(path))


def _checked(suite: Suite) -> Suite:
    """A public suite that has questions, each with an id of its own."""
    counts = Counter(case.id for case in suite.cases)
    if not counts:
        raise SuiteError(f"{suite.path}: no questions there; expected {_KNOWN}")
    case_id, count = counts.most_common(1)[0]
    if count > 1:
        raise SuiteError(f"{suite.path}: case {case_id}: found {count} times, expected an id used once")
    return suite


class _Row(BaseModel):
    """What others wrote, of which some keys are used."""

    model_config = ConfigDict(extra="ignore", frozen=True)


Key = Annotated[str, Field(coerce_numbers_to_str=True, pattern=r"\S")]
"""An id: text or a number."""


class _BeirText(_Row, title="BEIR corpus"):
    id: Key = Field(alias="_id")
    text: str
    title: str | None = None


class _BeirQuery(_Row, title="BEIR queries"):
    id: Key = Field(alias="_id")
    text: Words


def load_beir(path: Path) -> Suite:
    """A BEIR folder: ``corpus.jsonl`` and ``queries.jsonl`` (``_id``, ``title``, ``text``) and ``qrels/*.tsv``.

    Only judged queries become cases, of ``test.tsv`` if there is one; they are searched and not answered.
    """
    texts = _Texts()
    source_of = {
        row.id: texts.add(row.title or "", [row.text])[0] for row in read_rows(path / "corpus.jsonl", _BeirText)
    }
    queries = {row.id: row.text for row in read_rows(path / "queries.jsonl", _BeirQuery)}
    tables = sorted((path / "qrels").glob("*.tsv"))
    tables = [table for table in tables if table.name == "test.tsv"] or tables
    if not tables:
        raise SuiteError(f"{path / 'qrels'}: no judgements there; expected test.tsv with query-id, corpus-id and score")
    relevant: dict[str, dict[str, int]] = {}
    for table in tables:
        for query, brief, grade in _judgements(table):
            if query not in queries or brief not in source_of:
                raise SuiteError(f"{table}: found {query} and {brief}, expected ids of queries.jsonl and corpus.jsonl")
            relevant.setdefault(query, {})[source_of[brief]] = grade
    cases = [
        Case(id=_case_id(query), kind="search", question=queries[query], answerable=None, relevant=grades)
        for query, grades in relevant.items()
    ]
    return Suite(path.name, path, tuple(cases), texts.by_source)


def _judgements(path: Path) -> Iterator[tuple[str, str, int]]:
    """Query, text and grade of each line but the first, if that is a heading."""
    for number, line in enumerate(read_text(path).split("\n"), 1):
        cells = line.rstrip("\r").split("\t")
        if len(cells) == 3 and re.fullmatch("-?[0-9]+", cells[2]):
            yield cells[0], cells[1], int(cells[2])
        elif line.strip() and number > 1:
            raise SuiteError(
                f"{path}: line {number}: found {line[:60]!r}, expected query-id, corpus-id and a whole score"
            )


class _SpanRow(_Row, title="questions with spans"):
    id: Key
    question: Words
    source: Words
    spans: tuple[tuple[NonNegativeInt, NonNegativeInt], ...] = ()
    answerable: bool = True


def load_spans(path: Path) -> Suite:
    """Questions with spans of whole files: ``questions.jsonl`` and ``corpus/``.

    A row has ``id``, ``question``, ``source`` (a file of ``corpus/``), ``spans`` (half-open offsets of the decoded
    file) and, optionally, ``answerable``. All spans of a row are required.
    """
    questions, texts = path / "questions.jsonl", dict[str, str]()
    cases = []
    for row in read_rows(questions, _SpanRow):
        file = path / "corpus" / row.source
        if not file.is_file():
            raise SuiteError(
                f"{questions}: case {row.id}: key source: found {row.source!r}, expected a file of {path / 'corpus'}"
            )
        if row.source not in texts:
            texts[row.source] = read_text(file)
        text = texts[row.source]
        for start, end in row.spans:
            if end > len(text) or not text[start:end].strip():
                raise SuiteError(
                    f"{questions}: case {row.id}: key spans: found {start} to {end}, expected a range with words among "
                    f"the {len(text)} characters of {row.source}"
                )
        spans = [_span(row.source, text, place) for place in row.spans if row.answerable]
        kind = "answerable" if row.answerable else "unanswerable"
        cases.append(
            Case(id=_case_id(row.id), kind=kind, question=row.question, answerable=row.answerable, spans=tuple(spans))
        )
    return Suite(path.name, path, tuple(cases), path / "corpus")


class _SquadAnswer(_Row):
    text: Words
    answer_start: NonNegativeInt


class _SquadQuestion(_Row):
    id: Key
    question: Words
    is_impossible: bool = False
    answers: tuple[_SquadAnswer, ...]


class _SquadParagraph(_Row):
    context: str
    qas: tuple[_SquadQuestion, ...]


class _SquadArticle(_Row):
    title: str
    paragraphs: tuple[_SquadParagraph, ...] = Field(min_length=1)


class _Squad(_Row, title="SQuAD 2.0"):
    data: tuple[_SquadArticle, ...]


def load_squad(path: Path) -> Suite:
    """SQuAD 2.0: each article becomes one brief; the first answer is required, others are alternatives.

    A question that its paragraph does not answer counts as unanswerable for the whole corpus.
    """
    texts = _Texts()
    cases: list[Case] = []
    for article in read_json(path, _Squad).data:
        title = article.title.replace("_", " ")
        source, starts = texts.add(title, [paragraph.context for paragraph in article.paragraphs])
        for paragraph, start in zip(article.paragraphs, starts, strict=True):
            cases += [_squad_case(path, texts.by_source[source], source, start, one) for one in paragraph.qas]
    return Suite(path.stem, path, tuple(cases), texts.by_source)


def _squad_case(path: Path, text: str, source: str, start: int, question: _SquadQuestion) -> Case:
    answers = {} if question.is_impossible else {(one.answer_start, one.text): None for one in question.answers}
    if not answers and not question.is_impossible:
        raise SuiteError(f"{path}: case {question.id}: key answers: found none, expected one or is_impossible")
    for at, words in answers:
        if not text.startswith(words, start + at):
            raise SuiteError(
                f"{path}: case {question.id}: key answer_start: found {at}, which is not where {words[:40]!r} stands"
            )
    spans = [
        _span(source, text, (start + at, start + at + len(words)), alternative=k > 0)
        for k, (at, words) in enumerate(answers)
    ]
    return Case(
        id=_case_id(question.id),
        kind="answerable" if answers else "unanswerable",
        question=question.question,
        answerable=bool(answers),
        spans=tuple(spans),
        facts=(Fact(any=tuple(dict.fromkeys(words for _, words in answers))),) if answers else (),
    )


class _Passage(_Row):
    title: str
    text: Words


class _Selection(_Row):
    selected_sentences: tuple[str, ...]


class _ClapRow(_Row, title="CLAP NQ"):
    id: Key
    input: Words
    passages: tuple[_Passage, ...] = Field(min_length=1)
    output: tuple[_Selection, ...]


def load_clapnq(path: Path) -> Suite:
    """CLAP NQ: ``id``, ``input``, ``passages`` (``title``, ``text``), ``output`` (``selected_sentences``), one a line.

    Each passage becomes one brief. The sentences selected by the first annotator who selected any are required; where
    nobody did, the question is unanswerable.
    """
    texts = _Texts()
    cases = []
    for row in read_rows(path, _ClapRow):
        sources = [texts.add(passage.title, [passage.text])[0] for passage in row.passages]
        selected = next((one.selected_sentences for one in row.output if one.selected_sentences), ())
        spans = [_locate(path, row.id, texts.by_source, sources, words) for words in selected]
        kind = "answerable" if spans else "unanswerable"
        cases.append(
            Case(id=_case_id(row.id), kind=kind, question=row.input, answerable=bool(spans), spans=tuple(spans))
        )
    return Suite(path.stem, path, tuple(cases), texts.by_source)


def _locate(path: Path, case_id: str, texts: Mapping[str, str], sources: Sequence[str], words: str) -> GoldSpan:
    for source in sources:
        start = texts[source].find(words) if words.strip() else -1
        if start >= 0:
            return _span(source, texts[source], (start, start + len(words)))
    raise SuiteError(
        f"{path}: case {case_id}: key selected_sentences: found {words[:40]!r}, expected a sentence of the passage"
    )


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


def _span(source: str, text: str, place: tuple[int, int], *, alternative: bool = False) -> GoldSpan:
    start, end = place
    return GoldSpan.model_validate(
        {"brief": source, "quote": text[start:end], "start": start, "end": end, "or": alternative}
    )


def _case_id(given: str) -> str:
    return "-".join(given.split())
