"""A brief laid out for reading: blocks of exact slices, with the cited ranges marked. Pure; no Streamlit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from assistant import Citation
from index.segmentation import split_sentences
from index.types import Brief, Sentence, Span
from ui.view.link import Link

GAP = " […] "
"""Stands where boilerplate was left out of the middle of a line."""
CHANGED = (
    "This brief has changed since the answer was given, and no longer has the quoted words in that place. "
    "Ask again for a current answer."
)
NO_WORDS = "The link names words that this brief does not have. It may have changed since."


@dataclass(frozen=True, slots=True)
class Run:
    """A slice of the brief; ``label`` is that of the citation that quotes it, 0 for none."""

    text: str
    label: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, list item or paragraph. ``level`` counts headings from 1, and is 0 for the rest."""

    kind: Literal["heading", "item", "text"]
    runs: tuple[Run, ...]
    level: int = 0


def lay_out(brief: Brief, marks: Mapping[int, Span]) -> tuple[Block, ...]:
    """The body of ``brief`` in reading order, with the ranges of ``marks`` (by citation label) as runs of their own.

    Boilerplate is left out. A first heading that repeats the title is left out unless something in it is marked.
    """
    lines = _lines(brief.text, split_sentences(brief.text, brief.body))
    blocks = [_block(brief.text, line, marks) for line in lines]
    if blocks and blocks[0].kind == "heading" and blocks[0].runs == (Run(brief.metadata.title),):
        del blocks[0]
    return tuple(blocks)


def excerpt(brief: Brief, start: int, end: int, limit: int = 280) -> str:
    """The sentences of ``brief`` between two offsets, without headings, up to about ``limit`` characters."""
    inside = [line for line in split_sentences(brief.text, brief.body) if start <= line.start and line.end <= end]
    words = " ".join(" ".join(brief.text[line.start : line.end].split()) for line in inside if not line.is_heading)
    return words if len(words) <= limit else words[:limit].rsplit(" ", 1)[0] + " …"


def still_there(brief: Brief, citation: Citation) -> bool:
    """Whether the brief still has the quoted words in the place that the citation names."""
    return brief.text[citation.start : citation.end] == citation.quote


def _lines(text: str, sentences: Sequence[Sentence]) -> list[list[Sentence]]:
    """Sentences grouped by block; pieces that only boilerplate separates stay together."""
    lines: list[list[Sentence]] = [list(sentences[:1])] if sentences else []
    for before, after in pairwise(sentences):
        same = after.paragraph == before.paragraph or "\n" not in text[before.end : after.start]
        if same and not after.is_heading and not before.is_heading:
            lines[-1].append(after)
        else:
            lines.append([after])
    return lines


def _block(text: str, line: Sequence[Sentence], marks: Mapping[int, Span]) -> Block:
    runs: list[Run] = []
    for k, sentence in enumerate(line):
        start = sentence.start
        if k and sentence.paragraph == line[k - 1].paragraph:
            start = line[k - 1].end
        elif k:
            runs.append(Run(GAP))
        runs.extend(_runs(text, start, sentence.end, marks))
    first = line[0]
    if first.is_heading:
        return Block("heading", _joined(runs), _level(text, first.start))
    return Block("item" if first.is_item else "text", _joined(runs))


def _runs(text: str, start: int, end: int, marks: Mapping[int, Span]) -> list[Run]:
    inside = {point for span in marks.values() for point in span if start < point < end}
    edges = sorted({start, end} | inside)
    return [Run(text[left:right], _label(left, marks)) for left, right in pairwise(edges)]


def _label(position: int, marks: Mapping[int, Span]) -> int:
    return next((label for label, (start, end) in marks.items() if start <= position < end), 0)


def _joined(runs: Sequence[Run]) -> tuple[Run, ...]:
    joined: list[Run] = []
    for run in runs:
        if joined and joined[-1].label == run.label:
            joined[-1] = Run(joined[-1].text + run.text, run.label)
        else:
            joined.append(run)
    return tuple(joined)


def _level(text: str, start: int) -> int:
    marker = text[text.rfind("\n", 0, start) + 1 : start].strip()
    return len(marker) if marker and not marker.strip("#") else 2


def day(value: dt.date | str | None) -> str:
    """A day as people write it (6 December 2025); empty for None."""
    if value is None:
        return ""
    date = dt.date.fromisoformat(value) if isinstance(value, str) else value
    return f"{date.day} {date:%B %Y}"


def panel(brief: Brief, citations: Sequence[Citation], label: int) -> dict[str, Any]:
    """What the reading panel shows: ``brief`` with the quotes of ``citations`` marked and that of ``label`` in view.

    Only citations of this brief are marked, and only where the brief still has their words. ``link`` is the query of the
    address that opens the same.
    """
    own = [citation for citation in citations if citation.brief_id == brief.id]
    marks = {citation.label: (citation.start, citation.end) for citation in own if still_there(brief, citation)}
    # The one that was clicked first, so that it wins where two overlap.
    marks = {number: marks[number] for number in sorted(marks, key=lambda number: number != label)}
    labels = [citation.label for citation in citations]
    at = labels.index(label) if label in labels else -1
    metadata = brief.metadata
    facts = [day(metadata.published), metadata.kind, ", ".join(metadata.region)]
    chosen = citations[at] if at >= 0 else None
    return {
        "title": metadata.title,
        "facts": [fact for fact in facts if fact],
        "source": brief.source + (f", page {chosen.page}" if chosen and chosen.page else ""),
        "label": label,
        "remark": CHANGED if chosen and label not in marks else "",
        "link": Link.to(brief.id, marks.get(label)).query,
        "previous": labels[at - 1] if at > 0 else 0,
        "next": labels[at + 1] if 0 <= at < len(labels) - 1 else 0,
        "blocks": [
            {"kind": block.kind, "level": block.level, "runs": [[run.text, run.label] for run in block.runs]}
            for block in lay_out(brief, marks)
        ],
    }


def linked_panel(brief: Brief, link: Link) -> dict[str, Any]:
    """The same with the words that ``link`` names in view, or with a remark that the brief shows no such words."""
    if span := link.span(len(brief.text)):
        shown = panel(brief, [cite(brief, *span)], 1)
        if any(label for block in shown["blocks"] for _, label in block["runs"]):
            return shown
    return panel(brief, (), 0) | {"remark": NO_WORDS if link.has_offsets else ""}


def cite(brief: Brief, start: int, end: int, label: int = 1) -> Citation:
    """The words of ``brief`` between two offsets in the form of a citation."""
    known = brief.metadata
    published = known.published.isoformat() if known.published else None
    words, page = brief.text[start:end], brief.page_of(start)
    return Citation(label, brief.id, brief.source, known.title, published, words, start, end, page)
