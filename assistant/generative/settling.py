"""From the drafts of a model to what is shown: kept with citations, or failed with the reason; every verdict is recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistant import extractive
from assistant.generative.cleaning import FAULTS, Fault, Rules, cleaned, fault_of
from assistant.types import Citation, Stated, Statement
from assistant.verification import WORDS, Draft, Found, Reason, Verdict
from assistant.verification.quotes import sentences_across
from assistant.verification.support import clauses
from index.generation import Generation
from index.lexical import terms

SAID = 0.6
"""Share of a sentence's words that others hold together, from which on it adds nothing to them."""
_REPEATS = 0.95
_MENDS = 0.5
_RESTS = 0.25
_ENDS = re.compile(r"(?:(?<=[^\W\d]{5}[.!?])|(?<=\d[.!?]))[\"”’)]*\s+")
"""Between sentences; the dot of "Gen." and "U.S." is none."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A statement that may not be shown as coming from a brief, and why in words for people.

    ``clean`` says that it may be shown struck out; what holds markup, addresses or instructions may not.
    """

    draft: Draft
    reason: str
    clean: bool


class Sheet:
    """The statements of one answer in the order in which they were settled, with their citations, and what failed."""

    def __init__(
        self,
        generation: Generation,
        judge: Callable[[Draft], Verdict],
        rules: Rules,
        group_of: Callable[[Found], str],
    ) -> None:
        self.statements: list[Statement] = []
        self.citations: list[Citation] = []
        self.verdicts: list[dict[str, Any]] = []
        self.failed: list[Failed] = []
        self._generation = generation
        self._judge = judge
        self._rules = rules
        self._group_of = group_of

    def settle(self, draft: Draft, attempt: int) -> Stated | None:
        """Judge a draft of the first or the second ``attempt``; the statement, if it is kept and says something new."""
        plain = Draft(cleaned(draft.text), draft.quotes)
        fault = fault_of(plain.text, self._rules)
        verdict = Verdict(draft, "unsupported", (), (), 0.0) if fault else self._judge(plain)
        if verdict.found and not rests_on(plain.text, verdict.found):
            verdict = replace(verdict, status="unsupported", reasons=("unsupported",), found=())
        self.verdicts.append(_record(verdict, fault, attempt))
        if fault or verdict.status == "unsupported":
            reason = FAULTS[fault] if fault else in_words(verdict.reasons)
            if attempt == 1:
                self.failed.append(Failed(draft if fault else plain, reason, clean=not fault))
            return None
        mended = [failed for failed in self.failed if share_said(failed.draft.text, [plain.text]) >= _MENDS]
        self.failed = [failed for failed in self.failed if attempt == 1 or failed not in mended]
        if any(share_said(plain.text, [one.text]) >= _REPEATS for one in self.statements):
            return None
        return self._state(plain.text, verdict.found)

    def quote(self, statement: Statement, citations: Collection[Citation]) -> Stated:
        """Add a statement that is quoted from a brief; ``citations`` are those it rests on."""
        return self._add(statement.text, [(c.brief_id, c.start, c.end) for c in citations], statement.group)

    def strike(self, failed: Failed) -> Stated:
        """Add a statement that is shown struck out."""
        struck = Statement(cleaned(failed.draft.text), (), unsupported=failed.reason)
        self.statements.append(struck)
        return Stated(struck, ())

    def says(self, statement: Statement, citations: Collection[Citation]) -> bool:
        """Whether the statements so far, with what they quote, say what ``statement`` does."""
        known = [one.text for one in self.statements] + [citation.quote for citation in self.citations]
        return share_said(" ".join([statement.text, *(c.quote for c in citations)]), known) >= SAID

    def _state(self, text: str, found: Sequence[Found]) -> Stated:
        places = [(one.source.brief_id, one.start, one.end) for one in found]
        return self._add(text, places, self._group_of(found[0]))

    def _add(self, text: str, places: Sequence[tuple[str, int, int]], group: str) -> Stated:
        """Citations keep their label when they come again."""
        labels = {(c.brief_id, c.start, c.end): c.label for c in self.citations}
        new = []
        for brief_id, start, end in places:
            if (brief_id, start, end) not in labels:
                labels[brief_id, start, end] = len(labels) + 1
                new.append(extractive.citation(self._generation, brief_id, start, end, len(labels)))
        statement = Statement(text, tuple(dict.fromkeys(labels[place] for place in places)), group)
        self.statements.append(statement)
        self.citations += new
        return Stated(statement, tuple(new))


def rests_on(text: str, found: Sequence[Found]) -> bool:
    """Whether each sentence and clause of a statement shares words with the sentences quoted, not only with those around them."""
    quoted = [
        one.source.text[start:end]
        for one in found
        for start, end in sentences_across((one.start, one.end), one.source.sentences)
    ]
    return all(
        share_said(part, quoted) >= _RESTS for sentence in _ENDS.split(text) for part in clauses(sentence) or [sentence]
    )


def in_words(reasons: Sequence[Reason]) -> str:
    """The last of the reasons, which is the one that decided, in words."""
    return WORDS[reasons[-1]] if reasons else WORDS["unsupported"]


def share_said(text: str, others: Sequence[str]) -> float:
    """The share in [0, 1] of the words of ``text`` that ``others`` hold together; 1 for no words."""
    words, said = set(terms(text)), {word for other in others for word in terms(other)}
    return len(words & said) / len(words) if words else 1.0


def _record(verdict: Verdict, fault: Fault | None, attempt: int) -> dict[str, Any]:
    """What became of a draft, for JSON: the text as the model wrote it or, where it was judged, as it was cleaned."""
    return {
        "text": verdict.draft.text,
        "quotes": [{"source": quoted.label, "quote": quoted.quote} for quoted in verdict.draft.quotes],
        "status": verdict.status,
        "reasons": [fault] if fault else list(verdict.reasons),
        "support": round(verdict.support, 4),
        "attempt": attempt,
        "found": [{"brief_id": f.source.brief_id, "start": f.start, "end": f.end} for f in verdict.found],
    }
