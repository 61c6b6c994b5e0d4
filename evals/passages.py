"""Briefs taken apart into sentences that statements can be made of, from a corpus or from passages with gold spans."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import log1p
from pathlib import Path

from assistant.verification import Lexicon, Source
from assistant.verification.reading import Casing, casing_of
from index.aliases import find_aliases, owner_alias
from index.lexical import terms
from index.reading import iter_sources, read_brief
from index.segmentation import split_sentences
from index.settings import Settings
from index.types import Brief, Span

_WINDOW = 6
"""Sentences on either side of the quoted one that its source holds."""


@dataclass(frozen=True)
class Passage:
    """One brief with its sentences; ``chosen`` index those that statements are made of."""

    brief: Brief
    sentences: tuple[Span, ...]
    chosen: tuple[int, ...]

    def text(self, k: int) -> str:
        """Sentence ``k`` on one line."""
        start, end = self.sentences[k]
        return " ".join(self.brief.text[start:end].split())

    @cached_property
    def casing(self) -> Casing:
        """Which words the brief writes with capitals."""
        return casing_of(self.brief.text)

    def source(self, label: str, around: int) -> Source:
        """The sentences around one of them as a source."""
        metadata = self.brief.metadata
        shown = self.sentences[max(0, around - _WINDOW) : around + _WINDOW + 1]
        day = metadata.date.isoformat() if metadata.date else None
        return Source(label, self.brief.id, self.brief.source, metadata.title, day, self.brief.text, shown)


def is_sentence(text: str) -> bool:
    """Whether ``text`` is a whole sentence to make statements of."""
    return bool(re.match(r"[A-Z“\"].*[a-z0-9)”\"] ?\.$", text)) and 8 <= len(text.split()) <= 60 and "http" not in text


def read_corpus(corpus: Path) -> list[Passage]:
    """The briefs of a corpus; every whole sentence is chosen."""
    settings = Settings(corpus=corpus)
    return [_passage(read_brief(path, corpus, settings)) for path in iter_sources(corpus)[0]]


def read_passages(folder: Path) -> list[Passage]:
    """The texts of ``folder/corpus``; chosen are the sentences in the spans of ``folder/questions.jsonl``."""
    spans: dict[str, list[Span]] = {}
    for line in (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        spans.setdefault(row["source"], []).extend((start, end) for start, end in row.get("spans") or ())
    settings = Settings(corpus=folder / "corpus")
    briefs = [read_brief(folder / "corpus" / source, folder / "corpus", settings) for source in sorted(spans)]
    return [_passage(brief, spans[brief.source]) for brief in briefs]


def _passage(brief: Brief, spans: Sequence[Span] | None = None) -> Passage:
    found = [s for s in split_sentences(brief.text, brief.body) if not s.is_heading]
    sentences = tuple((s.start, s.end) for s in found)
    passage = Passage(brief, sentences, ())
    chosen = [
        k
        for k, (start, end) in enumerate(sentences)
        if is_sentence(passage.text(k)) and (spans is None or any(start < b and a < end for a, b in spans))
    ]
    return replace(passage, chosen=tuple(chosen))


def lexicon_of(passages: Sequence[Passage]) -> Lexicon:
    """What the briefs tell of words, as an index of them would."""
    texts = {p.brief.id: [p.text(k) for k in range(len(p.sentences))] for p in passages}
    owners = {p.brief.id: owner_alias(p.brief.metadata.title, p.brief.metadata.region) for p in passages}
    held = Counter(term for lines in texts.values() for line in lines for term in set(terms(line)))
    total = sum(map(len, texts.values()))
    aliases = find_aliases(texts, {brief_id: pair for brief_id, pair in owners.items() if pair})
    return Lexicon(tuple(aliases), lambda stem: log1p((total - held[stem] + 0.5) / (held[stem] + 0.5)))
