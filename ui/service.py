"""The one assistant of this process, shared by the chat page and the HTTP API."""

from __future__ import annotations

from functools import lru_cache

from assistant import Assistant
from index.settings import Settings, load_settings

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
    return Assistant(settings)
