"""Gates and baselines: a real regression falls, noise does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evals.baseline import changes, load_baseline, update_baseline
from evals.cases import Case, Suite, SuiteError
from evals.gates import (
    OWN,
    Regression,
    Threshold,
    Verdict,
    check,
    check_regression,
    check_thresholds,
    compare,
    load_gates,
    near,
)
from evals.resampling import Estimate
from evals.running import CaseResult, SuiteResult
from evals.scoring import Score

LIMITS = Regression()


def result(values: dict[str, float | None], score: str = "facts_present", corpus: str = "c") -> SuiteResult:
    cases = [Case(id=case_id, kind="k", question=f"{case_id}?", answerable=True) for case_id in values]
    results = tuple(CaseResult(case, {score: Score(values[case.id], "why")}) for case in cases)
    return SuiteResult(Suite("small", Path("small"), tuple(cases)), results, corpus=corpus, recipe="r")


def outcomes(right: int, wrong: int) -> list[float]:
    return [1.0] * right + [0.0] * wrong


def compared(before: Sequence[float], after: Sequence[float], score: str = "facts_present") -> Verdict:
    """The verdict on one score that went from ``before`` to ``after``, case by case."""
    pairs = {f"c{k}": pair for k, pair in enumerate(zip(before, after, strict=True))}
    [verdict] = compare({score: pairs}, LIMITS)
    return verdict


def test_thresholds_are_inclusive_and_unscored_is_no_failure() -> None:
    one = result({"a": 1.0, "b": 0.8, "c": None})
    found = check_thresholds(
        one,
        [
            Threshold(score="facts_present", at_least=0.9),
            Threshold(score="facts_present", at_least=0.91),
            Threshold(score="facts_present", statistic="min", at_least=0.8),
            Threshold(score="facts_present", statistic="median", at_most=0.9),
            Threshold(score="facts_present", statistic="max", at_most=0.9),
            Threshold(score="quotes_exact", at_least=1),
        ],
    )
    assert [verdict.passed for verdict in found] == [True, False, True, True, False, None]
    assert found[0].why == "0.9 over 2 cases"


def test_a_figure_of_the_whole_suite_can_be_gated() -> None:
    one = replace(result({}), estimates={"auroc": Estimate(0.85, 0.8, 0.9, 40)})
    assert check_thresholds(one, [Threshold(score="auroc", at_least=0.9)])[0].passed is False


@pytest.mark.parametrize(
    ("lost", "won", "passed"), [(5, 0, False), (8, 1, False), (4, 0, True), (5, 4, True), (1, 0, True), (0, 9, True)]
)
def test_right_and_wrong_by_the_sign_test(lost: int, won: int, passed: bool) -> None:
    before = [*outcomes(lost, won), *outcomes(50, 0)]
    after = [*outcomes(0, lost), *outcomes(won, 0), *outcomes(50, 0)]
    verdict = compared(before, after)
    assert verdict.passed is passed
    assert (len(verdict.worse), len(verdict.better)) == (lost, won)


def test_shares_by_randomisation() -> None:
    before = [0.8] * 60
    fallen = [0.8] * 40 + [0.5] * 20
    mixed = [0.8] * 20 + [0.7] * 20 + [0.9] * 20
    one_bad = [0.8] * 59 + [0.0]
    verdicts = [compared(before, after, "span_cited") for after in (fallen, mixed, one_bad, before)]
    assert [verdict.passed for verdict in verdicts] == [False, True, True, True]
    assert (verdicts[0].before, verdicts[0].value) == pytest.approx((0.8, 0.7))
    small = compared(before, [0.8] * 30 + [0.79] * 30, "span_cited")
    assert small.p is not None
    assert small.p < 0.001
    assert small.passed is True, "thirty cases by a hundredth are not worth one whole case"


def test_several_scores_share_one_chance_of_a_false_alarm() -> None:
    lost, kept = (1.0, 0.0), (1.0, 1.0)
    first = {f"c{k}": lost if k < 5 else kept for k in range(10)}
    second = {f"c{k}": kept if k < 5 else lost for k in range(10)}
    alone = compare({"facts_present": first}, LIMITS)
    apart = compare({"facts_present": first, "span_cited": second}, LIMITS)
    together = compare({"facts_present": first, "span_cited": first}, LIMITS)
    assert [verdict.passed for verdict in (*alone, *apart, *together)] == [False, True, True, False, False]


def test_a_baseline_round_trips_and_a_run_equals_itself(tmp_path: Path) -> None:
    one = result({"a": 1 / 3, "b": 1.0, "c": None})
    path = tmp_path / "deep" / "baseline.json"
    update_baseline(path, [one])
    known = load_baseline(path).suites["small"]
    assert known.cases["a"].scores == {"facts_present": 0.333333}
    [verdict] = check_regression(one, known, LIMITS)
    assert (verdict.passed, verdict.worse, verdict.better) == (True, (), ())


def test_updating_keeps_other_suites(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    one = result({"a": 1.0})
    update_baseline(path, [one])
    update_baseline(path, [replace(one, suite=replace(one.suite, name="other"))])
    assert set(load_baseline(path).suites) == {"small", "other"}


def test_new_changed_and_removed_cases_are_named_and_not_compared(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    update_baseline(path, [result(dict.fromkeys("abcdefgh", 1.0))])
    now = result({**dict.fromkeys("abcdefg", 0.0), "new": 0.0}, corpus="another")
    reworded = [
        replace(one, case=one.case.model_copy(update={"question": "other"})) if one.case.id in "abc" else one
        for one in now.results
    ]
    now = replace(now, results=tuple(reworded))
    known = load_baseline(path).suites["small"]
    found = changes(now, known)
    assert (found.new, found.changed, found.removed) == (("new",), ("a", "b", "c"), ("h",))
    assert (found.corpus, found.recipe) == (True, False)
    [verdict] = check_regression(now, known, LIMITS)
    assert verdict.worse == ("d", "e", "f", "g")
    assert verdict.passed is True


def test_check_puts_both_together(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    update_baseline(path, [result(dict.fromkeys("abcdefgh", 1.0))])
    gates = load_gates(OWN).model_copy(update={"suites": {"any": (Threshold(score="facts_present", at_least=0.2),)}})
    found = check(result({**dict.fromkeys("abcde", 0.0), "f": 1.0, "g": 1.0, "h": 1.0}), gates, load_baseline(path))
    assert [(verdict.name, verdict.passed) for verdict in found] == [
        ("every case ran", True),
        ("facts present at least 0.2", True),
        ("facts present no worse than the baseline", False),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("suites: {any: [{score: words}]}", "either at_least or at_most"),
        ("suites: {any: [{score: words, at_least: 1, at_mots: 2}]}", "unknown key"),
        ("suites: {any: [{score: words, at_least: many}]}", "found 'many'"),
        ("suites: {any: [{score: words, at_least: .nan}]}", "a finite number"),
        ("suites: {any: [{score: fact_present, at_least: 1}]}", "did you mean facts_present?"),
        ("", "found None, expected keys with values"),
        ("suits: {}", "key suites: found nothing"),
        ("regression: {p: 2}\nsuites: {}", "key regression.p: found 2"),
    ],
)
def test_broken_gates_are_one_line(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text(text)
    with pytest.raises(SuiteError) as caught:
        load_gates(path)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["{", '{"suites": 1}', '{"schema_version": 99}', '{"other": 1}'])
def test_broken_baselines_are_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(SuiteError, match="--update-baseline"):
        load_baseline(path)


def test_the_nearest_gates_win(tmp_path: Path) -> None:
    suite = tmp_path / "evals" / "suites" / "mine"
    suite.mkdir(parents=True)
    assert near(suite, "gates.yaml") is None
    for folder in (tmp_path / "evals", suite):
        (folder / "gates.yaml").write_text("suites: {}")
        assert near(suite, "gates.yaml") == folder / "gates.yaml"


def test_the_projects_gates_hold_its_promises() -> None:
    gates = load_gates(OWN)
    assert Threshold(score="quotes_exact", statistic="min", at_least=1) in gates.of("briefs")
    assert Threshold(score="quotes_exact", statistic="min", at_least=1) in gates.of("somebody else's")
