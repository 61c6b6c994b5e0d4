"""The one way in: a question, with what was said before, becomes an answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

from assistant import extractive
from assistant.answerability import AnswerabilityModel, answerability_of, confidence
from assistant.followup import standalone_question
from assistant.selection import select
from assistant.types import Answer, Turn
from index.embedding import Embedder, load_embedder
from index.filters import Filters
from index.generation import Generation, GenerationReader
from index.search import KEPT, Evidence, Hit, check_question, find_evidence, top_hits
from index.settings import Settings

NOT_HELD = "The briefs do not answer this."


class _Clock:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self.timings: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.timings[name] = (time.perf_counter() - started) * 1000


class Assistant:
    """Answers questions from the current index of ``settings``. Cheap to make, safe to share between threads.

    The index and the embedder are opened at the first question; a newer index is noticed before every question.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._reader = GenerationReader(settings)
        self._loading = threading.Lock()

    @property
    def generation(self) -> Generation:
        """The index that answers now. :raises StoreError: if there is none, or it does not fit the settings."""
        return self._reader.get()

    @property
    def embedder(self) -> Embedder:
        """The embedder of the settings, loaded once. :raises SettingsError: if it cannot be loaded."""
        with self._loading:
            return self._embedder

    @cached_property
    def _embedder(self) -> Embedder:
        return load_embedder(self.settings)

    def ask(
        self, question: str, history: Sequence[Turn] = (), filters: Filters | None = None, id: str | None = None
    ) -> Answer:
        """An answer from the briefs that ``filters`` allow, or an abstention.

        :raises QuestionError: if the question is empty or too long.
        :raises StoreError: if the index cannot be used.
        """
        clock = _Clock()
        with clock.stage("total"):
            asked = check_question(question)
            with clock.stage("open"):
                generation, embedder = self.generation, self.embedder
            searched = standalone_question(asked, history)
            with clock.stage("search"):
                evidence = find_evidence(generation, embedder, searched, filters)
            with clock.stage("answer"):
                answer = compose(generation, evidence, answerability_of(self.settings), asked, id)
        return replace(answer, timings_ms=clock.timings)

    def search(self, question: str, top_k: int = 10, filters: Filters | None = None) -> list[Hit]:
        """The ``top_k`` passages that fit best, best first.

        :raises QuestionError: if the question is empty or too long.
        :raises StoreError: if the index cannot be used.
        """
        generation = self.generation
        evidence = find_evidence(generation, self.embedder, question, filters, keep=max(KEPT, 2 * top_k))
        return top_hits(generation, evidence, top_k, self.settings.chunk_chars)

    def explain(self, question: str, history: Sequence[Turn] = (), filters: Filters | None = None) -> dict[str, Any]:
        """What every stage made of the question, for people and for JSON: terms, candidates, scores, choice."""
        from assistant.explanation import explain

        searched = standalone_question(check_question(question), history)
        evidence = find_evidence(self.generation, self.embedder, searched, filters)
        return explain(self.generation, evidence, answerability_of(self.settings))


def compose(
    generation: Generation, evidence: Evidence, model: AnswerabilityModel, question: str, id: str | None = None
) -> Answer:
    """The extractive answer that ``evidence`` supports."""
    chance = confidence(generation, evidence, model)
    searched = evidence.query.searched
    runs = select(generation, evidence, model.brevity) if chance >= model.threshold else []
    if not runs:
        return Answer(
            question=question,
            status="abstained",
            text=NOT_HELD,
            confidence=chance,
            nearest=extractive.nearest_briefs(generation, evidence),
            generation=generation.id,
            searched=searched,
            missing="No brief was found that answers the question; the nearest ones are named.",
            id=id,
        )
    citations = extractive.cite(generation, runs)
    statements = extractive.state(citations)
    return Answer(
        question=question,
        status="answered",
        text=extractive.answer_text(statements),
        confidence=chance,
        statements=statements,
        citations=citations,
        generation=generation.id,
        searched=searched,
        id=id,
    )
