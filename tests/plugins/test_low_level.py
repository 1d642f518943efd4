"""The low-level baseline: its features, both models, and that a shortcut shows in its AUC."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import RunContext
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent
from wsbench_plugins.methods import low_level


def test_features_by_hand() -> None:
    grey = np.zeros((1, 4, 4), dtype=np.uint8)
    grey[0, :2, :2] = 255
    found = low_level.features(grey, side=2)
    expected = [
        1,
        0,
        0,
        0,
        0.25,
        np.sqrt(0.25 * 0.75),
        0,
        0,
        1,
    ]  # cells, then mean, deviation and extremes
    assert found.tolist() == [pytest.approx(expected)]


@pytest.mark.parametrize("model", ["logistic", "trees"])
def test_both_models_learn(model: str) -> None:
    method = low_level.LowLevel(low_level.LowLevelSettings(model=model), ("a",))
    drawn = np.random.default_rng(0)
    present = drawn.integers(0, 2, 200).astype(np.uint8)
    seen = drawn.normal(size=(200, 5)) + present[:, None]
    scores = method._learnt(seen, present).predict_proba(seen)[:, 1]
    assert scores[present == 1].mean() > 0.6
    assert scores[present == 0].mean() < 0.4


def test_what_is_restored_is_what_was_fitted_and_it_points_at_nothing(tmp_path: Path) -> None:
    loaded = testing.toy()
    fit = loaded.views.weak(loaded.roles.members["fit"])
    first, second = [
        low_level.LowLevel(low_level.LowLevelSettings(read_size=32), ("spot",)) for _ in range(2)
    ]
    run = RunContext("toy", "low_level", 0, tmp_path, "cpu", Silent())
    first.fit(fit, fit, run)
    for method in (first, second):
        method.restore(run)
    prediction = first.predict(fit)
    scores, present = prediction.scores[:, 0], fit.labels[:, 0] == 1
    assert scores.min() >= 0 and scores.max() <= 1
    assert scores[present].mean() > scores[~present].mean()
    assert prediction.heatmaps is None
    assert prediction.boxes == [[] for _ in fit.names]
    assert np.array_equal(second.predict(fit).scores, prediction.scores)


def test_a_class_with_one_label_gets_one_score(tmp_path: Path) -> None:
    method = low_level.LowLevel(low_level.LowLevelSettings(), ("a",))
    assert method._learnt(np.zeros((3, 2)), np.ones(3, dtype=np.uint8)) == 1.0


def test_a_correlated_marker_is_in_the_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The phantom's burnt-in token is white; where it goes with tuberculosis, the maximum tells it."""
    monkeypatch.setenv("WSBENCH_CACHE", str(tmp_path / "cache"))

    def auc_of_maximum(correlation: float) -> float:
        options = {"images": 300, "marker_correlation": correlation}
        loaded = load_dataset(plugins.find([]), "phantom", options, Silent())
        view = loaded.views.weak([sample.name for sample in loaded.samples])
        return roc_auc_score(view.labels[:, 0], low_level.features(view.pixels(128, 128)[:], 16)[:, -1])

    assert auc_of_maximum(1.0) > 0.62
    assert 0.4 < auc_of_maximum(0.0) < 0.6
