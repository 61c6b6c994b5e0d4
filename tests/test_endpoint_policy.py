"""When the model is asked again, without what, at what cost, and when it is left alone."""

from __future__ import annotations

import re
import time

import pytest
from asking import MESSAGES, SCHEMA, ask, drips, heard, model_settings
from hypothesis import given
from hypothesis import strategies as st
from scripted_model import ScriptedModel, Stage, says, status

from assistant.generative.breaker import Breaker
from assistant.generative.caller import Caller
from assistant.generative.limits import Budget
from assistant.generative.records import Finish


@pytest.mark.parametrize(
    ("code", "error_code", "words"),
    [
        (400, None, "refused"),
        (401, "invalid_api_key", "model_key"),
        (403, None, "may not use"),
        (404, "model_not_found", "no model 'small'"),
        (429, "insufficient_quota", "credit"),
        (418, None, "refused"),
    ],
)
def test_refusals_are_said_at_once_and_not_repeated(code: int, error_code: str | None, words: str) -> None:
    with ScriptedModel(status(code, "no", error_code)) as model:
        text, finish = ask(model, model_retries=3)
        assert len(model.asked) == 1
    assert (text, finish.reason) == ("", "error")
    assert words in str(finish.error)


@pytest.mark.parametrize("code", [408, 409, 429, 500, 502, 503, 529])
def test_a_busy_server_is_asked_again(code: int) -> None:
    with ScriptedModel(status(code, retry_after="0"), says("fine")) as model:
        assert ask(model, model_retries=1)[0] == "fine"
        assert len(model.asked) == 2


@pytest.mark.parametrize("retry_after", ["", "soon", "-3", "1e999", "Wed, 21 Oct 2015 07:28:00 GMT", "nan"])
def test_a_busy_server_without_a_usable_pause_is_asked_again(retry_after: str) -> None:
    headers = {"retry_after": retry_after} if retry_after else {}
    with ScriptedModel(status(429, **headers), says("fine")) as model:
        assert ask(model, model_retries=1)[0] == "fine"


def test_retry_after_is_kept() -> None:
    with ScriptedModel(status(429, retry_after_ms="400"), says("fine")) as model:
        started = time.monotonic()
        assert ask(model, model_retries=1)[0] == "fine"
        assert time.monotonic() - started >= 0.4


def test_a_pause_beyond_the_whole_time_is_not_waited_for() -> None:
    with ScriptedModel(status(429, retry_after="3600")) as model:
        started = time.monotonic()
        _, finish = ask(model, model_retries=3)
        assert time.monotonic() - started < 3
        assert len(model.asked) == 1
    assert finish.reason == "error"
    assert "3600 s" in str(finish.error)


def test_tries_come_to_an_end() -> None:
    with ScriptedModel(status(503, retry_after="0")) as model:
        _, finish = ask(model, model_retries=2)
        assert len(model.asked) == 3
    assert (finish.reason, "503" in str(finish.error)) == ("error", True)


def test_a_schema_is_asked_for_until_it_is_refused() -> None:
    refusal = status(400, "response_format: json_schema is not supported")
    with ScriptedModel(says("{}"), refusal, says("{}")) as model:
        caller = Caller(model_settings(model.url))
        assert [heard(caller, schema=SCHEMA)[1].reason for _ in range(3)] == ["stop"] * 3
        formats = [asked.body.get("response_format") for asked in model.asked]
    assert formats[0] == formats[1]
    assert formats[0] is not None
    assert formats[0]["json_schema"]["schema"] == SCHEMA
    assert formats[2:] == [None, None]


def test_a_refusal_that_names_nothing_is_put_down_to_the_schema_once() -> None:
    with ScriptedModel(status(400, "bad"), says("{}"), says("{}")) as model:
        caller = Caller(model_settings(model.url))
        assert [heard(caller, schema=SCHEMA)[1].reason for _ in range(2)] == ["stop"] * 2
        assert ["response_format" in asked.body for asked in model.asked] == [True, False, True]


def test_the_schema_can_be_forced_and_forbidden() -> None:
    with ScriptedModel(status(400, "response_format is not supported")) as model:
        always = Caller(model_settings(model.url, model_schema="always"))
        assert heard(always, schema=SCHEMA)[1].reason == "error"
        assert len(model.asked) == 1
        heard(Caller(model_settings(model.url, model_schema="never")), schema=SCHEMA)
        assert "response_format" not in model.asked[1].body


