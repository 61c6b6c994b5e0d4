"""What the briefs hold on each part of a question, and whether that answers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from assistant.answerability import AnswerabilityModel, confidence
from assistant.comparison import compared
from assistant.days import of_the_asked_day
from assistant.expectations import asks_count, gives_count, states_date
from assistant.latest import asks_latest, newest_first
from assistant.owners import attribution, names_of, of_the_asked_owner, of_the_compared
from assistant.parts import Part, parts_of
from assistant.roles import asked_actor, of_the_actor, told_of
from assistant.selection import MAX_WORDS, Run, runs_of, select, select_sentences
from assistant.sentences import chances, count_all_words, sentence_text
from index.embedding import Embedder
from index.filters import Filters
from index.generation import Generation
from index.search import POOL, Evidence, find_evidence
from index.tracing import note, span
from index.traits import Asks, asks_of

LIKELY = 0.2
"""Share of the best sentence's probability from which on a sentence may hold the number or day that a part asks for."""

SOONER = 0.5
"""Share of the threshold from which on a newer brief is heard, where the briefs together answer how things stand now."""
NEWEST_WORDS = 90
"""Words at most that the newest brief has of an answer on how things stand, before the others."""

UNTOLD = 0.75
"""What a probability is worth where an actor's part is asked for and no sentence tells of that actor in what is asked about."""


@dataclass(frozen=True)
class Finding:
    """The evidence for a question or a part of it. ``confidence`` in [0, 1] that the briefs hold it; ``found`` is the verdict."""

    part: Part
    evidence: Evidence
    confidence: float
    found: bool


@dataclass(frozen=True)
class LookUp:
    """What was found for a question as a whole and for each of its ``parts``, in their order; none where it asks one thing.

    A question of which no part is found alone counts as one: its division may be wrong. ``newest`` is what the newest
    brief that answers alone says, where the question is how things stand now.
    """

    whole: Finding
    parts: tuple[Finding, ...] = ()
    newest: Finding | None = None

    @property
    def found(self) -> tuple[Finding, ...]:
        """The parts that the briefs answer, or the whole."""
        return tuple(finding for finding in self.parts or (self.whole,) if finding.found)

    @property
    def missing(self) -> tuple[Part, ...]:
        """The parts that they do not answer, when they answer others."""
        return tuple(finding.part for finding in self.parts if not finding.found)

    @property
    def confidence(self) -> float:
        """The probability in [0, 1] that the briefs hold what is answered: as a whole, or of the least sure part if higher."""
        return max(min((part.confidence for part in self.found), default=0.0), self.whole.confidence)

    @property
    def searched(self) -> str:
        """The question with the spelling that was searched."""
        return self.whole.evidence.query.searched


def evidence_on(generation: Generation, embedder: Embedder, question: str, filters: Filters | None = None) -> Evidence:
    """What is judged and quoted for one question: the candidates that were found, those about another owner's put down.

    Asked for the part of an actor of whom the briefs tell, more candidates are looked at, and those that name it answer.

    :raises QuestionError: if the question is empty or too long.
    :raises StoreError: if the index fails.
    """
    with span("search"):
        if actor := asked_actor(question):
            wide = find_evidence(generation, embedder, question, filters, keep=2 * POOL)
            if told_of(generation, wide, actor):
                note(candidates=len(wide.pool.chunks))
                return of_the_actor(generation, wide, actor)
        evidence = find_evidence(generation, embedder, question, filters)
        note(candidates=len(evidence.pool.chunks))
        return of_the_asked(generation, evidence)


def of_the_asked(generation: Generation, evidence: Evidence) -> Evidence:
    """The same with sentences about another owner's put down, and those that name the asked day likelier."""
    return of_the_asked_day(generation, of_the_asked_owner(generation, evidence))


def look_up(
    generation: Generation,
    embedder: Embedder,
    model: AnswerabilityModel,
    question: str,
    filters: Filters | None = None,
) -> LookUp:
    """What the briefs that ``filters`` allow hold on ``question``, one search for the whole and one for each part.

    :raises QuestionError: if the question is empty or too long.
    :raises StoreError: if the index fails.
    """
    inquiry = _Inquiry(generation, embedder, model, filters or Filters())
    whole = inquiry.find(Part(question, question))
    if actors := compared(question):
        parts = [inquiry.find(part, [other.group for other in actors]) for part in actors]
    elif len(clauses := parts_of(question)) > 1:
        parts = [inquiry.find(part) for part in clauses]
    else:
        return LookUp(whole, newest=inquiry.newest(whole) if whole.found and asks_latest(question) else None)
    sure = whole.found and bool(actors)
    judged = tuple(replace(one, found=(one.found or sure) and _holds(generation, one)) for one in parts)
    return LookUp(whole, judged if any(one.found for one in judged) else ())


