"""Which statements of a model may be shown: quotes found exactly, claims that agree with them, words borne out by them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from assistant.verification.claims import disagreements
from assistant.verification.names import Evidence, Lexicon, runs, stands_for
from assistant.verification.quotes import Place, find_places, is_substantial, sentences_across
from assistant.verification.reading import Casing, Reading, casing_of, read
from assistant.verification.support import (
    GAP,
    LIKENESS,
    LIKENESS_OF_GAP,
    THRESHOLD,
    clauses,
    leans_on_context,
    longest_gap,
    says_something,
    support,
)
from assistant.verification.types import WORDS, Draft, Found, Quoted, Reason, Source, Verdict

__all__ = ["WORDS", "Draft", "Found", "Lexicon", "Quoted", "Reason", "Similarity", "Source", "Verdict", "verify"]

Similarity = Callable[[str, str], float]
"""Likeness in [0, 1] of a statement and a quoted text, as an embedder sees it."""

_LABEL = re.compile(r"[\s\[\]().]+|source", re.I)
_FRAME = re.compile(
    r"(?:according to )?(?:the|this|one) (?:brief|source|document|text)s?"
    r"(?: (?:say|state|note|add|report|observe|indicate)s?(?: that)?|,) ",
    re.I,
)
"""How models introduce what a brief says: no part of what is claimed."""
_CONTEXT = 600
"""Characters before the quoted sentences, at most, that tell what they point back to."""
_PLACES = 3
"""Places of one quote that a statement is held against, at most."""


def verify(
    draft: Draft,
    sources: Sequence[Source],
    lexicon: Lexicon | None = None,
    similarity: Similarity | None = None,
    threshold: float = THRESHOLD,
) -> Verdict:
    """What becomes of ``draft``, whose quotes are said to come from ``sources``.

    Kept when every quote is found and the statement, or each clause of it, agrees with the sentences that hold one of
    the quotes and is borne out by them to ``threshold``. A quote that stands in exactly one other source than the one
    named is cited from there (``repaired``); any other fault makes the statement ``unsupported``. With ``similarity``
    a clause that falls short in words may make it up in likeness. Pure and deterministic.
    """
    lexicon = lexicon or Lexicon()
    places, reasons = _places(draft, sources)
    if not places:
        return Verdict(draft, "unsupported", reasons, (), 0.0)
    units = [[_evidence(source, place) for place in where[:_PLACES]] for source, where in places]
    casing = casing_of(*(source.text for source in sources))
    chosen, faults, score = _judge(
        _FRAME.sub("", draft.text, count=1) if _FRAME.match(draft.text) else draft.text,
        units,
        casing,
        _Scale(lexicon, similarity, threshold),
    )
    if faults:
        return Verdict(draft, "unsupported", (*reasons, *faults), (), score)
    found = tuple(Found(places[n][0], start, end) for n, k in sorted(chosen.items()) for start, end in places[n][1][k])
    return Verdict(draft, "repaired" if reasons else "kept", reasons, tuple(dict.fromkeys(found)), score)


class _Scale:
    """What statements are measured with."""

    def __init__(self, lexicon: Lexicon, similarity: Similarity | None, threshold: float) -> None:
        self.lexicon = lexicon
        self.similarity = similarity
        self.threshold = threshold

    def judge(self, claim: Reading, evidence: Evidence) -> tuple[tuple[Reason, ...], float]:
        """What is wrong with ``claim`` and its support."""
        score = support(claim, evidence, self.lexicon)
        gap = longest_gap(claim, evidence, self.lexicon)
        reasons = disagreements(claim, evidence, self.lexicon)
        # A share of one or two words says little: a short clause may have one of its own.
        least = self.threshold if len(claim.content) > 2 else self.threshold / 2
        holds = score >= least and gap < GAP
        if self.similarity is not None and gap < GAP and (not holds or gap == GAP - 1):
            likeness = self.similarity(claim.text, evidence.reading.text)
            holds = likeness >= (LIKENESS if gap < GAP - 1 else LIKENESS_OF_GAP) and not leans_on_context(
                claim, evidence
            )
            score = max(score, likeness) if holds else score
        return reasons if holds else (*reasons, "unsupported"), score


def _places(draft: Draft, sources: Sequence[Source]) -> tuple[list[tuple[Source, list[Place]]], tuple[Reason, ...]]:
    """Where each quote stands and what is wrong with them; no places at all when a quote has none."""
    labelled = {_plain(source.label): source for source in sources}
    found: list[tuple[Source, list[Place]]] = []
    reasons: list[Reason] = [] if draft.quotes else ["no-quote"]
    for quoted in draft.quotes:
        place = _place(quoted, labelled, sources)
        if isinstance(place, str):
            return [], (place,)
        source, where = place
        if source is not labelled[_plain(quoted.label)]:
            reasons.append("wrong-label")
        found.append((source, where))
    return found, tuple(dict.fromkeys(reasons))


def _place(
    quoted: Quoted, labelled: Mapping[str, Source], sources: Sequence[Source]
) -> tuple[Source, list[Place]] | Reason:
    source = labelled.get(_plain(quoted.label))
    if source is None:
        return "unknown-label"
    if not is_substantial(quoted.quote):
        return "quote-too-short"
    if where := find_places(quoted.quote, source):
        return source, where
    elsewhere = [(other, where) for other in sources if (where := find_places(quoted.quote, other))]
    return elsewhere[0] if len(elsewhere) == 1 else "wrong-label" if elsewhere else "quote-not-found"


def _plain(label: str) -> str:
    return _LABEL.sub("", label).lower().removeprefix("s")


def _evidence(source: Source, place: Place) -> Evidence:
    held = list(dict.fromkeys(span for piece in place for span in sentences_across(piece, source.sentences)))
    casing = casing_of(source.text)
    start = held[0][0]
    paragraph = source.text.rfind("\n\n", 0, start)
    above = source.text[max(0, start - _CONTEXT, paragraph) : start]
    heading = next((line for line in reversed(source.text[:start].splitlines()) if line.startswith("#")), "")
    years = {int(source.published[:4])} if source.published else set()
    return Evidence(
        read(" ".join(source.text[first:last] for first, last in held), casing),
        read(f"{heading}. {above}", casing),
        read(source.title, casing),
        frozenset(years),
        source.text,
    )


def _judge(
    text: str, units: Sequence[Sequence[Evidence]], casing: Casing, scale: _Scale
) -> tuple[dict[int, int], tuple[Reason, ...], float]:
    """Which place of which quotes bears the statement out, what is wrong with it, and the least support of a clause.

    Each clause has to agree with the sentences of one quote alone: what only several of them together would bear out
    is joined from parts that none of them joins. A quote that bears out nothing is not among those returned.
    """
    whole = read(text, casing)
    parts = [part for part in (read(clause, casing) for clause in clauses(text)) if says_something(part)] or [whole]
    options = [(n, k, evidence) for n, unit in enumerate(units) for k, evidence in enumerate(unit)]
    verdicts = [_judge_whole(whole, parts, evidence, scale) for _, _, evidence in options]
    passed = [(n, k, score) for (n, k, _), (reasons, score) in zip(options, verdicts, strict=True) if not reasons]
    if passed:
        return {n: k for n, k, _ in reversed(passed)}, (), max(score for _, _, score in passed)
    reasons, score = min(verdicts, key=lambda verdict: (len(verdict[0]), -verdict[1]))
    if len(units) == 1:
        return {}, reasons, score
    chosen: dict[int, int] = {}
    lows = []
    for part in parts if len(parts) > 1 else ():
        best = max(
            (
                (low, n, k)
                for n, k, evidence in options
                for faults, low in [scale.judge(part, evidence)]
                if not faults and _has_subject(part, whole, evidence, scale.lexicon)
            ),
            default=None,
        )
        if best is None:
            break
        lows.append(best[0])
        chosen.setdefault(best[1], best[2])
    if lows and len(lows) == len(parts):
        return chosen, (), min(lows)
    return {}, _merged(reasons, whole, units), score


def _judge_whole(
    whole: Reading, parts: Sequence[Reading], evidence: Evidence, scale: _Scale
) -> tuple[tuple[Reason, ...], float]:
    """What is wrong with a statement against one quote's sentences, every clause of it having to be borne out."""
    reasons, score = scale.judge(whole, evidence)
    if reasons:
        return reasons, score
    judged = [scale.judge(part, evidence) for part in parts]
    short = any("unsupported" in faults for faults, _ in judged)
    return ("unsupported",) if short else (), min(low for _, low in judged)


def _has_subject(part: Reading, whole: Reading, evidence: Evidence, lexicon: Lexicon) -> bool:
    """Whether a clause that names nobody can be about whom the statement begins with, as far as the evidence goes."""
    first = next(iter(runs(whole)), None)
    if first is None or part.names:
        return True
    near = (evidence.reading, evidence.before, evidence.title)
    return any(stands_for(token, first, reading, lexicon) for token in first for reading in near)


def _merged(reasons: tuple[Reason, ...], whole: Reading, units: Sequence[Sequence[Evidence]]) -> tuple[Reason, ...]:
    """``merged`` where the quoted sentences hold all names together, but none of them alone does."""
    held = frozenset().union(*(evidence.reading.keys for unit in units for evidence in unit))
    together = all(name.key in held for name in whole.names)
    return ("merged",) if together and not {"negation", "modality"} & set(reasons) else reasons
