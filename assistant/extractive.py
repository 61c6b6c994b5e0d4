"""The engine that needs no model: the answer is made of sentences of the briefs, quoted exactly."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.selection import Run
from assistant.types import Citation, NearestBrief, Statement
from index.generation import Generation
from index.search import Evidence

ENGINE = "extractive"
NEAREST = 3
"""Briefs named when there is no answer."""

_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3}|_{1,3})(?=\S)(.+?)(?<=\S)\1(?![\w*])")


def cite(generation: Generation, runs: Sequence[Run]) -> tuple[Citation, ...]:
    """One citation a run, labelled from 1 in their order."""
    return tuple(
        citation(generation, generation.brief_ids[run.brief], run.start, run.end, label)
        for label, run in enumerate(runs, start=1)
    )


def citation(generation: Generation, brief_id: str, start: int, end: int, label: int) -> Citation:
    """The words of a brief from ``start`` to ``end`` (half-open) under the number ``label``."""
    brief = generation.brief(brief_id)
    published = brief.metadata.published or brief.metadata.as_of
    return Citation(
        label=label,
        brief_id=brief.id,
        source=brief.source,
        title=brief.metadata.title,
        published=published.isoformat() if published else None,
        quote=brief.text[start:end],
        start=start,
        end=end,
        page=brief.page_of(start),
    )


def state(citations: Sequence[Citation], groups: Sequence[str]) -> tuple[Statement, ...]:
    """One statement a citation, in the group of the same place: its words, on one line and without markup."""
    return tuple(
        Statement(plain(citation.quote), (citation.label,), group)
        for citation, group in zip(citations, groups, strict=True)
    )


def plain(quote: str) -> str:
    """The words of a quotation as they are read: no Markdown marks, no line breaks."""
    text = _LINK.sub(r"\1", quote)
    text = _EMPHASIS.sub(r"\2", text)
    return " ".join(text.split())


def answer_text(statements: Sequence[Statement]) -> str:
    """Statements in a row, each followed by its labels in brackets."""
    return " ".join(f"{s.text} {' '.join(f'[{label}]' for label in s.citations)}" for s in statements)


def nearest_briefs(generation: Generation, evidence: Evidence, most: int = NEAREST) -> tuple[NearestBrief, ...]:
    """The briefs that come nearest to the question, best first, at most ``most``."""
    ids = [generation.brief_ids[generation.chunks.brief[evidence.found.chunks[row]]] for row in evidence.best_chunks]
    nearest = list(dict.fromkeys(ids))[:most]
    return tuple(
        NearestBrief(brief_id, generation.manifest.briefs[brief_id].source, generation.metadata(brief_id).title)
        for brief_id in nearest
    )
