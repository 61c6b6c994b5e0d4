"""Questions to start with, made from the titles and headings of the briefs and kept if the assistant answers them."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache

from assistant import Assistant
from index.filters import Filters, allowed_briefs
from index.generation import Generation

WANTED = 4
TRIED_BRIEFS, TRIED_QUESTIONS = 24, 6
"""The newest briefs, and questions about each, that are tried: the cost does not grow with the corpus."""
_WHOLE = re.compile(r"(?:how|what|who|why|when|where|which|could|can|will|is|are|does|do|did)\b.*\?$", re.IGNORECASE)
_READY = re.compile(
    r"(?:what (?:happened|changed|opened|stayed|remains|was|were)|how (?:many|much) \w+|who remains) \w+.*[^?]$", re.I
)
_PASSIVE = re.compile(r"(how|why|when|where) ((?:the )?[\w' ’-]+?) (was|were|is|are) (.+)$", re.IGNORECASE)
_VERB = r"say|ask|allege|want|cover|cost|report|claim|read|explain|demand|offer|seek|reject|see"
_DOES = re.compile(rf"(what|how) ((?:the )?[\w’'-]+(?: [\w’'-]+){{0,2}}) ({_VERB})(s?)\b(.*)$", re.IGNORECASE)
_OWNED = re.compile(r"(?:the )?[A-Z][\w-]*['’]s? [a-z].*$")
_PLURAL = re.compile(r"(?<![su])s$|\band\b")


def as_question(phrase: str) -> str | None:
    """A title or heading as a question, or None where that would not be English.

    >>> as_question("What India says about the clashes")
    'What does India say about the clashes?'
    >>> as_question("Kabul's stated positions and red lines")
    "What are Kabul's stated positions and red lines?"
    """
    if _WHOLE.match(phrase):
        return phrase[0].upper() + phrase[1:]
    if _READY.match(phrase):
        return f"{phrase[0].upper()}{phrase[1:]}?"
    if found := _PASSIVE.match(phrase):
        asks, subject, verb, rest = found.groups()
        return f"{asks.capitalize()} {verb} {subject} {rest}?"
    if found := _DOES.match(phrase):
        asks, subject, verb, ending, rest = found.groups()
        return f"{asks.capitalize()} {'does' if ending else 'do'} {subject} {verb}{rest}?"
    if _OWNED.match(phrase):
        owned = re.split(r" (?:of|in|on|as|at|for|from|toward|to) ", phrase, maxsplit=1)[0]
        return f"What {'are' if _PLURAL.search(owned) else 'is'} {phrase}?"
    return None


def suggested_questions(assistant: Assistant, labels: frozenset[str] | None = None) -> tuple[str, ...]:
    """Up to ``WANTED`` questions that the assistant answers from the briefs for the groups ``labels``, None for all.

    Each is answered from another brief. The assistant is asked once for all readers who see the same.
    """
    return _suggested(assistant, assistant.generation.id_for(labels), labels)


@lru_cache(maxsize=64)
def _suggested(assistant: Assistant, seen: str, labels: frozenset[str] | None) -> tuple[str, ...]:
    """The same; ``seen`` says when to ask anew."""
    if assistant.settings.engine == "model":  # nothing goes to a model before somebody asks
        assistant = Assistant(assistant.settings.model_copy(update={"engine": "extractive"}))
    generation, filters = assistant.generation, Filters(labels=labels)
    phrases = _phrases(generation, allowed_briefs(generation.manifest.metadata, filters))
    by_age = sorted(phrases, key=lambda brief_id: (generation.metadata(brief_id).date or dt.date.min, brief_id))
    best: dict[str, float] = {}
    for brief_id in by_age[: -TRIED_BRIEFS - 1 : -1]:
        questions = [question for phrase in phrases[brief_id] if (question := as_question(phrase))]
        for confidence, question in _answered(assistant, brief_id, questions[:TRIED_QUESTIONS], filters):
            best.setdefault(question, confidence)
            break
    return tuple(sorted(best, key=lambda question: -best[question])[:WANTED])


def _phrases(generation: Generation, allowed: frozenset[str] | None) -> dict[str, list[str]]:
    """Title and headings by allowed brief, without the headings that several of them share: those say nothing about any."""
    ids = generation.brief_ids
    headings: dict[str, dict[str, None]] = {key: {} for key in ids if allowed is None or key in allowed}
    for chunk, position in enumerate(generation.chunks.brief):
        if ids[position] in headings:
            headings[ids[position]].update(dict.fromkeys(generation.headings(chunk)))
    shared = Counter(heading for own in headings.values() for heading in own)
    return {
        brief_id: [*_parts(generation.metadata(brief_id).title), *(heading for heading in own if shared[heading] == 1)]
        for brief_id, own in headings.items()
    }


def _parts(title: str) -> Iterator[str]:
    """The title, and what comes after its colon."""
    yield title
    yield from (part.strip() for part in title.split(":")[1:])


def _answered(
    assistant: Assistant, brief_id: str, questions: Iterable[str], filters: Filters
) -> list[tuple[float, str]]:
    """The questions that are answered from the brief, most confident first."""
    found: list[tuple[float, str]] = []
    for question in dict.fromkeys(questions):
        answer = assistant.ask(question, filters=filters)
        if answer.status == "answered" and any(citation.brief_id == brief_id for citation in answer.citations):
            found.append((answer.confidence, question))
    return sorted(found, key=lambda pair: -pair[0])
