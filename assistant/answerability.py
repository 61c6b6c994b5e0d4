"""How likely the corpus holds the answer: a logistic model over signals of one question's evidence.

No single threshold on similarity tells a question that the briefs answer from one that is merely near their topic; the
signals here are weighed together, with weights fitted on labelled questions (docs/ranking.md). All are free by-products
of the ranking.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from assistant.expectations import states_count, states_date
from assistant.selection import sentence_text
from index.errors import SettingsError
from index.evidence import share_covered
from index.generation import Generation
from index.lexical import Floats, Mask, terms
from index.ranking import Logistic
from index.search import Evidence
from index.settings import Settings
from index.traits import FACTS, Asks, wanted_traits

_NAMES = re.compile(r"(?<=[\w,;] )[A-Z][\w’'-]*")
MODEL_FILE = Path(__file__).with_name("models") / "answerability.json"

CALIBRATION = ".calibration.json"
"""A calibration to one corpus, in the corpus's folder; written by ``briefs calibrate``."""
FEATURES = (
    "cosine", "cosine_lead_2", "cosine_lead_5", "cosine_lead_20", "cosine_above_corpus", "cosine_above_other_briefs", "concentration",
    "best_sentence", "mean_sentence", "top_3_sentences", "second_sentence", "sentence_above_other_briefs", "sentence_above_corpus",
    "bm25", "bm25_lead_5", "chunk_covered", "sentence_covered", "pair_covered", "mass_covered", "unknown_words", "rarest_held",
    "beyond_title_covered", "names_covered", "others_covered", "others_covered_in_sentence", "cosine_times_covered",
    "best_score", "second_score", "score_mass", "chunk_score", "agree", "fits", "misfits", "date_missing", "count_missing",
    "terms", "asks_reason", "asks_list", "asks_fact", "fact_sentence_covered", "fact_best_sentence", "fact_best_score",
    "matched", "chunk_matched", "chunk_matched_least", "matched_whole", "matched_least_of_best", "chunk_matched_above_other_briefs",
)  # fmt: skip


