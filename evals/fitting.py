"""Fit the weights that the assistant ships with: which chunk, which sentence, and whether there is an answer at all.

    python -m evals.fitting --spans DIR --passages DIR --squad FILE [--write]

Three logistic regressions (L2, scikit-learn) over the features of the running system, on labelled questions in public
formats. Every figure printed is of data that the weights behind it have not seen: folds go by question, and for the
ranking also by data set ("left out": fitted on the other sets alone).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant import answerability
from assistant.answerability import AnswerabilityModel
from assistant.findings import of_the_asked
from assistant.selection import select
from evals.metrics import auroc, balanced_accuracy, calibration_error
from index import ranking
from index.build import build
from index.embedding import Embedder, load_embedder
from index.evidence import CHUNK_FEATURES, SENTENCE_FEATURES, Candidates, chunk_features, sentence_features
from index.generation import Generation, open_current
from index.lexical import Floats, Mask
from index.query import Query
from index.ranking import Logistic, RankingModel
from index.search import KEPT, Evidence, find_evidence, score
from index.settings import Settings
from index.types import Span

FOLDS = 5
SEED = 20
STRENGTH = 0.3
"""Inverse strength of the L2 penalty of the ranking; results are flat from 0.1 to 1."""
ANSWERABLE_STRENGTH = 0.02
"""The same for the answerability model: its signals say much the same thing."""
FREE = 1000.0
"""The same where nothing is held back."""
WEIGHT = {"spans": 1.0, "passages": 1.0, "squad": 0.3}
"""What a question of each set counts in the ranking: SQuAD marks one short answer where people would quote more."""
ANSWERABLE_WEIGHT = {"spans": 0.4, "passages": 1.0, "squad": 0.05}
"""What a question counts in the answerability model."""
CUT_WEIGHT = {"spans": 0.1, "passages": 0.3}
"""The same asked of texts that lost the words which answer it: near its topic, and no answer."""
BREVITY = 2.0
"""What a character too many costs an answer, against one that is missing."""
THRESHOLD = 0.32
"""Probability from which the assistant answers: wrongly refusing costs an analyst more than reading one quote too many."""


@dataclass(frozen=True)
class Labelled:
    """A question with what people marked: ``spans`` are ranges of the text of the brief ``source``."""

    question: str
    source: str
    spans: tuple[Span, ...]
    answerable: bool


@dataclass(frozen=True)
class LabelledSet:
    """Questions over one corpus, indexed."""

    name: str
    generation: Generation
    questions: tuple[Labelled, ...]


@dataclass(frozen=True)
class Example:
    """One question, all its candidates, and how much of each was marked: shares in [0, 1] of a chunk's or sentence's characters."""

    data: LabelledSet
    question: Labelled
    query: Query
    found: Candidates
    chunk_gold: Floats
    sentence_gold: Floats

    def only(self, kept: npt.NDArray[np.integer[Any]]) -> Example:
        """The same with the candidate chunks ``kept`` alone."""
        rows = np.isin(self.found.owner, kept)
        return replace(
            self, found=self.found.only(kept), chunk_gold=self.chunk_gold[kept], sentence_gold=self.sentence_gold[rows]
        )

    def ranked(self, model: RankingModel) -> Evidence:
        """The evidence that the search makes of these candidates under ``model``."""
        generation = self.data.generation
        return of_the_asked(generation, score(generation, self.query, self.found, model))


def read_jsonl_set(name: str, folder: Path, work: Path) -> LabelledSet:
    """A folder with ``corpus/`` and ``questions.jsonl`` (question, source, spans, answerable)."""
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]
    questions = [
        Labelled(
            row["question"], row["source"], tuple((a, b) for a, b in row.get("spans", [])), row.get("answerable", True)
        )
        for row in rows
    ]
    return LabelledSet(name, _indexed(folder / "corpus", work / name), tuple(questions))


def without_answers(data: LabelledSet, folder: Path, work: Path) -> LabelledSet:
    """The answerable questions of a set, asked of its texts without any of the words that people marked."""
    gone: dict[str, list[Span]] = {}
    for question in data.questions:
        gone.setdefault(question.source, []).extend(question.spans)
    corpus = work / f"{data.name}-cut-corpus"
    corpus.mkdir(parents=True)
    for file in sorted((folder / "corpus").iterdir()):
        marked = {k for start, end in gone.get(file.name, ()) for k in range(start, end)}
        left = "".join(letter for k, letter in enumerate(file.read_bytes().decode()) if k not in marked)
        (corpus / file.name).write_text(left if any(map(str.isalnum, left)) else "Nothing.", encoding="utf-8")
    asked = tuple(replace(q, spans=(), answerable=False) for q in data.questions if q.spans)
    return LabelledSet(data.name, _indexed(corpus, work / f"{data.name}-cut"), asked)


def read_squad(name: str, file: Path, work: Path) -> LabelledSet:
    """A SQuAD 2.0 file: an article becomes one text file, its paragraphs kept apart by blank lines."""
    corpus = work / f"{name}-corpus"
    corpus.mkdir(parents=True)
    questions: list[Labelled] = []
    for article in json.loads(file.read_text())["data"]:
        source = f"{article['title']}.txt"
        text = article["title"].replace("_", " ") + "\n\n"
        for paragraph in article["paragraphs"]:
            offset = len(text)
            text += paragraph["context"].replace("\n", " ") + "\n\n"
            for asked in paragraph["qas"]:
                spans = {
                    (offset + a["answer_start"], offset + a["answer_start"] + len(a["text"]))
                    for a in asked["answers"][:1]
                }
                questions.append(Labelled(asked["question"].strip(), source, tuple(spans), not asked["is_impossible"]))
        (corpus / source).write_text(text)
    return LabelledSet(name, _indexed(corpus, work / name), tuple(questions))


def _indexed(corpus: Path, store: Path) -> Generation:
    settings = Settings(corpus=corpus, store=store)
    print(f"indexing {corpus}", file=sys.stderr)
    build(settings)
    return open_current(settings)


def collect(data: LabelledSet, embedder: Embedder) -> list[Example]:
    """Run each question through the search and measure how much of each candidate people marked."""
    examples = []
    for question in data.questions:
        evidence = find_evidence(data.generation, embedder, question.question, model=_blank(), keep=10 * KEPT)
        table, lines, found = data.generation.chunks, data.generation.sentences, evidence.pool
        chunk_gold = _marked(data, question, table.brief, table.start, table.end, found.chunks)
        sentence_gold = _marked(data, question, lines.brief, lines.start, lines.end, found.sentences)
        examples.append(Example(data, question, evidence.query, found, chunk_gold, sentence_gold))
    return [example for example in examples if len(example.found.sentences)]


def _marked(data: LabelledSet, question: Labelled, brief: Any, start: Any, end: Any, rows: Any) -> Floats:
    """The share of each row's characters that people marked."""
    gold = np.zeros(len(rows), dtype=np.float32)
    if not question.answerable or not question.spans:
        return gold
    sources = [data.generation.manifest.briefs[brief_id].source for brief_id in data.generation.brief_ids]
    own = brief[rows] == sources.index(question.source)
    for first, last in question.spans:
        shared = np.minimum(end[rows], last) - np.maximum(start[rows], first)
        gold += own * np.maximum(shared, 0) / (end[rows] - start[rows])
    return np.minimum(gold, 1.0).astype(np.float32)


