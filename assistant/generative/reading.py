"""Reads one answer off the wire against its limits of time, size and cost."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

from assistant.generative.connection import Call, Event, Failure, Piece
from assistant.generative.limits import Budget, tokens_in
from assistant.generative.records import Delta, Reason, Usage
from index.settings import Settings

_FOR_USAGE_S = 1.0
"""To wait for the count of tokens once the answer has ended."""
_NOTICE_S = 0.1
"""Until a wish to stop is noticed, at most."""
_WHOLE = frozenset({"stop", "eos", "end_turn", "stop_sequence"})
"""How servers say that the model ended by itself."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ended and, unless the model ended it, what happened: a failure of the wire, or words for people."""

    reason: Reason
    why: Failure | str = ""


class Reading:
    """What has come of one answer. ``deadline`` is on the monotonic clock."""

    def __init__(self, settings: Settings, budget: Budget, prompt_tokens: int, deadline: float) -> None:
        self._settings = settings
        self._budget = budget
        self._prompt_tokens = prompt_tokens
        self._deadline = deadline
        self._phase: Literal["connect", "first", "between", "usage"] = "connect"
        self._chars = 0
        self._bytes = 0
        self._counted: tuple[int, int] | None = None
        self._finish = ""

    @property
    def began(self) -> bool:
        """Whether a token has come."""
        return self._chars > 0

    @property
    def usage(self) -> Usage:
        """As the server counts, or estimated; nothing before the first token."""
        if not self._counted and not self.began:
            return Usage()
        prompt, completion = self._counted or (self._prompt_tokens, tokens_in(self._bytes))
        return Usage(prompt, completion, self._counted is None, self._budget.cost(prompt, completion))

    def deltas(self, call: Call) -> Generator[Delta, None, Ending]:
        """The text as it comes; returns how it ended."""
        until = self._enter("connect")
        while True:
            left = min(until, self._deadline) - time.monotonic()
            event = self._next(call, left)
            if event == "stopped":
                return Ending("stopped", "the answer was stopped")
            if event == "connected":
                until = self._enter("first")
            elif not isinstance(event, Piece):
                return self._ending(event)
            else:
                ending = yield from self._take(event)
                if ending:
                    return ending
                # The clock starts here, so that it never counts the time which the reader of the text took.
                if self._finish:
                    until = until if self._phase == "usage" else self._enter("usage")
                elif event.text or event.unseen:
                    until = self._enter("between")

    def _next(self, call: Call, left: float) -> Event | Literal["stopped"]:
        """The next event of ``call``, "late" after ``left`` seconds, "stopped" soon after nobody wants the answer."""
        until = time.monotonic() + left
        while not self._budget.stopped.is_set():
            wait = until - time.monotonic()
            if wait <= 0:
                return "late"
            event = call.next(min(wait, _NOTICE_S))
            if event != "late":
                return event
        return "stopped"

    def _enter(self, phase: Literal["connect", "first", "between", "usage"]) -> float:
        """Begin to wait for something else; until when, on the monotonic clock."""
        self._phase = phase
        between = self._settings.model_between_s
        longest = {
            "connect": self._settings.model_connect_s,
            "first": self._settings.model_first_s,
            "between": between,
            "usage": min(between, _FOR_USAGE_S),
        }
        return time.monotonic() + longest[phase]

    def _take(self, piece: Piece) -> Generator[Delta, None, Ending | None]:
        """Hand on the text of a piece, as far as the limits allow; how the answer ends, if it ends with it."""
        self._counted = piece.usage or self._counted
        if not self._finish:
            room = self._budget.most_chars - self._chars
            text = piece.text[: max(room, 0)]
            self._chars += len(piece.text) + piece.unseen
            self._bytes += len(text.encode("utf-8", "replace")) + piece.unseen
            if text:
                yield Delta(text)
            if len(piece.text) + piece.unseen > room:
                return Ending("limit", f"the answer is far longer than model_tokens = {self._settings.model_tokens}")
            if self._budget.exceeded(self._prompt_tokens, tokens_in(self._bytes)):
                return Ending("limit", "the answer was stopped at model_cost_limit")
        self._finish = self._finish or piece.finish
        return self._ending("end") if self._finish and self._counted else None

    def _ending(self, event: Failure | Literal["end", "late"]) -> Ending:
        if self._finish:
            return self._finished()
        if isinstance(event, Failure):
            reasons: dict[str, Reason] = {"late": "timeout", "cut": "cut", "oversized": "limit"}
            return Ending(reasons.get(event.kind, "error"), event)
        return Ending("cut", "the answer ended without saying that it is whole") if event == "end" else self._late()

    def _finished(self) -> Ending:
        if self._finish in _WHOLE:
            return Ending("stop")
        if self._finish in {"length", "max_tokens"}:
            return Ending(
                "length", f"the answer reached model_tokens = {self._settings.model_tokens} and lacks its end"
            )
        if self._finish == "content_filter":
            return Ending("error", "the server's content filter stopped the answer")
        return Ending("cut", f"the server ended the answer with {self._finish[:40]!r}")

    def _late(self) -> Ending:
        settings = self._settings
        if time.monotonic() >= self._deadline:
            return Ending("timeout", f"the answer was not whole within model_total_s = {settings.model_total_s:g} s")
        if self._phase == "connect":
            return Ending("timeout", Failure("late"))
        if self._phase == "first":
            return Ending("timeout", f"no token came within model_first_s = {settings.model_first_s:g} s")
        return Ending("stalled", f"no further token came within model_between_s = {settings.model_between_s:g} s")
