"""Fitting: scale folded into the weights, folds, and what calibration refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from assistant.answerability import (
    CALIBRATION,
    FEATURES,
    MODEL_FILE,
    READ,
    SIGNALS,
    answerability_of,
    load_answerability,
)
from evals.calibration import calibrate
from evals.cases import SuiteError
from evals.fitting import FOLDS, fit_logistic, folds
from index.errors import SettingsError
from index.evidence import CHUNK_FEATURES, SENTENCE_FEATURES
from index.ranking import Logistic, load_ranking
from index.settings import Settings

ONES = np.ones(400, np.float32)


@pytest.fixture
def table() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Two signals on very different scales and a constant one."""
    draw = np.random.RandomState(7)
    columns = (draw.normal(5, 0.01, 400), draw.normal(-300, 90, 400), np.full(400, 3.0))
    return np.stack(columns, axis=1).astype(np.float32)


def test_scale_and_centre_are_folded_into_the_weights(table: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
    gold = (table[:, 1] > -300).astype(np.float32)
    fitted = fit_logistic(("a", "b", "c"), table, gold, ONES, 1.0)
    chance = fitted.probability(table)
    assert ((chance > 0.5) == (gold > 0.5)).mean() > 0.95
    # The same signals in other units: other weights, the same probabilities.
    factor = np.array([1000.0, 0.01, 1.0], np.float32)
    rescaled = fit_logistic(("a", "b", "c"), table * factor, gold, ONES, 1.0)
    assert rescaled.probability(table * factor) == pytest.approx(chance, abs=2e-3)
    assert rescaled.weights[1] == pytest.approx(fitted.weights[1] / 0.01, rel=1e-2)


def test_shares_are_fitted_as_expected_shares() -> None:
    gold = np.full(400, 0.25, np.float32)
    fitted = fit_logistic(("a",), np.zeros((400, 1), np.float32), gold, ONES, 1.0)
    assert fitted.probability(np.zeros((1, 1), np.float32)) == pytest.approx([0.25], abs=1e-3)


def test_weights_of_rows_count() -> None:
    gold = np.array([1, 0] * 200, np.float32)
    weight = np.array([3, 1] * 200, np.float32)
    fitted = fit_logistic(("a",), np.zeros((400, 1), np.float32), gold, weight, 1.0)
    assert fitted.probability(np.zeros((1, 1), np.float32)) == pytest.approx([0.75], abs=1e-3)


@pytest.mark.parametrize("count", [FOLDS, 7, 100])
def test_folds_hold_every_question_out_once(count: int) -> None:
    held = np.stack(folds(count))
    assert held.shape == (FOLDS, count)
    assert (held.sum(axis=0) == 1).all()
    assert held.sum(axis=1).max() - held.sum(axis=1).min() <= 1
    assert (np.stack(folds(count)) == held).all()


def test_a_model_survives_json() -> None:
    model = Logistic(("a", "b"), np.array([0.5, -2.0], np.float32), 1.0)
    again = Logistic.from_json(json.loads(json.dumps(model.to_json())), ("a", "b"), "here")
    row = np.array([[1.0, 0.5]], np.float32)
    assert again.logit(row) == pytest.approx([0.5 - 1.0 + 1.0])
    assert again.probability(row) == pytest.approx([1 / (1 + np.exp(-0.5))])
    with pytest.raises(SettingsError, match="here was fitted on other features"):
        Logistic.from_json(model.to_json(), ("a", "c"), "here")


def test_the_shipped_weights_fit_this_version() -> None:
    ranking = load_ranking()
    assert (ranking.chunk.features, ranking.sentence.features) == (CHUNK_FEATURES, SENTENCE_FEATURES)
    shipped = load_answerability()
    assert [model.features for model in (shipped.quick, shipped.read, shipped.careful)] == [
        FEATURES,
        FEATURES + READ,
        SIGNALS,
    ]
    assert 0 < shipped.threshold < 1


def test_a_corpus_answers_by_its_own_calibration(settings: Settings) -> None:
    assert answerability_of(settings) == load_answerability()
    own = json.loads(MODEL_FILE.read_text(encoding="utf-8")) | {"embedder": "minilm", "threshold": 0.77}
    (settings.corpus / CALIBRATION).write_text(json.dumps(own), encoding="utf-8")
    assert answerability_of(settings).threshold == 0.77
    assert answerability_of(settings.model_copy(update={"embedder": "openai"})).threshold != 0.77


def test_a_broken_calibration_names_the_file(settings: Settings) -> None:
    (settings.corpus / CALIBRATION).write_text("{}", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"\.calibration\.json.*run `briefs calibrate`"):
        answerability_of(settings)


@pytest.mark.parametrize(("answerable", "unanswerable"), [(45, 3), (60, 9), (30, 19)])
def test_calibration_refuses_too_few_cases(
    settings: Settings, tmp_path: Path, answerable: int, unanswerable: int
) -> None:
    kinds = ["true"] * answerable + ["false"] * unanswerable
    rows = [f"  - {{id: c{k}, kind: x, question: Is it shut, answerable: {kind}}}\n" for k, kind in enumerate(kinds)]
    suite = tmp_path / "few.yaml"
    suite.write_text("suite: few\ncases:\n" + "".join(rows), encoding="utf-8")
    found = (
        rf"found {answerable + unanswerable} cases, {unanswerable} of them unanswerable; calibrating takes 50 and 10"
    )
    with pytest.raises(SuiteError, match=found):
        calibrate(settings, str(suite))
    assert not (settings.corpus / CALIBRATION).exists()
