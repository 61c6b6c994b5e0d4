"""From a question as typed to what is searched: spelling mended, terms weighted, other names added."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from index.aliases import Alias
from index.lexical import LexicalIndex, Mask, stem, terms
from index.spelling import TOKEN, mend
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
    mended = mend(question, lexical, is_word, allowed_chunks)
    searched = TOKEN.sub(lambda match: mended.get(match.group(), match.group()), question) if mended else question
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
