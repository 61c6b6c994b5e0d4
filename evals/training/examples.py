"""What the reader is trained on: a question, a passage, and whether the one answers the other."""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from assistant.reader import encoded, passage_around
from assistant.sentences import sentence_text
from index.build import build
from index.embedding import load_embedder
from index.generation import Generation, open_current
from index.lexical import terms
from index.search import find_evidence
from index.segmentation import split_sentences
from index.settings import Settings

PASSAGES = 5
"""Passages of a written question that are read, those that the search finds likeliest."""
LONGEST = 4500
"""Characters of a text that questions were written on."""
PARAGRAPHS = 6
"""Paragraphs of an article that make one text."""
ALONE = 0.25
"""Share of passages that are a sentence without its neighbours."""
SWAPPED = 0.25
"""Share of answered questions that are asked once more with another of the article's names or numbers."""
_NUMBER = re.compile(r"\b\d[\d,.]*\b")
_NAME = re.compile(r"(?<!^)(?<![.?!] )\b[A-Z][a-z]+(?: [A-Z][a-z]+)*\b")


class Example(NamedTuple):
    """Token ids and kinds as the network is given them, and 1.0 if the passage answers.

    ``marks`` are 1.0 for each token of the words that answer; empty where nobody said which these are.
    """

    ids: list[int]
    kinds: list[int]
    answers: float
    marks: list[float]


