"""Which sentences make the answer, and how many: decided for each question from the probabilities of its sentences."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from assistant.denials import against
from assistant.expectations import counted, states_reason
from assistant.lists import list_under_heading, whole_lists
from assistant.sentences import (
    chances,
    count_all_words,
    count_words,
    follows,
    is_item,
    joined,
    leads,
    paragraph_of,
    repeats,
    sentence_text,
    siblings_of,
)
from index.generation import Generation
from index.lexical import Floats, terms
from index.query import Query
from index.search import Evidence
from index.traits import NEVER_QUOTED, Asks, Trait

_ANNOUNCES = re.compile(r"(?:two|three|four|five|six|several)(?: [^\s,;]+){2,7}\.", re.I)
MAX_SENTENCES = 8
MAX_WORDS = 160
"""An answer stops before the sentence that would make it longer, except for its first sentence."""
BEFORE = 2
"""Sentences that one brings along because it cannot be understood without them, at most."""
ACROSS = 0.3
"""Another brief is heard when its best sentence reaches this share of the best sentence's probability."""
CARRIED = 0.5
"""What a sentence that goes on from a likely one is worth of its probability: the answer often runs over into it."""


@dataclass(frozen=True, slots=True)
class Run:
    """Sentences that follow each other in one brief: rows ``first`` to ``last`` (inclusive) of the sentence table.

    ``start`` and ``end`` are offsets in the brief's text, ``score`` the highest probability in the run.
    """

    brief: int
    first: int
    last: int
    start: int
    end: int
    score: float


def select(generation: Generation, evidence: Evidence, brevity: float = 1.0) -> list[Run]:
    """The runs that answer, those of the best brief first, in the order of their brief. Empty without candidates."""
    return runs_of(generation, select_sentences(generation, evidence, brevity))


def select_sentences(
    generation: Generation,
    evidence: Evidence,
    brevity: float = 1.0,
    words: int = MAX_WORDS,
    taken: Collection[int] = (),
) -> dict[int, float]:
    """The sentences that answer, as places in the sentence table with their probability in [0, 1].

    Sentences are taken by falling probability as long as the expected overlap with the true answer grows: for a set S,
    I / (I + c (L - I) + M) with I the sum of p*l over S, L the sum of l over S, M the sum of p*l outside S (p a
    sentence's probability, l its length) and c the ``brevity``: what a character too many costs against one that is
    missing. With c = 1 this is the expected intersection over union of characters if sentences were independent; with
    less (Tversky 1977) answers grow longer, which a corpus whose facts are spread over many briefs is calibrated to.
    A sentence counts as at least ``CARRIED`` times as likely as the one that it goes on from. Ties are broken by position,
    so the same evidence always gives the same answer.

    At most ``words`` words are taken, except for the first sentence and what it leans on, and nothing that the sentences
    ``taken`` say already.
    """
    if not len(evidence.sentence_score):
        return {}
    chosen = _by_expected_overlap(generation, evidence, brevity, words)
    if Asks.LIST in evidence.query.asks:
        chosen = whole_lists(generation, evidence, chosen, words)
        chosen = list_under_heading(generation, evidence, chosen, words)
    chosen = _across_briefs(generation, evidence, chosen, words)
    chosen = _every_part(generation, evidence, chosen)
    if Asks.REASON in evidence.query.asks:
        chosen = _with_reason(generation, evidence, chosen, words)
    if taken:
        said = list(taken)
        chosen = [k for k in chosen if k not in taken and not repeats(generation, said, k)]
    return _with_context(generation, evidence, chosen, words)


