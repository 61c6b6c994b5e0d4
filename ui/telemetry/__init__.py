"""What the server tells about its work: request ids, log lines, metrics, traces. docs/observability.md tells the design."""

from ui.telemetry.answers import answered
from ui.telemetry.notes import note

__all__ = ["answered", "note"]