def fit_logistic(
    features: Sequence[str], table: Floats, gold: Floats, weight: Floats, strength: float, scaled: bool = True
) -> Logistic:
    """A logistic regression on centred and, if ``scaled``, standardised features; both are folded into the weights.

    ``gold`` may be a share: a row then counts as that much of a positive and the rest of a negative, so that the
    fitted probability is the expected share.
    """
    from sklearn.linear_model import LogisticRegression

    mean, scale = table.mean(axis=0), table.std(axis=0)
    scale[(scale < 1e-6) | (not scaled)] = 1.0
    standard = (table - mean) / scale
    truth = np.repeat([1, 0], len(table))
    mass = np.concatenate([gold * weight, (1 - gold) * weight])
    used = mass > 0
    fitted = LogisticRegression(C=strength, max_iter=4000)
    fitted.fit(np.concatenate([standard, standard])[used], truth[used], sample_weight=mass[used])
    weights = (fitted.coef_[0] / scale).astype(np.float32)
    return Logistic(tuple(features), weights, float(fitted.intercept_[0] - (weights * mean).sum()))


def fit_ranking(examples: Sequence[Example]) -> RankingModel:
    """First the chunk model on all candidates, then the sentence model on the chunks that it keeps."""
    used = [e for e in examples if e.question.spans and e.chunk_gold.any()]
    chunk = fit_logistic(
        CHUNK_FEATURES,
        np.concatenate([chunk_features(e.found) for e in used]),
        np.concatenate([(e.chunk_gold > 0).astype(np.float32) for e in used]),
        np.concatenate([np.full(len(e.chunk_gold), WEIGHT[e.data.name], np.float32) for e in used]),
        STRENGTH,
    )
    tables, gold, weight = [], [], []
    for e in used:
        logit = chunk.logit(chunk_features(e.found))
        kept = np.sort(np.argsort(-logit, kind="stable")[:KEPT])
        inner = e.only(kept)
        tables.append(sentence_features(e.data.generation, e.query, inner.found, logit[kept]))
        # A short answer in SQuAD stands for the sentence that holds it.
        whole = e.data.name == "squad"
        gold.append((inner.sentence_gold > 0).astype(np.float32) if whole else inner.sentence_gold)
        weight.append(np.full(len(inner.sentence_gold), WEIGHT[e.data.name], np.float32))
    sentence = fit_logistic(
        SENTENCE_FEATURES, np.concatenate(tables), np.concatenate(gold), np.concatenate(weight), STRENGTH
    )
    return RankingModel(chunk, sentence)


