"""What a changed index does to a kept answer: its quotes are looked up again whenever it is shown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from assistant.extractive import answer_text
from assistant.types import Answer, Citation, Statement
from index.filters import Filters, allowed_briefs
from index.generation import Generation
from index.lexical import STOP_WORDS, words
from index.segmentation import split_sentences
from index.types import Brief

HIDDEN = "This is not, or no longer, among the briefs that you may read."
"""Stands for what a reader may not see: the title of a brief, and a statement that rests on it."""

Standing = Literal["current", "moved", "gone", "hidden"]


@dataclass(frozen=True, slots=True)
class Checked:
    """A kept citation as it stands now.

    ``current``: the brief says the same words at the same place. ``moved``: at another place, or with other line breaks.
    For both, ``citation`` is that of the current index, ``brief.text[start:end] == quote``. ``gone``: the brief no longer
    says it, or is no longer there; ``citation`` is what was kept, and its place means nothing. ``hidden``: the brief is not
    for this reader, or is no longer there, which readers who may not read everything are not told apart; ``citation`` keeps
    its label alone.
    """

    citation: Citation
    standing: Standing


def check_citations(
    generation: Generation, citations: Iterable[Citation], allowed: Collection[str] | None = None
) -> tuple[Checked, ...]:
    """Each of ``citations`` against the current index, in their order.

    ``allowed`` are the ids of the briefs that the reader may see now; None for all.
    """
    return tuple(_check(generation, citation, allowed) for citation in citations)


def review(
    generation: Generation, answer: Answer, allowed: Collection[str] | None = None
) -> tuple[Answer, tuple[Checked, ...]]:
    """A kept answer as it may be shown now, and how its citations stand; ``allowed`` is as for ``check_citations``.

    Where a brief is hidden, so is all that was taken from it: the statements that rest on it, what a model wrote that
    rests on nothing, the readings of an ambiguous question, and a spelling that no other brief has.
    """
    checked = check_citations(generation, answer.citations, allowed)
    shown = replace(answer, citations=tuple(one.citation for one in checked))
    if allowed is None:
        return shown, checked
    nearest = tuple(near for near in answer.nearest if near.brief_id in allowed)
    shown = replace(shown, nearest=nearest, searched=_searched(generation, answer, allowed))
    hidden = {one.citation.label for one in checked if one.standing == "hidden"}
    if hidden or not _is_drawn_from(answer, allowed):
        statements = tuple(
            Statement(HIDDEN, s.citations, s.group) if hidden.intersection(s.citations) else s
            for s in answer.statements
            if not s.unsupported
        )
        shown = replace(shown, statements=statements, raw="", verdicts=(), readings=(), drawn_from=())
        if hidden:
            shown = replace(shown, text=answer_text(statements))
    return shown, checked


def _is_drawn_from(answer: Answer, allowed: Collection[str]) -> bool:
    """Whether all that an answer says beside its citations comes from ``allowed`` briefs. Where that is not known, it does not."""
    beside = answer.raw or answer.verdicts or answer.readings or any(s.unsupported for s in answer.statements)
    return not beside or (bool(answer.drawn_from) and all(brief_id in allowed for brief_id in answer.drawn_from))


def _searched(generation: Generation, answer: Answer, allowed: Collection[str]) -> str:
    """What was searched, if the question or the ``allowed`` briefs hold all its words: a mended one may come from another."""
    chunks, own = generation.scope(frozenset(allowed)).chunks, words(answer.question)
    spelled = all(
        word in own or word in STOP_WORDS or generation.lexical.writes(word, chunks) for word in words(answer.searched)
    )
    return answer.searched if spelled else answer.question


def allowed_to(generation: Generation, labels: frozenset[str] | None) -> frozenset[str] | None:
    """The ids of the briefs that a reader in the groups ``labels`` may see, as ``check_citations`` takes them."""
    return allowed_briefs(generation.manifest.metadata, Filters(labels=labels))


def surroundings(brief: Brief, start: int, end: int) -> tuple[str, str]:
    """The sentence before and the sentence after ``text[start:end]``, with the rest of those that it cuts; or empty.

    Headings do not count.
    """
    sentences = [sentence for sentence in split_sentences(brief.text, brief.body) if not sentence.is_heading]
    touched = [k for k, sentence in enumerate(sentences) if sentence.start < end and sentence.end > start]
    if not touched:
        return "", ""
    first, last = max(touched[0] - 1, 0), min(touched[-1] + 1, len(sentences) - 1)
    before = [brief.text[s.start : min(s.end, start)] for s in sentences[first : touched[0] + 1] if s.start < start]
    after = [brief.text[max(s.start, end) : s.end] for s in sentences[touched[-1] : last + 1] if s.end > end]
    return " ".join(before), " ".join(after)


def _check(generation: Generation, citation: Citation, allowed: Collection[str] | None) -> Checked:
    if allowed is not None and citation.brief_id not in allowed:
        return Checked(Citation(citation.label, "", "", HIDDEN, None, "", 0, 0), "hidden")
    if citation.brief_id not in generation.manifest.briefs:
        return Checked(citation, "gone")
    brief = generation.brief(citation.brief_id)
    if citation.quote and brief.text[citation.start : citation.end] == citation.quote:
        return Checked(_now(brief, citation, citation.start, citation.end), "current")
    places = _places(brief.text, citation.quote)
    if not places:
        return Checked(citation, "gone")
    start, end = min(places, key=lambda place: (abs(place[0] - citation.start), place))
    return Checked(_now(brief, citation, start, end), "moved")


def _places(text: str, quote: str) -> list[tuple[int, int]]:
    """Where ``text`` says ``quote``, word for word; only white space may differ."""
    words = r"\s+".join(re.escape(word) for word in quote.split())
    return [match.span() for match in re.finditer(rf"(?<!\w){words}(?!\w)", text)] if words else []


def _now(brief: Brief, citation: Citation, start: int, end: int) -> Citation:
    """The citation with what the current index knows of its brief and place."""
    day = brief.metadata.published or brief.metadata.as_of
    return replace(
        citation,
        source=brief.source,
        title=brief.metadata.title,
        published=day.isoformat() if day else None,
        quote=brief.text[start:end],
        start=start,
        end=end,
        page=brief.page_of(start),
    )
