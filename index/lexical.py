"""The inverted index: which sentences and chunks hold which words, and BM25 over them.

Postings are kept a sentence and a chunk apart, with term frequencies, so that document frequencies and mean lengths
can be counted over the chunks a caller may see: a hidden brief then has no influence on any score. BM25 as in
Robertson and Zaragoza (2009), with the idf of Lucene, which is never negative.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import Stemmer

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

VERSION = 4
"""Raised when the same text would give other terms or postings; part of the manifest."""

K1, B_CHUNK, B_SENTENCE = 1.2, 0.75, 0.4
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_STEMMER = Stemmer.Stemmer("english")
STOP_WORDS = frozenset(
    """
    a an the of to in on at by for with from and or is are was were be been being do does did has have had what
    which who whom whose when where why how that this these those it its as not no can could would should will
    may might i you he she they we his her their our your my me him them us about into than then there here also
    if so such any s t d ll re ve m im ive youre youve hes shes theyre theyve weve lets thats theres whats whos
    arent cant couldnt didnt doesnt dont hadnt hasnt havent isnt mustnt shouldnt wasnt werent wont wouldnt
    """.split()
)


def fold(text: str) -> str:
    """Lower case without accents: the form in which words are compared."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(character for character in plain if not unicodedata.combining(character)).lower()


def words(text: str) -> list[str]:
    """The words of ``text``, folded, without possessive endings."""
    return [word.replace("’", "'").removesuffix("'s").replace("'", "") for word in _WORD.findall(fold(text))]


def stem(word: str) -> str:
    """The Snowball stem of a folded word."""
    stemmed: str = _STEMMER.stemWord(word)
    return stemmed


def terms(text: str) -> list[str]:
    """The stems of the words of ``text`` that carry meaning, in order, repeated as they are."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS]


@dataclass(frozen=True)
class Postings:
    """Rows (sentences or chunks) by term: ``rows[offsets[t]:offsets[t + 1]]`` hold term ``t``, ``counts`` times each."""

    offsets: npt.NDArray[np.int64]
    rows: Ints
    counts: npt.NDArray[np.uint16]
    lengths: Ints

    def of(self, term: int) -> tuple[Ints, npt.NDArray[np.uint16]]:
        """The rows that hold ``term`` and how often each does."""
        span = slice(self.offsets[term], self.offsets[term + 1])
        return self.rows[span], self.counts[span]


@dataclass(frozen=True)
class ChunkScores:
    """BM25 of every chunk (0 where nothing matches), the idf of each query term, and the score of a perfect chunk."""

    scores: Floats
    idf: dict[str, float]
    best_possible: float


class LexicalIndex:
    """Reads one folder that :meth:`build` wrote. Safe to share between threads: nothing changes after opening."""

    def __init__(
        self,
        vocabulary: dict[str, int],
        surface: dict[str, str],
        chunks: Postings,
        sentences: Postings,
        spellings: Postings,
    ) -> None:
        self.vocabulary = vocabulary
        self.surface = surface
        self.chunks = chunks
        self.sentences = sentences
        self.spellings = spellings
        self._spelling = {word: k for k, word in enumerate(surface)}

    @classmethod
    def build(
        cls,
        sentences: Sequence[str],
        sentence_chunk: npt.NDArray[np.integer[Any]],
        contexts: Sequence[str],
        folder: Path,
    ) -> None:
        """Write the index of ``sentences`` into ``folder``.

        ``sentence_chunk[k]`` is the chunk of sentence ``k``; ``contexts`` holds one text a chunk (title and headings)
        whose words count for the chunk but for none of its sentences.
        """
        numbers: dict[str, int] = {}
        by_sentence = [_count(text, numbers) for text in sentences]
        by_chunk = [_count(text, numbers) for text in contexts]
        for counts, chunk in zip(by_sentence, sentence_chunk, strict=True):
            by_chunk[int(chunk)].update(counts)
        surface = {word: stem(word) for word in numbers}
        vocabulary = {term: k for k, term in enumerate(dict.fromkeys(surface.values()))}
        term_of = [vocabulary[term] for term in surface.values()]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocabulary.json").write_text(json.dumps({"terms": list(vocabulary), "surface": surface}))
        for name, rows in (("sentences", by_sentence), ("chunks", by_chunk)):
            _save(folder, name, _invert([_by_term(counts, term_of) for counts in rows], len(vocabulary)))
        _save(folder, "spellings", _invert(by_chunk, len(surface)))

    @classmethod
    def open(cls, folder: Path) -> LexicalIndex:
        """Open what :meth:`build` wrote; postings are memory-mapped.

        :raises OSError: if a file is missing.
        :raises ValueError: if one is damaged.
        """
        saved = json.loads((folder / "vocabulary.json").read_text())
        vocabulary = {term: k for k, term in enumerate(saved["terms"])}
        return cls(
            vocabulary, saved["surface"], *(_load(folder, name) for name in ("chunks", "sentences", "spellings"))
        )

    def frequency(self, term: str, allowed: Mask | None = None) -> int:
        """How many chunks hold ``term``, of those that exist for this caller."""
        rows, _ = self._rows(self.chunks, term)
        return len(rows) if allowed is None else int(allowed[rows].sum())

    def holds(self, term: str, allowed: Mask | None = None) -> bool:
        """Whether any chunk that exists for this caller holds ``term``."""
        return self.frequency(term, allowed) > 0

    def writes(self, word: str, allowed: Mask | None = None) -> bool:
        """Whether any chunk that exists for this caller holds ``word``, folded, in this very form."""
        number = self._spelling.get(word)
        return number is not None and (allowed is None or bool(allowed[self.spellings.of(number)[0]].any()))

    def score_chunks(self, weighted_terms: dict[str, float], allowed: Mask | None = None) -> ChunkScores:
        """BM25 of every chunk for query terms with weights (1 for a word of the question, less for an expansion).

        ``allowed`` marks the chunks that exist for this caller; all counts are taken over them.
        """
        lengths = self.chunks.lengths
        total = len(lengths) if allowed is None else int(allowed.sum())
        mean = float(lengths.mean() if allowed is None else lengths[allowed].mean()) if total else 1.0
        scores = np.zeros(len(lengths), dtype=np.float32)
        idf: dict[str, float] = {}
        best = 0.0
        for term, weight in weighted_terms.items():
            rows, counts = self._rows(self.chunks, term)
            if allowed is not None:
                visible = allowed[rows]
                rows, counts = rows[visible], counts[visible]
            idf[term] = _idf(len(rows), total)
            if weight == 1.0:
                best += idf[term] * (K1 + 1)
            scores[rows] += weight * idf[term] * _saturate(counts, lengths[rows], mean, B_CHUNK)
        return ChunkScores(scores, idf, best)

    def score_sentences(
        self, rows: Ints, weighted_terms: dict[str, float], idf: dict[str, float]
    ) -> tuple[Floats, Mask]:
        """BM25 of the sentences ``rows`` with the chunks' idf, and which term each holds: shapes (n,) and (n, terms)."""
        place = np.full(len(self.sentences.lengths), -1, dtype=np.int32)
        place[rows] = np.arange(len(rows), dtype=np.int32)
        mean = float(self.sentences.lengths[rows].mean()) if len(rows) else 1.0
        scores = np.zeros(len(rows), dtype=np.float32)
        holds = np.zeros((len(rows), len(weighted_terms)), dtype=bool)
        for k, (term, weight) in enumerate(weighted_terms.items()):
            found, counts = self._rows(self.sentences, term)
            at = place[found]
            inside = at >= 0
            at, counts = at[inside], counts[inside]
            lengths = self.sentences.lengths[found[inside]]
            scores[at] += weight * idf[term] * _saturate(counts, lengths, max(mean, 1.0), B_SENTENCE)
            holds[at, k] = True
        return scores, holds

    def chunks_hold(self, rows: Ints, stems: Sequence[str]) -> Mask:
        """Which of ``stems`` each of the chunks ``rows`` holds, its title and headings included: shape (rows, stems)."""
        held = np.zeros((len(rows), len(stems)), dtype=bool)
        for k, term in enumerate(stems):
            held[:, k] = np.isin(rows, self._rows(self.chunks, term)[0])
        return held

    def _rows(self, postings: Postings, term: str) -> tuple[Ints, npt.NDArray[np.uint16]]:
        known = self.vocabulary.get(term)
        if known is None:
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.uint16)
        return postings.of(known)