def folds(count: int) -> list[Mask]:
    """For each fold, which of ``count`` questions are held out."""
    order = np.random.RandomState(SEED).permutation(count)
    return [np.isin(np.arange(count), order[k::FOLDS]) for k in range(FOLDS)]


def overlap_with_gold(ranked: Iterable[tuple[Example, Evidence]]) -> Floats:
    """Mean precision, recall and IoU of selected characters, and how often the best chunk holds marked words."""
    scores = []
    for e, evidence in ranked:
        if not e.question.spans:
            continue
        gold = {k for a, b in e.question.spans for k in range(a, b)}
        cited: set[int] = set()
        extra = 0
        for run in select(e.data.generation, evidence, BREVITY):
            if e.data.generation.manifest.briefs[e.data.generation.brief_ids[run.brief]].source == e.question.source:
                cited |= set(range(run.start, run.end))
            else:
                extra += run.end - run.start
        both = len(cited & gold)
        best = evidence.found.chunks[evidence.best_chunks[0]]
        hit = e.chunk_gold[e.found.chunks == best].any()
        scores.append(
            (both / max(len(cited) + extra, 1), both / len(gold), both / (len(cited | gold) + extra), float(hit))
        )
    return np.asarray(np.mean(scores, axis=0), np.float32)


def answerable_table(examples: Sequence[Example], model: RankingModel) -> Floats:
    """Signals for the answerability model under a ranking, those of reading last."""
    ranked = [(e.data.generation, e.ranked(model)) for e in examples]
    return np.stack([answerability.all_features(generation, evidence) for generation, evidence in ranked])


def report_ranking(sets: dict[str, list[Example]]) -> None:
    """Held-out precision, recall and IoU by set: by fold, and with the set left out of fitting altogether."""
    for name in ("spans", "passages"):
        examples = sets[name]
        others = [e for other, rows in sets.items() if other != name for e in rows]
        left_out = fit_ranking(others)
        _print_overlap(name, "left out", overlap_with_gold((e, e.ranked(left_out)) for e in examples))
        held: list[tuple[Example, Evidence]] = []
        for fold in folds(len(examples)):
            model = fit_ranking([*others, *(e for e, out in zip(examples, fold, strict=True) if not out)])
            held += [(e, e.ranked(model)) for e, out in zip(examples, fold, strict=True) if out]
        _print_overlap(name, f"{FOLDS} folds", overlap_with_gold(held))


