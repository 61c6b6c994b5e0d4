"""The one way in: a question, with what was said before, becomes an answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from assistant import extractive
from assistant.ambiguity import CLARIFY, readings
from assistant.answerability import answerability_of
from assistant.findings import LookUp, choose, look_up
from assistant.followup import standalone_question
from assistant.parts import Part
from assistant.selection import Run
from assistant.types import Answer, Done, Event, Sources, Stated, Turn
from index.embedding import Embedder, load_embedder
from index.errors import SettingsError
from index.filters import Filters
from index.generation import Generation, GenerationReader
from index.search import KEPT, Hit, check_question, find_evidence, top_hits
from index.settings import Settings
from index.tracing import note, span, start, steps

if TYPE_CHECKING:
    from assistant.generative.writer import Speaker, Writer

NOT_HELD = "The briefs do not answer this."
SOURCES = 6
"""Briefs named while an answer is on its way, at most."""


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

    def __init__(self, settings: Settings, speaker: Speaker | None = None) -> None:
        """``speaker`` is asked where ``settings.engine`` is model, instead of the model that the settings name."""
        self.settings = settings
        start(settings)
        self._given_speaker = speaker
        self._reader = GenerationReader(settings)
        self._loading = threading.Lock()
        self._last_writer: Writer | None = None

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
        *_, last = self.stream(question, history, filters, id)
        assert isinstance(last, Done)
        return last.answer

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filters: Filters | None = None,
        id: str | None = None,
        stopped: threading.Event | None = None,
    ) -> Iterator[Event]:
        """The same as it comes about: ``Sources``, then each statement as ``Stated``, then the whole answer as ``Done``.

        Nothing happens before the first event is asked for. Closing the iterator ends the stream of the model, if one
        is writing, and so does setting ``stopped`` from another thread while an event is awaited; whatever goes wrong
        with a model, the answer is quoted from the briefs and its ``notice`` says why.

        :raises QuestionError: if the question is empty or too long.
        :raises StoreError: if the index cannot be used.
        """
        yield from steps("ask", self._stream(question, history, filters, id, stopped))

    def _stream(
        self,
        question: str,
        history: Sequence[Turn],
        filters: Filters | None,
        id: str | None,
        stopped: threading.Event | None,
    ) -> Generator[Event, None, None]:
        clock = _Clock()
        with clock.stage("total"):
            asked = check_question(question)
            with clock.stage("open"):
                generation, embedder = self.generation, self.embedder
            model = answerability_of(self.settings)
            with clock.stage("search"):
                found = look_up(generation, embedder, model, standalone_question(asked, history), filters)
            yield Sources(found.searched, extractive.nearest_briefs(generation, found.whole.evidence, SOURCES))
            with clock.stage("answer"):
                if meant := readings(generation, found.whole.evidence, asked, history):
                    answer = ask_back(generation, found, asked, meant)
                else:
                    written = self._write(generation, found, asked, model.brevity, stopped)
                    answer = yield from steps("generate", written)
        note(
            status=answer.status,
            engine=answer.engine,
            confidence=answer.confidence,
            generation=generation.id,
            statements=len(answer.statements),
            briefs=len({citation.brief_id for citation in answer.citations}),
            **answer.usage,
        )
        seen = generation.id_for(filters.labels if filters else None)
        yield Done(replace(answer, id=id, generation=seen, timings_ms=clock.timings))

    def _write(
        self,
        generation: Generation,
        found: LookUp,
        question: str,
        brevity: float,
        stopped: threading.Event | None,
    ) -> Generator[Stated, None, Answer]:
        """The statements of the engine that the settings choose; the extractive one's are the least there is."""
        chosen = choose(generation, found, brevity)
        floor = compose(generation, found, chosen, question)
        if self.settings.engine != "model" or floor.status == "abstained":
            yield from stated(floor)
            return floor
        runs = [run for _, part in chosen for run in part]
        try:
            return (yield from self._writer(generation).write(found, runs, floor, stopped))
        except SettingsError as error:
            yield from stated(floor)
            return replace(floor, notice=f"No model was asked: {error}.")

    def _writer(self, generation: Generation) -> Writer:
        """The writer for an index, kept until there is another. :raises SettingsError: if the model's settings cannot be used."""
        from assistant.generative.writer import Writer

        embedder = self.embedder
        with self._loading:
            if self._last_writer is None or self._last_writer.generation is not generation:
                self._last_writer = Writer(self.settings, generation, embedder, self._speaker)
            return self._last_writer

    @cached_property
    def _speaker(self) -> Speaker:
        if self._given_speaker:
            return self._given_speaker
        from assistant.generative.caller import Caller

        return Caller(self.settings)

    def search(self, question: str, top_k: int = 10, filters: Filters | None = None) -> list[Hit]:
        """The ``top_k`` passages that fit best, best first.

        :raises QuestionError: if the question is empty or too long.
        :raises StoreError: if the index cannot be used.
        """
        generation = self.generation
        embedder = self.embedder
        with span("search"):
            evidence = find_evidence(generation, embedder, question, filters, keep=max(KEPT, 2 * top_k))
        return top_hits(generation, evidence, top_k, self.settings.chunk_chars)

    def explain(self, question: str, history: Sequence[Turn] = (), filters: Filters | None = None) -> dict[str, Any]:
        """What every stage made of the question, for people and for JSON: terms, candidates, scores, choice."""
        from assistant.explanation import explain

        generation, model = self.generation, answerability_of(self.settings)
        searched = standalone_question(check_question(question), history)
        return explain(generation, look_up(generation, self.embedder, model, searched, filters), model)


def compose(
    generation: Generation, found: LookUp, chosen: Sequence[tuple[Part, Sequence[Run]]], question: str
) -> Answer:
    """The extractive answer of what ``choose`` has chosen: partial when some parts of the question are found and some not."""
    if not any(runs for _, runs in chosen):
        missing = "No brief was found that answers the question; the nearest ones are named."
        return _without_statements(generation, found, question, NOT_HELD, missing)
    citations = extractive.cite(generation, [run for _, runs in chosen for run in runs])
    statements = extractive.state(citations, [part.group for part, runs in chosen for _ in runs])
    return Answer(
        question=question,
        status="partial" if found.missing else "answered",
        text=extractive.answer_text(statements),
        confidence=found.confidence,
        statements=statements,
        citations=citations,
        searched=found.searched,
        missing=" ".join(part.lacking for part in found.missing),
    )


def ask_back(generation: Generation, found: LookUp, question: str, meant: Mapping[str, str]) -> Answer:
    """An abstention that offers the questions which ``question`` may mean, of which each comes from a brief."""
    answer = _without_statements(generation, found, question, CLARIFY)
    return replace(answer, readings=tuple(meant), drawn_from=tuple(dict.fromkeys(meant.values())))


def _without_statements(generation: Generation, found: LookUp, question: str, text: str, missing: str = "") -> Answer:
    return Answer(
        question=question,
        status="abstained",
        text=text,
        confidence=found.confidence,
        nearest=extractive.nearest_briefs(generation, found.whole.evidence),
        searched=found.searched,
        missing=missing,
    )


def stated(answer: Answer) -> Iterator[Stated]:
    """The statements of a whole answer, each with the citations that it is the first to use."""
    shown: set[int] = set()
    for statement in answer.statements:
        new = tuple(c for c in answer.citations if c.label in statement.citations and c.label not in shown)
        shown |= {citation.label for citation in new}
        yield Stated(statement, new)
