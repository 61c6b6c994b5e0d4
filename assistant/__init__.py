"""From a question to an answer in which every statement cites the exact words of a brief."""

from typing import TYPE_CHECKING, Any

from assistant.types import Answer, Citation, NearestBrief, Statement, Turn

if TYPE_CHECKING:
    from assistant.engine import Assistant

__all__ = ["Answer", "Assistant", "Citation", "NearestBrief", "Statement", "Turn"]


def __getattr__(name: str) -> Any:
    """``Assistant``, imported at its first use: the command line's help must not wait for numpy."""
    if name == "Assistant":
        from assistant.engine import Assistant

        return Assistant
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
