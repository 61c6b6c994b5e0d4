"""The Markdown masters of this folder: reading them, and putting search-engine filler into their text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import cycle
from pathlib import Path
from typing import Any

import yaml

SOURCES = Path(__file__).resolve().parent
PUBLISHER = "South Asia Desk"


class RenderError(Exception):
    """A master or template is missing or cannot be read; the message names the file and the remedy."""


@dataclass(frozen=True)
class Block:
    """One block of a master: ``kind`` is heading, paragraph, list or table.

    ``lines`` holds the heading or paragraph as one string, or one string per list item; ``rows`` holds table cells.
    """

    kind: str
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Master:
    """A parsed master: front matter as written and as values, and the blocks below the ``# Title`` line."""

    front: str
    meta: dict[str, Any]
    blocks: tuple[Block, ...] = field(repr=False)

    @property
    def id(self) -> str:
        return str(self.meta["id"])

    @property
    def title(self) -> str:
        return str(self.meta["title"])

    @property
    def published(self) -> date:
        value: date = self.meta["published"]
        return value

    @property
    def day(self) -> str:
        """The publication date as people write it, such as ``7 December 2025``."""
        return f"{self.published.day} {self.published:%B %Y}"

    @property
    def published_at(self) -> datetime:
        return datetime.combine(self.published, time(9, 0), UTC)


def read_master(brief_id: str) -> Master:
    """Read and parse ``<brief_id>.md``.

    :raises RenderError: the file is missing, has no front matter, or its title line does not match the front matter.
    """
    path = SOURCES / f"{brief_id}.md"
    if not path.is_file():
        raise RenderError(f"{path} is missing: write the master, or drop the id from FORMATS")
    parts = path.read_text(encoding="utf-8").split("---\n", 2)
    if len(parts) != 3 or parts[0]:
        raise RenderError(f"{path} has no front matter: start it with a block between two '---' lines")
    meta = yaml.safe_load(parts[1])
    heading, _, body = parts[2].strip().partition("\n")
    if heading != f"# {meta['title']}":
        raise RenderError(f"{path}: the first line is {heading!r}, expected '# ' and the title of the front matter")
    return Master(parts[1], meta, tuple(parse_blocks(body)))


def parse_blocks(body: str) -> Iterator[Block]:
    """Split the subset of Markdown which the masters use: ``##`` headings, paragraphs, ``-`` lists, pipe tables."""
    for raw in re.split(r"\n\s*\n", body.strip()):
        lines = raw.splitlines()
        if raw.startswith("## "):
            yield Block("heading", (raw[3:],))
        elif raw.startswith("- "):
            yield Block("list", tuple(line[2:] for line in lines))
        elif raw.startswith("|"):
            rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
            yield Block("table", rows=(rows[0], *rows[2:]))
        else:
            yield Block("paragraph", (" ".join(lines),))


def splice_filler(blocks: tuple[Block, ...], phrases: Iterable[str]) -> tuple[Block, ...]:
    """Put a search-engine phrase after every third sentence, every second list item and every third heading.

    Such phrases follow the full stop of the text they are forced into, so that two full stops meet.
    """
    filler = cycle(phrases)
    counts = {"heading": 0, "paragraph": 0, "list": 0}
    every = {"heading": 3, "paragraph": 3, "list": 2}

    def spliced(text: str, kind: str) -> str:
        counts[kind] += 1
        return f"{text}. {next(filler)}." if counts[kind] % every[kind] == 0 else text

    done: list[Block] = []
    for block in blocks:
        if block == Block("heading", ("Sources",)):
            return (*done, *blocks[len(done) :])
        if block.kind == "paragraph":
            sentences = re.split(r"(?<=[.!?])\s+", block.lines[0])
            block = Block("paragraph", (" ".join(spliced(sentence, "paragraph") for sentence in sentences),))
        elif block.kind in counts:
            block = Block(block.kind, tuple(spliced(line, block.kind) for line in block.lines))
        done.append(block)
    return tuple(done)
