"""When to ask back instead of guessing: a question without a subject of its own that several briefs fit about equally.

"What did they agree?" as the first question of a conversation says neither who nor where. If the evidence does not
settle it either, the likely readings are offered, each a question that stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from assistant.types import Turn
from index.duplicates import THRESHOLD, jaccard, shingle_hashes
from index.generation import Generation
from index.lexical import STOP_WORDS, terms
from index.query import ASKING_WORDS
from index.search import Evidence
from index.types import Brief

CLARIFY = "This can be read in several ways. Which do you mean?"
"""What is said with the readings."""
MARGIN = 1.5
"""Briefs whose best chunks differ by less, in log-odds, fit about equally: odds of up to 4.5 to 1."""
MOST = 4
"""Readings at most."""
OWN_WORDS = 2
"""A question with more words of its own than this says what it is about."""
MAX_TITLE = 70
"""Characters of a title that a reading shows."""

_EVENTS = (
    "deal|agreement|accord|pact|text|talks|negotiations?|meetings?|summit|conference|rounds?|statement|document|"
    "delegations?|mediators?|ministers?|officials?|group|sides?|parties|attack|strike|clash|operation|bombing|incident"
)
_REFERS = re.compile(
    rf"\b(?:they|them|their|it|its|he|him|his|she|her|this|that|these|those|both|(?:the|both)(?: two| other)? (?:{_EVENTS}))\b",
    re.I,
)
_PASSIVE = re.compile(r"(?:what|when|where|why|how) (?:was|were|has been|have been) [a-z]+(?:ed|en|wn|ne)", re.I)
_NAMED = re.compile(r"(?<=\S )[A-Z]|\d")
_MEASURE = re.compile(r"\bhow (?:many|much|long|often|far|big|large|soon)(?: (?:people|times|days))?\b", re.I)
_SINGULAR = re.compile(r"\b(?:it|its|he|him|his|she|her|this|that)\b", re.I)
_THEY = re.compile(r"\bthey\b", re.I)
_BOTH = r"both(?: the)?(?: two)? (?:sides|parties)|the(?: two)? (?:sides|parties)|they|them|both"
_PLURAL = re.compile(rf"\b(?:{_BOTH})\b", re.I)
_TALKS = re.compile(r"the .* (?:rounds?|talks|negotiations?|meetings?|summit|conference|mediation|channel)")
_BEFALLS = re.compile(r"\b(?:fail|end|start|begin|collapse|stall|break down|happen|resume|last)(?:ed|ing)?\b", re.I)
_PLACE = re.compile(r"(?:^(?:The )?|\b(?:the|in|at) )(?!The )([A-Z][\w’-]+(?: \d{4})?)(?!['’]s)(?: ([a-z]{4,}))?")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class _Setting:
    """What tells a brief from others: its two main actors, ``in Doha``, ``the Doha round``, its title. Empty if unknown."""

    actors: tuple[str, ...]
    place: str
    event: str
    title: str


def readings(generation: Generation, evidence: Evidence, question: str, history: Sequence[Turn] = ()) -> dict[str, str]:
    """Two to ``MOST`` questions that ``question`` may mean, the likeliest first; none when it is clear enough.

    Each with the id of the brief that it is made from. ``evidence`` is that of ``question``: readings speak only of briefs
    in it, so filters and labels hold for them.
    """
    if history or not refers_elsewhere(question):
        return {}
    own = _own_words(question)
    briefs = [generation.brief(generation.brief_ids[position]) for position in _rivals(generation, evidence, own)]
    if len(briefs) < 2 or any(_is_name(word, briefs) for word in own):
        return {}
    found: dict[str, str] = {}
    for brief in briefs:
        setting = _setting(brief)
        reading = _read(question, setting)
        found.setdefault(_by_title(question, setting) if reading in found else reading, brief.id)
    return dict(list(found.items())[:MOST]) if len(found) > 1 else {}


def refers_elsewhere(question: str) -> bool:
    """Whether ``question`` leaves open what it is about: it points at something, and names nothing."""
    text = question.strip().rstrip("?!. ")
    pointers = [match.group().lower() for match in _REFERS.finditer(text)]
    if _NAMED.search(text) or not (pointers or _PASSIVE.fullmatch(text)):
        return False
    own = _own_words(text)
    says = bool(own) or any(" " in pointer for pointer in pointers)  # "what is it?" says nothing to read anything into
    return says and len(own) <= OWN_WORDS


def _own_words(question: str) -> list[str]:
    """The words that say something of their own, beside what only refers or asks."""
    rest = _MEASURE.sub(" ", _REFERS.sub(" ", question)).lower()
    return [word for word in _WORD.findall(rest) if word not in STOP_WORDS and ASKING_WORDS.isdisjoint(terms(word))]


def _rivals(generation: Generation, evidence: Evidence, own: Sequence[str]) -> list[int]:
    """Positions of the briefs that fit about as well as the best one and hold the question's own words, best first.

    None says nearly the same as another. That is seen from the two alone: the groups in the manifest may be held together
    by a brief that was not searched.
    """
    found, stems = evidence.found, {term for word in own for term in terms(word)}
    if not len(found.chunks):
        return []
    columns = [k for k, group in enumerate(evidence.query.groups) if not stems.isdisjoint(group)]
    owner = generation.chunks.brief[found.chunks]

    @cache
    def shingles(position: int) -> NDArray[np.uint32]:
        return shingle_hashes(generation.brief(generation.brief_ids[position]))

    def repeats(position: int, other: int) -> bool:
        left, right = shingles(position), shingles(other)
        return bool(left.size) and bool(right.size) and jaccard(left, right) >= THRESHOLD

    rivals: list[int] = []
    for row in evidence.best_chunks:
        if evidence.chunk_score[row] < evidence.chunk_score.max() - MARGIN:
            break
        position = int(owner[row])
        holds = np.asarray(found.chunk_covered[owner == position][:, columns].all(axis=1)).any()
        if holds and position not in rivals and not any(repeats(position, other) for other in rivals):
            rivals.append(position)
    return rivals


def _is_name(word: str, briefs: Sequence[Brief]) -> bool:
    """Whether the briefs write ``word`` with a capital wherever they use it: a subject, though typed in lower case."""
    small = any(f" {word}" in brief.text for brief in briefs)
    return not small and any(f" {form}" in brief.text for brief in briefs for form in (word.capitalize(), word.upper()))


def _setting(brief: Brief) -> _Setting:
    named = [actor.partition(" (")[0].strip() for actor in brief.metadata.actors]
    title = " ".join(brief.metadata.title.split())
    place, event = next(_places(brief, title, named), ("", ""))
    return _Setting(tuple(named[:2]), place, event, title)


def _places(brief: Brief, title: str, actors: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names in the title that the text puts things "in" or "at", with the noun that follows: ("in Doha", "the Doha round")."""
    for match in _PLACE.finditer(title):
        name, noun = match.groups()
        if name in actors:
            continue
        for preposition in ("in", "at"):
            if f" {preposition} {name}" in brief.text:
                yield f"{preposition} {name}", f"the {name} {noun}" if noun else ""
                break


def _read(question: str, setting: _Setting) -> str:
    """The question as asked of one brief, in the words of its setting."""
    text = question.strip().rstrip("?!. ")
    if _SINGULAR.search(text) or not setting.place:
        return _by_title(question, setting)
    if _THEY.search(text) and _BEFALLS.search(text):  # what fails or ends is an event, not the parties
        talks = _TALKS.fullmatch(setting.event)
        return _asked(_THEY.sub(setting.event, text, count=1)) if talks else _by_title(question, setting)
    if len(setting.actors) == 2:
        text = _PLURAL.sub(" and ".join(setting.actors), text, count=1)
        text = re.sub(r"\btheir\b", " and ".join(f"{actor}'s" for actor in setting.actors), text, flags=re.I)
    return _asked(f"{text} {setting.place}")


def _by_title(question: str, setting: _Setting) -> str:
    title = setting.title.rstrip("?!. ")
    if len(title) > MAX_TITLE:
        title = f"{title[:MAX_TITLE].rpartition(' ')[0]}…"
    return _asked(f"{question.strip().rstrip('?!. ')}, according to “{title}”")


def _asked(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}?"