def test_parts_that_newer_models_refuse_are_left_out() -> None:
    def play(stage: Stage) -> None:
        for part, words in (
            ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
            ("temperature", "Unsupported value: 'temperature' does not support 0 with this model."),
            ("stream_options", "stream_options: extra fields not permitted"),
        ):
            if part in stage.asked.body:
                status(400, words)(stage)
                return
        says("fine")(stage)

    with ScriptedModel(play) as model:
        caller = Caller(model_settings(model.url))
        assert heard(caller)[0] == heard(caller)[0] == "fine"
        assert len(model.asked) == 5
        assert model.asked[-1].body["max_completion_tokens"] == 800


def test_a_prompt_that_is_too_large_is_not_sent() -> None:
    with ScriptedModel(says("never")) as model:
        caller = Caller(model_settings(model.url, model_context=256))
        (finish,) = caller.stream([{"role": "user", "content": "word " * 300}])
        assert model.asked == []
    assert isinstance(finish, Finish)
    assert finish.reason == "limit"
    assert "375 tokens, model_context allows 256" in str(finish.error)


def test_the_cost_of_a_question_is_limited_over_its_requests() -> None:
    with ScriptedModel(says("fine")) as model:
        settings = model_settings(model.url, model_price_in=1, model_price_out=1000, model_cost_limit=0.81)
        caller, budget = Caller(settings), Budget(settings)
        assert heard(caller, budget=budget)[1].reason == "stop"
        assert heard(caller, budget=budget)[1].reason == "stop"
        assert budget.spent.completion_tokens == 14
        dearer = Budget(settings.model_copy(update={"model_price_out": 2000.0}))
        assert heard(caller, budget=dearer)[1].reason == "limit"
        assert len(model.asked) == 2


def test_an_answer_that_grows_too_dear_is_stopped() -> None:
    with ScriptedModel(drips) as model:
        settings = model_settings(
            model.url, model_tokens=16, model_price_in=1, model_price_out=1000, model_cost_limit=0.0161
        )
        text, finish = heard(Caller(settings))
    assert (finish.reason, "model_cost_limit" in str(finish.error)) == ("limit", True)
    assert 0 < len(text) < 16 * 8


def test_what_is_stopped_is_paid_for() -> None:
    with ScriptedModel(drips) as model:
        settings = model_settings(model.url)
        budget = Budget(settings)
        stream = Caller(settings).stream(MESSAGES, budget=budget)
        next(stream)
        stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert budget.spent.prompt_tokens > 0


def test_a_server_that_keeps_failing_is_left_alone_and_tried_again() -> None:
    clock = [0.0]
    with ScriptedModel(status(500), status(500), status(500), says("well again")) as model:
        caller = Caller(model_settings(model.url), Breaker(2, 60, lambda: clock[0]))
        for expected in (1, 2, 2, 2):
            finish = heard(caller)[1]
            assert (finish.reason, len(model.asked)) == ("error", expected)
        assert re.search(r"left alone until \d\d:\d\d:\d\d, for 60 s", str(finish.error))
        clock[0] = 61
        assert [heard(caller)[1].reason, heard(caller)[1].reason] == ["error", "error"]
        assert len(model.asked) == 3, "half open, one call finds out"
        clock[0] = 122
        assert heard(caller)[0] == "well again"
        assert heard(caller)[0] == "well again"


def test_an_open_breaker_ends_the_retries() -> None:
    with ScriptedModel(status(500, retry_after="0")) as model:
        caller = Caller(model_settings(model.url, model_retries=9), Breaker(3, 60))
        assert "left alone" in str(heard(caller)[1].error)
        assert len(model.asked) == 3


def test_a_refused_request_is_no_failure_of_the_server() -> None:
    with ScriptedModel(status(401)) as model:
        caller = Caller(model_settings(model.url), Breaker(1, 60))
        assert "401" in str([heard(caller) for _ in range(3)][-1][1].error)
        assert len(model.asked) == 3


def test_callers_of_one_model_share_its_breaker() -> None:
    with ScriptedModel(status(500)) as model:
        for _ in range(3):
            finish = ask(model, model_breaker=2)[1]
        assert "left alone" in str(finish.error)
        assert ask(model, model_breaker=2, model_name="another")[1].reason == "error"
        assert len(model.asked) == 3


@given(st.lists(st.sampled_from(["fails", "works", "asks", "waits"]), max_size=60), st.integers(1, 4))
def test_breaker_lets_through_what_it_should(steps: list[str], most: int) -> None:
    clock = [0.0]
    breaker = Breaker(most, 10, lambda: clock[0])
    failed, until = 0, 0.0
    for step in steps:
        if step == "fails":
            breaker.failed()
            failed, until = failed + 1, clock[0] + 10
        elif step == "works":
            breaker.succeeded()
            failed = 0
        elif step == "waits":
            clock[0] += 6
        else:
            is_open = failed >= most and clock[0] < until
            assert (breaker.admit() > 0) == is_open
            if failed >= most and not is_open:
                until = clock[0] + 10
