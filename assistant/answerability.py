"""How likely the corpus holds the answer: logistic models over signals of one question's evidence.

No single threshold on similarity tells a question that the briefs answer from one that is merely near their topic; the
signals here are weighed together, with weights fitted on labelled questions (docs/ranking.md). Most are free by-products
of the ranking; where these leave it open, the likeliest passages are read too, and where that leaves it open, read again
by a larger network (``assistant/reader.py``).
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from assistant.expectations import states_count, states_date
from assistant.lists import asked_list
from assistant.names import asked_names
from assistant.reader import CAREFUL, QUICK, read
from assistant.sentences import sentence_text
from index.errors import SettingsError
from index.evidence import Candidates, share_covered
from index.generation import Generation
from index.lexical import Floats, Ints, Mask, terms
from index.ranking import Logistic
from index.search import Evidence
from index.settings import Settings
from index.tracing import span
from index.traits import FACTS, Asks

MODEL_FILE = Path(__file__).with_name("models") / "answerability.json"

CALIBRATION = ".calibration.json"
"""A calibration to one corpus, in the corpus's folder; written by ``briefs calibrate``."""
FEATURES = (
    "cosine", "cosine_lead_5", "top_3_sentences", "chunk_matched", "beyond_title_matched", "bm25", "pair_covered",
    "chunk_score", "best_score", "date_missing", "count_missing", "asks_reason", "asks_fact", "log_brief_size", "names_held",
)  # fmt: skip
READ, READ_CAREFULLY = ("read",), ("read_carefully",)
"""The log-odds that one of the likeliest passages answers, by the quick reader and by the careful one."""
SIGNALS = FEATURES + READ + READ_CAREFULLY
UNSURE = (0.1, 0.97)
"""Probability by the free signals between which the likeliest passages are read: outside, reading would not change the verdict."""
OPEN = (0.2, 0.8)
"""Probability after the quick reader between which the careful one reads them too."""


@dataclass(frozen=True)
class AnswerabilityModel:
    """The probability that the corpus holds the answer; below ``threshold`` the assistant abstains.

    ``quick`` gives it by the free signals, ``read`` after the quick reader and ``careful`` after the careful one. ``brevity``
    is how dear words are when the answer is chosen: 1 for short answers, less for longer ones.
    """

    quick: Logistic
    read: Logistic
    careful: Logistic
    threshold: float
    embedder: str
    brevity: float

    def probability(self, table: Floats) -> Floats:
        """The probability of each row of all signals, as ``confidence`` has it."""
        quick, read = (model.probability(table[:, : len(model.features)]) for model in (self.quick, self.read))
        careful = np.where(within(read, OPEN), self.careful.probability(table), read)
        return np.where(within(quick, UNSURE), careful, quick).astype(np.float32)

    def to_json(self) -> dict[str, object]:
        """What :func:`load_answerability` reads."""
        return {
            "embedder": self.embedder,
            "quick": self.quick.to_json(),
            "read": self.read.to_json(),
            "careful": self.careful.to_json(),
            "threshold": round(self.threshold, 2),
            "brevity": self.brevity,
        }


def within(chance: Floats, bounds: tuple[float, float]) -> Mask:
    """Which probabilities leave it open whether there is an answer."""
    return (chance > bounds[0]) & (chance < bounds[1])


def answerability_of(settings: Settings) -> AnswerabilityModel:
    """The model for the corpus of ``settings``: its own calibration if it has one for this embedder, else the shipped one."""
    own = settings.corpus / CALIBRATION
    if own.is_file():
        model = load_answerability(own, own.stat().st_mtime_ns)
        if model.embedder == settings.embedder:
            return model
    return load_answerability()


@lru_cache(maxsize=4)
def load_answerability(path: Path = MODEL_FILE, changed: int = 0) -> AnswerabilityModel:
    """The fitted model; another ``changed`` time of the file reads it again.

    :raises SettingsError: if the file is missing, broken or of another version.
    """
    del changed
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        quick = Logistic.from_json(data["quick"], FEATURES, str(path))
        read = Logistic.from_json(data["read"], FEATURES + READ, str(path))
        careful = Logistic.from_json(data["careful"], SIGNALS, str(path))
        return AnswerabilityModel(
            quick, read, careful, float(data["threshold"]), data["embedder"], float(data["brevity"])
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"cannot read the answerability weights in {path}: {error}; run `briefs calibrate`"
        ) from error


def confidence(generation: Generation, evidence: Evidence, model: AnswerabilityModel) -> float:
    """The calibrated probability in [0, 1] that the allowed briefs answer the question; 0 without any candidate."""
    if not len(evidence.found.sentences):
        return 0.0
    evidence = _without_excluded(generation, evidence)
    signals = features(generation, evidence)
    chance = model.quick.probability(signals[None, :])
    for reader, bounds, after in ((QUICK, UNSURE, model.read), (CAREFUL, OPEN, model.careful)):
        if not within(chance, bounds)[0]:
            break
        with span("judge"):
            signals = np.append(signals, np.float32(read(reader, generation, evidence)))
            chance = after.probability(signals[None, :])
    return float(chance[0])


