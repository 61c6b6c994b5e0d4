"""What the tests of written answers share: what a model says, and an assistant that asks it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asking import model_settings
from pydantic import SecretStr

from assistant import Answer, Assistant
from assistant.generative.access import Access
from assistant.generative.limits import Budget, Messages
from assistant.generative.records import Delta, Finish, Usage
from assistant.types import Done, Event
from index.settings import Settings

Said = tuple[str, str, str]
"""A statement, the label of a source, a quote."""


def reply(*statements: Said) -> str:
    """A model's answer in the form that it is asked for."""
    rows = [
        {"text": text, "quotes": [{"source": label, "quote": quote}] if quote else []}
        for text, label, quote in statements
    ]
    return json.dumps({"statements": rows}, ensure_ascii=False)


def with_model(settings: Settings, url: str, **changes: Any) -> Assistant:
    """An assistant on the index of ``settings`` that asks the model at ``url``."""
    values = {"corpus": settings.corpus, "store": settings.store, **changes}
    return Assistant(model_settings(url, **values))


def answer_of(events: Sequence[Event]) -> Answer:
    """The answer of the last event; the ones before it add up to it."""
    last = events[-1]
    assert isinstance(last, Done)
    return last.answer


class Parrot:
    """A model without a server: says ``texts`` one after the other, the last one again and again."""

    access = Access("http://127.0.0.1:9/v1", "parrot", SecretStr(""))

    def __init__(self, *texts: str) -> None:
        self._texts = list(texts)
        self.asked: list[Messages] = []

    def stream(
        self, messages: Messages, schema: Mapping[str, Any] | None = None, budget: Budget | None = None
    ) -> Iterator[Delta | Finish]:
        """The next text, whole."""
        self.asked.append(messages)
        text = self._texts[min(len(self.asked), len(self._texts)) - 1]
        if text:
            yield Delta(text)
        yield Finish("stop", Usage())
