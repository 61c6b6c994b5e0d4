"""Chunks: runs of whole sentences, packed up to a length, broken at headings where that leaves no scraps."""

from __future__ import annotations

import re
from collections.abc import Sequence

from index.types import Chunk, Sentence

VERSION = 1
"""Raised when the same text and settings would give other chunks; part of the manifest."""

_LEVEL = re.compile(r"\s*(#{1,6}|={1,6})\s")


def split_chunks(brief_id: str, text: str, sentences: Sequence[Sentence], chunk_chars: int) -> tuple[Chunk, ...]:
    """Pack ``sentences`` into chunks of at most ``chunk_chars`` characters (a longer sentence stands alone).

    Every sentence is in exactly one chunk. A heading opens a new chunk once the open one is a third full, and ends
    one only where what follows would not fit; a paragraph that would be cut in its first half moves on whole when the
    chunk is two thirds full.
    """
    chunks: list[Chunk] = []
    path: list[tuple[int, str]] = []
    first = 0
    headings: tuple[str, ...] = ()
    for k, sentence in enumerate(sentences):
        if k > first and _must_close(sentences, first, k, chunk_chars):
            chunks.append(_chunk(brief_id, sentences, first, k, headings))
            first = k
        if sentence.is_heading:
            path = _descend(path, text, sentence)
        if k == first or all(s.is_heading for s in sentences[first : k + 1]):
            headings = tuple(title for _, title in path)
    if first < len(sentences):
        chunks.append(_chunk(brief_id, sentences, first, len(sentences), headings))
    return tuple(chunks)


def _chunk(brief_id: str, sentences: Sequence[Sentence], first: int, last: int, headings: tuple[str, ...]) -> Chunk:
    return Chunk(brief_id, sentences[first].start, sentences[last - 1].end, first, last, headings)


def _must_close(sentences: Sequence[Sentence], first: int, k: int, chunk_chars: int) -> bool:
    """Whether the chunk that began at sentence ``first`` ends before sentence ``k``."""
    start, end = sentences[first].start, sentences[k].end
    filled = sentences[k - 1].end - start
    if sentences[k].is_heading:
        return end - start > chunk_chars or (filled * 3 > chunk_chars and not sentences[k - 1].is_heading)
    if end - start > chunk_chars:
        return True
    opens_paragraph = sentences[k].paragraph != sentences[k - 1].paragraph
    if not opens_paragraph or sentences[k - 1].is_heading or filled * 3 < chunk_chars * 2:
        return False
    for sentence in sentences[k:]:
        if sentence.paragraph != sentences[k].paragraph:
            break
        end = sentence.end
    room = start + chunk_chars - sentences[k].start
    return end - start > chunk_chars and room * 2 < end - sentences[k].start


def _descend(path: list[tuple[int, str]], text: str, heading: Sentence) -> list[tuple[int, str]]:
    """The path of headings below which the text after ``heading`` stands; a title without marks counts as level 1."""
    line = text.rfind("\n", 0, heading.start) + 1
    mark = _LEVEL.match(text[line : heading.end])
    level = len(mark.group(1)) if mark else 1
    return [*[step for step in path if step[0] < level], (level, text[heading.start : heading.end])]
