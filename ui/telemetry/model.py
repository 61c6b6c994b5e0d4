"""Counts what the model is asked, and how that ends."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from assistant.generative.access import Access
from assistant.generative.limits import Budget, Messages
from assistant.generative.records import Delta, Finish
from index.settings import Settings
from ui.telemetry.metrics import MODEL_CALLS, MODEL_SECONDS, MODEL_TOKENS


class CountedModel:
    """The model of ``settings``, with metrics. Reached at the first question: its settings may be unusable."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _caller(self) -> Any:
        from assistant.generative.caller import Caller

        return Caller(self._settings)

    @property
    def access(self) -> Access:
        """Which model at which address. :raises SettingsError: if the settings cannot be used."""
        found: Access = self._caller.access
        return found

    def stream(
        self, messages: Messages, schema: Mapping[str, Any] | None = None, budget: Budget | None = None
    ) -> Iterator[Delta | Finish]:
        """The answer as it comes, then its end. Counted as ``stopped`` where nobody waits for that."""
        began, reason = time.perf_counter(), "stopped"
        records = self._caller.stream(messages, schema, budget)
        try:
            for record in records:
                if isinstance(record, Finish):
                    reason = record.reason
                    MODEL_TOKENS.labels("prompt").inc(record.usage.prompt_tokens)
                    MODEL_TOKENS.labels("completion").inc(record.usage.completion_tokens)
                yield record
        finally:
            records.close()
            MODEL_CALLS.labels(reason).inc()
            MODEL_SECONDS.observe(time.perf_counter() - began)
