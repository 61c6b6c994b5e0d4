"""The endpoint and a real, small model over HTTP: streaming, schema, limits of time, several at once, and a server that dies."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from real_model import CONTEXT, SLOTS, Served, serving

from assistant.generative.caller import Caller
from assistant.generative.drafting import Drafts
from assistant.generative.records import Delta, Finish
from index.settings import Settings

SOURCE = "S1: Pakistan closed the Torkham crossing on 12 October 2025. Trucks waited for weeks at the border."
ASKED = [{"role": "user", "content": f"{SOURCE}\nWhen was Torkham closed? Answer in one statement with a quote."}]
STORY = [{"role": "user", "content": "Tell a very long story about a border crossing."}]
SCHEMA = {
    "type": "object",
    "properties": {
        "statements": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "minLength": 5, "maxLength": 60},
                    "quotes": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": 1,
                        "items": {
                            "type": "object",
                            "properties": {
                                "source": {"type": "string", "enum": ["S1"]},
                                "quote": {"type": "string", "minLength": 5, "maxLength": 60},
                            },
                            "required": ["source", "quote"],
                            "additionalProperties": False,
                        },
                    },
                },
                "required": ["text", "quotes"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["statements"],
    "additionalProperties": False,
}


@pytest.fixture(scope="session")
def model() -> Iterator[Served]:
    """The server for all tests that leave it alive."""
    with serving() as served:
        yield served


def caller(served: Served, **changes: Any) -> Caller:
    """Patient unless told otherwise: how fast the model is says nothing here."""
    patience = {"model_first_s": 120, "model_between_s": 120, "model_total_s": 240, "model_retries": 0}
    values = {"engine": "model", "model_url": served.url, "model_name": "smollm2", "model_tokens": 40}
    return Caller(Settings(**{**values, **patience, **changes}))


def text_of(records: list[Delta | Finish]) -> str:
    return "".join(record.text for record in records if isinstance(record, Delta))


def end_of(records: list[Delta | Finish]) -> Finish:
    assert isinstance(records[-1], Finish)
    return records[-1]


def test_an_answer_streams_and_is_counted(model: Served) -> None:
    records = list(caller(model).stream(ASKED))
    finish = end_of(records)
    assert finish.reason in {"stop", "length"}
    assert not finish.usage.estimated
    assert finish.usage.prompt_tokens > 20
    assert 0 < finish.usage.completion_tokens <= 40
    assert len(records) > 5, "it comes in pieces"
    assert text_of(records).strip()


def test_a_schema_binds_and_its_statements_are_read(model: Served) -> None:
    records = list(caller(model, model_tokens=400).stream(ASKED, SCHEMA))
    assert end_of(records).reason == "stop"
    (statement,) = json.loads(text_of(records))["statements"]
    drafts = Drafts()
    found = [draft for record in records if isinstance(record, Delta) for draft in drafts.feed(record.text)]
    assert [draft.text for draft in found] == [" ".join(statement["text"].split())]
    assert not drafts.unfinished


def test_the_length_that_is_asked_for_is_kept_and_marked(model: Served) -> None:
    finish = end_of(list(caller(model, model_tokens=16).stream(STORY)))
    assert (finish.reason, finish.usage.completion_tokens) == ("length", 16)


def test_several_at_once(model: Served) -> None:
    shared = caller(model, model_tokens=24)
    with ThreadPoolExecutor(SLOTS) as pool:
        answers = list(pool.map(lambda _: list(shared.stream(STORY)), range(SLOTS)))
    assert [end_of(records).reason for records in answers] == ["length"] * SLOTS
    assert all(text_of(records) for records in answers)


def test_a_first_token_that_takes_too_long(model: Served) -> None:
    long = [{"role": "user", "content": "border closed again " * (CONTEXT // 24)}]
    records = list(caller(model, model_first_s=0.01).stream(long))
    assert end_of(records).reason == "timeout"
    assert end_of(list(caller(model).stream(ASKED))).reason in {"stop", "length"}, "it answers the next question"


def test_the_whole_time_is_kept(model: Served) -> None:
    stream = caller(model, model_tokens=1500, model_total_s=3).stream(STORY)
    assert end_of(list(stream)).reason == "timeout"


def test_a_prompt_beyond_its_context(model: Served) -> None:
    records = list(caller(model, model_context=100_000).stream([{"role": "user", "content": "word " * CONTEXT * 2}]))
    finish = end_of(records)
    assert (finish.reason, "model_context" in str(finish.error)) == ("error", True)


def test_a_wrong_path(model: Served) -> None:
    finish = end_of(list(caller(Served(f"{model.url}/elsewhere", model.pid)).stream(ASKED)))
    assert (finish.reason, "404" in str(finish.error)) == ("error", True)


def test_a_reader_that_leaves_frees_the_server(model: Served) -> None:
    for _ in range(2 * SLOTS):
        stream = caller(model, model_tokens=1500).stream(STORY)
        assert isinstance(next(stream), Delta)
        stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert end_of(list(caller(model).stream(ASKED))).reason in {"stop", "length"}


def test_a_server_that_freezes_and_one_that_dies() -> None:
    with serving() as mortal:
        for number, expected in ((signal.SIGSTOP, "stalled"), (signal.SIGKILL, "cut")):
            os.kill(mortal.pid, signal.SIGCONT)
            stream = caller(mortal, model_tokens=1500, model_between_s=120 if expected == "cut" else 1).stream(STORY)
            first = next(stream)
            os.kill(mortal.pid, number)
            records = [first, *stream]
            assert text_of(records)
            assert end_of(records).reason == expected
        assert "no connection" in str(end_of(list(caller(mortal).stream(STORY))).error)
