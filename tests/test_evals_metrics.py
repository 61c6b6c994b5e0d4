"""Measures against arithmetic done by hand."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.cases import GoldSpan
from evals.metrics import (
    Overlap,
    area_under_risk_coverage,
    auroc,
    balanced_accuracy,
    brier,
    calibration_error,
    citation_overlap,
    rank_scores,
    reliability,
    risk_coverage,
)
from evals.regions import Gold, Region, choose, shared, size, union
from evals.resampling import bootstrap, randomisation_tests


def floats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def gold(brief: str, start: int, end: int, alternative: bool = False) -> Gold:
    span = GoldSpan.model_validate({"brief": brief, "quote": "q" * (end - start), "or": alternative})
    return Gold(span, brief, ((start, end),))


def test_union_merges_and_shared_counts_once() -> None:
    region = union([("a", (0, 10)), ("a", (5, 20)), ("b", (0, 5)), ("a", (30, 40))])
    assert region == {"a": ((0, 20), (30, 40)), "b": ((0, 5),)}
    assert size(region) == 35
    assert shared(region, {"a": ((15, 35),), "c": ((0, 9),)}) == 10


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.integers(1, 20)), max_size=8),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.integers(1, 20)), max_size=8),
)
def test_regions_are_sets_of_characters(left: list[tuple[str, int, int]], right: list[tuple[str, int, int]]) -> None:
    def both(rows: list[tuple[str, int, int]]) -> tuple[Region, set[tuple[str, int]]]:
        region = union((brief, (start, start + length)) for brief, start, length in rows)
        return region, {(brief, k) for brief, start, length in rows for k in range(start, start + length)}

    (one, one_set), (other, other_set) = both(left), both(right)
    assert size(one) == len(one_set)
    assert shared(one, other) == len(one_set & other_set)


def test_citation_overlap_by_hand() -> None:
    golds = [gold("a", 0, 100)]
    cited = union([("a", (50, 200))])
    overlap = citation_overlap(cited, golds, choose(golds, cited))
    assert overlap.precision == pytest.approx(50 / 150)
    assert overlap.recall == pytest.approx(50 / 100)
    assert overlap.iou == pytest.approx(50 / 200)


def test_an_alternative_stands_in_and_a_spare_one_does_no_harm() -> None:
    golds = [gold("a", 0, 100), gold("b", 0, 40, alternative=True)]
    stands_in = union([("b", (0, 40))])
    assert citation_overlap(stands_in, golds, choose(golds, stands_in)) == Overlap(1.0, 1.0, 1.0)
    both = union([("a", (0, 100)), ("b", (0, 40))])
    assert citation_overlap(both, golds, choose(golds, both)).precision == 1.0


def test_nothing_cited_has_no_precision() -> None:
    golds = [gold("a", 0, 100)]
    overlap = citation_overlap({}, golds, choose(golds, {}))
    assert (overlap.precision, overlap.recall, overlap.iou) == (None, 0.0, 0.0)


def test_one_alternative_makes_up_for_one_required_span() -> None:
    golds = [gold("a", 0, 10), gold("b", 0, 10), gold("c", 0, 10, alternative=True)]
    chosen = choose(golds, union([("c", (0, 10))]))
    assert sorted(one.share for one in chosen) == [0.0, 1.0]


def test_auroc_by_hand() -> None:
    # Pairs (answerable, other): .9>.5, .9>.4, .4<.5, .4=.4 (half): 2.5 of 4.
    assert auroc(floats(1, 0, 1, 0), floats(0.9, 0.5, 0.4, 0.4)) == pytest.approx(2.5 / 4)
    assert np.isnan(auroc(floats(1, 1), floats(0.1, 0.2)))


def test_balanced_accuracy_by_hand() -> None:
    # 2 of 3 answerable were answered, 1 of 2 others were not.
    assert balanced_accuracy(floats(1, 1, 1, 0, 0), floats(1, 1, 0, 1, 0)) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert np.isnan(balanced_accuracy(floats(0, 0), floats(0, 1)))


def test_brier_by_hand() -> None:
    assert brier(floats(1, 0), floats(0.8, 0.4)) == pytest.approx((0.04 + 0.16) / 2)


def test_calibration_error_by_hand() -> None:
    answerable, confidence = floats(0, 1, 1, 1), floats(0.1, 0.3, 0.8, 0.6)
    low, high = reliability(answerable, confidence, bins=2)
    assert (low.count, high.count) == (2, 2)
    assert (low.confidence, high.confidence) == pytest.approx((0.2, 0.7))
    assert (low.answerable, high.answerable) == (0.5, 1.0)
    # Ten bins of four questions: each alone, |y - p| = .1, .7, .2, .4.
    assert calibration_error(answerable, confidence) == pytest.approx(1.4 / 4)


def test_risk_coverage_by_hand() -> None:
    coverage, risk = risk_coverage(floats(1, 0, 1, 0), floats(0.9, 0.8, 0.7, 0.1))
    assert coverage == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert risk == pytest.approx([0, 1 / 2, 1 / 3, 2 / 4])
    assert area_under_risk_coverage(floats(1, 0, 1, 0), floats(0.9, 0.8, 0.7, 0.1)) == pytest.approx(
        (1 / 2 + 1 / 3 + 1 / 2) / 4
    )


def test_risk_of_a_tie_does_not_depend_on_the_order() -> None:
    one = area_under_risk_coverage(floats(1, 0), floats(0.5, 0.5))
    other = area_under_risk_coverage(floats(0, 1), floats(0.5, 0.5))
    assert one == other == pytest.approx(0.5)


def test_rank_scores_by_hand() -> None:
    scores = rank_scores({"q": {"a": 1, "b": 1}, "none": {}}, {"q": ["a", "x", "b"]})
    assert set(scores) == {"q"}
    assert scores["q"]["map"] == pytest.approx((1 + 2 / 3) / 2)
    assert scores["q"]["mrr"] == 1.0
    assert scores["q"]["recall@10"] == 1.0
    assert scores["q"]["ndcg@10"] == pytest.approx((1 + 1 / np.log2(4)) / (1 + 1 / np.log2(3)))


def test_a_case_for_which_nothing_was_found_scores_zero() -> None:
    assert rank_scores({"q": {"a": 1}}, {"q": []})["q"] == {"ndcg@10": 0, "map": 0, "mrr": 0, "recall@10": 0}


def randomisation_test(before: np.ndarray, after: np.ndarray) -> float:
    return float(randomisation_tests((after - before)[None])[0])


def test_randomisation_by_hand() -> None:
    # Five lost, none won: of 32 ways to give five differences of one size signs, only the one found is as low.
    assert randomisation_test(np.ones(5), np.zeros(5)) == pytest.approx(1 / 32)
    # Two lost, one won, sum -1: of the 8 sums -3, -1 (three times), 1 (three times), 3, four are as low.
    assert randomisation_test(floats(1, 1, 0, 1), floats(0, 0, 1, 1)) == pytest.approx(4 / 8)
    # -.5 and +.2: of the sums -.7, -.3, .3, .7, two are as low as -.3.
    assert randomisation_test(floats(0.9, 0.1), floats(0.4, 0.3)) == pytest.approx(2 / 4)
    assert randomisation_test(floats(1, 1), floats(1, 1)) == 1.0


@given(st.integers(0, 8), st.integers(0, 8))
def test_randomisation_of_right_and_wrong_is_the_sign_test(lost: int, won: int) -> None:
    before, after = floats(*[1] * lost, *[0] * won), floats(*[0] * lost, *[1] * won)
    changed = lost + won
    exact = sum(comb(changed, k) for k in range(lost, changed + 1)) / 2**changed
    assert randomisation_test(before, after) == pytest.approx(exact, abs=0 if changed <= 12 else 0.02)


def test_randomisation_tells_a_fall_from_noise() -> None:
    before = np.full(60, 0.8)
    assert randomisation_test(before, before - 0.1) < 0.001
    noise = before + np.tile([0.1, -0.1], 30)
    assert 0.2 < randomisation_test(before, noise) < 0.8


def test_noise_rarely_looks_like_a_fall() -> None:
    random = np.random.default_rng(7)
    draws = [random.normal(0, 0.1, 40) * (random.random(40) < 0.3) for _ in range(400)]
    fallen = sum(randomisation_test(np.zeros(40), drawn) < 0.05 for drawn in draws)
    assert fallen / 400 < 0.08


def test_randomisation_of_several_scores_by_hand() -> None:
    none, fell = [0.0] * 5, [-1.0] * 5
    # On the same cases the second score adds no way to be as low: 1 of 32, as with one score.
    assert randomisation_tests(np.array([fell, fell, none])).tolist() == pytest.approx([1 / 32, 1 / 32, 1])
    # On other cases: one of two is as low in 1 - (31/32)^2 of all ways.
    apart = np.array([fell + none, none + fell])
    assert randomisation_tests(apart).tolist() == pytest.approx([63 / 1024] * 2)
    # Differences of another size weigh no more: each score is measured against its own spread.
    assert randomisation_tests(apart * [[1.0], [0.01]]).tolist() == pytest.approx([63 / 1024] * 2)
    assert randomisation_tests(np.zeros((2, 4))).tolist() == [1, 1]
    assert randomisation_tests(np.zeros((0, 0))).tolist() == []


def test_many_scores_raise_no_more_false_alarms_than_one() -> None:
    random = np.random.default_rng(11)
    draws = [random.normal(0, 0.1, (9, 30)) * (random.random((9, 30)) < 0.3) for _ in range(150)]
    alarms = sum(bool((randomisation_tests(drawn) < 0.05).any()) for drawn in draws)
    assert alarms / 150 < 0.1


def test_bootstrap_is_seeded_and_holds_the_value() -> None:
    rows = np.arange(50, dtype=np.float64)
    one = bootstrap(rows, lambda values: float(values.mean()))
    assert one is not None
    assert one == bootstrap(rows, lambda values: float(values.mean()))
    assert one.low < one.value == 24.5 < one.high
    assert one.count == 50
    assert bootstrap(np.zeros(0), lambda values: float(values.mean())) is None
