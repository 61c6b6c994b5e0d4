"""What a reader's session remembers: the exchanges, and which citation is open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import streamlit as st

from assistant import Answer, Assistant, Citation, Turn
from index.filters import Filters
from index.search import Hit

KEY = "conversation"


@dataclass(slots=True)
class Exchange:
    """A question and what came of it. ``shown`` counts the statements shown so far: fewer than all if it was stopped.

    ``trouble`` is the line of an error. ``passages`` are the nearest ones, once somebody asks for them.
    """

    number: int
    question: str
    filters: Filters
    answer: Answer | None = None
    trouble: str = ""
    shown: int = 0
    passages: tuple[Citation, ...] | None = None

    @property
    def citations(self) -> tuple[Citation, ...]:
        """What can be opened: the citations of the answer, or the nearest passages."""
        return self.answer.citations if self.answer and self.answer.citations else self.passages or ()

    @property
    def stopped(self) -> bool:
        """Whether the reader stopped it before all was shown."""
        return not self.trouble and (self.answer is None or self.shown < len(self.answer.statements))


@dataclass(frozen=True, slots=True)
class Opened:
    """What the reading panel shows: a brief, and in it the citation ``label`` of an exchange (0: none)."""

    exchange: int
    brief_id: str
    label: int


@dataclass(slots=True)
class Conversation:
    """One reader's page. ``opening`` counts openings of the panel; ``focus`` is what had the keyboard before."""

    exchanges: list[Exchange] = field(default_factory=list)
    pending: str | None = None
    opened: Opened | None = None
    opening: int = 0
    focus: Opened | None = None
    linked: bool = False
    count: int = 0

    def begin(self, question: str, filters: Filters) -> Exchange:
        """A new exchange at the end."""
        self.count += 1
        exchange = Exchange(self.count, question, filters)
        self.exchanges.append(exchange)
        return exchange

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
        self.opened = Opened(number, brief_id, label)
        self.opening += 1
        self.focus = None

    def close(self) -> None:
        """Close the panel; the button that opened it gets the keyboard back."""
        self.focus, self.opened = self.opened, None

    def clear(self) -> None:
        """Start anew."""
        self.exchanges.clear()
        self.opened = self.focus = self.pending = None

    def history(self, before: Exchange) -> tuple[Turn, ...]:
        """The turns before an exchange, oldest first."""
        return tuple(
            turn for exchange in self.exchanges if exchange.number < before.number for turn in _turns(exchange)
        )


def _turns(exchange: Exchange) -> Iterator[Turn]:
    if exchange.answer:
        yield Turn("user", exchange.question)
        yield Turn("assistant", exchange.answer.text)


def conversation() -> Conversation:
    """The conversation of this session."""
    if KEY not in st.session_state:
        st.session_state[KEY] = Conversation()
    found: Conversation = st.session_state[KEY]
    return found


def ask(assistant: Assistant, exchange: Exchange, history: Sequence[Turn]) -> Future[Answer]:
    """Ask in another thread, so that the page can notice its stop button meanwhile."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ask")
    future = thread.submit(assistant.ask, exchange.question, history, exchange.filters)
    thread.shutdown(wait=False)
    return future


def nearest_passages(assistant: Assistant, exchange: Exchange, answer: Answer, top_k: int = 3) -> tuple[Citation, ...]:
    """The best passages of the briefs that an abstention names, in the form of citations."""
    briefs = frozenset(near.brief_id for near in answer.nearest)
    filters = Filters(labels=exchange.filters.labels, briefs=briefs)
    hits = assistant.search(answer.searched or exchange.question, top_k=top_k, filters=filters)
    return tuple(_as_citation(assistant, hit) for hit in hits)


def _as_citation(assistant: Assistant, hit: Hit) -> Citation:
    brief = assistant.generation.brief(hit.brief_id)
    published = brief.metadata.published
    return Citation(
        label=hit.rank,
        brief_id=hit.brief_id,
        source=hit.source,
        title=brief.metadata.title,
        published=published.isoformat() if published else None,
        quote=hit.text,
        start=hit.start,
        end=hit.end,
        page=brief.page_of(hit.start),
    )
