"""An assistant that takes its time between two events, for tests of what happens meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

from assistant import Assistant, Turn
from assistant.types import Event
from index.filters import Filters

PACE_S = 0.4
SLOW = "Slowly: when was the Torkham crossing closed, and what did the United Nations ask for?"
BROKEN = "Does anything break?"
BEFORE = "import ui.service, paced; vars(ui.service)['Assistant'] = paced.PacedAssistant"
"""What a server runs first, to answer so."""


class PacedAssistant(Assistant):
    """Waits ``PACE_S`` before each event of ``SLOW``, unless it is stopped; breaks at ``BROKEN``."""

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filters: Filters | None = None,
        id: str | None = None,
        stopped: threading.Event | None = None,
    ) -> Iterator[Event]:
        if question == BROKEN:
            raise ZeroDivisionError("canary-of-a-fault")
        for event in super().stream(question, history, filters, id, stopped):
            if question == SLOW:
                if stopped:
                    stopped.wait(PACE_S)
                else:
                    time.sleep(PACE_S)
            yield event
