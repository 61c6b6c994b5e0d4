"""What one question may cost, in tokens and in money."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from assistant.generative.records import Usage
from index.settings import Settings

Messages = Sequence[Mapping[str, str]]
"""Of a conversation, oldest first, each with ``role`` and ``content``."""

_BYTES = 4
"""Of English text in a token, about; letters beyond ASCII take more bytes and more tokens."""
_MOST_CHARS = 8
"""In a token: more than any language has on average, so that only a server that ignores its limit is cut."""


def estimated_tokens(text: str) -> int:
    """About how many tokens ``text`` has."""
    return tokens_in(len(text.encode("utf-8", "replace")))


def tokens_in(size: int) -> int:
    """About how many tokens so many bytes of text have."""
    return -(-size // _BYTES)


class Budget:
    """The tokens and the money of one question, over all requests made for it.

    Setting ``stopped``, from any thread, ends the request that is under way and lets no other begin.
    """

    def __init__(self, settings: Settings, stopped: threading.Event | None = None) -> None:
        self._settings = settings
        self.stopped = stopped or threading.Event()
        self._lock = threading.Lock()
        self.spent = Usage()

    @property
    def most_chars(self) -> int:
        """Characters of one answer beyond which it is cut."""
        return self._settings.model_tokens * _MOST_CHARS

    def refusal(self, prompt_tokens: int) -> str:
        """Why a request with such a prompt may not be made, empty if it may; its answer is counted at full length."""
        most = self._settings.model_context
        if prompt_tokens > most:
            return f"the prompt has about {prompt_tokens:,} tokens, model_context allows {most:,}"
        limit = self._settings.model_cost_limit
        cost = self.spent.cost + self.cost(prompt_tokens, self._settings.model_tokens)
        if limit and cost > limit:
            return f"the question would cost up to {cost:.4g}, model_cost_limit allows {limit:.4g}"
        return ""

    def exceeded(self, prompt_tokens: int, completion_tokens: int) -> bool:
        """Whether a request that has come so far costs more than the question may."""
        limit = self._settings.model_cost_limit
        return bool(limit) and self.spent.cost + self.cost(prompt_tokens, completion_tokens) > limit

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """In the currency of the price settings."""
        prices = self._settings.model_price_in, self._settings.model_price_out
        return (prompt_tokens * prices[0] + completion_tokens * prices[1]) / 1e6

    def spend(self, usage: Usage) -> None:
        """Count a finished request."""
        with self._lock:
            self.spent += usage
