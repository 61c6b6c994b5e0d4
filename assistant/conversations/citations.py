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
from index.segmentation import split_sentences
from index.types import Brief

HIDDEN = "You may no longer read this brief."
"""Stands for what a reader may not see: the title of a brief, and a statement that rests on it."""

Standing = Literal["current", "moved", "gone", "hidden"]


@dataclass(frozen=True, slots=True)
class Checked:
    """A kept citation as it stands now.

    ``current``: the brief says the same words at the same place. ``moved``: at another place, or with other line breaks.
    For both, ``citation`` is that of the current index, ``brief.text[start:end] == quote``. ``gone``: the brief no longer
    says it, or is no longer there; ``citation`` is what was kept, and its place means nothing. ``hidden``: the brief is not
    for this reader; ``citation`` keeps its label alone.
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

    Where a brief is hidden, so is all that was taken from it: the statements that rest on it and what a model wrote.
    """
    checked = check_citations(generation, answer.citations, allowed)
    hidden = {one.citation.label for one in checked if one.standing == "hidden"}
    nearest = tuple(near for near in answer.nearest if allowed is None or near.brief_id in allowed)
    shown = replace(answer, citations=tuple(one.citation for one in checked), nearest=nearest)
    if hidden:
        statements = tuple(
            Statement(HIDDEN, s.citations, s.group) if hidden.intersection(s.citations) else s
            for s in answer.statements
        )
        stated = [statement for statement in statements if not statement.unsupported]
        shown = replace(shown, statements=statements, text=answer_text(stated), raw="", verdicts=())
    return shown, checked


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
    if citation.brief_id not in generation.manifest.briefs:
        return Checked(citation, "gone")
    if allowed is not None and citation.brief_id not in allowed:
        return Checked(Citation(citation.label, "", "", HIDDEN, None, "", 0, 0), "hidden")
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
