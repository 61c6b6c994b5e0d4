"""Conversations: kept beside the index, checked against it when they are read again, exported as Markdown and DOCX."""

from assistant.conversations.citations import (
    HIDDEN,
    Checked,
    Standing,
    allowed_to,
    check_citations,
    review,
    surroundings,
)
from assistant.conversations.export import export, suffix_of
from assistant.conversations.store import ConversationStore
from assistant.conversations.types import Conversation, KeptTurn, Listed

__all__ = [
    "HIDDEN",
    "Checked",
    "Conversation",
    "ConversationStore",
    "KeptTurn",
    "Listed",
    "Standing",
    "allowed_to",
    "check_citations",
    "export",
    "review",
    "suffix_of",
    "surroundings",
]
