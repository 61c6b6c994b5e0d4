"""Scores of one case: each a value with its explanation, or unscored where it does not apply."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from assistant.types import Answer, Citation
from evals.cases import Case
from evals.metrics import citation_overlap
from evals.regions import Gold, Region, choose, shared, union
from evals.wording import count_words, normalise, says, without_markers
from index.search import Hit
from index.types import Brief

HALF = 0.5
"""Share of a gold span that has to be cited."""
DEPTH = 10
"""Hits among which the gold briefs are looked for."""
LONGEST = 200
"""Words that an answer may have."""
_MARKER = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Score:
    """``value`` is in [0, 1] unless it counts something; None means that the score does not apply to the case."""

    value: float | None
    why: str


Scores = dict[str, Score]

PASSING: Mapping[str, Callable[[float], bool]] = {
    **dict.fromkeys(
        ("quotes_exact", "abstention_right", "facts_present", "forbidden_absent", "span_cited", "brief_retrieved"),
        lambda value: value >= 1,
    ),
    "words": lambda value: value <= LONGEST,
}
"""What a case has to satisfy to pass, by score."""

SCORES = (
    *("brief_retrieved", "span_recall@1", "span_recall@5", "span_recall@10"),
    *("abstention_right", "quotes_exact", "facts_present", "forbidden_absent", "words"),
    *("span_cited", "citation_precision", "citation_recall", "citation_iou"),
    *("wrongly_abstained", "abstained_when_unanswerable"),
)
"""Names of all scores of a case, those of the ranking of briefs aside."""


def failures(values: Mapping[str, float]) -> tuple[str, ...]:
    """Names of the scores that keep a case from passing."""
    return tuple(name for name, passes in PASSING.items() if name in values and not passes(values[name]))


def score_hits(hits: Sequence[Hit], golds: Sequence[Gold]) -> Scores:
    """Whether the briefs of the required spans were found, and how much of the spans the first hits hold."""
    if not golds:
        return {}
    found = list(dict.fromkeys(hit.brief_id for hit in hits[:DEPTH]))
    whole: Region = dict.fromkeys(found, ((0, 1 << 62),))
    in_hits = choose(golds, whole)
    missing = [one.required.brief_id for one in in_hits if not one.share]
    scores = {
        "brief_retrieved": Score(
            1 - len(missing) / len(in_hits),
            f"not among the first {DEPTH} hits: {', '.join(dict.fromkeys(missing))}" if missing else "all found",
        )
    }
    for k in (1, 5, 10):
        region = union((hit.brief_id, (hit.start, hit.end)) for hit in hits[:k])
        overlap = citation_overlap(region, golds, choose(golds, region))
        scores[f"span_recall@{k}"] = Score(overlap.recall, f"share of the gold characters in the first {k} hits")
    return scores


def score_answer(case: Case, answer: Answer, golds: Sequence[Gold], brief: Callable[[str], Brief]) -> Scores:
    """Everything that can be said of an answer. ``brief`` gives a brief by id, raising KeyError if there is none."""
    scores = {
        "abstention_right": _abstention(case, answer),
        "quotes_exact": _quotes_exact(answer, brief),
        "facts_present": _facts(case, answer),
        "forbidden_absent": _forbidden(case, answer),
        "words": _words(answer),
    }
    if golds:
        scores |= _spans(answer, golds)
    if case.answerable:
        scores["wrongly_abstained"] = Score(float(answer.status == "abstained"), f"answerable, {answer.status}")
    else:
        right = float(answer.status == "abstained")
        scores["abstained_when_unanswerable"] = Score(right, f"unanswerable, {answer.status}")
    return scores


def score_failure(case: Case, reason: str) -> Scores:
    """Scores of a case that ended in an error: whatever would apply is wrong."""
    asked, gold = case.answerable is not None, bool(case.spans)
    applying = {"abstention_right": asked, "facts_present": bool(case.facts), "span_cited": gold}
    applying |= {"brief_retrieved": gold, "abstained_when_unanswerable": case.answerable is False}
    scores = {name: Score(0.0, reason) for name, applies in applying.items() if applies}
    return scores | ({"wrongly_abstained": Score(1.0, reason)} if case.answerable else {})


def _abstention(case: Case, answer: Answer) -> Score:
    answered = answer.status != "abstained"
    expected = "answered" if case.answerable else "abstained"
    return Score(float(answered == case.answerable), f"expected {expected}, found {answer.status}")


def _quotes_exact(answer: Answer, brief: Callable[[str], Brief]) -> Score:
    """Every quote is a slice of its brief's body, every statement that is not struck out has a citation, every marker names one."""
    if answer.status == "abstained":
        return Score(None, "abstained") if not answer.citations else Score(0.0, "an abstention with citations")
    if not answer.citations:
        return Score(0.0, "an answer without a citation")
    wrong = [f"[{citation.label}] {why}" for citation in answer.citations if (why := _fault(citation, brief))]
    labels = {citation.label for citation in answer.citations}
    wrong += [
        f"a statement cites {list(statement.citations)}, citations are {sorted(labels)}"
        for statement in answer.statements
        if not (statement.citations or statement.unsupported) or not labels.issuperset(statement.citations)
    ]
    strange = {int(number) for number in _MARKER.findall(_unquoted(answer))} - labels
    wrong += [f"the text names [{number}], which is no citation" for number in sorted(strange)]
    return Score(float(not wrong), "; ".join(wrong) or f"{len(answer.citations)} of {len(answer.citations)} exact")


