"""Asks the model, with retries and a circuit breaker; whatever happens ends in one ``Finish``."""

from __future__ import annotations

import random
import time
from collections.abc import Generator, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from assistant.generative.access import access_of
from assistant.generative.breaker import Breaker, breaker_for
from assistant.generative.connection import Call, Failure
from assistant.generative.faults import explained, is_healthy, is_transient, refused_part
from assistant.generative.limits import Budget, Messages, estimated_tokens
from assistant.generative.reading import Ending, Reading
from assistant.generative.records import Delta, Finish, Usage
from index.errors import ModelError
from index.settings import Settings

Schema = Mapping[str, Any]
"""A JSON schema."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0
"""Before a retry: a random part of the first, doubled with every try, up to the longest."""
_JITTER_S = 0.25
"""At most this much is added to a pause that the server asks for."""
_BYTES, _BYTES_A_TOKEN = 1 << 20, 1 << 12
"""What a stream may take on the wire: an event of a few hundred bytes can carry a single letter."""


class Caller:
    """The model that the settings name, behind its address. Shared by threads."""

    def __init__(self, settings: Settings, breaker: Breaker | None = None) -> None:
        """``breaker`` is the one of this address and model in this process unless another is given.

        :raises SettingsError: unless the settings choose a model, in a way that can be used.
        """
        self.access = access_of(settings)
        self._settings = settings
        self._breaker = breaker or breaker_for(
            self.access.url, self.access.model, settings.model_breaker, settings.model_breaker_s
        )
        self._refused = {"response_format"} if settings.model_schema == "never" else set()
        """What this server has refused so far of what is optional in a request."""

    def stream(
        self, messages: Messages, schema: Schema | None = None, budget: Budget | None = None
    ) -> Iterator[Delta | Finish]:
        """The model's text as it comes, then one ``Finish``; nothing that a server can do is raised.

        ``schema`` is asked for where the server has it. ``budget`` is shared by all requests of one question. Closing
        the iterator closes the connection.
        """
        budget = budget or Budget(self._settings)
        prompt_tokens = sum(estimated_tokens(message["content"]) for message in messages)
        if refusal := budget.refusal(prompt_tokens):
            yield Finish("limit", Usage(), ModelError(f"{self.access} was not asked: {refusal}"))
            return
        deadline = time.monotonic() + self._settings.model_total_s
        refused = set(self._refused)
        tried = 0
        while True:
            if resting := self._breaker.admit():
                yield Finish("error", Usage(), self._resting(resting))
                return
            reading = Reading(self._settings, budget, prompt_tokens, deadline)
            body = self._body(messages, schema, refused)
            ending = yield from self._attempt(body, reading, budget)
            self._settle(ending)
            if self._without(ending, body, refused):
                continue
            pause = self._pause(ending, reading, tried)
            if pause is None or time.monotonic() + pause >= deadline:
                yield Finish(ending.reason, reading.usage, self._error(ending, messages, pause))
                return
            tried += 1
            if budget.stopped.wait(pause):
                yield Finish("stopped", reading.usage, ModelError(f"{self.access}: the answer was stopped"))
                return

    def _attempt(self, body: Mapping[str, Any], reading: Reading, budget: Budget) -> Generator[Delta, None, Ending]:
        """One request; its connection is closed and its cost counted however it ends."""
        settings = self._settings
        most_bytes = _BYTES + settings.model_tokens * _BYTES_A_TOKEN
        call = Call(self.access, body, settings.model_connect_s, settings.model_total_s, most_bytes)
        try:
            return (yield from reading.deltas(call))
        except GeneratorExit:
            if reading.began:
                self._breaker.succeeded()
            raise
        finally:
            call.cut()
            budget.spend(reading.usage)

    def _body(self, messages: Messages, schema: Schema | None, refused: set[str]) -> dict[str, Any]:
        length = "max_completion_tokens" if "max_tokens" in refused else "max_tokens"
        body: dict[str, Any] = {
            "model": self.access.model,
            "messages": [{"role": message["role"], "content": message["content"]} for message in messages],
            length: self._settings.model_tokens,
            "temperature": 0,
            "stream_options": {"include_usage": True},
        }
        if schema is not None:
            named = {"name": "answer", "schema": dict(schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        return {name: value for name, value in body.items() if name not in refused}

    def _without(self, ending: Ending, body: Mapping[str, Any], refused: set[str]) -> bool:
        """Whether to ask again at once without a part that the server does not take, which is then in ``refused``."""
        part, named = refused_part(ending.why, body) if isinstance(ending.why, Failure) else ("", False)
        if not part or (part == "response_format" and self._settings.model_schema == "always"):
            return False
        refused.add(part)
        if named:
            self._refused.add(part)
        return True

    def _settle(self, ending: Ending) -> None:
        """Tell the breaker; an answer that was stopped says nothing of the server."""
        if ending.reason == "stopped":
            return
        answered = ending.reason in {"stop", "length", "limit"}
        if answered or (isinstance(ending.why, Failure) and is_healthy(ending.why)):
            self._breaker.succeeded()
        else:
            self._breaker.failed()

    def _pause(self, ending: Ending, reading: Reading, tried: int) -> float | None:
        """Seconds before the next try, None if there is none: only what failed before its first token is tried again."""
        failure = ending.why
        if not isinstance(failure, Failure) or reading.began or not is_transient(failure):
            return None
        if tried >= self._settings.model_retries:
            return None
        if failure.retry_after is not None:
            return failure.retry_after + random.uniform(0, _JITTER_S)
        return random.uniform(0, min(_FIRST_PAUSE_S * 2**tried, _LONGEST_PAUSE_S))

    def _error(self, ending: Ending, messages: Messages, pause: float | None) -> ModelError | None:
        if isinstance(ending.why, Failure):
            error = explained(ending.why, self.access, messages)
            if pause is None:
                return error
            return ModelError(f"{error}; a retry in {pause:.0f} s would come after model_total_s")
        return ModelError(f"{self.access}: {ending.why}") if ending.why else None

    def _resting(self, pause: float) -> ModelError:
        until = datetime.now().astimezone() + timedelta(seconds=pause)
        return ModelError(
            f"{self.access} failed {self._settings.model_breaker} times in a row and is left alone until "
            f"{until:%H:%M:%S}, for {pause:.0f} s; check the server, or ask again then"
        )
