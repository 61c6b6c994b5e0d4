"""What a reader's session remembers: the exchanges, and which citation is open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import streamlit as st

from assistant import Answer, Assistant, Citation, Turn
from assistant.conversations import Conversation as Kept
from assistant.conversations import Standing, review
from assistant.types import Done, Event, NearestBrief, Sources, Stated, Statement
from index.filters import Filters
from index.generation import Generation
from ui.access.caller import Caller
from ui.answering import STOPPED, stopped_answer
from ui.view.brief import cite
from ui.view.link import Link
from ui.view.live import Live

KEY = "conversation"


@dataclass(slots=True)
class Exchange:
    """A question and what came of it.

    ``alone`` asks it without the conversation before it. ``filters`` is None in a conversation that was opened again. While
    it is ``live``, ``found``, ``stated`` and ``cited`` are what has come so far; ``shown`` counts the statements that this run
    of the page has drawn. ``answer`` is there when it ended; ``given`` is the same before ``look_again``, and ``standing``
    says which of its citations are no longer as they were given. ``trouble`` is the line of an error. ``passages`` are the
    nearest ones, once somebody asks for them. ``thumb`` is the reader's verdict that was kept, 0 for down and 1 for up.
    """

    number: int
    question: str
    filters: Filters | None
    alone: bool = False
    live: Live | None = None
    searched: str = ""
    found: tuple[NearestBrief, ...] = ()
    stated: list[Statement] = field(default_factory=list)
    cited: list[Citation] = field(default_factory=list)
    answer: Answer | None = None
    given: Answer | None = None
    standing: Mapping[int, Standing] = field(default_factory=dict)
    checked: tuple[str, frozenset[str] | None] | None = None
    shown: int = 0
    trouble: str = ""
    passages: tuple[Citation, ...] | None = None
    thumb: int | None = None

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Those there are."""
        return self.answer.statements if self.answer else tuple(self.stated)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """What can be opened: the citations of the answer, or the nearest passages."""
        return (self.answer.citations if self.answer else tuple(self.cited)) or self.passages or ()

    @property
    def stopped(self) -> bool:
        """Whether the reader stopped it before it was whole."""
        return self.answer is not None and self.answer.notice.startswith(STOPPED)

    def is_live(self) -> bool:
        """Whether more is to come."""
        return self.live is not None

    def take(self, event: Event) -> None:
        """Note what has come."""
        if isinstance(event, Sources):
            self.searched, self.found = event.searched, event.briefs
        elif isinstance(event, Stated):
            self.stated.append(event.statement)
            self.cited.extend(event.citations)
        elif isinstance(event, Done):
            self.end(event.answer)

    def end(self, answer: Answer | None, trouble: str = "") -> None:
        """Nothing more comes."""
        self.live, self.answer, self.given, self.trouble = None, answer, answer, trouble
        self.searched = answer.searched or self.question if answer else self.question

    def stop(self, engine: str, generation_id: str) -> None:
        """End the answer with what has been verified so far, marked as partial."""
        if self.live:
            self.live.cancel()
        self.end(
            stopped_answer(
                self.question,
                self.stated,
                self.cited,
                searched=self.searched,
                engine=engine,
                generation_id=generation_id,
            )
        )

    def look_again(self, generation: Generation, reader: Caller) -> None:
        """Compare the answer with the index and with what the reader may see, unless they are as before."""
        now = (generation.id, reader.labels)
        if self.given is None or self.checked == now:
            return
        self.answer, checked = review(generation, self.given, reader.allowed(generation))
        self.searched = self.answer.searched or self.question
        self.standing = {one.citation.label: one.standing for one in checked if one.standing != "current"}
        if self.checked:
            self.passages = None
        self.checked = now


@dataclass(frozen=True, slots=True)
class Opened:
    """What the reading panel shows: a brief, and in it the citation ``label`` of an exchange (0: none), or the words of a ``link``."""

    exchange: int
    brief_id: str
    label: int
    link: Link | None = None


