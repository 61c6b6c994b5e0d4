"""What a model is shown: whole sentences of the briefs found, the best evidence first, as many as the prompt has room for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from assistant.findings import LookUp
from assistant.generative.cleaning import visible
from assistant.generative.limits import estimated_tokens
from assistant.selection import Run
from assistant.verification.types import Found, Source
from index.generation import Generation
from index.search import Evidence

HEAD_TOKENS = 60
"""What the lines around a source and its headings cost, about."""
_TITLE = 120
"""Characters of a title that are shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A source and what stands around it in the prompt.

    ``rows`` are its sentences by their places in the sentence table, ``headings`` the innermost heading above each.
    """

    source: Source
    rows: tuple[int, ...]
    headings: tuple[str, ...]

    @property
    def title(self) -> str:
        """The brief's title on one line, shortened."""
        return _line(self.source.title)[:_TITLE]

    @property
    def lines(self) -> Iterator[str]:
        """The sentences, one a line, a heading before the first that stands under it. Headings are not to be quoted."""
        above = ""
        for (start, end), heading in zip(self.source.sentences, self.headings, strict=True):
            if heading != above:
                above = heading
                yield f"# {_line(heading)}"
            yield _line(self.source.text[start:end])

    def row_of(self, found: Found) -> int:
        """The place in the sentence table of the sentence in which ``found`` begins."""
        starts = [start for start, _ in self.source.sentences]
        return self.rows[max(0, bisect_right(starts, found.start) - 1)]


def shown_sources(generation: Generation, found: LookUp, chosen: Sequence[Run], room: int) -> tuple[Shown, ...]:
    """One source a brief, labelled from S1, the best first; together about ``room`` tokens at most, empty when none fits.

    ``chosen`` are the runs that answer without a model: they come first, then the chunks of every part in turn, best
    first. A sentence that does not fit is left out whole, and what is another owner's than the one asked for is not shown.
    """
    taken: dict[int, None] = {}
    briefs: dict[int, None] = {}
    for row in _rows(generation, found, chosen):
        brief = int(generation.sentences.brief[row])
        cost = _cost(generation, row) + (HEAD_TOKENS if brief not in briefs else 0)
        if row not in taken and cost <= room:
            room -= cost
            taken[row] = briefs[brief] = None
    return tuple(
        _shown(
            generation, f"S{number}", brief, sorted(row for row in taken if generation.sentences.brief[row] == brief)
        )
        for number, brief in enumerate(briefs, start=1)
    )


def _rows(generation: Generation, found: LookUp, chosen: Sequence[Run]) -> Iterator[int]:
    """Sentences that may be shown, the best evidence first; some come twice."""
    for run in chosen:
        yield from range(run.first, run.last + 1)
    evidences = [part.evidence for part in (found.whole, *found.found) if part.found]
    for ranked in zip_longest(*map(_by_chunk, evidences), fillvalue=()):
        for rows in ranked:
            yield from rows


def _by_chunk(evidence: Evidence) -> Iterator[Sequence[int]]:
    """The sentences of each chunk that may answer, best chunk first."""
    found = evidence.found
    for chunk in evidence.best_chunks:
        yield [row for row in found.sentences[found.owner == chunk].tolist() if row not in evidence.excluded]


def _cost(generation: Generation, row: int) -> int:
    lines = generation.sentences
    brief = generation.brief(generation.brief_ids[lines.brief[row]])
    return estimated_tokens(brief.text[lines.start[row] : lines.end[row]]) + 1


def _shown(generation: Generation, label: str, brief: int, rows: Sequence[int]) -> Shown:
    lines = generation.sentences
    held = generation.brief(generation.brief_ids[brief])
    day = held.metadata.published or held.metadata.as_of
    headings = [generation.headings(int(lines.chunk[row])) for row in rows]
    source = Source(
        label=label,
        brief_id=held.id,
        source=held.source,
        title=held.metadata.title,
        published=day.isoformat() if day else None,
        text=held.text,
        sentences=tuple((int(lines.start[row]), int(lines.end[row])) for row in rows),
    )
    return Shown(source, tuple(rows), tuple(path[-1] if path else "" for path in headings))


def _line(text: str) -> str:
    return " ".join(visible(text).split())
