"""What the routes of one server share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from assistant import Assistant
from assistant.conversations import ConversationStore
from index.settings import Settings
from ui.access.caller import Caller
from ui.api.guard import Traffic
from ui.api.repeats import Repeats
from ui.api.underway import Shelf
from ui.desk import Desk
from ui.service import open_assistant, open_desk

T = TypeVar("T")


@dataclass(frozen=True)
class Service:
    """The one assistant, the queue before it, the answers that can be read again, and what was sent with a key."""

    settings: Settings
    assistant: Assistant
    desk: Desk
    shelf: Shelf
    conversations: ConversationStore
    repeats: Repeats = field(default_factory=Repeats)
    traffic: Traffic = field(default_factory=Traffic)

    @classmethod
    def of(cls, settings: Settings) -> Service:
        """For ``settings``; nothing is opened before it is needed."""
        assistant, desk = open_assistant(settings), open_desk(settings)
        return cls(settings, assistant, desk, Shelf(assistant, desk), ConversationStore(settings.store))

    async def turn(self, caller: Caller, work: Callable[[], T]) -> T:
        """What ``work`` gives when it is its turn in the queue. :raises Full: if as many wait as may."""
        job = self.desk.submit(lambda stopped: () if stopped.is_set() else (work(),), caller.hash)
        try:
            return (await job.all())[0]
        finally:
            if not job.ended:
                job.stop()
