"""Sentences of a canonical text, with exact offsets.

Blocks first (headings, list items, table rows, paragraphs), from the line structure; then sentences inside each
block, by sentencex (rules and abbreviation lists of the Wikimedia Foundation, nothing to download). A sentence never
crosses a block, and never touches a character that is masked as boilerplate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sentencex import get_sentence_boundaries

from index.types import Sentence, Span

MAX_SENTENCE = 600
"""Longer runs without a full stop (flattened tables, logs) are cut at the nearest weaker boundary, in characters."""
WRAP = 140
"""Paragraphs whose lines are all shorter than this may be hard-wrapped, in characters."""

_HEADING = re.compile(r"\s{0,3}#{1,6}\s+\S|\s*={1,6} .* ={1,6}\s*$|\s*\*\*[^*]{1,90}\*\*\s*$")
_ITEM = re.compile(r"\s*(?:[-*+•‣–]|\(?\d{1,2}[.)]|\(?[a-z][.)])\s+")
_MARKUP = re.compile(r"\s*(?:#{1,6}\s+|>\s?|[-*+•‣–]\s+(?:\[[ xX]\]\s+)?)")
_TERMINAL = re.compile(r"[.!?…:;][\"'”’)\]*_]*\s*$")
_SERIALISED = re.compile(r"(?:(?:\\r)?\\n|\\t)+|['\"]\s*[,}\]]+[\s,{\[]*['\"]\w+['\"]\s*:\s*['\"]?")
"""Escaped line breaks and the punctuation between fields, in logs saved as JSON: no sentence runs across them."""
_TOKENISED_STOP = re.compile(r"(?<=\s[.!?])\s+")
_ANY_STOP = re.compile(r"(?<=[^.\s][.!?])\s+")
_MARKER_ALONE = re.compile(r"\(?\w{1,3}[.)]$")
_WEAK = (re.compile(r"[;:]\s"), re.compile(r",\s"), re.compile(r"\s"))


class Block(NamedTuple):
    """A run of lines that belong together: ``kind`` is heading, item, row or text."""

    start: int
    end: int
    kind: str


def split_sentences(text: str, body: Iterable[Span]) -> tuple[Sentence, ...]:
    """Sentences of ``text`` inside ``body``, ascending and disjoint; white space around them is left out."""
    found: list[Sentence] = []
    blocks = [block for start, end in body for block in _blocks(text, start, end)]
    for number, block in enumerate(blocks):
        heading = block.kind == "heading" or (block.kind == "title" and _introduces(blocks, number))
        whole = block.kind in ("heading", "title", "row")
        pieces = [(block.start, block.end)] if whole else _sentence_spans(text, block.start, block.end)
        for piece in pieces:
            for start, end in _bounded(text, *piece):
                found.append(Sentence(start, end, number, heading, block.kind == "item"))
    return tuple(found)


def _introduces(blocks: list[Block], number: int) -> bool:
    """A short line alone is a heading when running text follows it closely."""
    if number + 1 >= len(blocks):
        return False
    following = blocks[number + 1]
    return following.kind in ("text", "item") and following.end - following.start > 100


def _lines(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop + 1
        yield start, stop
        start = stop


def _blocks(text: str, start: int, end: int) -> Iterator[Block]:
    """Group the lines of one body range into blocks."""
    current: Block | None = None
    lines = list(_lines(text, start, end))
    for k, (first, last) in enumerate(lines):
        line = text[first:last]
        kind = _kind(line)
        continues = kind == "text" and current is not None and _continues(text[current.start : current.end], line)
        if continues and current is not None:
            current = current._replace(end=last)
            continue
        if current is not None:
            yield _trim(text, current)
            current = None
        if kind == "blank":
            continue
        if kind == "text" and _stands_alone(text, lines, k):
            kind = "title"
        block = Block(first, last, kind)
        if kind in ("heading", "title", "row"):
            yield _trim(text, block)
        else:
            current = block
    if current is not None:
        yield _trim(text, current)


def _kind(line: str) -> str:
    if not any(character.isalnum() for character in line):
        return "blank"
    if _HEADING.match(line):
        return "heading"
    if line.lstrip().startswith("|"):
        return "row"
    return "item" if _ITEM.match(line) else "text"


def _continues(block: str, line: str) -> bool:
    """Whether ``line`` goes on with the paragraph or item: hard-wrapped prose does, a finished or short line does not."""
    if line.lstrip()[:1].islower():
        return True
    last = block.rstrip("\n").rsplit("\n", 1)[-1]
    return 50 <= len(last) <= WRAP and len(line) <= WRAP


def _stands_alone(text: str, lines: list[Span], k: int) -> bool:
    """A short line without a full stop, after a blank line and before a blank one or a paragraph on one line."""
    line = text[slice(*lines[k])].strip()
    if len(line) > 90 or _TERMINAL.search(line) or line[:1].islower():
        return False
    before = k == 0 or not text[slice(*lines[k - 1])].strip()
    following = text[slice(*lines[k + 1])] if k + 1 < len(lines) else ""
    return before and (not following.strip() or len(following) > WRAP)


def _trim(text: str, block: Block) -> Block:
    """Without the white space and markup around it, so that a quote starts and ends with words."""
    start, end = _strip(text, block.start, block.end)
    while marker := _MARKUP.match(text, start, end):
        start = marker.end()
    if block.kind == "heading":
        while start < end and text[start] in "=*# ":
            start += 1
        while end > start and text[end - 1] in "=*# ":
            end -= 1
    return block._replace(start=start, end=end)


def _strip(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _sentence_spans(text: str, start: int, end: int) -> list[Span]:
    """The sentences of a block; breaks of the library are undone where no white space or a lower-case word follows."""
    spans: list[Span] = []
    for first, last in _between(_SERIALISED, text, start, end):
        pieces = _pieces(text, first, last)
        for k, piece in enumerate(pieces):
            if k and (piece[0] == pieces[k - 1][1] or _leans_back(text, spans[-1], piece)):
                spans[-1] = (spans[-1][0], piece[1])
            else:
                spans.append(piece)
    return [span for span in spans if any(character.isalnum() for character in text[slice(*span)])]


def _pieces(text: str, start: int, end: int) -> list[Span]:
    """What the library takes for sentences, with a rule of our own for text without capitals (it finds no starts there)."""
    part = text[start:end]
    capitals = sum(character.isupper() for character in part)
    stop = _TOKENISED_STOP if capitals * 200 > len(part) else _ANY_STOP
    found: list[Span] = []
    for first, last in _between(stop, text, start, end):
        bounds = get_sentence_boundaries("en", text[first:last])
        found += [_strip(text, first + bound["start_index"], first + bound["end_index"]) for bound in bounds]
    return [span for span in found if span[0] < span[1]]


def _leans_back(text: str, previous: Span, piece: Span) -> bool:
    """Whether the break before ``piece`` is none: it starts in lower case after a full stop inside a word, or follows "1."."""
    left = text[slice(*previous)]
    if _MARKER_ALONE.match(left):
        return True
    tokenised = len(left) > 1 and left[-2].isspace()
    return text[piece[0]].islower() and not tokenised and any(character.isupper() for character in left)


def _between(separator: re.Pattern[str], text: str, start: int, end: int) -> Iterator[Span]:
    for match in separator.finditer(text, start, end):
        yield start, match.start()
        start = match.end()
    yield start, end


def _bounded(text: str, start: int, end: int) -> Iterator[Span]:
    """Cut a run that is longer than ``MAX_SENTENCE`` at semicolons, else commas, else spaces."""
    while end - start > MAX_SENTENCE:
        cut = next(
            (c for pattern in _WEAK if (c := _last_break(pattern, text, start)) is not None), start + MAX_SENTENCE
        )
        span = _strip(text, start, cut)
        if span[0] < span[1]:
            yield span
        start = cut
    span = _strip(text, start, end)
    if span[0] < span[1]:
        yield span


def _last_break(pattern: re.Pattern[str], text: str, start: int) -> int | None:
    ends = [match.end() for match in pattern.finditer(text, start + MAX_SENTENCE // 3, start + MAX_SENTENCE)]
    return ends[-1] if ends else None
