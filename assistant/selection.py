"""Which sentences make the answer, and how many: decided for each question from the probabilities of its sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assistant.expectations import names_owner, owned_by_another
from index.generation import Generation
from index.lexical import Floats, terms
from index.search import Evidence
from index.traits import FACTS, NEVER_QUOTED, Asks, Trait

MAX_SENTENCES = 8
MAX_WORDS = 160
"""An answer stops before the sentence that would make it longer, except for its first sentence."""
SAME = 0.92
"""Cosine above which two sentences say the same: the second one is left out."""
SURPLUS_FACT, SURPLUS_OPEN = 1.0, 0.6
"""What a character too many costs against one that is missing, for questions after one fact and for open ones."""
HEADING_SHARE, TITLE_SHARE = 0.4, 0.7
"""How much of a question's weight a heading, and title and heading together, must hold for the list below to be the answer."""
OTHERS = 0.01
"""Probability left to a sentence about another owner's."""
ACROSS = 0.3
"""Another brief is heard when its best sentence reaches this share of the best sentence's probability."""
LIST_SHARE = 0.25
"""A list comes back whole when its items reach on average this share of the best sentence's probability."""


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
    """The runs that answer, those of the best brief first, in the order of their brief. Empty without candidates.

    Sentences are taken by falling probability as long as the expected overlap with the true answer grows: for a set S,
    I / (I + c (L - I) + M) with I the sum of p*l over S, L the sum of l over S, M the sum of p*l outside S (p a
    sentence's probability, l its length). With c = 1 this is the expected intersection over union of characters if
    sentences were independent; a smaller c (Tversky 1977) lets an open question have more words, as does a ``brevity``
    below 1, which a corpus whose facts are spread over many briefs is calibrated to. Ties are broken by position, so the same
    evidence always gives the same answer.
    """
    if not len(evidence.sentence_score):
        return []
    chance = _without_other_owners(generation, evidence)
    chosen = _by_expected_overlap(generation, evidence, chance, brevity)
    if Asks.LIST in evidence.query.asks:
        chosen = _whole_lists(generation, evidence, chance, chosen)
        chosen = _list_under_heading(generation, evidence, chance, chosen)
    chosen = _across_briefs(generation, evidence, chance, chosen)
    chosen = _every_part(generation, evidence, chance, chosen)
    return _runs(generation, evidence, chance, chosen)


def _without_other_owners(generation: Generation, evidence: Evidence) -> Floats:
    """The sentences' probabilities, next to nothing for those that speak of another owner's than the one asked about."""
    chance = evidence.sentence_score
    if not names_owner(evidence.query.searched):
        return chance
    same = {term: group for group in evidence.query.groups for term in group}
    others = [
        owned_by_another(evidence.query.searched, sentence_text(generation, int(row)), same)
        for row in evidence.found.sentences
    ]
    return np.where(others, np.minimum(chance, OTHERS), chance).astype(np.float32)


def _by_expected_overlap(generation: Generation, evidence: Evidence, chance: Floats, brevity: float) -> list[int]:
    found, lines = evidence.found, generation.sentences
    length = (lines.end[found.sentences] - lines.start[found.sentences]).astype(np.float64)
    inside, outside = 0.0, float((chance * length).sum())
    fact = bool(evidence.query.asks & FACTS) and Asks.LIST not in evidence.query.asks
    surplus = brevity * (SURPLUS_FACT if fact else SURPLUS_OPEN)
    best, best_size = 0.0, 1
    taken: list[int] = []
    size, words = 0.0, 0
    for row in np.argsort(-chance, kind="stable")[: 3 * MAX_SENTENCES]:
        if len(taken) == MAX_SENTENCES:
            break
        if _repeats(generation, evidence, taken, int(row)):
            continue
        words += count_words(generation, int(found.sentences[row]))
        if taken and words > MAX_WORDS:
            break
        taken.append(int(row))
        inside += float(chance[row] * length[row])
        size += float(length[row])
        overlap = inside / (inside + surplus * (size - inside) + outside - inside)
        if overlap > best:
            best, best_size = overlap, len(taken)
    return taken[:best_size]


