"""From a question to an answer in which every statement cites the exact words of a brief."""

from assistant.engine import Assistant
from assistant.types import Answer, Citation, NearestBrief, Statement, Turn

__all__ = ["Answer", "Assistant", "Citation", "NearestBrief", "Statement", "Turn"]
