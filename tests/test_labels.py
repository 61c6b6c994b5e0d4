"""A hidden brief changes nothing: for who may not read it, all is as if the briefs had never held it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from labelled import Indexed, Remembering, demonstration_briefs, labelled, made_briefs
from writing import Parrot, reply

from assistant import Answer, Assistant, Statement, Turn
from assistant.conversations import HIDDEN, Conversation, KeptTurn, allowed_to, export, review
from assistant.extractive import citation
from assistant.types import Done, Sources, Stated
from index.aliases import find_aliases
from index.embedding.minilm import MiniLM
from index.errors import UnreadableBrief
from index.filters import Filters
from index.lexical import words
from index.reading import frontmatter
from index.search import find_evidence
from index.settings import Settings
from index.types import Brief
from ui.access.caller import LOCAL, Caller
from ui.view.suggestions import suggested_questions

BOARD = frozenset({"board"})
BRIEFS = (*made_briefs(), *demonstration_briefs())
QUESTIONS = (
    "how many zarghunn guards are there?",
    "What is the JBA?",
    "what does the Joint Border Authority cost?",
    "who keeps the books of the RTU?",
    "which tolls were raised in June?",
    "what are Kunduria's red lines?",
    "Compare Kunduria and Zaranj on red lines",
    "How do Pakistan and Kabul differ on the Durand Line?",
    "why do trucks wait at the depot?",
    "what did they agree?",
    "what did they promise?",
    "why did they fail?",
    "how did the talks end?",
    "when did it happen and how many were killed?",
    "Who met in Ankara and when do the gates open?",
    "how many lorries did depot 7 count?",
    "what are Kabul's red lines?",
    "which routes do traders use instead, and why?",
    "what was the latest position of Islambad?",
    "list the demands of Islamabad",
    "who is the mayor of Paris?",
)
FOLLOW_UPS = ("and Zaranj's?", "why?", "and Pakistan's?", "what did they say about it?")
WORDS = sorted({word for brief in BRIEFS for word in words(brief.text) if len(word) > 5 and word.isalpha()})


@pytest.fixture(scope="module")
def embedder() -> Remembering:
    return Remembering(MiniLM())


@st.composite
def questions(draw: st.DrawFn) -> str:
    """A question, or one about a word that some brief writes, with a slip in it."""
    if draw(st.booleans()):
        return draw(st.sampled_from(QUESTIONS))
    word = draw(st.sampled_from(WORDS))
    at = draw(st.integers(1, len(word) - 2))
    slip = draw(st.sampled_from([word[:at] + word[at + 1 :], word[:at] + word[at + 1] + word[at] + word[at + 2 :]]))
    return draw(st.sampled_from(["what about {}?", "why {}", "Who speaks of {} and how many did they count?"])).format(
        slip
    )


@st.composite
def corpora(draw: st.DrawFn) -> tuple[Brief, ...]:
    """Some of the briefs, some of them for the board and some for the desk alone."""
    share = draw(st.sampled_from([0.1, 0.4, 0.7]))
    chance = draw(st.randoms(use_true_random=False))
    made = []
    for brief in BRIEFS:
        if brief.id.startswith(("k-", "l-")) and chance.random() < 0.5:
            continue
        labels = ("desk",) if chance.random() < share else ("board", "other") if chance.random() < 0.2 else ()
        made.append(labelled(brief, *labels) if labels else brief)
    return tuple(made)


def readable(briefs: Sequence[Brief], groups: frozenset[str] = BOARD) -> tuple[Brief, ...]:
    return tuple(b for b in briefs if not b.metadata.labels or not groups.isdisjoint(b.metadata.labels))


def as_json(answer: Answer) -> dict[str, Any]:
    return {**answer.to_json(), "timings_ms": {}}


def outcome(assistant: Indexed, question: str, filters: Filters, history: Sequence[Turn] = ()) -> str:
    """All that a caller gets to see, and the scores behind it to the last bit."""
    events: list[Any] = []
    for event in assistant.stream(question, history, filters):
        match event:
            case Sources():
                events.append([event.searched, [repr(near) for near in event.briefs]])
            case Stated():
                events.append([repr(event.statement), [repr(citation) for citation in event.citations]])
            case Done():
                events.append(as_json(event.answer))
    evidence = find_evidence(assistant.generation, assistant.embedder, question, filters)
    scores = (evidence.chunk_score, evidence.sentence_score, evidence.pool.chunk_cosine, evidence.pool.chunk_bm25)
    return json.dumps(
        {
            "events": events,
            "search": [repr(hit) for top_k in (3, 40) for hit in assistant.search(question, top_k, filters)],
            "explain": assistant.explain(question, history, filters),
            "scores": [np.asarray(score, np.float32).tobytes().hex() for score in scores],
        },
        indent=1,
    )


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink a failure would take an hour
)
@given(briefs=corpora(), asked=st.lists(questions(), min_size=3, max_size=5), next_one=st.sampled_from(FOLLOW_UPS))
def test_a_hidden_brief_changes_nothing(
    embedder: Remembering, briefs: tuple[Brief, ...], asked: list[str], next_one: str
) -> None:
    left = readable(briefs)
    if not left:
        return
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        whole, pruned = Indexed(Path(one), briefs, embedder), Indexed(Path(two), left, embedder)
        filters = Filters(labels=BOARD)
        assert whole.generation.id_for(BOARD) == pruned.generation.id_for(BOARD)
        for question in asked:
            assert outcome(whole, question, filters) == outcome(pruned, question, filters), question
        history = (Turn("user", asked[0]), Turn("assistant", whole.ask(asked[0], filters=filters).text))
        assert outcome(whole, next_one, filters, history) == outcome(pruned, next_one, filters, history)
        hidden = frozenset(brief.id for brief in briefs) - frozenset(brief.id for brief in left)
        for named in (hidden | {left[0].id}, hidden):
            narrow = replace(filters, briefs=named)
            unknown = replace(filters, briefs=(named - hidden) | {"nobody"})
            assert outcome(whole, asked[0], narrow) == outcome(whole, asked[0], unknown)
            assert outcome(whole, asked[0], narrow) == outcome(pruned, asked[0], narrow)


DESK = frozenset({"desk"})


def is_for_the_desk(brief: Brief) -> bool:
    return brief.id in {"z-gates", "b-pact", "d-unit", "f-story", "h-lines"} or brief.id.startswith(
        ("k-wait-01", "doha-", "kabul-positions", "outlook-", "istanbul-")
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, embedder: Remembering) -> tuple[Indexed, Indexed]:
    """Briefs of which some are for the desk alone; and those that the board may read. Nothing may change them."""
    briefs = tuple(labelled(b, "desk") if is_for_the_desk(b) else b for b in BRIEFS if not b.id.startswith("l-"))
    whole, pruned = (tmp_path_factory.mktemp(name) for name in ("whole", "pruned"))
    return Indexed(whole, briefs, embedder), Indexed(pruned, readable(briefs), embedder)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_way_to_give_a_brief_away(both: tuple[Indexed, Indexed], question: str) -> None:
    whole, pruned = both
    filters = Filters(labels=BOARD)
    assert outcome(whole, question, filters) == outcome(pruned, question, filters)


def test_the_made_briefs_would_give_each_other_away(both: tuple[Indexed, Indexed]) -> None:
    """Who may read more gets something else: a spelling, a name, briefs that count as one."""
    whole, pruned = both
    desk, board = Filters(labels=DESK), Filters(labels=BOARD)

    def query(filters: Filters, question: str) -> Any:
        return find_evidence(whole.generation, whole.embedder, question, filters).query

    assert query(desk, QUESTIONS[0]).mended == {"zarghunn": "zarghun"}
    assert query(board, QUESTIONS[0]).mended == {"zarghunn": "zarghuns"}
    assert set(query(desk, "what does RTU do").weights) == {"rtu", "region", "trade", "unit"}
    assert set(query(board, "what does RTU do").weights) == {"rtu"}
    (group,) = (group for group in whole.generation.manifest.near_duplicates if "e-story" in group)
    assert set(group) == {"e-story", "f-story", "g-story"}
    assert not any("e-story" in group for group in pruned.generation.manifest.near_duplicates)


def test_suggestions_come_from_readable_briefs(tmp_path: Path, embedder: Remembering) -> None:
    briefs = demonstration_briefs()
    offered = suggested_questions(Indexed(tmp_path / "all", briefs, embedder), BOARD)
    assert offered
    every = Indexed(tmp_path / "once more", briefs, embedder)
    cited = {c.brief_id for q in offered for c in every.ask(q, filters=Filters(labels=BOARD)).citations}
    hidden = [labelled(b, "desk") if b.id in cited else b for b in briefs]
    whole, pruned = (
        Indexed(tmp_path / "whole", hidden, embedder),
        Indexed(tmp_path / "pruned", readable(hidden), embedder),
    )
    assert suggested_questions(whole, BOARD) == suggested_questions(pruned, BOARD)
    assert set(offered).isdisjoint(suggested_questions(whole, BOARD))
    assert suggested_questions(whole, DESK) == suggested_questions(whole, frozenset({"desk", "board"})) == offered
    # A heading that several briefs have is no question; that hidden ones have it too does not count.
    copies = [labelled(replace(b, id=f"copy/{b.id}", source=f"copy/{b.source}"), "desk") for b in briefs]
    assert suggested_questions(Indexed(tmp_path / "copied", [*briefs, *copies], embedder), BOARD) == offered


def test_a_hidden_brief_does_not_make_copies_of_two_others(tmp_path: Path, embedder: Remembering) -> None:
    briefs = [labelled(b, "desk") if b.id == "f-story" else b for b in made_briefs() if b.id < "k"]
    assistant = Indexed(tmp_path, briefs, embedder)
    assert assistant.generation.manifest.near_duplicates == (("g-story", "f-story", "e-story"),)
    answer = assistant.ask("what did they promise?", filters=Filters(labels=BOARD))
    assert set(answer.drawn_from) == {"e-story", "g-story"}
    assert len(answer.readings) == 2


@pytest.mark.parametrize("question", QUESTIONS[:13])
def test_a_model_is_shown_and_judged_alike(tmp_path: Path, embedder: Remembering, question: str) -> None:
    briefs = tuple(labelled(b, "desk") if is_for_the_desk(b) else b for b in BRIEFS[:21])
    said = reply(
        ("The Joint Border Authority met again.", "S1", "met again"),
        ("The JBA has a budget of four million.", "S1", "Its budget is four million."),
        ("Kunduria refuses bases and rivers.", "S1", "Kunduria's red lines are bases and rivers."),
        ("Trucks waited at the RTU depot.", "S1", "Trucks waited at the northern depot."),
        ("KATEX raised its tolls in June.", "S1", "raised its tolls in June"),
    )
    found = []
    for name, held in (("whole", briefs), ("pruned", readable(briefs))):
        assistant, model = Indexed(tmp_path / name, held, embedder, engine="model", model_name="parrot"), Parrot(said)
        assistant._given_speaker = model
        answer = assistant.ask(question, filters=Filters(labels=BOARD))
        found.append((as_json(answer), model.asked))
    assert found[0] == found[1]


# kept answers


def kept_by_the_desk(whole: Indexed, **changes: Any) -> list[Answer]:
    """What somebody who could read everything was answered."""
    asked = [whole.ask(question, filters=Filters(labels=DESK)) for question in QUESTIONS[:15]]
    return [replace(answer, **changes) for answer in asked]


def shown(assistant: Indexed, answer: Answer, groups: frozenset[str] = BOARD) -> str:
    answer, checked = review(assistant.generation, answer, allowed_to(assistant.generation, groups))
    return json.dumps([as_json(answer), [repr(one) for one in checked]])


def test_kept_answers_are_shown_as_if_the_brief_had_never_been_there(both: tuple[Indexed, Indexed]) -> None:
    whole, pruned = both
    kept = kept_by_the_desk(whole)
    assert any(answer.readings for answer in kept)
    for answer in kept:
        assert shown(whole, answer) == shown(pruned, answer), answer.question
        turn = KeptTurn(answer.question, answer.searched, answer, "")
        talk = Conversation("c", "Title", "2026-01-01T00:00:00", "", (turn,))
        files = [export(talk, one.generation, ".md", allowed_to(one.generation, BOARD)) for one in both]
        assert files[0] == files[1]


def test_nothing_of_a_hidden_brief_is_left_in_kept_answers(both: tuple[Indexed, Indexed]) -> None:
    whole, _ = both
    secret = ("h-lines", "zarghun ", "Spin Boldak", "not host bases", "in Doha", "RTU answers", "f-story")
    kept = kept_by_the_desk(whole)
    assert any(word in json.dumps(as_json(answer), ensure_ascii=False) for answer in kept for word in secret)
    for answer in kept:
        left = review(whole.generation, answer, allowed_to(whole.generation, BOARD))[0]
        # What was asked is the reader's own, and so is a spelling that the question has.
        text = json.dumps({**as_json(left), "question": ""}, ensure_ascii=False)
        assert not [word for word in secret if word in text and word not in answer.question], answer.question


def test_what_a_model_wrote_beside_its_citations_goes_with_any_source(both: tuple[Indexed, Indexed]) -> None:
    whole, _ = both
    allowed = allowed_to(whole.generation, BOARD)
    start = whole.generation.brief("c-pact").text.index("Its budget")
    cited = citation(whole.generation, "c-pact", start, start + len("Its budget is four million."), 1)
    said = Statement(cited.quote, (1,))
    answer = Answer("What is the budget?", "answered", f"{cited.quote} [1]", 0.9, (said,), (cited,))
    answer = replace(answer, searched=answer.question)
    written = replace(answer, raw="of old", verdicts=({"text": "of old"},), drawn_from=("c-pact", "b-pact"))
    struck = Statement("of old", (), unsupported="no quote")
    for one in (written, replace(written, drawn_from=()), replace(answer, statements=(*answer.statements, struck))):
        left = review(whole.generation, one, allowed)[0]
        assert "of old" not in str(left)
        assert left.statements == answer.statements
        assert "of old" in str(review(whole.generation, one)[0])
    fine = replace(written, drawn_from=("c-pact",), statements=(*answer.statements, struck))
    assert review(whole.generation, fine, allowed)[0] == fine


def test_gone_and_hidden_are_not_told_apart(both: tuple[Indexed, Indexed]) -> None:
    whole, pruned = both
    start = whole.generation.brief("z-gates").text.index("Each zarghun")
    cited = citation(whole.generation, "z-gates", start, start + len("Each zarghun has a guard."), 1)
    said = Statement(cited.quote, (1,))
    answer = Answer("How many guards?", "answered", f"{cited.quote} [1]", 0.9, (said,), (cited,))
    for one in both:
        left, checked = review(one.generation, answer, allowed_to(one.generation, BOARD))
        assert "hidden" in {found.standing for found in checked}
        assert HIDDEN in {statement.text for statement in left.statements}
        assert "gone" not in {found.standing for found in checked}
    assert "gone" in {found.standing for found in review(pruned.generation, answer)[1]}


# the parts


names = st.sampled_from(["desk", "board", "other", "Desk", ""])
groups_of = st.none() | st.frozensets(names, max_size=3)
wishes = st.builds(
    Filters,
    labels=groups_of,
    briefs=st.none() | st.frozensets(st.sampled_from(["a-gates", "z-gates", "h-lines", "nobody"])),
    regions=st.frozensets(st.sampled_from(["Kunduria", "x"]), max_size=1),
    actors=st.frozensets(st.sampled_from(["zaranj", "x"]), max_size=1),
)


@settings(deadline=None)
@given(st.builds(Caller, st.just("key"), labels=groups_of), wishes, st.data())
def test_what_a_request_asks_for_can_only_narrow(caller: Caller, wish: Filters, data: st.DataObject) -> None:
    metadata = {b.id: labelled(b, *data.draw(st.lists(names, max_size=2))).metadata for b in BRIEFS[:12]}

    def passed(filters: Filters) -> set[str]:
        return {brief_id for brief_id, found in metadata.items() if filters.allow(brief_id, found)}

    narrowed = caller.narrowed(wish)
    assert passed(narrowed) <= passed(Filters(labels=caller.labels))
    assert passed(narrowed) <= passed(wish)
    assert passed(caller.narrowed()) == passed(Filters(labels=caller.labels))
    assert caller.labels is None or narrowed.labels is not None
    if wish.labels is None:
        assert passed(narrowed) == passed(wish) & passed(Filters(labels=caller.labels))
    assert LOCAL.narrowed(wish) == wish


def test_an_id_for_some_groups_moves_only_with_what_they_see(tmp_path: Path, embedder: Remembering) -> None:
    held = made_briefs()[:6]
    desk = labelled(held[0], "desk")

    def seen(name: str, *briefs: Brief) -> str:
        return Indexed(tmp_path / name, briefs, embedder).generation.id_for(BOARD)

    first = seen("1", desk, *held[1:])
    assert first == seen("2", *held[1:]) == seen("3", replace(desk, text=f"{desk.text}More.", sha256="f"), *held[1:])
    assert first != seen("4", *held)
    assert first != seen("5", *held[2:])
    assert first != seen("6", replace(held[1], sha256="f"), *held[2:])
    assert first != seen("7", labelled(held[1], "board"), *held[2:])
    generation = Indexed(tmp_path / "8", held, embedder).generation
    assert generation.id_for(None) == generation.id
    assert generation.id_for(frozenset()) == generation.id_for(BOARD) != generation.id


def test_aliases_stand_in_an_order_that_no_brief_decides() -> None:
    lines = {"a": ["The Joint Border Authority (JBA) met."], "b": ["The Area Bank Board (ABB) met."]}
    assert find_aliases(lines) == find_aliases(dict(reversed(lines.items())))


@pytest.mark.parametrize("question", QUESTIONS[14:])
def test_exact_comparison_finds_what_chroma_finds(demonstration: Settings, question: str) -> None:
    """Nothing is hidden here: who comes with groups gets what a reader of everything gets."""
    assistant, grouped = Assistant(demonstration), Filters(labels=BOARD)
    assert assistant.search(question, 20, grouped) == assistant.search(question, 20)
    answers = [as_json(assistant.ask(question, filters=filters)) for filters in (grouped, None)]
    assert answers[0].pop("generation") != answers[1].pop("generation")
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "line", ["label: [desk]", "Labels: desk", "LABEL: desk", "labels: ['']", "labels: ' '", "labels: {desk: yes}"]
)
def test_labels_that_are_none_make_a_brief_unreadable_rather_than_public(line: str) -> None:
    with pytest.raises(UnreadableBrief, match="label"):
        frontmatter.parse(f"title: A\n{line}\n", "a.md")


def test_labels_may_be_left_out() -> None:
    for source, labels in (("title: A", None), ("labels:", None), ("labels: []", None), ("labels: desk", ("desk",))):
        assert frontmatter.parse(source, "a.md").values.get("labels") == labels