def _repeats(generation: Generation, evidence: Evidence, taken: Sequence[int], row: int) -> bool:
    """Whether a sentence says what one already taken says."""
    if not taken:
        return False
    rows = evidence.found.sentences
    vector = generation.sentence_vectors[rows[row]].astype(np.float32)
    others = generation.sentence_vectors[rows[list(taken)]].astype(np.float32)
    near = np.flatnonzero(others @ vector > SAME)
    return any(_same_words(generation, int(rows[taken[int(k)]]), int(rows[row])) for k in near)


def _same_words(generation: Generation, left: int, right: int) -> bool:
    one, two = set(terms(sentence_text(generation, left))), set(terms(sentence_text(generation, right)))
    return len(one & two) >= 0.6 * min(len(one), len(two))


def sentence_text(generation: Generation, row: int) -> str:
    """The words of a sentence by its place in the sentence table."""
    lines = generation.sentences
    brief = generation.brief(generation.brief_ids[lines.brief[row]])
    return brief.text[lines.start[row] : lines.end[row]]


def count_words(generation: Generation, row: int) -> int:
    """How many words a sentence has, by white space."""
    return len(sentence_text(generation, row).split())


def _whole_lists(generation: Generation, evidence: Evidence, chance: Floats, chosen: list[int]) -> list[int]:
    """Add the other items of a list of which some were taken, when they too are likely enough and there is room."""
    found, lines = evidence.found, generation.sentences
    traits = lines.traits[found.sentences]
    bar = LIST_SHARE * float(chance.max())
    result = list(chosen)
    for row in chosen:
        if not traits[row] & Trait.ITEM.value:
            continue
        siblings = [k for k in _siblings(generation, evidence, row) if k not in result]
        if not siblings or float(chance[siblings].mean()) < bar:
            continue
        words = sum(count_words(generation, int(found.sentences[k])) for k in [*result, *siblings])
        if words <= MAX_WORDS:
            result += siblings
    return result


def _list_under_heading(generation: Generation, evidence: Evidence, chance: Floats, chosen: list[int]) -> list[int]:
    """Add the lead sentence of each item of a list whose heading is what the question asks for.

    Asked for red lines, the items under "Red lines on sovereignty" answer one by one, though none says "red line". What is
    less likely than the list makes room for it.
    """
    leads = _asked_list(generation, evidence)
    if not leads:
        return chosen
    result = list(leads)
    words = sum(count_words(generation, int(evidence.found.sentences[k])) for k in result)
    for row in sorted(chosen, key=lambda k: -chance[k]):
        words += 0 if row in result else count_words(generation, int(evidence.found.sentences[row]))
        if words > MAX_WORDS or len(result) >= MAX_SENTENCES:
            break
        if row not in result and not _repeats(generation, evidence, result, row):
            result.append(row)
    return result


def _asked_list(generation: Generation, evidence: Evidence) -> list[int]:
    """Candidate rows of the first sentences of the items in the best chunk whose heading covers the question, if any."""
    found, lines = evidence.found, generation.sentences
    total = max(float(found.group_idf.sum()), 1e-6)
    for chunk in evidence.best_chunks:
        headings = generation.headings(int(found.chunks[chunk]))
        title = generation.metadata(generation.brief_ids[generation.chunks.brief[found.chunks[chunk]]]).title
        if not headings or not _covers(evidence, headings[-1], HEADING_SHARE * total):
            continue
        if not _covers(evidence, f"{title} {headings[-1]}", TITLE_SHARE * total):
            continue
        section = _section(generation, evidence, int(chunk))
        rows = np.flatnonzero(np.isin(found.owner, section))
        items = [int(k) for k in rows if lines.traits[found.sentences[k]] & Trait.ITEM.value]
        leads = [k for k in items if k - 1 not in items or not _joined(generation, int(found.sentences[k]))]
        if len(leads) > 1:
            return leads[:MAX_SENTENCES]
    return []


def _section(generation: Generation, evidence: Evidence, chunk: int) -> list[int]:
    """Rows of the candidate chunks under the same heading of the same brief as ``chunk``."""
    table, chunks = generation.chunks, evidence.found.chunks
    same = (table.brief[chunks] == table.brief[chunks[chunk]]) & (table.heading[chunks] == table.heading[chunks[chunk]])
    return [int(row) for row in np.flatnonzero(same)]


def _covers(evidence: Evidence, text: str, weight: float) -> bool:
    """Whether ``text`` holds words of the question that weigh (idf) ``weight`` together."""
    held = set(terms(text))
    groups = zip(evidence.query.groups, evidence.found.group_idf, strict=True)
    return sum(float(idf) for group, idf in groups if not held.isdisjoint(group)) >= weight


