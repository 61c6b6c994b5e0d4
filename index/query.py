"""From a question as typed to what is searched: spelling mended, terms weighted, other names added."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from index.aliases import Alias
from index.lexical import STOP_WORDS, LexicalIndex, Mask, fold, stem, terms
from index.traits import Asks, asks_of

EXPANSION_WEIGHT = 0.4
"""What a word that the question does not hold, but an alias does, counts in BM25; a word of the question counts 1."""

ASKING_WORDS = frozenset(
    stem(word)
    for word in """
        compare comparison explain describe list tell give name show summarise summarize outline discuss state
        say says said saying according source sources seem seems actually exactly really please brief briefs
        question topic answer new know anything something different difference differ differently each side
        sides part play played latest current currently now today still recent most
    """.split()
)
"""Stems that say how to answer rather than what about: searched for only when a question has nothing else."""

_TOKEN = re.compile(r"[^\W\d_]{4,}")


@dataclass(frozen=True)
class Query:
    """``question`` as asked and ``searched`` as searched; ``weights`` of the stems to look for.

    ``groups`` are sets of stems that stand for one word of the question: it is covered where any of them occurs.
    """

    question: str
    searched: str
    weights: dict[str, float]
    groups: tuple[tuple[str, ...], ...]
    asks: Asks
    mended: dict[str, str] = field(default_factory=dict)


def parse_question(
    question: str,
    lexical: LexicalIndex,
    aliases: Sequence[Alias],
    is_word: Callable[[str], bool],
    allowed_chunks: Mask | None = None,
    allowed_briefs: Collection[str] | None = None,
) -> Query:
    """Read ``question`` against what the allowed briefs hold.

    ``is_word`` tells whether a folded word is an ordinary word that must not be "mended" into another
    (asked about Iraq, a corpus that only knows Iran has no answer).
    """
    mended = _mend(question, lexical, is_word, allowed_chunks)
    searched = _TOKEN.sub(lambda match: mended.get(match.group(), match.group()), question) if mended else question
    every = list(dict.fromkeys(terms(searched)))
    own = [term for term in every if term not in ASKING_WORDS] or every
    weights = dict.fromkeys(own, 1.0)
    groups = {term: [term] for term in own}
    for alias in aliases:
        if not alias.is_used_in(allowed_briefs):
            continue
        if alias.short in groups:
            _add(weights, alias.long)
            groups[alias.short].append(_rarest(alias.long, lexical, allowed_chunks))
        elif all(term in groups for term in alias.long):
            _add(weights, (alias.short,))
            groups[_rarest(alias.long, lexical, allowed_chunks)].append(alias.short)
    return Query(
        question, searched, weights, tuple(tuple(dict.fromkeys(g)) for g in groups.values()), asks_of(searched), mended
    )


def _add(weights: dict[str, float], stems: Sequence[str]) -> None:
    for term in stems:
        weights.setdefault(term, EXPANSION_WEIGHT)


def _rarest(stems: Sequence[str], lexical: LexicalIndex, allowed: Mask | None) -> str:
    """The stem of a name that says most: the one that fewest allowed chunks hold."""
    return min(stems, key=lambda term: (lexical.frequency(term, allowed) or 1_000_000, term))


def _mend(question: str, lexical: LexicalIndex, is_word: Callable[[str], bool], allowed: Mask | None) -> dict[str, str]:
    """Words of the question that no brief holds and no dictionary knows, with the nearest word that a brief does hold."""
    unknown = []
    for match in _TOKEN.finditer(question):
        word = fold(match.group())
        if word in STOP_WORDS or lexical.holds(stem(word), allowed) or is_word(word):
            continue
        unknown.append(match.group())
    return {
        word: nearest for word in unknown if (nearest := _nearest(fold(word), word[:1].isupper(), lexical, allowed))
    }


def _nearest(word: str, name: bool, lexical: LexicalIndex, allowed: Mask | None) -> str | None:
    """The indexed word within one edit (two in longer words; transpositions count one) that starts with the same letter."""
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import extract

    limit = 2 if len(word) >= (5 if name else 7) else 1
    choices = [
        known
        for known in (*lexical.surface, *STOP_WORDS)
        if known[:1] == word[:1] and abs(len(known) - len(word)) <= limit
    ]
    near = extract(word, choices, scorer=OSA.distance, score_cutoff=limit, limit=None)
    common = 1_000_000
    ranked = []
    for known, distance, _ in near:
        if known in STOP_WORDS:
            frequency = common
        else:
            frequency = lexical.frequency(lexical.surface[known], allowed) if lexical.writes(known, allowed) else 0
        if frequency:
            ranked.append((distance, -frequency, str(known)))
    return min(ranked)[2] if ranked else None