def _by_expected_overlap(generation: Generation, evidence: Evidence, brevity: float, room: int) -> list[int]:
    found, lines, chance = evidence.found, generation.sentences, _carried(generation, evidence)
    length = (lines.end[found.sentences] - lines.start[found.sentences]).astype(np.float64)
    inside, outside = 0.0, float((chance * length).sum())
    best, best_size = 0.0, 1
    taken: list[int] = []
    size, words = 0.0, 0
    for row in np.argsort(-chance, kind="stable")[: 3 * MAX_SENTENCES]:
        position = int(found.sentences[row])
        if len(taken) == MAX_SENTENCES:
            break
        if repeats(generation, taken, position):
            continue
        words += count_words(generation, position)
        if taken and words > room:
            break
        taken.append(position)
        inside += float(chance[row] * length[row])
        size += float(length[row])
        overlap = inside / (inside + brevity * (size - inside) + outside - inside)
        if overlap > best:
            best, best_size = overlap, len(taken)
    return taken[:best_size]


def _carried(generation: Generation, evidence: Evidence) -> Floats:
    """The probability of each sentence, at least ``CARRIED`` times that of the one before it in its paragraph."""
    rows, chance = evidence.found.sentences, evidence.sentence_score
    carried = chance.copy()
    follows = [k for k in range(1, len(rows)) if rows[k - 1] == rows[k] - 1 and joined(generation, int(rows[k]))]
    carried[follows] = np.maximum(chance[follows], CARRIED * chance[[k - 1 for k in follows]])
    return carried


def _across_briefs(generation: Generation, evidence: Evidence, chosen: list[int], room: int) -> list[int]:
    """Add what other briefs have to say: the best sentences of each that are nearly as likely as the best of all."""
    rows, lines, chance = evidence.found.sentences, generation.sentences, evidence.sentence_score
    bar = ACROSS * float(chance.max())
    result = list(chosen)
    words = count_all_words(generation, result)
    taken = {int(lines.brief[position]) for position in result}
    for row in np.argsort(-chance, kind="stable"):
        if chance[row] < bar or len(result) >= MAX_SENTENCES:
            break
        position = int(rows[row])
        brief = int(lines.brief[position])
        if brief in taken or repeats(generation, result, position):
            continue
        words += count_words(generation, position)
        if words > room:
            break
        result.append(position)
        taken.add(brief)
    return result


def _every_part(generation: Generation, evidence: Evidence, chosen: list[int]) -> list[int]:
    """Add the best sentence that holds words of the question which the choice leaves out, if one is likely at all."""
    found, chance = evidence.found, evidence.sentence_score
    if not found.covered.shape[1] or len(chosen) >= MAX_SENTENCES:
        return chosen
    missing = ~found.covered[np.isin(found.sentences, chosen)].any(axis=0)
    weight = float(found.group_idf[missing].sum())
    if weight < 0.34 * float(found.group_idf.sum()):
        return chosen
    gain = (found.covered[:, missing] * found.group_idf[missing]).sum(axis=1) / max(weight, 1e-6)
    value = np.where(gain >= 0.5, chance, 0.0)
    best = int(np.argmax(value))
    position = int(found.sentences[best])
    if value[best] < 0.35 * float(chance.max()) or position in chosen:
        return chosen
    return [*chosen, position]


def _with_reason(generation: Generation, evidence: Evidence, chosen: list[int], room: int) -> list[int]:
    """Add the reason that stands beside what was chosen, in its paragraph, where a question asks why and nothing chosen says."""
    if any(states_reason(sentence_text(generation, position)) for position in chosen):
        return chosen
    lines, words = generation.sentences, count_all_words(generation, chosen)
    for position in chosen:
        near = [k for k in paragraph_of(generation, position) if k not in chosen and k not in evidence.excluded]
        for k in sorted(near, key=lambda k: (abs(k - position), k)):
            quotable = not lines.traits[k] & NEVER_QUOTED.value
            if quotable and states_reason(sentence_text(generation, k)) and words + count_words(generation, k) <= room:
                return [*chosen, k]
    return chosen