def all_features(generation: Generation, evidence: Evidence) -> Floats:
    """The signals in the order of ``SIGNALS``, for a question with at least one candidate sentence."""
    evidence = _without_excluded(generation, evidence)
    odds = [read(reader, generation, evidence) for reader in (QUICK, CAREFUL)]
    signals: Floats = np.append(features(generation, evidence), odds).astype(np.float32)
    return signals


def features(generation: Generation, evidence: Evidence) -> Floats:
    """The signals in the order of ``FEATURES``, for a question with at least one candidate sentence.

    What is excluded from ``evidence`` must be gone: its likeness to the question speaks of another's.
    """
    query, found, pool = evidence.query, evidence.found, evidence.pool
    best, top = int(evidence.best_chunks[0]), int(np.argmax(evidence.sentence_score))
    sentence = sentence_text(generation, int(found.sentences[top]))
    cosines = np.sort(pool.chunk_cosine)[::-1]
    likely = np.argsort(-evidence.sentence_score, kind="stable")[:3]
    signals = {
        "cosine": found.chunk_cosine[best],
        "cosine_lead_5": cosines[0] - cosines[min(4, len(cosines) - 1)],
        "top_3_sentences": np.sort(pool.cosine)[-3:].mean(),
        "chunk_matched": found.chunk_matched.weighted[best],
        "beyond_title_matched": _beyond_title_matched(generation, evidence, best),
        "bm25": found.chunk_bm25[best] / found.best_possible,
        "pair_covered": share_covered(found, np.asarray(found.covered[likely].any(axis=0, keepdims=True)))[0],
        "chunk_score": evidence.chunk_score[best],
        "best_score": evidence.sentence_score[top],
        "date_missing": Asks.DATE in query.asks and not states_date(query.searched, sentence),
        "count_missing": states_count(query.searched, sentence) is False,
        "asks_reason": bool(query.asks & (Asks.REASON | Asks.MANNER)),
        "asks_fact": bool(query.asks & FACTS) and Asks.LIST not in query.asks,
        "log_brief_size": np.log1p(generation.brief_sizes[generation.sentences.brief[found.sentences[top]]]),
        "names_held": _names_held(generation, evidence, int(found.owner[top])),
    }
    return np.array([signals[name] for name in FEATURES], dtype=np.float32)


def _without_excluded(generation: Generation, evidence: Evidence) -> Evidence:
    """``evidence`` without the chunks that hold an excluded sentence: their likeness to the question speaks of another's.

    All of it where nothing else is left, and where a list is announced as the asked owner's own: its items need not repeat
    the question's words.
    """
    found, pool = evidence.found, evidence.pool
    if not evidence.excluded or asked_list(generation, evidence):
        return evidence
    kept, kept_in_pool = (_chunks_without(candidates, evidence.excluded) for candidates in (found, pool))
    rows = np.isin(found.owner, kept)
    if not rows.any():
        return evidence
    return replace(
        evidence,
        found=found.only(kept),
        pool=pool.only(kept_in_pool),
        chunk_score=evidence.chunk_score[kept],
        sentence_score=evidence.sentence_score[rows],
    )


def _chunks_without(found: Candidates, excluded: Collection[int]) -> Ints:
    """Rows of the chunks that hold none of the sentences ``excluded``."""
    spoilt = found.owner[np.isin(found.sentences, list(excluded))]
    return np.setdiff1d(np.arange(len(found.chunks)), spoilt).astype(np.int32)


def _beyond_title_matched(generation: Generation, evidence: Evidence, best: int) -> float:
    """How well the best chunk matches the words of the question that its brief's title does not hold, each alike.

    The title's words are matched wherever the brief is near the topic; what is asked about it stands beside them. All words
    count where the title holds all.
    """
    found = evidence.found
    matched = found.chunk_words[best]
    if not len(matched):
        return float(found.chunk_matched.whole[best])
    brief_id = generation.brief_ids[generation.chunks.brief[found.chunks[best]]]
    title = set(terms(generation.metadata(brief_id).title))
    beyond = np.array([title.isdisjoint(group) for group in evidence.query.groups], dtype=bool)
    return float(matched[beyond].mean() if beyond.any() else matched.mean())


def _names_held(generation: Generation, evidence: Evidence, chunk: int) -> float:
    """The share (by idf) of the question's names that the candidate ``chunk`` holds with its title and headings; 1 without names.

    What is near the topic seldom names everybody and every place that the question does.
    """
    found = evidence.found
    names = asked_names(generation, evidence)
    total = float(found.group_idf[names].sum())
    return float(found.group_idf[names & found.chunk_covered[chunk]].sum()) / total if total > 0 else 1.0
