"""The one assistant of this process and the one queue before it, shared by the chat page and everything below ``/api``."""

from __future__ import annotations

from functools import lru_cache

from assistant import Assistant
from index.settings import Settings, load_settings
from ui.desk import Desk
from ui.telemetry.metrics import QUEUED, WAITED
from ui.telemetry.model import CountedModel

_chosen: list[Settings] = []


def configure(settings: Settings) -> None:
    """Say what the page works with. Streamlit runs the page by path and passes nothing, hence one place a process."""
    _chosen[:] = [settings]


def current_settings() -> Settings:
    """The settings of ``configure``, else those of the environment. :raises SettingsError: if they cannot be used."""
    return _chosen[0] if _chosen else load_settings()


@lru_cache(maxsize=2)
def open_assistant(settings: Settings) -> Assistant:
    """The assistant for ``settings``, made once; it opens the index at its first question."""
    return Assistant(settings, CountedModel(settings))


@lru_cache(maxsize=2)
def open_desk(settings: Settings) -> Desk:
    """The queue for ``settings``, made once: whoever has the assistant search or answer waits here."""
    desk = Desk(settings.answer_threads, settings.answer_queue, WAITED.observe)
    QUEUED.set_function(lambda: desk.waiting)
    return desk
