"""The parts of a question that asks more than one thing, each as a question of its own; no model is needed.

"When did it happen and how many were killed?" has two parts because each clause has its own asking word; "Pakistan and
Afghanistan" or "trade and transit" in one clause divide nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from index.lexical import STOP_WORDS, words

MOST = 4
"""Parts that are searched one by one; a question with more is searched as a whole."""

_ASKING = r"(?:who|whom|whose|what|which|when|where|why|how)"
_PREPOSITION = (
    r"(?:in|on|at|by|for|from|to|of|with|since|until|till|under|about|against|through|after|before|over|between|during)"
)
_AUXILIARY = (
    r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|"
    r"isn['’]t|aren['’]t|wasn['’]t|weren['’]t|don['’]t|doesn['’]t|didn['’]t|hasn['’]t|haven['’]t|won['’]t|can['’]t)"
)
_SUBJECT = (
    r"(?:(?i:it|they|he|she|there|this|that|these|those|the|an?|any|any(?:one|body|thing)|some(?:one|body)?|its|his|her"
    r"|their|both|either|each|no)\b|[A-Z])"
)
_CLAUSE = rf"(?:(?i:{_PREPOSITION} )?(?i:{_ASKING})\b|(?i:{_AUXILIARY}) {_SUBJECT})"
_LINK = r" (?i:and|but|plus)(?i: also| then)?,? "
_BREAK = re.compile(
    rf" ?[,;]{_LINK}(?={_CLAUSE})|{_LINK}(?={_CLAUSE})(?!(?i:{_AUXILIARY}) [A-Z])"
    rf"| ?, (?=(?i:how (?:many|much)|(?:when|where|why|how|what) {_AUXILIARY})\b)| ?; (?={_CLAUSE})|(?<=\?) (?i:and |but |also )*"
)
_SUBORDINATE = re.compile(
    rf"(?:if|while|although|though|as|since|after|before|once)\b|(?:when|where)\b(?! {_AUXILIARY}\b)", re.I
)
_ASKS = re.compile(rf"\b{_CLAUSE}")
_TELL = r"(?:please |can you |could you )*(?:tell|explain|describe|say|list|name|show|summari[sz]e|outline|give|find)\b"
_TELLING = re.compile(f"^{_TELL}", re.I)
_SAID_NOT_ASKED = re.compile(rf"^(?:{_PREPOSITION} )?{_ASKING} (?:it|they|he|she|we|this|that|there)\b", re.I)
_OPENING = re.compile(
    rf"^(?:[^,]{{0,60}}, )?(?:{_TELL}(?: me| us| to)* )?(?:{_PREPOSITION} )?{_ASKING}(?: (?:many|much|long|far|often|else|exactly))?\b\s*"
    rf"(?:{_AUXILIARY}\b\s*)?|^{_AUXILIARY}\b\s*",
    re.I,
)
_PRONOUN = re.compile(
    r"\b(?:it|its|they|them|their|he|his|him|she|her|this|that|these|those|there|one|ones|so)\b", re.I
)
_NAME = re.compile(r"(?<=\s)[A-Z][\w’'-]+")
_MEASURES = frozenset("many much long far often else exactly".split())
_INVERTED = re.compile(
    rf"\b(?:do|does|did)\b|^(?:{_PREPOSITION} )?(?:why|when|where|how) {_AUXILIARY}\b|^{_AUXILIARY}\b|(?i:\b{_AUXILIARY}) {_SUBJECT}"
)


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is asked: ``question`` stands alone, ``clause`` is how it was asked.

    ``group`` is the name under which what is found for it is shown, empty for none.
    """

    question: str
    clause: str
    group: str = ""

    @property
    def lacking(self) -> str:
        """A sentence that says that the briefs do not hold this."""
        if self.group:
            return f"The briefs do not answer this for {self.group}."
        clause = self.clause.rstrip("?!. ")
        clause = clause[:1].lower() + clause[1:]
        if _INVERTED.search(clause):
            return f"The briefs do not answer “{clause}?”."
        return f"The briefs do not say {clause}."


def parts_of(question: str) -> tuple[Part, ...]:
    """The parts of ``question`` in order, each searchable alone; the whole question when it asks one thing.

    A later part inherits what the first one is about, unless it names a subject of its own.
    """
    clauses = _clauses(question)
    if not 1 < len(clauses) <= MOST:
        return (Part(question, question),)
    first = clauses[0]
    topic = _OPENING.sub("", first.rstrip("?!. "), count=1)
    parts = [Part(f"{first.rstrip('?!. ')}?", first)]
    for clause in clauses[1:]:
        asked = clause.rstrip("?!. ")
        parts.append(Part(f"{asked}?" if _stands_alone(asked) else f"{asked}: {topic}?", asked))
    return tuple(parts)


def _clauses(question: str) -> list[str]:
    """The clauses of ``question`` that each ask something; text between them stays with the one before."""
    found: list[str] = []
    at = 0
    for match in _BREAK.finditer(question):
        before, after = question[at : match.start()], question[match.end() :]
        if _asks(before) and _asks_next(after, bool(_TELLING.match(question))):
            found.append(before.strip(" ,;"))
            at = match.end()
    return [*found, question[at:].strip()]


def _asks(clause: str) -> bool:
    return not _SUBORDINATE.match(clause) and bool(_ASKS.search(clause) or _TELLING.match(clause))


def _asks_next(text: str, told: bool) -> bool:
    """Whether ``text`` goes on with a question of its own; "what it means" is one only where the first is a request."""
    if not re.match(_CLAUSE, text) or re.fullmatch(r"(?:what|who|which)\W*", text, re.I):
        return False
    return told or not _SAID_NOT_ASKED.match(text)


def _stands_alone(clause: str) -> bool:
    """Whether a clause names its own subject: a name and enough else, and nothing that points back."""
    meaning = [word for word in words(clause) if word not in STOP_WORDS and word not in _MEASURES]
    return len(meaning) >= 3 and bool(_NAME.search(clause)) and not _PRONOUN.search(clause)
