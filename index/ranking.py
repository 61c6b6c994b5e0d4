"""The learned part of the ranking: logistic models over the features of ``index/evidence.py``.

Weights are data (``index/models/ranking.json``), fitted by ``python -m evals.fitting`` on labelled questions; see docs/ranking.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from index.errors import SettingsError
from index.evidence import CHUNK_FEATURES, SENTENCE_FEATURES
from index.lexical import Floats

MODEL_FILE = Path(__file__).with_name("models") / "ranking.json"


@dataclass(frozen=True)
class Logistic:
    """A logistic regression over named features: ``sigmoid(bias + weights . x)``."""

    features: tuple[str, ...]
    weights: Floats
    bias: float

    def logit(self, table: Floats) -> Floats:
        """Log-odds of each row, shape (n,)."""
        score: Floats = (table @ self.weights + self.bias).astype(np.float32)
        return score

    def probability(self, table: Floats) -> Floats:
        """Probability of each row in (0, 1), shape (n,)."""
        chance: Floats = (1 / (1 + np.exp(-self.logit(table)))).astype(np.float32)
        return chance

    def to_json(self) -> dict[str, object]:
        """Weights by feature name, rounded to six places."""
        pairs = zip(self.features, self.weights, strict=True)
        return {"bias": round(self.bias, 6), "weights": {name: round(float(weight), 6) for name, weight in pairs}}

    @classmethod
    def from_json(cls, data: dict[str, object], features: Sequence[str], where: str) -> Logistic:
        """The model in ``data``. :raises SettingsError: if it was fitted on other features."""
        weights = data.get("weights")
        if not isinstance(weights, dict) or set(weights) != set(features):
            raise SettingsError(
                f"{where} was fitted on other features than this version has; fit it again with `python -m evals.fitting`"
            )
        return cls(
            tuple(features), np.array([weights[name] for name in features], np.float32), float(str(data["bias"]))
        )


@dataclass(frozen=True)
class RankingModel:
    """``chunk`` says how likely a chunk holds the answer, ``sentence`` how likely a sentence is part of it."""

    chunk: Logistic
    sentence: Logistic


@lru_cache(maxsize=4)
def load_ranking(path: Path = MODEL_FILE) -> RankingModel:
    """The fitted ranking. :raises SettingsError: if the file is missing, broken or of another version."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return RankingModel(
            Logistic.from_json(data["chunk"], CHUNK_FEATURES, str(path)),
            Logistic.from_json(data["sentence"], SENTENCE_FEATURES, str(path)),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"cannot read the ranking weights in {path}: {error}; fit them again with `python -m evals.fitting`"
        ) from error