@dataclass(slots=True)
class Conversation:
    """One reader's page. ``id`` is that of the kept conversation, empty before there is one.

    ``pending`` is a question that was picked, and whether it is asked ``alone``. ``opening`` counts openings of the panel;
    ``focus`` is what had the keyboard before, ``followed`` is the link that the address had. ``count`` numbers exchanges and
    never starts anew, as their numbers are in the keys of widgets. ``trouble`` says why what the address names was not opened,
    or why a conversation is not kept. ``deleting`` waits for a yes.
    """

    id: str = ""
    exchanges: list[Exchange] = field(default_factory=list)
    pending: str | None = None
    alone: bool = False
    opened: Opened | None = None
    opening: int = 0
    focus: Opened | None = None
    linked: bool = False
    followed: Link | None = None
    count: int = 0
    trouble: str = ""
    deleting: bool = False

    def begin(self, question: str, filters: Filters | None, alone: bool = False) -> Exchange:
        """A new exchange at the end."""
        self.count += 1
        exchange = Exchange(self.count, question, filters, alone)
        self.exchanges.append(exchange)
        return exchange

    def resume(self, kept: Kept) -> None:
        """Go on with a kept conversation."""
        self.clear()
        self.id = kept.id
        for turn in kept.turns:
            self.begin(turn.question, None).end(turn.answer)

    def pick(self, question: str, alone: bool = False) -> None:
        """Have ``question`` asked when the page is drawn next."""
        self.pending, self.alone = question, alone

    def find(self, number: int) -> Exchange | None:
        """The exchange of that number, unless it was cleared."""
        return next((exchange for exchange in self.exchanges if exchange.number == number), None)

    def open(self, number: int, label: int) -> None:
        """Show the citation ``label`` of an exchange in the panel."""
        exchange = self.find(number)
        citation = next((found for found in exchange.citations if found.label == label), None) if exchange else None
        if citation:
            self.open_brief(number, citation.brief_id, label)

    def open_brief(self, number: int, brief_id: str, label: int = 0) -> None:
        """Show a brief in the panel."""
        self._show(Opened(number, brief_id, label))

    def open_link(self, link: Link) -> None:
        """Show the brief of a link in the panel."""
        self._show(Opened(0, link.brief_id, 0, link))

    def close(self) -> None:
        """Close the panel; the button that opened it gets the keyboard back."""
        self.focus, self.opened = self.opened, None

    def clear(self) -> None:
        """Start anew."""
        self.exchanges.clear()
        self.id = self.trouble = ""
        self.opened = self.focus = self.pending = None
        self.deleting = False

    def _show(self, opened: Opened) -> None:
        self.opened, self.focus = opened, None
        self.opening += 1

    def history(self, before: Exchange) -> tuple[Turn, ...]:
        """The turns before an exchange, oldest first."""
        return tuple(
            turn for exchange in self.exchanges if exchange.number < before.number for turn in _turns(exchange)
        )


def _turns(exchange: Exchange) -> Iterator[Turn]:
    if exchange.answer and (exchange.statements or not exchange.stopped):
        yield Turn("user", exchange.question)
        yield Turn("assistant", exchange.answer.text)


def conversation() -> Conversation:
    """The conversation of this session."""
    if KEY not in st.session_state:
        st.session_state[KEY] = Conversation()
    found: Conversation = st.session_state[KEY]
    return found


def nearest_passages(assistant: Assistant, answer: Answer, reader: Caller, top_k: int = 3) -> tuple[Citation, ...]:
    """The best passages of the briefs that an abstention names, in the form of citations."""
    briefs = frozenset(near.brief_id for near in answer.nearest)
    filters = Filters(labels=reader.labels, briefs=briefs)
    hits = assistant.search(answer.searched or answer.question, top_k=top_k, filters=filters)
    return tuple(cite(assistant.generation.brief(hit.brief_id), hit.start, hit.end, hit.rank) for hit in hits)
