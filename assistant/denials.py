"""What is said against a claim, right after it: a denial, or that nobody could check it. An answer quotes both."""

from __future__ import annotations

import re

from assistant.sentences import is_item, joined, leads, sentence_text
from index.generation import Generation
from index.lexical import terms
from index.traits import NEVER_QUOTED

WITHIN = 3
"""Sentences after a claim among which what is said against it is looked for."""
SHARED = 2
"""Words that a denial shares with its claim, unless it points back to it ("denied it")."""
SHORT = 8
"""Words of a sentence, at most, that can only be about the one before it: "The recording is unverified"."""
_VERIFIED = r"(?:been |be )?(?:independently )?(?:verif(?:y|ied)|confirm(?:ed)?|corroborated?)"
_AGAINST = re.compile(
    r"\b(?:den(?:y|ies|ied)|refut(?:es?|ed)|contradict(?:s|ed)|(?:is|are|was|were|remains?) (?:itself )?(?:disputed|contested)"
    r"|(?:disput|contest|reject|dismiss)(?:es|s|ed)? (?:the|this|that|it|these|any)"
    r"|call(?:s|ed) (?:\w+ ){1,3}(?:false|baseless|unfounded|propaganda)"
    rf"|(?:not|never|neither) {_VERIFIED}|(?:none|no) (?:[\w’'-]+ ){{1,6}}{_VERIFIED}|unverified|unconfirmed)\b",
    re.I,
)
_BACK = re.compile(
    r"\b(?:den|disput|contest|reject|dismiss|refut|contradict|confirm|verif|corroborat|call)\w* "
    r"(?:it|this|that(?= (?:on|as|in|too)\b|[.,;])|them|these|involvement|responsibility"
    r"|(?:the|any such) (?:accusation|allegation|attack|charge|claim|report|strike|account|figure)s?)\b"
    r"|\b(?:none|all|each) of (?:these|this|that|them)\b",
    re.I,
)


def against(generation: Generation, position: int) -> int | None:
    """The place in the sentence table of what is said against the claim in sentence ``position``; None if nothing is.

    It follows within ``WITHIN`` sentences, in the same paragraph or as the first sentence of the next one, and points
    back to the claim or speaks of the same. A sentence that holds a denial itself is no claim.
    """
    lines, claim = generation.sentences, sentence_text(generation, position)
    if speaks_against(claim):
        return None
    for k in range(position + 1, min(position + 1 + WITHIN, len(lines))):
        if lines.brief[k] != lines.brief[position] or lines.traits[k] & NEVER_QUOTED.value:
            return None
        if is_item(generation, k) and leads(generation, k):
            return None
        text = sentence_text(generation, k)
        if speaks_against(text):
            short = k == position + 1 and len(text.split()) <= SHORT
            near = short or _BACK.search(text) or len({*terms(text)} & {*terms(claim)}) >= SHARED
            return k if near else None
        if not joined(generation, k):
            return None
    return None


def speaks_against(sentence: str) -> bool:
    """Whether ``sentence`` denies a claim or says that it was not verified; a heading without a full stop does not."""
    return _AGAINST.search(sentence) is not None and sentence.rstrip(' "”’)').endswith((".", "!", ";"))
