"""A follow-up question as one that stands alone, from the turns before it and without a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.types import Turn

_OPENING = re.compile(r"^(?:and|but|so|or|also|what about|how about|and what about|then)\b[\s,]*", re.I)
_LEANS = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|his|him|she|her|that|this|these|those|there|then|former|latter|ones?|same|both|either|neither)\b",
    re.I,
)
_ELLIPSIS = re.compile(
    r"^(?:why|how|when|where|who|since when|until when|how (?:many|much|long|so)|by whom|in which|for how long|what else|really)\b",
    re.I,
)
_NAME = r"(?:the )?[A-Z][\w’'-]*(?: (?:[A-Z][\w’'-]*|of|the))*"
_POSSESSIVE = re.compile(rf"({_NAME})(['’]s?)(?=[\s?.!,]|$)")
_PLAIN = re.compile(rf"\b({_NAME})\b")
_ASKING = frozenset(
    """
        what who when where why how which whose is are was were do does did can could has have had in on at the
        and
    """.split()
)


def standalone_question(question: str, history: Sequence[Turn]) -> str:
    """``question`` itself when it stands alone, else with what the last question of the user lends it.

    "and Pakistan's?" after "what are Kabul's red lines?" becomes "what are Pakistan's red lines?"; a question that only
    leans on a pronoun or is a bare "why?" is searched together with the last one.
    """
    before = _last_question(history)
    if not before or not _needs_context(question):
        return question
    swapped = _swap_name(before, question)
    return swapped or f"{before.rstrip('?!. ')}: {_OPENING.sub('', question)}"


def _last_question(history: Sequence[Turn]) -> str:
    """What the user last asked, resolved against the turns before it."""
    asked: list[str] = []
    for turn in history:
        if turn.role == "user" and turn.content.strip():
            text = " ".join(turn.content.split())
            previous = [Turn("user", asked[-1])] if asked else []
            asked.append(standalone_question(text, previous))
    return asked[-1] if asked else ""


def _needs_context(question: str) -> bool:
    words = question.rstrip("?!. ").split()
    if _OPENING.match(question) and len(words) <= 10:
        return True
    if len(words) <= 3 and _ELLIPSIS.match(question):
        return True
    return (bool(_LEANS.search(question)) and not _names(question)) or (
        len(words) <= 7 and bool(_LEANS.search(question))
    )


def _names(text: str) -> list[str]:
    """Capitalised names after the first word."""
    return [
        match.group(1) for match in _PLAIN.finditer(text) if match.start() > 0 and match.group(1).lower() not in _ASKING
    ]


def _swap_name(before: str, question: str) -> str | None:
    """The last question with its name replaced by the one that a bare "and X?" brings, or None."""
    bare = _OPENING.sub("", question).rstrip("?!. ")
    if bare == question.rstrip("?!. ") or len(bare.split()) > 4:
        return None
    possessive = _POSSESSIVE.search(before)
    new = _POSSESSIVE.fullmatch(bare)
    if new and possessive:
        return before[: possessive.start()] + bare + before[possessive.end() :]
    if not re.fullmatch(_NAME, bare):
        return None
    if possessive:
        return before[: possessive.start(1)] + bare + before[possessive.end(1) :]
    names = _names(before)
    return before.replace(names[-1], bare, 1) if names else None
