"""How much of a statement its quoted sentences bear out: the weighted share of its words that they hold."""

from __future__ import annotations

import re

from assistant.verification.names import Evidence, Lexicon, stands_for
from assistant.verification.polarity import are_alike, are_opposite_forms
from assistant.verification.reading import Reading, Token

THRESHOLD = 0.35
"""Least support of each part of a statement; ``python -m evals.mutations --thresholds`` shows what others would do."""

GAP = 3
"""Words together of which the evidence holds none, names and framing words aside, that tell an addition."""
LIKENESS, LIKENESS_OF_GAP = 0.65, 0.75
"""Cosine of a clause and the quoted sentences that makes up for other words, and for two of them together."""
_FAMILY = 5
"""Letters that words of one family share at least: mediation, mediator."""
_NEAR = 0.4
"""What a word counts that stands before the quoted sentences or in the title."""
_FRAME = frozenset(
    """
    say said tell report accord note state add brief sourc statement claim announc declar describ account quot
    cite repeat reiter but although though sinc between against up own same dure among per via within onto across
    even just onc both each other anoth remain still stand over more than about around near almost least most some
    also howev meanwhil whil whi then furthermor overal specif respect follow regard concern accordingli name call
    put give
    """.split()
)
"""Words that frame a statement and say nothing of what it states: who says so is checked by itself."""
_SPLIT = re.compile(
    r"\s*;\s*|,?\s+(?:while|whereas|although|though|but)\s+|,\s+(?:and|which|who|where|with|after|before|as|so|in)\s+"
    r"|,?\s+(?:because|despite|under|due to|owing to)\s+"
    r"|,\s+(?=an? (?:report|claim|figure|account|count|move|step|charge|condition|decision|demand)\b)"
    r"|\s+and\s+(?=(?:also\s+)?(?:\w{3,}ed|said|told|gave|put|made|took|has|had|was|were|is|are|will|would)\b)"
    r"|,?\s+and\s+(?=(?:over|about|nearly|some|more than|at least)\s|\d[\d,.]*\s[a-z]+\s[a-z])"
    r"|\s+[-–—]+\s+|(?<=[.!?])\s+(?=[A-Z“\"])"
)

_RELATIVE = re.compile(r"([^,;]{3,60}), (?:which|who) ([^,;]+), ([^;]+)$")


def clauses(statement: str, shortest: int = 3) -> list[str]:
    """The parts of ``statement`` that say something each, of ``shortest`` words or more, in order."""
    parts: list[str] = []
    inner = _RELATIVE.match(statement)
    if inner:
        subject, relative, rest = inner.groups()
        return [*clauses(f"{subject} {relative}."), *clauses(f"{subject} {rest}")]
    for piece in _SPLIT.split(statement):
        if parts and (len(piece.split()) < shortest or len(parts[-1].split()) < shortest):
            parts[-1] = f"{parts[-1]}, {piece}"
        elif piece.strip():
            parts.append(piece.strip())
    return parts


def support(claim: Reading, evidence: Evidence, lexicon: Lexicon) -> float:
    """The share in [0, 1] of the claim's words that the evidence holds, weighted by their idf; 0 when it says nothing.

    Names and what stands near alone make no statement: where the quoted sentences themselves hold less than
    ``THRESHOLD`` of its other words, their share counts.
    """
    rows = [
        (token.kind == "name", lexicon.idf(token.key), _cover(token, evidence, lexicon))
        for token in claim.content
        if token.key not in _FRAME
    ]
    if not rows:
        return 1.0 if claim.numbers or claim.dates else 0.0
    words = _share([(weight, float(cover == 1.0)) for is_name, weight, cover in rows if not is_name])
    return words if words < THRESHOLD else _share([(weight, cover) for _, weight, cover in rows])


def says_something(claim: Reading) -> bool:
    """Whether anything but framing words, such as "did the same", is there to be borne out."""
    return bool(claim.numbers or claim.dates) or any(
        token.key not in _FRAME for token in claim.content if token.kind == "word"
    )


def longest_gap(claim: Reading, evidence: Evidence, lexicon: Lexicon) -> int:
    """The most words in a row of which the evidence holds none; framing words are passed over."""
    gap = longest = 0
    for token in claim.content:
        if token.key not in _FRAME:
            gap = gap + 1 if _cover(token, evidence, lexicon) == 0 else 0
            longest = max(longest, gap)
    return longest


def leans_on_context(claim: Reading, evidence: Evidence) -> bool:
    """Whether as many of the claim's words stand only before the quoted sentences as in them: it is of another sentence."""
    words = {token.key for token in claim.content if token.kind == "word" and token.key not in _FRAME}
    inside = words & evidence.reading.keys
    return len((words - inside) & evidence.before.keys) > max(2, len(inside))


def _share(rows: list[tuple[float, float]]) -> float:
    total = sum(weight for weight, _ in rows)
    return sum(weight * cover for weight, cover in rows) / total if total else 1.0


def _cover(token: Token, evidence: Evidence, lexicon: Lexicon) -> float:
    quoted = evidence.reading
    if token.key in quoted.keys:
        return 1.0
    if token.kind == "name":
        return 1.0 if stands_for(token, [token], quoted, lexicon) else _NEAR
    if any(_is_kin(token.key, key) for key in quoted.keys):
        return 1.0
    return _NEAR if token.key in evidence.before.keys or token.key in evidence.title.keys else 0.0


def _is_kin(left: str, right: str) -> bool:
    return _of_one_family(left, right) or are_alike(left, right) or are_opposite_forms(left, right)


def _of_one_family(left: str, right: str) -> bool:
    shared = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        shared += 1
    return shared >= _FAMILY or (shared >= 4 and shared >= min(len(left), len(right)))
