"""An answer written by a model: each statement is cleaned, verified and settled while the model goes on writing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from itertools import chain
from typing import Any, Protocol

from assistant import extractive
from assistant.findings import LookUp
from assistant.generative.access import Access
from assistant.generative.cleaning import Rules
from assistant.generative.drafting import Drafts
from assistant.generative.limits import Budget, Messages
from assistant.generative.prompting import SYSTEM, messages, messages_again, overhead, schema
from assistant.generative.records import Delta, Finish, Usage
from assistant.generative.settling import Failed, Sheet
from assistant.generative.sources import Shown, shown_sources
from assistant.owners import attribution, names_of
from assistant.selection import Run
from assistant.types import Answer, Stated
from assistant.verification import Draft, Found, Lexicon, Similarity, Verdict, verify
from index.embedding import Embedder
from index.errors import ModelError, SettingsError
from index.generation import Generation
from index.lexical import terms
from index.settings import Settings
from index.spelling import known_word
from index.tracing import span

ENGINE, COMPLETED = "model", "model+extractive"
"""Of an answer that the model wrote, and of one that was cut short and completed with sentences of the briefs."""
_MOST_DRAFTS = 40
"""Statements of one request that are read."""
_MENDING = 6
"""Share of the prompt (one in so many) that is left for statements that have to be mended."""
_LEXICONS = 16
"""Sets of briefs whose words and names are kept counted."""
_WARM = Draft("The passages say something.", ())


class Speaker(Protocol):
    """A model that can be asked: ``caller.Caller``, or what stands in for it."""

    @property
    def access(self) -> Access:
        """Which model at which address sees the text."""
        ...

    def stream(
        self, messages: Messages, schema: Mapping[str, Any] | None = None, budget: Budget | None = None
    ) -> Iterator[Delta | Finish]:
        """The answer as it comes, then its end."""
        ...


class Writer:
    """Writes answers from one index. Shared by threads."""

    def __init__(self, settings: Settings, generation: Generation, embedder: Embedder, speaker: Speaker) -> None:
        self.settings = settings
        self.generation = generation
        self.speaker = speaker
        self.lexicon = lru_cache(_LEXICONS)(partial(Lexicon.of, generation))
        self._embedder = embedder

    def write(
        self, found: LookUp, chosen: Sequence[Run], floor: Answer, stopped: threading.Event | None = None
    ) -> Generator[Stated, None, Answer]:
        """The statements as they are settled; returns the answer.

        ``floor`` is the answer without a model, made of the runs ``chosen``: it stands in when nothing that the model
        wrote may be shown, and completes what was cut short. Closing the generator ends the model's stream, and so
        does setting ``stopped`` from another thread.

        :raises SettingsError: before the first statement, if the prompt has no room for a passage.
        """
        parts = [one.part.question for one in found.found]
        left = self.settings.model_context - overhead(floor.searched, parts)
        shown = shown_sources(self.generation, found, chosen, left - self.settings.model_context // _MENDING)
        if not shown:
            needed = self.settings.model_context - left
            raise SettingsError(
                f"the prompt takes {needed} tokens without any passage, so that model_context = "
                f"{self.settings.model_context} leaves no room for one; raise it"
            )
        budget = Budget(self.settings, stopped)
        request = messages(floor.searched, parts, shown)
        return (yield from _Writing(self, found, shown, floor, request, budget).run())

    def sheet(self, found: LookUp, shown: Sequence[Shown]) -> Sheet:
        """An empty sheet for statements on what was found, of which ``shown`` is what the model sees."""
        sources = tuple(one.source for one in shown)
        allowed = found.whole.evidence.allowed
        lexicon = self.lexicon(allowed)
        similarity = self._similarity()

        def judge(draft: Draft) -> Verdict:
            with span("verify"):
                return verify(draft, sources, lexicon, similarity)

        judge(_WARM)  # what is read of the sources once is read before the model begins
        return Sheet(self.generation, judge, self._rules(shown, allowed), _groups(self.generation, found, shown))

    def _similarity(self) -> Similarity | None:
        """The cosine by the embedded embedder; others were not measured, and may be far away."""
        if self.settings.embedder != "minilm":
            return None
        vector = cache(self._embedder.embed_query)
        return lambda left, right: float(vector(left) @ vector(right))

    def _rules(self, shown: Sequence[Shown], allowed: frozenset[str] | None) -> Rules:
        lexical, is_known = self.generation.lexical, known_word(self._embedder)
        chunks = None if allowed is None else self.generation.scope(allowed).chunks
        has_words = bool(getattr(self._embedder, "whole_words", ()))

        def known(word: str) -> bool:
            return not has_words or is_known(word) or any(lexical.holds(stem, chunks) for stem in terms(word))

        addresses = chain.from_iterable(self.generation.metadata(one.source.brief_id).sources for one in shown)
        text = "\n".join(chain.from_iterable([one.title, *one.lines] for one in shown))
        return Rules(text, frozenset(addresses), SYSTEM, known)


class _Writing:
    """One answer on its way."""

    def __init__(
        self,
        writer: Writer,
        found: LookUp,
        shown: Sequence[Shown],
        floor: Answer,
        request: Messages,
        budget: Budget,
    ) -> None:
        self._writer = writer
        self._floor = floor
        self._request = request
        self._schema = schema(shown)
        self._sheet = writer.sheet(found, shown)
        self._shown = tuple(one.source.brief_id for one in shown)
        self._budget = budget
        self._raw: list[str] = []

    def run(self) -> Generator[Stated, None, Answer]:
        """Ask, ask once more for what failed, and put the answer together."""
        sheet, settings = self._sheet, self._writer.settings
        finish = yield from self._hear(self._request, 1)
        if sheet.failed and finish.reason in {"stop", "length"}:
            faults = [(one.draft, one.reason) for one in sheet.failed]
            again = messages_again(self._request, faults, settings.model_context // _MENDING)
            yield from self._hear(again, 2)
        notes = [f"{finish.error}."] if finish.error else []
        written = len(sheet.statements)
        if not written:
            notes.append("" if finish.error else "The model wrote nothing that the briefs bear out.")
            notes.append("The statements are quoted from the briefs instead.")
        if not written or finish.truncated:
            added = yield from self._complete()
            if written and added:
                notes.append("What it lacks is quoted from the briefs.")
        if sheet.failed:
            notes.append(_left_out(sheet.failed, settings.unsupported))
        if settings.unsupported == "strike":
            for failed in sheet.failed:
                if failed.clean:
                    yield sheet.strike(failed)
        return self._answer(written, finish, " ".join(note for note in notes if note))

    def _hear(self, request: Messages, attempt: int) -> Generator[Stated, None, Finish]:
        """One request: what is kept of it, and how it ended."""
        drafts, most = Drafts(), _MOST_DRAFTS
        finish = Finish("cut", Usage(), ModelError("the answer has no end"))
        records = self._writer.speaker.stream(request, self._schema, self._budget)
        try:
            for record in records:
                if isinstance(record, Finish):
                    finish = record
                    break
                self._raw.append(record.text)
                new = drafts.feed(record.text)[: max(most, 0)]
                most -= len(new)
                yield from self._settle(new, attempt)
                if not most:
                    return Finish("stop", Usage())
        finally:
            if isinstance(records, Generator):
                records.close()
        yield from self._settle(drafts.finish()[:most], attempt)
        if finish.reason == "stop" and drafts.unfinished:
            error = ModelError(f"{self._writer.speaker.access}: the answer ended in the middle of a statement")
            return Finish("cut", finish.usage, error)
        return finish

    def _settle(self, drafts: Sequence[Draft], attempt: int) -> Iterator[Stated]:
        return filter(None, (self._sheet.settle(draft, attempt) for draft in drafts))

    def _complete(self) -> Generator[Stated, None, int]:
        """What the answer without a model says beyond the statements so far; returns how many statements that are."""
        floor, written, added = self._floor, len(self._sheet.statements), 0
        for statement in floor.statements:
            cited = [citation for citation in floor.citations if citation.label in statement.citations]
            if not (written and self._sheet.says(statement, cited)):
                added += 1
                yield self._sheet.quote(statement, cited)
        return added

    def _answer(self, written: int, finish: Finish, notice: str) -> Answer:
        sheet = self._sheet
        supported = [statement for statement in sheet.statements if not statement.unsupported]
        engine = ENGINE if len(supported) == written else COMPLETED if written else self._floor.engine
        spent = self._budget.spent
        return replace(
            self._floor,
            text=extractive.answer_text(supported),
            statements=tuple(sheet.statements),
            citations=tuple(sheet.citations),
            engine=engine,
            model=str(self._writer.speaker.access),
            notice=notice,
            truncated=finish.truncated and bool(self._raw),
            raw="".join(self._raw),
            verdicts=tuple(sheet.verdicts),
            drawn_from=self._shown,
            usage={"prompt_tokens": spent.prompt_tokens, "completion_tokens": spent.completion_tokens},
        )


def _left_out(failed: Sequence[Failed], shown: str) -> str:
    """How many statements are missing from the answer, and why."""
    reasons = "; ".join(dict.fromkeys(one.reason for one in failed))
    number = "One statement" if len(failed) == 1 else f"{len(failed)} statements"
    verb = "is" if len(failed) == 1 else "are"
    what = "struck out" if shown == "strike" and all(one.clean for one in failed) else "left out"
    return f"{number} of the model {verb} {what}: {reasons}."


def _groups(generation: Generation, found: LookUp, shown: Sequence[Shown]) -> Callable[[Found], str]:
    """A function that tells on which of the compared actors a citation is; empty where nothing is compared."""
    actors = [one.part.group for one in found.parts if one.part.group]
    if not actors:
        return lambda _: ""
    whose = attribution(generation, names_of(generation, found.whole.evidence), actors)
    labelled = {one.source.label: one for one in shown}
    return lambda cited: whose(labelled[cited.source.label].row_of(cited))
