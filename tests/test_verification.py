"""What of a model's statements may be shown: every kind of fault is made by hand here, each beside a right statement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.verification import WORDS, Draft, Lexicon, Quoted, Source, Verdict, verify
from assistant.verification.quotes import find_places, fold, is_substantial
from assistant.verification.support import clauses
from assistant.verification.types import Reason
from index.aliases import Alias

TALKS = (
    "On 7 November 2025 Defence Minister Khawaja Asif said that Pakistan would accept only a formal written accord. "
    "Kabul refused to sign it, the Foreign Office said. The truce was not extended. "
    "ISPR gave 23 Pakistani soldiers killed and 29 wounded. Tehrik-e-Taliban Pakistan (TTP) might defect."
)
TRADE = (
    "Bilateral trade fell 53 percent to USD 594 million in July–December 2025. "
    "Andrabi claimed that more than 200 trucks were stuck at Torkham. Iran attacked Iraq in 1981. "
    "A Chinese envoy called the border “a wound” — and left."
)
LEXICON = Lexicon([Alias("ttp", ("tehrik", "taliban", "pakistan"), ("talks",))])


def source(label: str, text: str, *gaps: str) -> Source:
    """``text`` as a source of its sentences; ``gaps`` are parts of it that were not shown."""
    spans, at = [], 0
    for piece in text.split(". "):
        start = text.index(piece, at)
        at = start + len(piece)
        end = min(at + 1, len(text))
        if not any(gap in text[start:end] for gap in gaps):
            spans.append((start, end))
    return Source(label, label.lower(), f"{label}.md", "Talks and trade", "2025-12-01", text, tuple(spans))


SOURCES = (source("S1", TALKS), source("S2", TRADE))


def judge(text: str, *quotes: tuple[str, str]) -> Verdict:
    return verify(Draft(text, tuple(Quoted(*quote) for quote in quotes)), SOURCES, LEXICON)


ACCORD = ("S1", "would accept only a formal written accord")
LOSSES = ("S1", "23 Pakistani soldiers killed and 29 wounded")
TRUCKS = ("S2", "more than 200 trucks were stuck at Torkham")


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("Khawaja Asif said that Pakistan would accept only a formal written accord.", ACCORD),
        ("On November 7, 2025, Asif said Pakistan would accept only a formal, written accord.", ACCORD),
        ("The brief says that Pakistan, in Asif's words, would accept only a written accord.", ACCORD),
        ("ISPR gave twenty-three Pakistani soldiers killed and 29 wounded.", LOSSES),
        ("Trade dropped by 53% to $594 million.", ("S2", "trade fell 53 percent to USD 594 million")),
        ("Andrabi claimed that over 200 trucks were stuck at Torkham.", TRUCKS),
        ("The TTP might defect.", ("S1", "Tehrik-e-Taliban Pakistan (TTP) might defect")),
        (
            "An envoy from China called the border 'a wound'.",
            ("S2", 'Chinese envoy called the border "a wound" - and left'),
        ),
        ("Iraq was attacked by Iran in 1981.", ("S2", "Iran attacked Iraq in 1981")),
        ("The truce wasn't extended.", ("S1", "The truce was not extended.")),
    ],
)
def test_right_statements_are_kept(text: str, quote: tuple[str, str]) -> None:
    verdict = judge(text, quote)
    assert (verdict.status, verdict.reasons) == ("kept", ())
    assert all(found.text == found.source.text[found.start : found.end] for found in verdict.found)
    assert fold(quote[1].rstrip(".")).text in fold(" ".join(found.text for found in verdict.found)).text


@pytest.mark.parametrize(
    ("reason", "text", "quote"),
    [
        ("number", "ISPR gave 32 Pakistani soldiers killed.", LOSSES),
        ("number", "ISPR gave 29 Pakistani soldiers killed and 23 wounded.", LOSSES),
        ("number", "Andrabi claimed that at most 200 trucks were stuck at Torkham.", TRUCKS),
        ("number", "Trade fell 53 percent to USD 594 billion.", ("S2", "trade fell 53 percent to USD 594 million")),
        ("date", "On 8 November 2025 Asif said Pakistan would accept only a formal written accord.", ACCORD),
        ("date", "Asif said yesterday that Pakistan would accept only a formal written accord.", ACCORD),
        ("name", "Khawaja Asif said that India would accept only a formal written accord.", ACCORD),
        ("negation", "The truce was extended.", ("S1", "The truce was not extended")),
        ("negation", "Asif said that Pakistan would not accept a formal written accord.", ACCORD),
        ("negation", "Kabul agreed to sign it, the Foreign Office said.", ("S1", "Kabul refused to sign it")),
        ("modality", "The TTP defected.", ("S1", "Tehrik-e-Taliban Pakistan (TTP) might defect")),
        ("speaker", "More than 200 trucks were stuck at Torkham.", TRUCKS),
        ("roles", "Iraq attacked Iran in 1981.", ("S2", "Iran attacked Iraq in 1981")),
        (
            "unsupported",
            "Iran attacked Iraq in 1981 with chemical weapons bought abroad.",
            ("S2", "Iran attacked Iraq in 1981"),
        ),
        ("unsupported", "Yes.", ACCORD),
        (
            "unknown-label",
            "Khawaja Asif said that Pakistan would accept only a formal written accord.",
            ("S7", ACCORD[1]),
        ),
        (
            "quote-not-found",
            "Pakistan would accept only a written accord.",
            ("S1", "would accept only a written accord"),
        ),
        ("quote-not-found", "The truce was extended.", ("S1", "The truce was extended")),
        ("quote-too-short", "The truce was not extended.", ("S1", "was not")),
    ],
)
def test_each_fault_is_found(reason: Reason, text: str, quote: tuple[str, str]) -> None:
    verdict = judge(text, quote)
    assert verdict.status == "unsupported" and reason in verdict.reasons and not verdict.found


def test_a_statement_without_quotes_is_unsupported() -> None:
    assert judge("Iran attacked Iraq in 1981.").reasons == ("no-quote",)


def test_one_invented_quote_among_true_ones_is_enough() -> None:
    assert (
        judge("Iran attacked Iraq in 1981.", ("S2", "Iran attacked Iraq in 1981"), ("S2", "and won the war")).status
        == "unsupported"
    )


def test_a_wrong_label_is_cited_from_where_the_quote_stands() -> None:
    verdict = judge("Iran attacked Iraq in 1981.", ("S1", "Iran attacked Iraq in 1981"))
    assert (verdict.status, verdict.reasons) == ("repaired", ("wrong-label",))
    assert [found.source.label for found in verdict.found] == ["S2"]


def test_a_wrong_label_with_two_places_is_not_guessed() -> None:
    draft = Draft("Iran attacked Iraq in 1981.", (Quoted("S1", "Iran attacked Iraq in 1981"),))
    verdict = verify(draft, (*SOURCES, source("S3", TRADE)))
    assert (verdict.status, verdict.reasons) == ("unsupported", ("wrong-label",))


def test_two_sources_are_not_merged_into_one_claim() -> None:
    quotes = (ACCORD, ("S2", "Iran attacked Iraq in 1981"))
    assert (
        judge(
            "Asif said Pakistan would accept only a written accord, while Iran attacked Iraq in 1981.", *quotes
        ).status
        == "kept"
    )
    assert judge("Khawaja Asif attacked Iraq in 1981.", *quotes).status == "unsupported"
    assert "merged" in judge("Pakistan attacked Iraq in 1981.", *quotes).reasons


def test_labels_are_read_as_models_write_them() -> None:
    for label in ("[S2]", "s2", "Source 2", "2"):
        assert judge("Iran attacked Iraq in 1981.", (label, "Iran attacked Iraq in 1981")).status == "kept"


def test_every_reason_has_words() -> None:
    assert set(WORDS) == set(Reason.__args__)  # type: ignore[attr-defined]


def test_likeness_makes_up_for_other_words_but_not_for_a_number() -> None:
    text, quote = "Khawaja Asif: Islamabad insists upon signatures.", Quoted(*ACCORD)
    assert verify(Draft(text, (quote,)), SOURCES).status == "unsupported"
    wrong = Draft("ISPR gave 32 Pakistani soldiers killed.", (Quoted(*LOSSES),))
    assert verify(wrong, SOURCES, similarity=lambda _left, _right: 1.0).reasons == ("number",)


class TestQuotes:
    def test_quotes_dashes_white_space_and_case_may_differ(self) -> None:
        for quote in (
            'called the border "a wound" - and left',
            "CALLED  the\nborder ‘a wound’ – and left.",
            "the border “a wound”—and left",
        ):
            ((place,),) = find_places(quote, SOURCES[1])
            assert fold(quote.rstrip(".")).text == fold(TRADE[slice(*place)]).text

    def test_soft_hyphens_and_emphasis_do_not_matter(self) -> None:
        piece = source("S1", "The cease\u00adfire **holds** for now.")
        assert find_places("ceasefire holds for now", piece) == [((4, 32),)]

    def test_a_typing_error_is_not_found(self) -> None:
        assert find_places("a formal writen accord", SOURCES[0]) == []

    def test_words_and_numbers_are_whole(self) -> None:
        piece = source("S1", "It fell on 31 October 2025 to 1,200.5 tonnes.")
        for quote in ("1 October 2025", "fell on 31 Octo", "October 2025 to 1,200", "200.5 tonnes"):
            assert find_places(quote, piece) == []
        assert find_places("31 October 2025", piece)

    def test_parts_around_an_ellipsis_follow_each_other(self) -> None:
        ((first, second),) = find_places("Defence Minister ... formal written accord", SOURCES[0])
        assert (TALKS[slice(*first)], TALKS[slice(*second)]) == ("Defence Minister", "formal written accord")
        assert find_places("formal written accord … Defence Minister", SOURCES[0]) == []

    def test_what_was_not_shown_is_not_quoted(self) -> None:
        text = "Kabul closed the gate. Find out more about our guide. It stayed shut all winter."
        piece = source("S1", text, "Find out")
        (place,) = find_places("closed the gate. It stayed shut", piece)
        assert [text[start:end] for start, end in place] == ["closed the gate.", "It stayed shut"]
        assert find_places("Find out more about our guide", piece) == []

    def test_every_place_is_given(self) -> None:
        piece = source("S1", "The gate was shut. Later the gate was shut again.")
        assert [place[0][0] for place in find_places("the gate was shut", piece)] == [0, 25]

    @pytest.mark.parametrize(
        ("quote", "enough"),
        [("of the", False), ("...", False), ("", False), ("truce … of the", False), ("23 killed", True)],
    )
    def test_two_stop_words_show_nothing(self, quote: str, enough: bool) -> None:
        assert is_substantial(quote) is enough

    @given(st.text(max_size=80), st.text(max_size=30))
    def test_what_is_found_is_the_quote(self, text: str, quote: str) -> None:
        piece = Source("S1", "b", "b.md", "", None, text, ((0, len(text)),) if text else ())
        for place in find_places(quote, piece):
            found = "".join(text[start:end] for start, end in place)
            assert all(0 <= start < end <= len(text) for start, end in place)
            assert fold(quote).text.strip(" '\".,;:!?()[]-*`_«»") in fold(found).text

    @given(st.integers(0, 300), st.integers(10, 80))
    def test_any_run_of_whole_words_is_found_where_it_stands(self, start: int, length: int) -> None:
        words = TALKS[start : start + length].split()[1:-1]
        if words and is_substantial(" ".join(words)):
            places = find_places(" ".join(words).upper(), SOURCES[0])
            stripped = fold(" ".join(words).strip(" .,()")).text
            assert any(fold(" ".join(TALKS[a:b] for a, b in place)).text == stripped for place in places)


@given(st.text(max_size=200), st.text(max_size=60))
def test_no_text_breaks_the_verification(text: str, quote: str) -> None:
    verdict = judge(text, ("S1", quote), ("S2", "Iran attacked Iraq in 1981"))
    assert 0 <= verdict.support <= 1 and (verdict.status == "unsupported") == (not verdict.found)


def test_clauses_say_something_each() -> None:
    assert clauses("Asif said no; Kabul agreed to meet, but the truce was not extended.") == [
        "Asif said no",
        "Kabul agreed to meet",
        "the truce was not extended.",
    ]
    assert clauses("A, B and C met.") == ["A, B and C met."]
    assert clauses("") == []


def test_support_is_a_share() -> None:
    assert (
        0 < judge("The envoy called the border a wound and smiled.", ("S2", 'called the border "a wound"')).support < 1
    )


def test_a_quote_that_bears_out_nothing_is_not_cited() -> None:
    verdict = judge("Iran attacked Iraq in 1981.", ACCORD, ("S2", "Iran attacked Iraq in 1981"))
    assert verdict.status == "kept"
    assert [found.text for found in verdict.found] == ["Iran attacked Iraq in 1981"]
