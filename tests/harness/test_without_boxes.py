"""A dataset without a single box, from its plugin to the record: labels are scored, and rank."""

from __future__ import annotations

from pathlib import Path

import pytest

import wsbench
from unboxed_examples import unboxed

PLUGIN = unboxed(
    90,
    """

class Settings(wsbench.Settings):
    pass

class Brightness(wsbench.Method):
    def predict(self, images):
        grey = images.pixels(16, 16)[:] / 255.0
        return wsbench.Prediction(grey.mean((1, 2))[:, None], grey[:, None])
""",
)


def test_labels_are_scored_and_measures_of_boxes_do_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSBENCH_CACHE", str(tmp_path / "cache"))
    plugin = tmp_path / "unboxed.py"
    plugin.write_text(PLUGIN)
    record = wsbench.run("brightness", "unboxed", runs=tmp_path / "runs", plugin_files=[plugin])
    assert record.dataset["boxes"]["test"] == 0
    assert record.value("auc", "uniform") > 0.5
    for metric in ("ap25", "miou", "map_gain", "pointing_game"):
        assert record.value(metric, "uniform") is None, metric
    # What rows are compared by, draw by draw.
    draws = record.protocols["uniform"]["draws"]
    assert list(draws) == ["auc"]
    low, high = record.protocols["uniform"]["metrics"]["auc"]["interval"]
    assert low < record.value("auc", "uniform") <= high
    assert min(draws["auc"]) <= low and high <= max(draws["auc"])