@dataclass(frozen=True)
class _Inquiry:
    """Searches for one question and its parts."""

    generation: Generation
    embedder: Embedder
    model: AnswerabilityModel
    filters: Filters

    def find(self, part: Part, actors: Sequence[str] = (), briefs: frozenset[str] | None = None) -> Finding:
        """The evidence for a part, of one of the ``actors`` that are compared, in ``briefs`` alone if given."""
        filters = self.filters if briefs is None else replace(self.filters, briefs=briefs)
        evidence = evidence_on(self.generation, self.embedder, part.question, filters)
        if actors:
            evidence = of_the_compared(self.generation, evidence, part.group, actors)
        chance = confidence(self.generation, evidence, self.model)
        if actor := asked_actor(part.question):
            told = told_of(self.generation, evidence, actor)
            chance = max(chance, told) if told else UNTOLD * chance
        return Finding(part, evidence, chance, chance >= self.model.threshold)

    def newest(self, whole: Finding) -> Finding | None:
        """What the newest brief that answers alone says; None if none of the newest does."""
        for brief_id in newest_first(self.generation, whole.evidence):
            found = self.find(whole.part, briefs=frozenset({brief_id}))
            if found.confidence >= SOONER * self.model.threshold:
                return found
        return None


def _holds(generation: Generation, finding: Finding) -> bool:
    """Whether a likely sentence has what a part asks for: the number, the day, its actor. Its topic alone is no answer."""
    part, evidence = finding.part, finding.evidence
    rows = np.flatnonzero(evidence.sentence_score >= LIKELY * evidence.sentence_score.max(initial=1e-6))
    likely = [int(evidence.found.sentences[row]) for row in rows]
    if part.group:
        names = names_of(generation, evidence)
        whose = attribution(generation, names, [part.group])
        return any(whose(position) for position in likely)
    sentences = [sentence_text(generation, position) for position in likely]
    if asks_count(part.clause):
        return any(gives_count(part.clause, sentence) for sentence in sentences)
    if Asks.DATE in asks_of(part.clause):
        return any(states_date(part.question, sentence) for sentence in sentences)
    return bool(sentences)


def choose(generation: Generation, found: LookUp, brevity: float) -> list[tuple[Part, list[Run]]]:
    """The runs that answer each part that was found, in their order; no sentence is chosen for two parts.

    What answers the question as a whole is shared out among the parts, to each what is likeliest for it, before each
    adds its own: the whole finds what the parts have in common, the parts what it leaves out. In a comparison, what is on
    no actor alone comes first, under no name.
    """
    if found.newest:
        first = select_sentences(generation, found.newest.evidence, brevity, NEWEST_WORDS)
        left = max(0, MAX_WORDS - count_all_words(generation, first))
        rest = select_sentences(generation, found.whole.evidence, brevity, left, first) if left else {}
        return [(found.whole.part, runs_of(generation, rows)) for rows in (first, rest) if rows]
    if not found.parts:
        return [(one.part, select(generation, one.evidence, brevity)) for one in found.found]
    place = _places(generation, found)
    common: dict[int, float] = {}
    chosen: list[dict[int, float]] = [{} for _ in found.parts]
    if found.whole.found:
        for position, score in select_sentences(generation, found.whole.evidence, brevity).items():
            k = place(position)
            if k is None or found.parts[k].found:
                (common if k is None else chosen[k])[position] = score
    for k, part in enumerate(found.parts):
        taken = [position for rows in (common, *chosen) for position in rows]
        left = max(0, MAX_WORDS - count_all_words(generation, taken))
        if part.found and (left or not chosen[k]):
            room = left // (len(chosen) - k)
            for position, score in select_sentences(generation, part.evidence, brevity, room, taken).items():
                (common if place(position) is None else chosen[k])[position] = score
    shown = [(found.whole.part, common)]
    shown += [(one.part, rows) for one, rows in zip(found.parts, chosen, strict=True) if one.found]
    return [(part, runs_of(generation, rows)) for part, rows in shown]


def _places(generation: Generation, found: LookUp) -> Callable[[int], int | None]:
    """A function that tells to which part a sentence belongs, by its place in the sentence table; None for all together.

    In a comparison it is the actor whom it is on, else the part for which it is likeliest.
    """
    actors = [part.part.group for part in found.parts]
    if actors[0]:
        whose = attribution(generation, names_of(generation, found.whole.evidence), actors)
        return lambda position: actors.index(of) if (of := whose(position)) else None
    chance = [chances(part.evidence) for part in found.parts]
    return lambda position: max(range(len(chance)), key=lambda k: (chance[k].get(position, 0.0), -k))
