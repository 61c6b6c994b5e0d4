"""Suites: what loads, and the one line on what does not."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from evals.cases import Case, SuiteError, load_cases
from evals.formats import SUITES, load_suite

GOOD = """
suite: small
cases:
  - id: one
    kind: fact
    question: When did Torkham close?
    answerable: true
    facts:
      - any: ["12 October"]
    spans:
      - brief: border
        quote: closed the Torkham crossing
      - {brief: talks, quote: "No text", or: true}
    note: anything
  - id: two
    kind: off-topic
    question: Who won the cup?
    answerable: false
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


def jsonl(path: Path, *rows: object) -> Path:
    return write(path, "\n".join(json.dumps(row) for row in rows) + "\n")


def test_a_suite_of_several_files(tmp_path: Path) -> None:
    write(tmp_path / "one.yaml", GOOD)
    write(
        tmp_path / "more" / "three.yml", "suite: small\ncases: [{id: three, kind: k, question: q, answerable: null}]\n"
    )
    write(tmp_path / "gates.yaml", "suites: {}\n")
    suite = load_suite(str(tmp_path))
    assert [case.id for case in suite.cases] == ["three", "one", "two"]
    assert suite.name == "small"
    assert suite.cases[1].spans[1].alternative


def test_the_projects_own_suite_loads() -> None:
    suite = load_suite("briefs")
    assert suite.path == SUITES / "briefs"
    assert len(suite.cases) >= 150


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("answerable: true", "anserable: true", "case one: key answerable: found nothing, expected a value"),
        ("    note: anything", "    remark: x", "case one: key remark: found an unknown key"),
        ("question: Who won the cup?", "question: 42", "case two: key question: found 42, expected text"),
        ("answerable: false", "answerable: maybe", "case two: key answerable: found 'maybe', expected a valid boolean"),
        ('any: ["12 October"]', "any: []", "case one: key facts.0.any: found []"),
        ("id: two", "id: one", "case one: key id: found also in suite.yaml, expected an id used once"),
        ("answerable: true", "answerable: false", "case one: expected no facts, spans or relevant briefs"),
        ("suite: small", "suite: [", "line"),
        ("    kind: fact", "    kind: fact\n    kind: fact", "the key 'kind' stands twice"),
        ("      - brief: border\n        quote: closed the Torkham crossing\n", "", "a required span before"),
        ("suite: small", "name: small", "key suite: found nothing, expected a value"),
    ],
)
def test_a_broken_suite_is_one_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    assert old in GOOD
    path = write(tmp_path / "suite.yaml", GOOD.replace(old, new, 1))
    with pytest.raises(SuiteError) as caught:
        load_cases(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert line in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "just words", "suite: s\ncases: [word]", "- 1", "suite: s\ncases: {}"])
def test_something_else_than_a_suite_is_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(SuiteError) as caught:
        load_cases(write(tmp_path / "suite.yaml", text))
    assert "\n" not in str(caught.value)