def _siblings(generation: Generation, evidence: Evidence, row: int) -> list[int]:
    """Candidate rows of the items that stand in one unbroken list with ``row``."""
    found, lines = evidence.found, generation.sentences
    place = {int(position): k for k, position in enumerate(found.sentences)}
    position = int(found.sentences[row])
    siblings: list[int] = []
    for step in (-1, 1):
        at = position + step
        while at in place and lines.brief[at] == lines.brief[position] and lines.traits[at] & Trait.ITEM.value:
            siblings.append(place[at])
            at += step
    return sorted(siblings)


def _across_briefs(generation: Generation, evidence: Evidence, chance: Floats, chosen: list[int]) -> list[int]:
    """Add what other briefs have to say: the best sentences of each that are nearly as likely as the best of all."""
    rows, lines = evidence.found.sentences, generation.sentences
    owners = lines.brief[rows]
    bar = ACROSS * float(chance.max())
    result = list(chosen)
    words = sum(count_words(generation, int(rows[k])) for k in result)
    taken = {int(owners[k]) for k in result}
    for row in np.argsort(-chance, kind="stable"):
        if chance[row] < bar or len(result) >= MAX_SENTENCES:
            break
        brief = int(owners[row])
        if brief in taken or _repeats(generation, evidence, result, int(row)):
            continue
        words += count_words(generation, int(rows[row]))
        if words > MAX_WORDS:
            break
        result.append(int(row))
        taken.add(brief)
    return result


def _every_part(generation: Generation, evidence: Evidence, chance: Floats, chosen: list[int]) -> list[int]:
    """Add the best sentence that holds words of the question which the choice leaves out, if one is likely at all."""
    found = evidence.found
    if not found.covered.shape[1] or len(chosen) >= MAX_SENTENCES:
        return chosen
    missing = ~found.covered[chosen].any(axis=0)
    weight = float(found.group_idf[missing].sum())
    if weight < 0.34 * float(found.group_idf.sum()):
        return chosen
    gain = (found.covered[:, missing] * found.group_idf[missing]).sum(axis=1) / max(weight, 1e-6)
    value = np.where(gain >= 0.5, chance, 0.0)
    best = int(np.argmax(value))
    if value[best] < 0.35 * float(chance.max()) or best in chosen:
        return chosen
    return [*chosen, best]


def _runs(generation: Generation, evidence: Evidence, chance: Floats, chosen: list[int]) -> list[Run]:
    """Join neighbours into runs and order them: briefs by their best sentence, runs by their place in the brief."""
    lines, rows = generation.sentences, evidence.found.sentences
    score = {int(rows[k]): float(chance[k]) for k in chosen}
    for position in sorted(score):
        before = _leaned_on(generation, position)
        if before is not None:
            score.setdefault(before, 0.0)
    runs: list[Run] = []
    for position in sorted(score):
        brief, start, end = int(lines.brief[position]), int(lines.start[position]), int(lines.end[position])
        last = runs[-1] if runs else None
        if last and last.brief == brief and last.last == position - 1 and _joined(generation, position):
            runs[-1] = Run(brief, last.first, position, last.start, end, max(last.score, score[position]))
        else:
            runs.append(Run(brief, position, position, start, end, score[position]))
    best = {run.brief: max(r.score for r in runs if r.brief == run.brief) for run in runs}
    return sorted(runs, key=lambda run: (-best[run.brief], run.brief, run.start))


def _leaned_on(generation: Generation, position: int) -> int | None:
    """The sentence before, when this one cannot be understood without it ("It", "The move"), else None."""
    lines = generation.sentences
    if position == 0 or not lines.traits[position] & Trait.LEANS_BACK.value or not _joined(generation, position):
        return None
    return None if lines.traits[position - 1] & NEVER_QUOTED.value else position - 1


def _joined(generation: Generation, position: int) -> bool:
    """Whether nothing but white space stands between a sentence and the one before it, in one paragraph."""
    lines = generation.sentences
    if lines.brief[position] != lines.brief[position - 1] or lines.paragraph[position] != lines.paragraph[position - 1]:
        return False
    text = generation.brief(generation.brief_ids[lines.brief[position]]).text
    return not text[lines.end[position - 1] : lines.start[position]].strip()