@dataclass(frozen=True)
class AnswerabilityModel:
    """``logistic`` gives the probability that the corpus holds the answer; below ``threshold`` the assistant abstains.

    ``brevity`` is how dear words are when the answer is chosen: 1 for short answers, less for longer ones.
    """

    logistic: Logistic
    threshold: float
    embedder: str
    brevity: float


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
        logistic = Logistic.from_json(data["answerable"], FEATURES, str(path))
        return AnswerabilityModel(logistic, float(data["threshold"]), data["embedder"], float(data["brevity"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"cannot read the answerability weights in {path}: {error}; run `briefs calibrate`"
        ) from error


def confidence(generation: Generation, evidence: Evidence, model: AnswerabilityModel) -> float:
    """The calibrated probability in [0, 1] that the allowed briefs answer the question; 0 without any candidate."""
    if not len(evidence.found.sentences):
        return 0.0
    return float(model.logistic.probability(features(generation, evidence)[None, :])[0])


def features(generation: Generation, evidence: Evidence) -> Floats:
    """The signals in the order of ``FEATURES``, for a question with at least one candidate sentence."""
    found = evidence.found
    best = int(evidence.best_chunks[0])
    top = int(np.argmax(evidence.sentence_score))
    inside = found.owner == best
    if not inside.any():
        inside = found.owner == found.owner[top]
    signals = {
        **_closeness(generation, evidence, best, inside),
        **_coverage(generation, evidence, best, inside),
        **_ranking(generation, evidence, best, top),
    }
    signals["cosine_times_covered"] = signals["cosine"] * signals["chunk_covered"]
    fact = signals["asks_fact"]
    signals["fact_sentence_covered"] = fact * signals["sentence_covered"]
    signals["fact_best_sentence"] = fact * signals["best_sentence"]
    signals["fact_best_score"] = fact * signals["best_score"]
    return np.array([signals[name] for name in FEATURES], dtype=np.float32)


def _closeness(generation: Generation, evidence: Evidence, best: int, inside: Mask) -> dict[str, float]:
    """How near the best chunk and its sentences are to the question, alone and against the rest of the corpus."""
    found, pool, table = evidence.found, evidence.pool, generation.chunks
    brief = table.brief[found.chunks[best]]
    cosine = float(found.chunk_cosine[best])
    cosines = np.sort(pool.chunk_cosine)[::-1]
    others = np.sort(pool.chunk_cosine[table.brief[pool.chunks] != brief])[::-1][:5]
    sentence = np.sort(pool.cosine)[::-1]
    best_sentence = float(found.cosine[inside].max())
    elsewhere = pool.cosine[generation.sentences.brief[pool.sentences] != brief]
    top = int(np.argmax(evidence.sentence_score))
    matched, others_matched = (
        found.chunk_matched.weighted,
        pool.chunk_matched.weighted[table.brief[pool.chunks] != brief],
    )
    return {
        "cosine": cosine,
        "cosine_lead_2": float(cosines[0]) - _at(cosines, 1),
        "cosine_lead_5": float(cosines[0]) - _at(cosines, 4),
        "cosine_lead_20": float(cosines[0]) - _at(cosines, 19),
        "cosine_above_corpus": cosine - float(evidence.mean_cosine),
        "cosine_above_other_briefs": cosine - (float(others.mean()) if len(others) else float(cosines.mean())),
        "concentration": float((table.brief[found.chunks[evidence.best_chunks[:10]]] == brief).mean()),
        "best_sentence": best_sentence,
        "mean_sentence": float(found.cosine[inside].mean()),
        "top_3_sentences": float(sentence[:3].mean()),
        "second_sentence": _at(sentence, 1),
        "sentence_above_other_briefs": best_sentence
        - (float(elsewhere.max()) if len(elsewhere) else float(sentence.mean())),
        "matched": float(found.matched.weighted[top]),
        "chunk_matched": float(matched[best]),
        "chunk_matched_least": float(found.chunk_matched.least[best]),
        "matched_whole": float(found.matched.whole.max()),
        "matched_least_of_best": float(found.matched.least[top]),
        "chunk_matched_above_other_briefs": float(matched[best])
        - (float(others_matched.max()) if len(others_matched) else float(pool.chunk_matched.weighted.mean())),
        "sentence_above_corpus": (float(sentence[0]) - float(sentence.mean())) / max(float(sentence.std()), 1e-3),
    }


def _coverage(generation: Generation, evidence: Evidence, best: int, inside: Mask) -> dict[str, float]:
    """How much of the question's words are there, by weight (idf): names and other words, in a chunk, in one sentence."""
    found, pool = evidence.found, evidence.pool
    covered = found.chunk_covered[best]
    names = {stem for name in _NAMES.findall(evidence.query.searched) for stem in terms(name)}
    named = np.array([not names.isdisjoint(group) for group in evidence.query.groups], dtype=bool)
    beyond = _beyond_title(generation, evidence, best)
    bm25 = np.sort(pool.chunk_bm25)[::-1] / pool.best_possible
    by_sentence = share_covered(found, found.covered)
    leading = np.argsort(-evidence.sentence_score, kind="stable")[:3]
    mass = evidence.sentence_score / max(float(evidence.sentence_score.sum()), 1e-6)
    rarest = np.argsort(-found.group_idf, kind="stable")[:2]
    everything = np.ones(len(covered), dtype=bool)
    return {
        "bm25": float(found.chunk_bm25[best]) / found.best_possible,
        "bm25_lead_5": float(bm25[0]) - _at(bm25, 4),
        "chunk_covered": _share(found.group_idf, covered, everything),
        "sentence_covered": float(by_sentence[inside].max()),
        "pair_covered": _share(found.group_idf, np.asarray(found.covered[leading].any(axis=0)), everything),
        "mass_covered": float((mass * by_sentence).sum()),
        "unknown_words": 1.0 - _share(found.group_idf, np.asarray(pool.chunk_covered.any(axis=0)), everything),
        "rarest_held": float(covered[rarest].all()),
        "beyond_title_covered": _share(found.group_idf, covered, beyond),
        "names_covered": _share(found.group_idf, covered, named),
        "others_covered": _share(found.group_idf, covered, ~named),
        "others_covered_in_sentence": max(_share(found.group_idf, row, ~named) for row in found.covered[inside]),
    }


def _ranking(generation: Generation, evidence: Evidence, best: int, top: int) -> dict[str, float]:
    """How sure the ranking is, and whether its best sentence states what the question asks for."""
    query, pool = evidence.query, evidence.pool
    score = np.sort(evidence.sentence_score)[::-1]
    row = int(evidence.found.sentences[top])
    sentence = sentence_text(generation, row)
    wanted = wanted_traits(query.asks).value
    fits = bool(generation.sentences.traits[row] & wanted)
    return {
        "best_score": float(score[0]),
        "second_score": _at(score, 1),
        "score_mass": min(float(score.sum()), 6.0),
        "chunk_score": float(evidence.chunk_score[best]),
        "agree": float(np.argmax(pool.chunk_cosine) == np.argmax(pool.chunk_bm25)),
        "fits": float(fits),
        "misfits": float(bool(wanted) and not fits),
        "date_missing": float(Asks.DATE in query.asks and not states_date(query.searched, sentence)),
        "count_missing": float(states_count(query.searched, sentence) is False),
        "terms": float(min(len(query.groups), 15)),
        "asks_reason": float(bool(query.asks & (Asks.REASON | Asks.MANNER))),
        "asks_list": float(Asks.LIST in query.asks),
        "asks_fact": float(bool(query.asks & FACTS) and Asks.LIST not in query.asks),
    }


def _at(ordered: Floats, place: int) -> float:
    """The value at ``place``, or the last one there is."""
    return float(ordered[min(place, len(ordered) - 1)])


def _beyond_title(generation: Generation, evidence: Evidence, best: int) -> Mask:
    """Which words of the question the title of the best brief does not already hold."""
    brief_id = generation.brief_ids[generation.chunks.brief[evidence.found.chunks[best]]]
    title = set(terms(generation.metadata(brief_id).title))
    return np.array([title.isdisjoint(group) for group in evidence.query.groups], dtype=bool)


def _share(idf: Floats, covered: Mask, counted: Mask) -> float:
    """How much of the weight of the ``counted`` words is covered, in [0, 1]; 1 when none is counted."""
    total = float(idf[counted].sum())
    return float(idf[counted & covered].sum()) / total if total > 0 else 1.0
