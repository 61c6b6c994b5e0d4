"""Numbers, dates, names and polarity as the checks read them."""

from __future__ import annotations

import pytest

from assistant.verification.names import same_form
from assistant.verification.polarity import contradicts, overstates
from assistant.verification.reading import Casing, casing_of, read
from assistant.verification.values import Date, Number, dates_agree, numbers_agree, read_dates, read_numbers


def number(text: str) -> Number:
    (found,) = read_numbers(text, [])
    return found


def date(text: str) -> Date:
    return read_dates(text)[0]


@pytest.mark.parametrize(
    ("text", "value", "unit", "bound"),
    [
        ("1,061,447 people", 1_061_447, "", ""),
        ("USD 1.3 billion", 1.3e9, "money", ""),
        ("$1.3bn", 1.3e9, "money", ""),
        ("two million rupees", 2e6, "money", ""),
        ("80 cents", 0.8, "money", ""),
        ("53 percent", 53, "%", ""),
        ("53%", 53, "%", ""),
        ("more than half", 50, "%", ">"),
        ("twenty-five men", 25, "", ""),
        ("a hundred and twenty posts", 120, "", ""),
        ("at least 372 killed", 372, "", ">"),
        ("no fewer than 18", 18, "", ">"),
        ("no more than 18", 18, "", "<"),
        ("fewer than 18", 18, "", "<"),
        ("nearly 3,000", 3000, "", "~"),
        ("the 36th report", 36, "ordinal", ""),
    ],
)
def test_numbers_are_read_as_they_are_meant(text: str, value: float, unit: str, bound: str) -> None:
    found = number(text)
    assert (found.value, found.unit, found.bound) == (value, unit, bound)


@pytest.mark.parametrize("text", ["one of them", "thousands of people", "the second half of the year", "no numbers"])
def test_what_is_no_number_is_not_read_as_one(text: str) -> None:
    assert read_numbers(text, []) == ()


@pytest.mark.parametrize(
    ("claimed", "quoted", "agree"),
    [
        ("23 men", "twenty-three men", True),
        ("23 men", "32 men", False),
        ("23 percent", "23 men", False),
        ("594 million", "USD 594 million", True),
        ("200 trucks", "more than 200 trucks", False),
        ("more than 200 trucks", "200 trucks", False),
        ("about 200 trucks", "200 trucks", True),
        ("200 trucks", "about 200 trucks", True),
        ("about 171,000", "171,055", True),
        ("over 171,000", "171,055", True),
        ("under 171,000", "171,055", False),
        ("about 190", "200", False),
        ("more than half", "54 percent", True),
    ],
)
def test_numbers_agree_or_not(claimed: str, quoted: str, agree: bool) -> None:
    assert numbers_agree(number(claimed), number(quoted)) is agree


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("7 November 2025", [(7, 11, 2025)]),
        ("November 7, 2025", [(7, 11, 2025)]),
        ("Nov. 7 2025", [(7, 11, 2025)]),
        ("2025-11-07", [(7, 11, 2025)]),
        ("6–7 November", [(6, 11, None), (7, 11, None)]),
        ("November 6–7, 2025", [(6, 11, 2025), (7, 11, 2025)]),
        ("July–December 2025", [(None, 7, 2025), (None, 12, 2025)]),
        ("2024–25", [(None, None, 2024), (None, None, 2025)]),
        ("in May", [(None, 5, None)]),
        ("May I", []),
        ("2,025 km", []),
        ("USD 2025", []),
    ],
)
def test_dates_are_read_in_their_parts(text: str, parts: list[tuple[int | None, int | None, int | None]]) -> None:
    assert [(found.day, found.month, found.year) for found in read_dates(text)] == parts


@pytest.mark.parametrize(
    ("claimed", "quoted", "years", "agree"),
    [
        ("November 2025", "7 November 2025", (), True),
        ("7 November", "7 November 2025", (), True),
        ("7 November 2025", "7 November", (2025,), True),
        ("7 November 2025", "7 November", (2024,), False),
        ("7 November 2025", "November 2025", (), False),
        ("8 November", "7 November", (), False),
        ("Monday", "Sunday", (), False),
        ("Monday", "Monday", (), True),
    ],
)
def test_dates_agree_or_not(claimed: str, quoted: str, years: tuple[int, ...], agree: bool) -> None:
    assert dates_agree(date(claimed), date(quoted), years) is agree


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [("pakistani", "pakistan", True), ("afghan", "afghanistan", True), ("turkish", "turkiy", True), ("chines", "china", True),
     ("iran", "iraq", False), ("india", "indonesia", False), ("kabul", "kandahar", False)],
)  # fmt: skip
def test_forms_of_one_name(left: str, right: str, same: bool) -> None:
    assert same_form(left, right) is same


def test_first_words_are_names_where_the_briefs_say_so() -> None:
    casing = casing_of("Then Kabul agreed. In Kabul traders waited; the traders of Kabul left.")
    assert [token.text for token in read("Kabul agreed.", casing).names] == ["Kabul"]
    assert read("Traders agreed.", casing).names == ()
    assert [token.text for token in read("Putin agreed.", Casing()).names] == ["Putin"]


@pytest.mark.parametrize(
    ("claim", "quoted", "against"),
    [
        ("The gate was not opened.", "The gate was opened.", True),
        ("The gate was opened.", "The gate was not opened.", True),
        ("The gate wasn't opened.", "The gate was not opened.", False),
        ("No gate was opened.", "None of the gates was opened.", False),
        ("The toll is unverified.", "The toll was never verified.", False),
        ("The toll is verified.", "The toll is unverified.", True),
        ("They did not confirm or deny it.", "They neither confirmed nor denied it.", False),
        ("He denied that Kabul had struck.", "He said Kabul had not struck.", False),
        ("He offered no evidence.", "He accused them without offering evidence.", False),
        ("They rejected the plan.", "They turned down the plan.", False),
        ("They accepted the plan.", "They turned down the plan.", True),
        ("The gate was closed.", "The gate was opened.", True),
        ("Not more than ten came.", "Ten came.", False),
        ("Neither figure is not verified.", "Neither figure is verified.", True),
    ],
)
def test_polarity(claim: str, quoted: str, against: bool) -> None:
    assert contradicts(read(claim), read(quoted)) is against


@pytest.mark.parametrize(
    ("claim", "quoted", "over"),
    [
        ("Trade fell below ten.", "Trade could fall below ten.", True),
        ("Trade may fall below ten.", "Trade could fall below ten.", False),
        ("The body was set up.", "The body was to be set up.", True),
        ("They suspended it.", "They were reported to have suspended it.", False),
        ("He announced the upgrade.", "He said it would be upgraded.", False),
    ],
)
def test_what_is_only_possible_is_not_told_as_done(claim: str, quoted: str, over: bool) -> None:
    assert overstates(read(claim), read(quoted)) is over
