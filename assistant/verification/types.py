"""What a model claims, where its quotes stand, and what becomes of the claim. All frozen, offsets half-open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from index.types import Span

Status = Literal["kept", "repaired", "unsupported"]
Reason = Literal[
    "no-quote",
    "unknown-label",
    "quote-not-found",
    "quote-too-short",
    "wrong-label",
    "number",
    "date",
    "name",
    "negation",
    "modality",
    "speaker",
    "roles",
    "merged",
    "unsupported",
]

WORDS: dict[Reason, str] = {
    "no-quote": "it comes with no quote",
    "unknown-label": "it cites a source that was not given",
    "quote-not-found": "its quote is not in the briefs",
    "quote-too-short": "its quote is too short to show anything",
    "wrong-label": "its quote stands in another source than the one named",
    "number": "a number differs from the quoted sentence",
    "date": "a date differs from the quoted sentence",
    "name": "a name differs from the quoted sentence",
    "negation": "it affirms what the quoted sentence denies, or the reverse",
    "modality": "it states as done what the quoted sentence calls possible or intended",
    "speaker": "it changes or leaves out who says so",
    "roles": "it exchanges who acts and who is acted upon",
    "merged": "it joins parts of several sources into one claim that none of them makes",
    "unsupported": "it says more than the quoted sentence",
}
"""Each reason in words for people, to follow "left out because"."""


@dataclass(frozen=True, slots=True)
class Source:
    """A labelled piece of a brief, as a model was shown it.

    ``text`` is the brief's whole canonical text, ``sentences`` the ranges of it that were shown: whole sentences,
    ascending, disjoint, free of boilerplate. ``published`` is the brief's day (ISO) or None.
    """

    label: str
    brief_id: str
    source: str
    title: str
    published: str | None
    text: str
    sentences: tuple[Span, ...]

    @property
    def shown(self) -> str:
        """The sentences, one a line."""
        return "\n".join(self.text[start:end] for start, end in self.sentences)


@dataclass(frozen=True, slots=True)
class Quoted:
    """What a model says that it quotes: the label of a source and words."""

    label: str
    quote: str


@dataclass(frozen=True, slots=True)
class Draft:
    """One statement of a model, unverified."""

    text: str
    quotes: tuple[Quoted, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Stored words: ``source.text[start:end]``."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """The stored slice."""
        return self.source.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a draft.

    ``kept`` and ``repaired`` may be shown, with ``found`` as the citations; ``repaired`` means that a quote stands in
    another source than the model named, and the citation is the right one. Quotes that bear out nothing are left out of
    ``found``. ``unsupported`` may not be shown as coming from a brief; ``reasons`` say why. ``support`` in [0, 1] is the
    score of the least supported part.
    """

    draft: Draft
    status: Status
    reasons: tuple[Reason, ...]
    found: tuple[Found, ...]
    support: float
