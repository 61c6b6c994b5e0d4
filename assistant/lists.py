"""Lists in answers: those of which an item answers come back whole, and one that its heading announces answers as it is."""

from __future__ import annotations

import numpy as np

from assistant.sentences import chances, count_all_words, count_words, is_item, leads, repeats, siblings_of
from index.generation import Generation
from index.lexical import terms
from index.search import Evidence
from index.traits import NEVER_QUOTED

MOST_ITEMS = 8
"""Items that a list is answered with, and sentences that it leaves room for beside it, at most."""
HEADING_SHARE, TITLE_SHARE = 0.4, 0.7
"""How much of a question's weight a heading, and title and heading together, must hold for the list below to be the answer."""
LIST_SHARE = 0.25
"""A list comes back whole when its items reach on average this share of the best sentence's probability."""


def whole_lists(generation: Generation, evidence: Evidence, chosen: list[int], room: int) -> list[int]:
    """Add the other items of a list of which some were taken, when they too are likely enough and there is room.

    A list too long for that has its items' first sentences added instead. Items in chunks that were not looked at count
    as the others do.
    """
    chance = chances(evidence)
    bar = LIST_SHARE * max(chance.values())
    result = list(chosen)
    for position in chosen:
        siblings = [k for k in siblings_of(generation, position) if k not in result]
        known = [chance[k] for k in siblings if k in chance]
        if not known or sum(known) / len(known) < bar:
            continue
        for added in (siblings, [k for k in siblings if leads(generation, k)]):
            if count_all_words(generation, [*result, *added]) <= room:
                result += added
                break
    return result


def list_under_heading(generation: Generation, evidence: Evidence, chosen: list[int], room: int) -> list[int]:
    """Add the lead sentence of each item of a list whose heading is what the question asks for.

    Asked for red lines, the items under "Red lines on sovereignty" answer one by one, though none says "red line". What is
    less likely than the list makes room for it.
    """
    result = asked_list(generation, evidence)
    if not result:
        return chosen
    chance, words = chances(evidence), count_all_words(generation, result)
    for position in sorted(chosen, key=lambda k: -chance.get(k, 0.0)):
        words += 0 if position in result else count_words(generation, position)
        if words > room or len(result) >= MOST_ITEMS:
            break
        if position not in result and not repeats(generation, result, position):
            result.append(position)
    return result


def asked_list(generation: Generation, evidence: Evidence) -> list[int]:
    """The first sentences of the items in the best section whose title and heading cover the question, if any.

    Positions in the sentence table, at most ``MOST_ITEMS``; the section is read whole, however many chunks it fills.
    A section with an excluded sentence is passed over.
    """
    table, lines, found, pool = generation.chunks, generation.sentences, evidence.found, evidence.pool
    total = max(float(found.group_idf.sum()), 1e-6)
    ranked = found.chunks[evidence.best_chunks].tolist() + pool.chunks[np.argsort(-pool.chunk_cosine)].tolist()
    for chunk in dict.fromkeys(ranked):
        headings = generation.headings(chunk)
        title = generation.metadata(generation.brief_ids[table.brief[chunk]]).title
        if not headings or not _covers(evidence, headings[-1], HEADING_SHARE * total):
            continue
        if not _covers(evidence, f"{title} {headings[-1]}", TITLE_SHARE * total):
            continue
        section = np.flatnonzero((table.brief == table.brief[chunk]) & (table.heading == table.heading[chunk]))
        places = [k for part in section for k in range(int(table.first[part]), int(table.last[part]))]
        items = [k for k in places if is_item(generation, k) and not lines.traits[k] & NEVER_QUOTED.value]
        leading = [k for k in items if leads(generation, k)]
        if len(leading) > 1 and evidence.excluded.isdisjoint(leading):
            return leading[:MOST_ITEMS]
    return []


def _covers(evidence: Evidence, text: str, weight: float) -> bool:
    """Whether ``text`` holds words of the question that weigh (idf) ``weight`` together."""
    held = set(terms(text))
    groups = zip(evidence.query.groups, evidence.found.group_idf, strict=True)
    return sum(float(idf) for group, idf in groups if not held.isdisjoint(group)) >= weight
