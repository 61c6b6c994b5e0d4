"""Runs suites: every case is searched and answered by the real assistant, scored, and summed up."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from assistant import Answer, Assistant
from evals.cases import Case, Suite, SuiteError
from evals.corpora import index_corpus
from evals.metrics import ABSTENTION, balanced_accuracy, rank_scores
from evals.regions import Gold, resolve
from evals.resampling import Estimate, bootstrap
from evals.scoring import Score, Scores, failures, score_answer, score_failure, score_hits
from index.build import Progress
from index.errors import ModelError, QuestionError
from index.generation import Generation
from index.search import Hit
from index.settings import Settings

TOP_K = 50
"""Hits that are searched for the ranking measures."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case with its scores. ``answer`` is None for a case that is only searched or ended in ``error``.

    ``ranked`` lists the briefs found, best first.
    """

    case: Case
    scores: Scores
    answer: Answer | None = None
    ranked: tuple[str, ...] = ()
    error: str = ""

    @property
    def failures(self) -> tuple[str, ...]:
        """Names of the scores that keep the case from passing."""
        return failures({name: score.value for name, score in self.scores.items() if score.value is not None})

    @property
    def passed(self) -> bool:
        """Whether it could be run and nothing keeps it from passing."""
        return not self.failures and not self.error


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """All cases of a suite. ``corpus`` is a fingerprint of the briefs, ``recipe`` of how they were indexed.

    ``estimates`` are means of the scores and the measures over the suite, with intervals; undefined ones are left out.
    ``unread`` are sources of the corpus that cannot be read, with the reason.
    """

    suite: Suite
    results: tuple[CaseResult, ...]
    drafts: tuple[str, ...] = ()
    generation: str = ""
    corpus: str = ""
    recipe: str = ""
    seconds: float = 0.0
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)

    def values(self, score: str) -> dict[str, float]:
        """Values of one score by case id, unscored cases left out."""
        found = ((one.case.id, one.scores[score].value) for one in self.results if score in one.scores)
        return {case_id: value for case_id, value in found if value is not None}

    def by_kind(self) -> dict[str, list[CaseResult]]:
        """Results by kind of case, in the order of the suite."""
        kinds: dict[str, list[CaseResult]] = {}
        for one in self.results:
            kinds.setdefault(one.case.kind, []).append(one)
        return kinds

    def confidences(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Of the cases that were answered or abstained from: 1 for answerable, and the confidence; shape (n,) each."""
        rows = [(float(one.case.answerable or 0), one.answer.confidence) for one in self.results if one.answer]
        table = np.array(rows, dtype=np.float64).reshape(-1, 2)
        return table[:, 0], table[:, 1]


def run_suite(
    suite: Suite,
    settings: Settings,
    progress: Progress | None = None,
    only: str | None = None,
    held: Collection[str] = (),
) -> SuiteResult:
    """Index what the suite needs, run its cases but the drafts (or the one case ``only``), and sum up.

    ``held`` are ids of cases whose briefs and words the corpus is known to have held: where it does not any more, the
    corpus is at fault and the case ends in an error.

    :raises SuiteError: if a span of another case is not in the corpus.
    :raises StoreError: if the index cannot be used.
    :raises CorpusError: if the corpus cannot be indexed.
    """
    started = time.monotonic()
    own, unread = index_corpus(suite, settings, progress)
    assistant = Assistant(own)
    generation = assistant.generation
    cases = [case for case in suite.cases if (not case.draft if only is None else case.id == only)]
    ids = {entry.source: brief_id for brief_id, entry in generation.manifest.briefs.items()}
    ids |= {brief_id: brief_id for brief_id in generation.brief_ids}
    golds = {case.id: _resolve(suite, case, ids, generation, case.id in held) for case in cases}
    results = []
    for k, case in enumerate(cases):
        if progress:
            progress("asking", k, len(cases))
        results.append(_run_case(assistant, generation, case, golds[case.id]))
    if progress:
        progress("asking", len(cases), len(cases))
    finished = SuiteResult(
        suite=suite,
        results=tuple(_with_ranking(results, ids)),
        drafts=tuple(case.id for case in suite.cases if case.draft),
        generation=generation.id,
        corpus=_digest(sorted((brief_id, entry.sha256) for brief_id, entry in generation.manifest.briefs.items())),
        recipe=_digest(generation.manifest.recipe.model_dump_json()),
        seconds=time.monotonic() - started,
        unread=unread,
    )
    return replace(finished, estimates=_estimates(finished))


def _resolve(
    suite: Suite, case: Case, ids: Mapping[str, str], generation: Generation, held: bool
) -> tuple[Gold, ...] | str:
    """The spans of a case; of one that the corpus held before, what it lacks now."""
    try:
        return resolve(case, ids, generation.brief)
    except SuiteError as error:
        if held:
            return f"the corpus no longer has what the case rests on: {str(error).removeprefix(f'case {case.id}: ')}"
        raise SuiteError(f"{suite.path}: {error}") from error


def _failed(case: Case, reason: str) -> CaseResult:
    return CaseResult(case, score_failure(case, reason), error=reason)


def _run_case(assistant: Assistant, generation: Generation, case: Case, golds: tuple[Gold, ...] | str) -> CaseResult:
    if isinstance(golds, str):
        return _failed(case, golds)
    try:
        answer = assistant.ask(case.question, case.turns, id=case.id) if case.answerable is not None else None
        hits = assistant.search((answer.searched if answer else "") or case.question, TOP_K)
    except (QuestionError, ModelError) as error:
        return _failed(case, str(error))
    scores = score_hits(hits, golds)
    if answer:
        scores |= score_answer(case, answer, golds, generation.brief)
    return CaseResult(case, scores, answer, _briefs(hits))


def _briefs(hits: Sequence[Hit]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(hit.brief_id for hit in hits))


def _with_ranking(results: Sequence[CaseResult], ids: Mapping[str, str]) -> list[CaseResult]:
    """The results with the measures of the ranking of briefs."""
    relevant = {
        one.case.id: {ids[name]: grade for name, grade in one.case.grades.items() if name in ids} for one in results
    }
    measured = rank_scores(relevant, {one.case.id: one.ranked for one in results})
    scores = {
        case_id: {name: Score(value, "by trec_eval") for name, value in values.items()}
        for case_id, values in measured.items()
    }
    return [replace(one, scores=one.scores | scores.get(one.case.id, {})) for one in results]


def _estimates(result: SuiteResult) -> dict[str, Estimate]:
    names = dict.fromkeys(name for one in result.results for name in one.scores)
    found = {name: bootstrap(np.array(list(result.values(name).values())), _mean) for name in names}
    answerable, confidence = result.confidences()
    if len(answerable):
        pairs = np.column_stack([answerable, confidence])
        for name, measure in ABSTENTION.items():
            if name != "aurc" or 0 < answerable.sum() < len(answerable):
                found[name] = bootstrap(pairs, _of_pairs(measure))
        answered = [float(one.answer.status != "abstained") for one in result.results if one.answer]
        found["balanced_accuracy"] = bootstrap(np.column_stack([answerable, answered]), _of_pairs(balanced_accuracy))
    return {name: estimate for name, estimate in found.items() if estimate}


def _mean(values: np.ndarray[Any, Any]) -> float:
    return float(values.mean())


def _of_pairs(measure: Callable[[Any, Any], float]) -> Callable[[np.ndarray[Any, Any]], float]:
    return lambda rows: measure(rows[:, 0], rows[:, 1])


def _digest(what: object) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]
