"""What the tests of the model endpoint share: settings, a conversation, and an answer whose end is checked."""

from __future__ import annotations

import time
from typing import Any

from pydantic import SecretStr
from scripted_model import ScriptedModel, Stage

from assistant.generative.caller import Caller
from assistant.generative.records import Delta, Finish
from index.settings import Settings

KEY = "sk-very-secret-0123456789"
MESSAGES = [
    {"role": "system", "content": "You write statements about the sources and quote them."},
    {"role": "user", "content": "Source S1: Pakistan closed the Torkham crossing on 12 October 2025. When?"},
]
SCHEMA = {"type": "object", "properties": {"statements": {"type": "array"}}, "required": ["statements"]}
LIMIT_S = 0.3
LONGEST_S = 10 * LIMIT_S
"""A hang over a limit of ``LIMIT_S`` may not last longer than this, on a busy machine either."""


def model_settings(url: str, **changes: Any) -> Settings:
    """Settings for a model at ``url`` that wait a short time and do not try again."""
    values: dict[str, Any] = {
        "engine": "model",
        "model_url": url,
        "model_name": "small",
        "model_key": SecretStr(KEY),
        "model_connect_s": 5,
        "model_first_s": 5,
        "model_between_s": 5,
        "model_total_s": 20,
        "model_retries": 0,
    }
    return Settings(**{**values, **changes})


def heard(caller: Caller, **arguments: Any) -> tuple[str, Finish]:
    """The text and the end of an answer; the end is there, is last, and is there once."""
    *deltas, finish = caller.stream(MESSAGES, **arguments)
    assert isinstance(finish, Finish)
    assert all(isinstance(delta, Delta) and delta.text for delta in deltas)
    if finish.error is not None:
        shown = str(finish.error)
        assert "\n" not in shown
        assert KEY not in shown
        assert "Torkham" not in shown
    assert (finish.error is None) == (finish.reason == "stop")
    return "".join(delta.text for delta in deltas if isinstance(delta, Delta)), finish


def ask(model: ScriptedModel, **changes: Any) -> tuple[str, Finish]:
    return heard(Caller(model_settings(model.url, **changes)))


def in_time(settings: Settings) -> tuple[str, Finish]:
    """The answer, which comes within ``LONGEST_S``."""
    started = time.monotonic()
    found = heard(Caller(settings))
    assert time.monotonic() - started < LONGEST_S
    return found


def drips(stage: Stage) -> None:
    """Tokens for ever, each in time."""
    stage.begin()
    while True:
        stage.token("a ")
        time.sleep(0.02)
