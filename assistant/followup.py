"""A follow-up question as one that stands alone, from the turns before it and without a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.types import Turn
from index.reading.instructions import find_instructions
from index.search import MAX_QUESTION

_OPENING = re.compile(r"^(?:and|but|so|or|also|what about|how about|and what about|then)\b[\s,]*", re.I)
_LEANS = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|his|him|she|her|that|this|these|those|there|then|former|latter|ones?|same|both|either|neither)\b",
    re.I,
)
_ELLIPSIS = re.compile(
    r"^(?:why|how|when|where|who|since when|until when|how (?:many|much|long|so)|by whom|in which|for how long|what else|really)\b",
    re.I,
)
_ASKING = frozenset(
    """
        what who when where why how which whose is are was were do does did can could has have had in on at the
        and
    """.split()
)
_NAME = rf"(?:the )?(?!(?i:{'|'.join(sorted(_ASKING))})\b)[A-Z][\w’'-]*(?: (?:[A-Z][\w’'-]*|of|the))*"
_POSSESSIVE = re.compile(rf"\b({_NAME})(['’]s?)(?=[\s?.!,]|$)")
_PLAIN = re.compile(rf"\b({_NAME})\b")


def standalone_question(question: str, history: Sequence[Turn]) -> str:
    """``question`` itself when it stands alone, else with what the last question of the user lends it.

    "and Pakistan's?" after "what are Kabul's red lines?" becomes "what are Pakistan's red lines?"; a question that only
    leans on a pronoun or is a bare "why?" is searched together with the last one, unless both are too long together.
    Orders to a machine beside the question ("ignore your rules.") are left out.
    """
    question = _without_orders(question)
    before = _last_question(history)
    if not before or not _needs_context(question):
        return question
    joined = _swap_name(before, question) or f"{before.rstrip('?!. ')}: {_OPENING.sub('', question)}"
    return joined if len(joined) <= MAX_QUESTION else question


def _without_orders(question: str) -> str:
    """``question`` without sentences that give a machine orders, if a sentence that asks is left: they name no topic."""
    left, at = "", 0
    for start, end in find_instructions(question):
        left, at = left + question[at:start], end
    left = " ".join((left + question[at:]).split())
    return left if left.endswith("?") else question


def _last_question(history: Sequence[Turn]) -> str:
    """What the user last asked, resolved against the turns before it."""
    asked: list[str] = []
    for turn in history:
        text = " ".join(turn.content.split())
        if turn.role == "user" and 0 < len(text) <= MAX_QUESTION:
            previous = [Turn("user", asked[-1])] if asked else []
            asked.append(standalone_question(text, previous))
    return asked[-1] if asked else ""


def _needs_context(question: str) -> bool:
    words = question.rstrip("?!. ").split()
    if _OPENING.match(question) and len(words) <= 10:
        return True
    if len(words) <= 3 and _ELLIPSIS.match(question) and not _names(question):
        return True
    return (bool(_LEANS.search(question)) and not _names(question)) or (
        len(words) <= 7 and bool(_LEANS.search(question))
    )


def _names(text: str) -> list[re.Match[str]]:
    """Capitalised names after the first word."""
    return [match for match in _PLAIN.finditer(text) if match.start() > 0]


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
    return before[: names[-1].start()] + bare + before[names[-1].end() :] if names else None