def _with_context(generation: Generation, evidence: Evidence, chosen: list[int], room: int) -> dict[int, float]:
    """The choice with the sentences that it cannot be understood without and what is said against it, with probabilities.

    A sentence for which there is no room together with those before it is left out, unless it is the likeliest.
    """
    chance = chances(evidence)
    asked = evidence.query if Asks.NUMBER in evidence.query.asks else None
    result: dict[int, float] = {}
    words = 0
    for position in sorted(chosen, key=lambda k: (-chance.get(k, 0.0), k)):
        run = _understood(generation, position, asked)
        needed = [k for k in run if k not in result]
        led_in = _led_in(generation, position)
        for led in led_in:
            if led not in result and words + count_all_words(generation, [*needed, led]) <= room:
                needed.append(led)
        if result and led_in and not any(led in result or led in needed for led in led_in):
            continue
        added = count_all_words(generation, needed)
        if result and words + added > room:
            continue
        denial = against(generation, position)
        if denial is not None and denial not in {*result, *needed}:
            spoken = count_words(generation, denial)
            if words + added + spoken <= room:
                needed, added = [*needed, denial], added + spoken
        words += added
        result |= {k: chance.get(k, 0.0) if k in chosen else 0.0 for k in needed}
    return result


def _understood(generation: Generation, position: int, asked: Query | None) -> list[int]:
    """A sentence after those before it in its paragraph without which it says too little, at most ``BEFORE`` of them.

    It may lean on them ("It", "The move"), or, when a count is ``asked`` for, give a number without what it counts.
    """
    run = [position]
    while len(run) <= BEFORE and (_leans(generation, run[0]) or (asked and _counts_blindly(generation, run[0], asked))):
        run.insert(0, run[0] - 1)
    return run


def _led_in(generation: Generation, position: int) -> list[int]:
    """What a sentence only announces: "Three disputes run through the talks:" says nothing without them.

    That is the first sentences of a list's items, each with what it announces in turn, or the sentence that follows.
    """
    lines, following = generation.sentences, position + 1
    text = sentence_text(generation, position).rstrip()
    if following >= len(lines) or lines.brief[following] != lines.brief[position]:
        return []
    if text.endswith(":") and is_item(generation, following) and not joined(generation, following):
        items = [k for k in sorted({following, *siblings_of(generation, following)}) if leads(generation, k)]
        return [k for item in items for k in (item, *_led_in(generation, item))]
    announces = text.endswith(":") or _ANNOUNCES.fullmatch(text)
    return [following] if announces and joined(generation, following) else []


def _leans(generation: Generation, position: int) -> bool:
    """Whether a sentence cannot be understood without the one before, which is there to be quoted."""
    return bool(generation.sentences.traits[position] & Trait.LEANS_BACK.value) and follows(generation, position)


def _counts_blindly(generation: Generation, position: int, asked: Query) -> bool:
    """Whether a sentence gives a number without naming what ``asked`` counts, and the one before it names that."""
    if not generation.sentences.traits[position] & Trait.NUMBER.value or not follows(generation, position):
        return False
    nouns = counted(asked.searched)
    before, here = (set(terms(sentence_text(generation, k))) for k in (position - 1, position))
    return not nouns.isdisjoint(before) and nouns.isdisjoint(here)


def runs_of(generation: Generation, score: Mapping[int, float]) -> list[Run]:
    """Join neighbours into runs and order them: briefs by their best sentence, runs by their place in the brief."""
    lines = generation.sentences
    runs: list[Run] = []
    for position in sorted(score):
        brief, start, end = int(lines.brief[position]), int(lines.start[position]), int(lines.end[position])
        last = runs[-1] if runs else None
        if last and last.brief == brief and last.last == position - 1 and joined(generation, position):
            runs[-1] = Run(brief, last.first, position, last.start, end, max(last.score, score[position]))
        else:
            runs.append(Run(brief, position, position, start, end, score[position]))
    best = {run.brief: max(r.score for r in runs if r.brief == run.brief) for run in runs}
    return sorted(runs, key=lambda run: (-best[run.brief], run.brief, run.start))
