"""Statements out of what models write: well or badly formed, in whatever pieces, and never an exception."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.generative.drafting import MOST_CHARS, Drafts
from assistant.verification.types import Draft, Quoted

GOOD = Draft("It closed.", (Quoted("S1", "closed on 12 October"),))
OTHER = Draft("Trucks waited.", (Quoted("S2", "waited for weeks"), Quoted("S3", "queues")))
ONE = '{"text": "It closed.", "quotes": [{"source": "S1", "quote": "closed on 12 October"}]}'
TWO = (
    '{"text": "Trucks waited.", "quotes": [{"source": "S2", "quote": "waited for weeks"},'
    ' {"source": "S3", "quote": "queues"}]}'
)


def drafts_of(text: str) -> list[Draft]:
    """All drafts of a whole text."""
    drafts = Drafts()
    return [*drafts.feed(text), *drafts.finish()]


@pytest.mark.parametrize(
    "text",
    [
        f'{{"statements": [{ONE}, {TWO}]}}',
        f'```json\n{{"statements": [{ONE}, {TWO}]}}\n```',
        f'Here is {{what}} you asked for:\n\n{{"statements": [{ONE}, {TWO},]}}\n\nI hope that helps [S1].',
        f"[{ONE}, {TWO}]",
        f"{ONE}\n{TWO}\n",
        f"{ONE}{TWO}",
        f'{{"answer": {{"statements": [{ONE} {TWO}]}}}}',
        f'{{"text": "Summary", "statements": [{ONE}, {TWO}], "confidence": 0.9, "done": true}}',
        f'{{"statements": [{ONE}, {ONE}, {TWO}, {ONE}]}}',
        f'{{"statements": [{ONE}, {{"text": 7, "quotes": []}}, {{"quotes": {{}}}}, {{"text": " "}}, {TWO}]}}',
        f'{{"statements": [{ONE}, {{"text" "no colon"}}, {TWO}]}}',
        f'<think>Maybe {{"text": "No."}} or [S1].</think>{{"statements": [{ONE}, {TWO}]}}',
        f'{{"statements": [{ONE}, {TWO}'.replace('"}]}', '"}}'),
    ],
)
def test_forms_that_are_understood(text: str) -> None:
    assert drafts_of(text) == [GOOD, OTHER]


@pytest.mark.parametrize(
    "text",
    [
        "{'text': 'It closed.', 'quotes': [{'source': 'S1', 'quote': 'closed on 12 October'}]}",
        '{"text": "It closed.", "quotes": [{"source": S1, "quote": "closed on 12 October",}],}',
        '{"Statement": "It closed.", "citations": [{"Label": "[s1]", "text": "closed on 12 October"}]}',
        '{"text": "It closed.", "quotes": {"id": 1, "quote": "closed on 12 October"}}',
        '{"text": "It closed.", "source": "S1", "quote": "closed on 12 October"}',
        '{"text": "It closed.", "sources": ["S1"], "quotes": ["closed on 12 October"]}',
        '{"text": "It closed.", "sources": [{"label": "S1", "text": "closed on 12 October"}]}',
        '{"text": "It closed.", "quotes": ["S1: closed on 12 October"]}',
        '{"text": "It\\n   closed.", "quotes": [{"source": "1", "quote": " closed on 12 October "}], "x": [1, true, null]}',
        '{"text": "It closed.", "quotes": [{"source": "S1", "quote": "\\u0063losed on 12 Octo\\u0062er"}]}',
    ],
)
def test_one_statement_in_many_spellings(text: str) -> None:
    assert drafts_of(text) == [GOOD]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r'"a \"b\" \\ \/ \n c"', 'a "b" \\ / c'),
        (r'"\ud83d\ude00 \ud83d \u00e9 \u00"', "😀 � é u00"),
        ('"He said "no" and left"', 'He said "no" and left'),
        ('"He said "no", then left"', 'He said "no", then left'),
        ("'It's Kabul's'", "It's Kabul's"),
        ('"two\nlines"', "two lines"),
        ('"a, b: c} d] e"', "a, b: c} d] e"),
        ('""quoted""', '"quoted"'),
    ],
)
def test_strings(written: str, read: str) -> None:
    assert drafts_of(f'{{"text": {written}, "quotes": []}}') == [Draft(read, ())]


def test_a_statement_comes_when_its_object_closes() -> None:
    drafts = Drafts()
    arrived = [len(drafts.feed(char)) for char in f'{{"statements": [{ONE}, {TWO}]}}']
    first = len('{"statements": [') + len(ONE)
    assert [at + 1 for at, number in enumerate(arrived) if number] == [first, first + 2 + len(TWO)]
    assert not drafts.unfinished
    assert drafts.broken == 0


@pytest.mark.parametrize("end", range(1, len(TWO)))
def test_an_unfinished_statement_is_left_out_and_told(end: int) -> None:
    drafts = Drafts()
    assert drafts.feed(f'{{"statements": [{ONE}, {TWO[:end]}') == [GOOD]
    assert drafts.unfinished
    assert drafts.finish() == []


def test_nothing_of_an_unfinished_answer_passes_for_prose() -> None:
    drafts = Drafts()
    assert drafts.feed('{"statements": [{"text": "It closed [S1].", "quotes": [{"source": "S1", "quo') == []
    assert drafts.finish() == []
    assert drafts.unfinished


def test_thinking_that_does_not_end_is_unfinished() -> None:
    drafts = Drafts()
    assert drafts.feed(f"<think>{ONE} [S1]. ") == drafts.finish() == []
    assert drafts.unfinished


def test_what_is_too_long_is_left_out() -> None:
    drafts = Drafts()
    assert drafts.feed(f'[{{"text": "{"x" * 5000}"}}, {ONE}]') == [GOOD]
    assert drafts.broken == 1
    quotes = ", ".join(f'{{"source": "S1", "quote": "q{number}"}}' for number in range(99))
    (draft,) = drafts.feed(f'{{"text": "many", "quotes": [{quotes}]}}')
    assert len(draft.quotes) == 20
    drafts.feed("x" * MOST_CHARS)
    assert drafts.unfinished
    assert drafts.feed(ONE.replace("It", "It also")) == []


def test_what_is_too_deep_is_left_out() -> None:
    drafts = Drafts()
    assert drafts.feed('{"a":' * 50 + ONE + "}" * 50 + TWO)[-1] == OTHER
    assert drafts.broken > 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('It closed "on 12 October" [S1].', [Draft('It closed "on 12 October".', (Quoted("S1", "on 12 October"),))]),
        (
            "First, nothing. It closed on 12 October. [S1] Trucks “waited for weeks” [S2, S3].",
            [
                Draft("It closed on 12 October.", (Quoted("S1", "It closed on 12 October."),)),
                Draft("Trucks “waited for weeks”.", (Quoted("S2", "waited for weeks"),)),
            ],
        ),
        (
            "- It closed (S1)\n2. Trucks waited [S2, S3]\n\n```",
            [
                Draft("It closed", (Quoted("S1", "It closed"),)),
                Draft("Trucks waited", (Quoted("S2", "Trucks waited"), Quoted("S3", "Trucks waited"))),
            ],
        ),
        (
            'Kabul says "it is open" [S1] while Islamabad says "it is closed" [S2].',
            [
                Draft(
                    'Kabul says "it is open" while Islamabad says "it is closed".',
                    (Quoted("S1", "it is open"), Quoted("S2", "it is closed")),
                )
            ],
        ),
        ("The sources do not say.", []),
        ("[S1]", []),
        ("", []),
    ],
)
def test_prose_with_markers(text: str, expected: list[Draft]) -> None:
    assert drafts_of(text) == expected


PIECES = st.sampled_from(
    [*'{}[]:,"\'\\ \n', '"text"', '"quotes":', '"source": "S1"', '"quote": "w"', ONE, *"\\u00 <think> </think> [S1] a ” 7 ```".split()]
)  # fmt: skip
ANYTHING = st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join))


@given(ANYTHING, st.data())
def test_pieces_make_no_difference(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    drafts, found = Drafts(), []
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        found += drafts.feed(text[start:end])
    whole = Drafts()
    assert found == whole.feed(text)
    assert drafts.finish() == whole.finish()
    assert (drafts.broken, drafts.unfinished) == (whole.broken, whole.unfinished)


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcxyz"), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(st.tuples(WORDS, st.lists(st.tuples(st.integers(1, 99), WORDS), max_size=3), JUNK), max_size=5),
    st.sampled_from([None, 2]),
    st.booleans(),
)
def test_whatever_json_holds_is_read(
    given_: list[tuple[str, list[tuple[int, str]], object]], indent: int | None, ascii_: bool
) -> None:
    statements = [
        {"text": text, "junk": junk, "quotes": [{"source": f"S{n}", "quote": words} for n, words in quotes]}
        for text, quotes, junk in given_
    ]
    expected = [
        Draft(
            " ".join(text.split()),
            tuple(Quoted(f"S{n}", words.strip()) for n, words in quotes if words.strip() and not _is_label(words)),
        )
        for text, quotes, _ in given_
        if text.strip()
    ]
    drafts = Drafts()
    found = drafts.feed(json.dumps({"statements": statements}, indent=indent, ensure_ascii=ascii_))
    assert found == list(dict.fromkeys(expected))
    assert not drafts.unfinished
    assert drafts.broken == 0


def _is_label(words: str) -> bool:
    """Whether the words are a label themselves, which is no quote."""
    return words.strip().strip("[]()").strip().upper().removeprefix("S").isdecimal()


@settings(max_examples=20, deadline=None)
@given(PIECES, st.lists(PIECES, min_size=1, max_size=4).map("".join))
def test_long_repetitions_end(start: str, unit: str) -> None:
    """Quadratic time would take minutes here, and the limit of a test is five."""
    drafts_of(start + unit * (MOST_CHARS // len(unit)))


@pytest.mark.parametrize(
    "unit", ["[S1,", "“", '"', "«", ". ", "(S1) ", "S1 ", ".\n", "[ S1", ". [S1] ", '"" ', "{", "[{", "\\"]
)
def test_long_prose_ends(unit: str) -> None:
    drafts_of(unit * (MOST_CHARS // len(unit)))