class Text(NamedTuple):
    """What questions were written on."""

    title: str
    body: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of an article in its sentences, each with its stems; ``start`` are their offsets."""

    title: str
    text: str
    sentences: tuple[str, ...]
    start: tuple[int, ...]
    stems: tuple[frozenset[str], ...]

    def holding(self, offset: int) -> int:
        """Which sentence the character at ``offset`` is in."""
        return max((k for k, start in enumerate(self.start) if start <= offset), default=0)


def of_reading_sets(
    files: Sequence[Path], without: frozenset[str], tokens: int, chance: random.Random
) -> Iterator[Example]:
    """Examples of ``tokens`` at most from files in the format of SQuAD 2.0, ``without`` the articles of these titles.

    For each question the sentence that holds the answer, the likest ones that do not (of this and other paragraphs), the
    sentence of a question that people wrote to be unanswerable, and the answer's for a question about something else.
    """
    for file in files:
        for article in json.loads(file.read_text(encoding="utf-8"))["data"]:
            title = article.get("title") or ""
            if title not in without:
                yield from _of_article(title.replace("_", " "), article["paragraphs"], tokens, chance)


def _of_article(title: str, rows: Sequence[dict[str, Any]], tokens: int, chance: random.Random) -> Iterator[Example]:
    paragraphs = [_paragraph(title, row["context"]) for row in rows]
    held = Counter(stem for paragraph in paragraphs for stems in paragraph.stems for stem in stems)
    everything = " ".join(paragraph.text for paragraph in paragraphs)
    others = {pattern: sorted(set(pattern.findall(everything))) for pattern in (_NUMBER, _NAME)}

    def alike(question: str, paragraph: Paragraph, k: int) -> float:
        shared = set(terms(question)) & paragraph.stems[k]
        return sum(math.log(1 + len(rows) / held[stem]) for stem in shared) + chance.random() / 2

    example = partial(_example, tokens=tokens, chance=chance)
    for paragraph, row in zip(paragraphs, rows, strict=True):
        if not paragraph.sentences:
            continue
        for asked in row["qas"]:
            question = asked["question"]
            marks = asked["answers"] or asked.get("plausible_answers", [])
            gold = {paragraph.holding(mark["answer_start"]) for mark in marks}
            middle = min(
                gold, default=max(range(len(paragraph.sentences)), key=lambda k: alike(question, paragraph, k))
            )
            if asked.get("is_impossible") or not marks:
                yield example(question, paragraph, middle, 0.0)
                continue
            yield example(question, paragraph, middle, 1.0)
            near = [(paragraph, k) for k in range(len(paragraph.sentences)) if k not in gold]
            for other in chance.sample(paragraphs, min(12, len(paragraphs))):
                near += [(other, k) for k in range(len(other.sentences)) if other is not paragraph]
            texts = {mark["text"].lower() for mark in marks}
            near = [(p, k) for p, k in near if not any(text in p.sentences[k].lower() for text in texts)]
            for other, k in sorted(near, key=lambda place: -alike(question, *place))[: 1 + (chance.random() < 0.4)]:
                yield example(question, other, k, 0.0, alone=other is paragraph)
            swapped = _swapped(question, paragraph.text, others, chance) if chance.random() < SWAPPED else ""
            if swapped:
                yield example(swapped, paragraph, middle, 0.0)


def _paragraph(title: str, text: str) -> Paragraph:
    spans = [(sentence.start, sentence.end) for sentence in split_sentences(text, [(0, len(text))])]
    sentences = tuple(text[start:end] for start, end in spans)
    return Paragraph(title, text, sentences, tuple(start for start, _ in spans), tuple(map(_stems, sentences)))


def _stems(sentence: str) -> frozenset[str]:
    return frozenset(terms(sentence))


def _example(
    question: str,
    paragraph: Paragraph,
    middle: int,
    answers: float,
    *,
    tokens: int,
    chance: random.Random,
    alone: bool = False,
) -> Example:
    """A sentence with its neighbours, or by chance, or where these hold the answer, ``alone``."""
    if alone or chance.random() < ALONE:
        return Example(*encoded(question, paragraph.title, (paragraph.sentences[middle],), 0, tokens), answers, [])
    return Example(*encoded(question, paragraph.title, paragraph.sentences, middle, tokens), answers, [])


def _swapped(question: str, text: str, others: dict[re.Pattern[str], list[str]], chance: random.Random) -> str:
    """``question`` with one of its numbers or names that the text holds changed for another; empty if it has none."""
    for pattern, known in others.items():
        held = [match for match in pattern.finditer(question) if match.start() and match.group() in text]
        if held:
            match = chance.choice(held)
            choices = [name for name in known if name not in question]
            return question[: match.start()] + chance.choice(choices) + question[match.end() :] if choices else ""
    return ""


def of_written_questions(
    questions: Path, texts: dict[str, Text], tokens: int, work: Path
) -> Iterator[tuple[str, Example]]:
    """Examples of questions that were written on ``texts``, each with its text's id: the passages that the search brings for it.

    ``questions`` has a JSON object a line: ``text`` (an id), ``question``, and where the text answers it ``start`` and ``end``
    of the words that do. If no passage that the search brings holds them, the last one gives way to one that does.
    """
    corpus = work / "corpus"
    corpus.mkdir(parents=True)
    for number, (title, body) in enumerate(texts.values()):
        (corpus / f"{number:04}.md").write_text(f"# {title}\n\n{body}\n", encoding="utf-8")
    brief_of = {name: f"{number:04}" for number, name in enumerate(texts)}
    settings = Settings(corpus=corpus, store=work / "store")
    build(settings)
    generation, embedder = open_current(settings), load_embedder(settings)
    for line in questions.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        name, question = row["text"], row["question"]
        if name not in texts:
            continue
        evidence = find_evidence(generation, embedder, question)
        words = texts[name].body[row["start"] : row["end"]] if "start" in row else ""
        best = np.argsort(-evidence.sentence_score, kind="stable")[:PASSAGES]
        found = [_around(generation, question, int(evidence.found.sentences[k]), words, tokens) for k in best]
        if words and not any(example.answers for example in found):
            found.pop()
            if (position := _holding(generation, brief_of[name], words)) is not None:
                found.append(_around(generation, question, position, words, tokens))
        yield from ((name, example) for example in found)


def _holding(generation: Generation, brief_id: str, words: str) -> int | None:
    """The first sentence of a brief that holds ``words``; None where the reading of the file changed them."""
    own = np.flatnonzero(generation.sentences.brief == generation.brief_ids.index(brief_id))
    same = " ".join(words.split())
    return next((int(k) for k in own if same in " ".join(sentence_text(generation, int(k)).split())), None)


def _around(generation: Generation, question: str, position: int, words: str, tokens: int) -> Example:
    """The passage around a sentence, which answers if what is read of it holds ``words``."""
    title, sentences, middle = passage_around(generation, position)
    ids, kinds = encoded(question, title, sentences, middle, tokens)
    wanted = encoded("", "", (words,), 0, tokens)[0][2:-1] if words else []
    places = range(kinds.index(1), len(ids) - len(wanted)) if wanted else range(0)
    start = next((k for k in places if ids[k : k + len(wanted)] == wanted), -1)
    marks = [float(0 <= start <= k < start + len(wanted)) for k in range(len(ids))]
    return Example(ids, kinds, float(start >= 0), marks)


def title_of(name: str) -> str:
    """The title of the article that a text is from; a hash for a news report."""
    return name.partition("-")[2].rpartition("-")[0] or name.partition("-")[2]


def texts_of(squad_files: Sequence[Path], news: Path, invented: Path) -> dict[str, Text]:
    """The texts by id: ``wiki-TITLE-FIRST`` are six paragraphs of an article, ``news-HASH`` is a report of the benchmark.

    ``news`` is the ``ground-truth.json`` of article-extraction-benchmark, ``invented`` the briefs that were written with the
    questions, as JSON lines.
    """
    texts = {}
    for file in squad_files:
        for article in json.loads(file.read_text(encoding="utf-8"))["data"]:
            contexts = [row["context"] for row in article["paragraphs"]]
            title = article.get("title") or file.stem
            for first in range(0, len(contexts), PARAGRAPHS):
                body = "\n\n".join(contexts[first : first + PARAGRAPHS])[:LONGEST]
                texts[f"wiki-{title}-{first}"] = Text(title.replace("_", " "), body)
    for key, row in json.loads(news.read_text(encoding="utf-8")).items():
        body = row["articleBody"][:LONGEST]
        texts[f"news-{key[:8]}"] = Text(" ".join(body.split()[:8]), body)
    for line in invented.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        texts[row["text"]] = Text(row["title"], row["body"])
    return texts