def test_files_of_one_folder_agree_on_the_suite(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", GOOD)
    write(tmp_path / "b.yaml", "suite: other\ncases: [{id: x, kind: k, question: q, answerable: true}]\n")
    with pytest.raises(SuiteError, match="found 'other', expected 'small'"):
        load_cases(tmp_path)


@pytest.mark.parametrize("where", ["nowhere", "cases.csv"])
def test_an_unknown_suite_names_what_can_be_given(tmp_path: Path, where: str) -> None:
    write(tmp_path / "cases.csv", "a,b\n")
    with pytest.raises(SuiteError, match="SQuAD"):
        load_suite(str(tmp_path / where))


def test_the_fingerprint_follows_what_is_scored() -> None:
    case = Case(id="a", kind="k", question="q", answerable=True)
    assert case.fingerprint == case.model_copy(update={"note": "n"}).fingerprint
    assert case.fingerprint != case.model_copy(update={"question": "r"}).fingerprint


def test_beir(tmp_path: Path) -> None:
    jsonl(
        tmp_path / "corpus.jsonl",
        {"_id": "d/1", "title": "Gate", "text": "Closed."},
        {"_id": "d2", "title": "", "text": "Open."},
    )
    jsonl(tmp_path / "queries.jsonl", {"_id": "q1", "text": "gate?"}, {"_id": "q2", "text": "never judged"})
    write(tmp_path / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\nq1\td/1\t2\n")
    write(tmp_path / "qrels" / "train.tsv", "query-id\tcorpus-id\tscore\nq2\td2\t1\n")
    suite = load_suite(str(tmp_path))
    assert suite.corpus == {"brief-000000.txt": "Gate\n\nClosed.", "brief-000001.txt": "Open."}
    assert [(case.id, case.answerable, case.grades) for case in suite.cases] == [("q1", None, {"brief-000000.txt": 2})]


def test_spans(tmp_path: Path) -> None:
    write(tmp_path / "corpus" / "a.txt", "The gate closed. The gate opened.")
    jsonl(
        tmp_path / "questions.jsonl",
        {"id": "1", "question": "closed?", "source": "a.txt", "spans": [[0, 16]]},
        {"id": "2", "question": "moon?", "source": "a.txt", "answerable": False, "spans": []},
    )
    suite = load_suite(str(tmp_path))
    assert suite.corpus == tmp_path / "corpus"
    assert suite.cases[0].spans[0].quote == "The gate closed."
    assert [case.answerable for case in suite.cases] == [True, False]


def test_squad_offsets_point_into_the_brief(tmp_path: Path) -> None:
    questions = [
        {"id": "a", "question": "Where?", "is_impossible": False, "answers": [{"text": "Doha", "answer_start": 3}] * 2},
        {"id": "b", "question": "Who?", "is_impossible": True, "answers": []},
    ]
    paragraphs = [{"context": "First paragraph.", "qas": []}, {"context": "In Doha it was.", "qas": questions}]
    path = write(
        tmp_path / "s.json", json.dumps({"version": "v2.0", "data": [{"title": "The_talks", "paragraphs": paragraphs}]})
    )
    suite = load_suite(str(path))
    assert isinstance(suite.corpus, dict)
    text = suite.corpus["brief-000000.txt"]
    assert text.startswith("The talks\n\nFirst")
    answerable, other = suite.cases
    [span] = answerable.spans
    assert text[span.start : span.end] == "Doha"
    assert answerable.facts[0].any == ("Doha",)
    assert other.answerable is False


def test_clapnq(tmp_path: Path) -> None:
    passage = {"title": "Gates", "text": "One gate closed . Two opened . Three stayed .", "sentences": []}
    rows = [
        {
            "id": 1,
            "input": "what opened",
            "passages": [passage],
            "output": [{"answer": "Two", "selected_sentences": ["Two opened ."]}],
        },
        {"id": 2, "input": "what moon", "passages": [passage], "output": [{"answer": "", "selected_sentences": []}]},
    ]
    suite = load_suite(str(jsonl(tmp_path / "c.jsonl", *rows)))
    assert suite.corpus == {"brief-000000.txt": "Gates\n\nOne gate closed . Two opened . Three stayed ."}
    assert suite.cases[0].spans[0].quote == "Two opened ."
    assert [case.answerable for case in suite.cases] == [True, False]


def squad(**changed: object) -> str:
    question = {
        "id": "a",
        "question": "Where?",
        "is_impossible": False,
        "answers": [{"text": "Doha", "answer_start": 3}],
    }
    paragraph = {"context": "In Doha it was.", "qas": [question | changed]}
    return json.dumps({"data": [{"title": "The_talks", "paragraphs": [paragraph]}]})


def clapnq(**changed: object) -> str:
    passage = {"title": "Gates", "text": "One gate closed . Two opened ."}
    output = [{"answer": "Two", "selected_sentences": ["Two opened ."]}]
    return json.dumps({"id": 1, "input": "what opened", "passages": [passage], "output": output} | changed)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("s.json", "{", "found no JSON"),
        ("s.json", "[" * 100_000, "found no JSON"),
        ("s.json", "[]", "found [], expected keys with values (SQuAD 2.0)"),
        ("s.json", '{"data": []}', "no questions there"),
        ("s.json", '{"data": [{"title": "t"}]}', "key data.0.paragraphs: found nothing, expected a value (SQuAD 2.0)"),
        ("s.json", '{"data": [{"title": "t", "paragraphs": []}]}', "paragraphs: found [], expected one or more"),
        (
            "s.json",
            squad(answers=[{"text": "Doha", "answer_start": 4}]),
            "key answer_start: found 4, which is not where",
        ),
        (
            "s.json",
            squad(answers=[{"text": "Doha", "answer_start": -1}]),
            "answer_start: found -1, expected greater than",
        ),
        ("s.json", squad(answers=[]), "case a: key answers: found none"),
        ("s.json", squad(is_impossible="perhaps"), "is_impossible: found 'perhaps'"),
        ("s.json", squad(question=" "), "question: found ' ', expected some text"),
        ("c.jsonl", "", "no questions there"),
        ("c.jsonl", '{"id": 1}\n', "line 1: key input: found nothing"),
        ("c.jsonl", "\n{\n", "line 2: found no JSON"),
        ("c.jsonl", clapnq(passages=[3]), "line 1: key passages.0: found 3, expected keys with values (CLAP NQ)"),
        ("c.jsonl", clapnq(output=[{"selected_sentences": ["None ."]}]), "found 'None .', expected a sentence of"),
        ("c.jsonl", clapnq() + "\n" + clapnq(), "case 1: found 2 times"),
        ("y.yaml", "suite: \x00", "cannot be read"),
        ("y.yaml", "suite: !!int x", "cannot be read"),
        ("y.yaml", "[" * 5000, "too deep"),
        ("y.yaml", "suite: s\n---\nsuite: t", "line 2"),
        ("y.yaml", "suite: 2026-01-02\ncases: [{id: a}]", "case a: key kind: found nothing"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, name: str, text: str, line: str) -> None:
    with pytest.raises(SuiteError) as caught:
        load_suite(str(write(tmp_path / name, text)))
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ({"spans": [[0]]}, "line 1: key spans.0.1: found nothing"),
        ({"spans": [[0, 99]]}, "case 1: key spans: found 0 to 99, expected a range with words among the 16 characters"),
        ({"spans": [[9, 3]]}, "found 9 to 3"),
        ({"spans": [[3, 4]]}, "found 3 to 4, expected a range with words"),
        ({"spans": None}, "key spans: found None, expected a list (questions with spans)"),
        ({"source": 7}, "key source: found 7, expected text"),
        ({"source": "b.txt"}, "case 1: key source: found 'b.txt', expected a file of"),
        ({"source": "latin.txt"}, "latin.txt: cannot be read"),
    ],
)
def test_broken_spans_are_one_line(tmp_path: Path, row: dict[str, object], line: str) -> None:
    write(tmp_path / "corpus" / "a.txt", "The gate closed.")
    (tmp_path / "corpus" / "latin.txt").write_bytes(b"caf\xe9")
    jsonl(tmp_path / "questions.jsonl", {"id": "1", "question": "closed?", "source": "a.txt", "spans": [], **row})
    with pytest.raises(SuiteError) as caught:
        load_suite(str(tmp_path))
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("judgements", "line"),
    [
        ("", "no questions there"),
        ("query-id\tcorpus-id\tscore\nq\td\t0.5\n", "line 2: found 'q\\td\\t0.5', expected"),
        ("query-id\tcorpus-id\tscore\nq\td\t²\n", "line 2"),
        ("query-id\tcorpus-id\tscore\nq\tgone\t1\n", "found q and gone"),
    ],
)
def test_broken_judgements_are_one_line(tmp_path: Path, judgements: str, line: str) -> None:
    jsonl(tmp_path / "corpus.jsonl", {"_id": "d", "title": None, "text": "x"})
    jsonl(tmp_path / "queries.jsonl", {"_id": "q", "text": "y"})
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text(judgements, encoding="utf-8")
    with pytest.raises(SuiteError) as caught:
        load_suite(str(tmp_path))
    assert line in str(caught.value)