def _unquoted(answer: Answer) -> str:
    """The text without the quotes, which may hold brackets of their own."""
    text = answer.text
    for citation in answer.citations:
        text = text.replace(citation.quote, "")
    return text


def _fault(citation: Citation, brief: Callable[[str], Brief]) -> str:
    """What is wrong with a citation, empty for nothing."""
    try:
        cited = brief(citation.brief_id)
    except KeyError:
        return f"cites {citation.brief_id}, which is not indexed"
    if not 0 <= citation.start < citation.end <= len(cited.text):
        return f"has offsets {citation.start}:{citation.end} in a text of {len(cited.text)} characters"
    if cited.text[citation.start : citation.end] != citation.quote:
        return f"quotes other words than {citation.brief_id}[{citation.start}:{citation.end}]"
    quoted = {cited.id: ((citation.start, citation.end),)}
    if shared(quoted, {cited.id: cited.body}) < citation.end - citation.start:
        return "quotes boilerplate"
    return ""


def _facts(case: Case, answer: Answer) -> Score:
    if not case.facts:
        return Score(None, "no facts are expected")
    pieces = _pieces(answer)
    missing = [fact.any[0] for fact in case.facts if says(pieces, fact.any) is None]
    share = 1 - len(missing) / len(case.facts)
    return Score(
        share, f"not said: {'; '.join(missing)}" if missing else f"{len(case.facts)} of {len(case.facts)} said"
    )


def _forbidden(case: Case, answer: Answer) -> Score:
    if not case.forbidden:
        return Score(None, "nothing is forbidden")
    pieces = _pieces(answer)
    said = [wording for wording in case.forbidden if says(pieces, (wording,))]
    return Score(float(not said), f"said: {'; '.join(said)}" if said else "none said")


def _pieces(answer: Answer) -> list[str]:
    """What the answer says, normalised. An abstention says nothing but its own words."""
    quotes: Iterable[str] = (citation.quote for citation in answer.citations)
    return [normalise(piece) for piece in (without_markers(answer.text), *quotes)]


def _words(answer: Answer) -> Score:
    if answer.status == "abstained":
        return Score(None, "abstained")
    count = count_words(answer.text)
    return Score(count, f"{count} words, at most {LONGEST}")


def _spans(answer: Answer, golds: Sequence[Gold]) -> Scores:
    cited: Region = union((c.brief_id, (c.start, c.end)) for c in answer.citations if c.start < c.end)
    chosen = choose(golds, cited)
    missing = [one.required for one in chosen if one.share < HALF]
    why = "; ".join(f"{gold.brief_id}: “{_short(gold.span.quote)}”" for gold in missing)
    overlap = citation_overlap(cited, golds, chosen)
    by = "by characters, against the gold spans"
    return {
        "span_cited": Score(1 - len(missing) / len(chosen), f"not cited: {why}" if missing else "all cited"),
        "citation_precision": Score(overlap.precision, by if answer.citations else "nothing cited"),
        "citation_recall": Score(overlap.recall, by),
        "citation_iou": Score(overlap.iou, by),
    }


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:97]}..."