def _print_overlap(name: str, how: str, figures: Floats) -> None:
    print(
        f"{name:9} {how:9} precision {figures[0]:.3f} recall {figures[1]:.3f} IoU {figures[2]:.3f} best chunk {figures[3]:.3f}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Fit, print held-out figures, and with ``--write`` replace the shipped weights."""
    parser = argparse.ArgumentParser(prog="python -m evals.fitting", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--spans", type=Path, required=True, help="folder with corpus/ and questions.jsonl, exact answer spans"
    )
    parser.add_argument(
        "--passages", type=Path, required=True, help="the same with answerable and unanswerable questions"
    )
    parser.add_argument("--squad", type=Path, required=True, help="SQuAD 2.0 JSON")
    parser.add_argument("--write", action="store_true", help="replace index/models and assistant/models")
    given = parser.parse_args(argv)
    embedder = load_embedder(Settings())
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        data = [
            read_jsonl_set("spans", given.spans, work),
            read_jsonl_set("passages", given.passages, work),
            read_squad("squad", given.squad, work),
        ]
        robbed = [without_answers(d, f, work) for d, f in zip(data, (given.spans, given.passages), strict=False)]
        sets = {d.name: collect(d, embedder) for d in data}
        cut = [e for d in robbed for e in collect(d, embedder)]
        report_ranking(sets)
        model = fit_ranking([e for rows in sets.values() for e in rows])
        answerable = report_answerable(sets, cut)
        if given.write:
            write(model, answerable)
    return 0


def report_answerable(sets: dict[str, list[Example]], cut: Sequence[Example]) -> AnswerabilityModel:
    """Held-out AUROC, balanced accuracy and calibration error on the passages; then the model fitted on all.

    A question whose answer was ``cut`` out is left out with the question as it is.
    """
    examples = sets["passages"]
    others = [e for name, rows in sets.items() if name != "passages" for e in rows]
    chance = np.zeros(len(examples), np.float32)
    for fold in folds(len(examples)):
        fitting = [e for e, out in zip(examples, fold, strict=True) if not out]
        ranker = fit_ranking([*others, *fitting])
        held = [e for e, out in zip(examples, fold, strict=True) if out]
        unseen = {e.question.question for e in held}
        model = fit_answerable([*others, *fitting], [e for e in cut if e.question.question not in unseen], ranker)
        chance[fold] = model.probability(answerable_table(held, ranker))
    print(
        f"passages  {FOLDS} folds   {describe(np.array([e.question.answerable for e in examples]), chance, THRESHOLD)}"
    )
    every = [*others, *examples]
    return fit_answerable(every, cut, fit_ranking(every))


def describe(answerable: Mask, chance: Floats, threshold: float) -> str:
    """AUROC, both error rates and calibration error of held-out probabilities, on one line."""
    truth, guess = answerable.astype(np.float64), chance.astype(np.float64)
    answered = (guess >= threshold).astype(np.float64)
    refused = 1 - answered[answerable].mean()
    return (
        f"AUROC {auroc(truth, guess):.3f} balanced {balanced_accuracy(truth, answered):.3f} "
        f"wrongly abstained {refused:.3f} abstained when unanswerable {1 - answered[~answerable].mean():.3f} "
        f"calibration error {calibration_error(truth, guess):.3f}"
    )


def fit_answerable(examples: Sequence[Example], cut: Sequence[Example], ranker: RankingModel) -> AnswerabilityModel:
    """The answerability model on questions as they are, and on the same questions with their answers ``cut`` out.

    The latter tell it what counts, not how often questions go unanswered: the probabilities are of ``examples`` alone.
    """
    used = [*examples, *cut]
    gold = np.array([e.question.answerable for e in used], np.float32)
    mass = [ANSWERABLE_WEIGHT[e.data.name] for e in examples] + [CUT_WEIGHT[e.data.name] for e in cut]
    weight = np.array(mass, np.float32)
    table, asked = answerable_table(used, ranker), len(examples)

    def fitted(names: Sequence[str]) -> Logistic:
        own = table[:, : len(names)]
        model = fit_logistic(names, own, gold, weight, ANSWERABLE_STRENGTH)
        odds = model.logit(own[:asked])[:, None]
        scale = fit_logistic(("odds",), odds, gold[:asked], weight[:asked], FREE)
        share = float(scale.weights[0])
        return Logistic(model.features, model.weights * np.float32(share), share * model.bias + scale.bias)

    free, read, every = answerability.FEATURES, answerability.FEATURES + answerability.READ, answerability.SIGNALS
    return AnswerabilityModel(fitted(free), fitted(read), fitted(every), THRESHOLD, "minilm", BREVITY)


def write(model: RankingModel, answerable: AnswerabilityModel) -> None:
    """Replace the shipped weights."""
    _write(ranking.MODEL_FILE, {"chunk": model.chunk.to_json(), "sentence": model.sentence.to_json()})
    _write(answerability.MODEL_FILE, answerable.to_json())


def _write(path: Path, data: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {path}", file=sys.stderr)


def _blank() -> RankingModel:
    """Weights to gather candidates with before any were fitted."""
    return RankingModel(
        Logistic(CHUNK_FEATURES, np.ones(len(CHUNK_FEATURES), np.float32), 0.0),
        Logistic(SENTENCE_FEATURES, np.zeros(len(SENTENCE_FEATURES), np.float32), 0.0),
    )


if __name__ == "__main__":
    sys.exit(main())
