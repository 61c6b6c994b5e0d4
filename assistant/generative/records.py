"""What comes out of a model's stream: pieces of text, and how it ended. Frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from index.errors import ModelError

Reason = Literal["stop", "length", "cut", "stalled", "timeout", "error", "limit", "stopped"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a request and their price.

    ``estimated`` says that the server did not count and a token was taken for four bytes. ``cost`` is in the currency
    of the price settings, 0 without prices.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False
    cost: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.estimated or other.estimated,
            self.cost + other.cost,
        )


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the model's text, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The last record of every stream.

    ``stop``: the model ended its answer. All else is an answer that is not whole: ``length``: it reached
    ``model_tokens``; ``cut``: the connection broke, or the stream ended without saying why; ``stalled``: no token for
    ``model_between_s``; ``timeout``: no connection, no first token or no end in time; ``limit``: too large or too
    dear, before or while it was written; ``stopped``: nobody wants it any more; ``error``: anything else. ``error``
    says what happened and what to do, None for ``stop``.
    """

    reason: Reason
    usage: Usage
    error: ModelError | None = None

    @property
    def truncated(self) -> bool:
        """Whether the text before it may lack its end."""
        return self.reason != "stop"
