"""What routes add to the log line of their request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTES = "briefs.notes"
"""Where they lie in the ASGI scope, until the line is written."""


def note(scope: Mapping[str, Any], **fields: Any) -> bool:
    """Add ``fields`` to the line of the request of ``scope``: numbers, ids and names of ours, no text of briefs or callers.

    False if the line has been written already, or there is none.
    """
    notes: dict[str, Any] | None = scope.get(NOTES)
    if notes is None or notes.get("ended"):
        return False
    notes.update(fields)
    return True