def _idf(holding: int, total: int) -> float:
    return float(np.log1p((total - holding + 0.5) / (holding + 0.5)))


def _saturate(counts: npt.NDArray[np.uint16], lengths: Ints, mean: float, b: float) -> Floats:
    frequency = counts.astype(np.float32)
    weighted = frequency * (K1 + 1) / (frequency + K1 * (1 - b + b * lengths / mean))
    return weighted.astype(np.float32)


def _count(text: str, numbers: dict[str, int]) -> Counter[int]:
    """How often ``text`` holds each word that carries meaning, by the word's number; new words get the next one."""
    return Counter(numbers.setdefault(word, len(numbers)) for word in words(text) if word not in STOP_WORDS)


def _by_term(counts: Counter[int], term_of: Sequence[int]) -> Counter[int]:
    """The same by the number of the word's stem."""
    found: Counter[int] = Counter()
    for number, count in counts.items():
        found[term_of[number]] += count
    return found


def _invert(rows: Iterable[Counter[int]], size: int) -> Postings:
    table = [(term, row, min(count, 65535)) for row, counts in enumerate(rows) for term, count in counts.items()]
    lengths = np.array([sum(counts.values()) for counts in rows], dtype=np.int32)
    array = np.array(sorted(table), dtype=np.int64).reshape(-1, 3)
    offsets = np.searchsorted(array[:, 0], np.arange(size + 1)).astype(np.int64)
    return Postings(offsets, array[:, 1].astype(np.int32), array[:, 2].astype(np.uint16), lengths)


def _save(folder: Path, name: str, postings: Postings) -> None:
    for part in ("offsets", "rows", "counts", "lengths"):
        np.save(folder / f"{name}.{part}.npy", getattr(postings, part))


def _load(folder: Path, name: str) -> Postings:
    return Postings(
        *(np.load(folder / f"{name}.{part}.npy", mmap_mode="r") for part in ("offsets", "rows", "counts", "lengths"))
    )
