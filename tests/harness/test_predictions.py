"""Predictions: what is refused, what is stored, what comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from wsbench import testing
from wsbench.errors import WsbenchError
from wsbench.predictions import store
from wsbench.types import Prediction, Region, ScoredBox


@pytest.fixture(scope="module")
def images():
    return testing.toy().views.images([f"{index:03d}" for index in range(5)])


def prediction() -> Prediction:
    generator = np.random.default_rng(0)
    return Prediction(generator.random((5, 1)), generator.random((5, 1, 4, 6)))


GOOD_BOX = ScoredBox("spot", 1, 2, 3, 4, 0.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scores": np.zeros((4, 1))}, r"scores have shape \(4, 1\), not \(5, 1\)"),
        ({"scores": np.full((5, 1), np.nan)}, r"scores of 000 must lie in \[0, 1\], found nan"),
        ({"scores": np.array([[0], [0], [1.5], [0], [0]])}, r"scores of 002 must lie in \[0, 1\], found 1.5"),
        ({"heatmaps": np.zeros((5, 4, 6))}, r"heatmaps have shape \(5, 4, 6\), not \(N, C, h, w\)"),
        ({"heatmaps": np.zeros((5, 2, 4, 6))}, r"heatmaps have shape \(5, 2, 4, 6\), not \(5, 1, 4, 6\)"),
        ({"heatmaps": np.zeros((5, 1, 0, 6))}, "not \\(N, C, h, w\\)"),
        ({"heatmaps": np.full((5, 1, 4, 6), -0.1)}, r"heatmaps of 000 must lie in \[0, 1\], found -0.1"),
        ({"heatmaps": None}, "neither heatmaps nor boxes"),
        ({"regions": [Region(0, 0, 1, 1)]}, "gave 1 regions for 5 images"),
        ({"regions": [Region(0, 0, 0, 1)] * 5}, "region of 000 has no area"),
        ({"boxes": [[]] * 4}, "gave 4 boxes for 5 images"),
        ({"boxes": [[], [replace(GOOD_BOX, label="x")], [], [], []]}, "box on 001 has the unknown class 'x'"),
        ({"boxes": [[], [], [replace(GOOD_BOX, x1=1)], [], []]}, "box on 002 has no area"),
        ({"boxes": [[replace(GOOD_BOX, score=float("nan"))]] * 5}, "box on 000 has no area or no score"),
    ],
)
def test_what_breaks_the_promise_is_refused(images, change: dict, words: str) -> None:
    store.check(prediction(), images)
    with pytest.raises(WsbenchError, match=words):
        store.check(replace(prediction(), **change), images)


class Recorder:
    """A method that gives parts of one prediction and counts its calls."""

    def __init__(self, whole: Prediction, names: tuple[str, ...]) -> None:
        self.whole, self.names, self.calls = whole, names, 0

    def predict(self, images) -> Prediction:
        self.calls += 1
        rows = [self.names.index(name) for name in images.names]
        whole = self.whole

        def take(values):
            return None if values is None else [values[row] for row in rows]

        heatmaps = None if whole.heatmaps is None else whole.heatmaps[rows]
        return Prediction(whole.scores[rows], heatmaps, take(whole.regions), take(whole.boxes))


def single(scores: np.ndarray) -> np.ndarray:
    """Scores come back in single precision, in which submissions keep them."""
    return scores.astype(np.float32).astype(np.float64)


@pytest.mark.parametrize(
    "whole",
    [
        prediction(),
        replace(prediction(), regions=[Region(row, -1.5, 40, 30) for row in range(5)]),
        Prediction(
            prediction().scores, boxes=[[], [GOOD_BOX, replace(GOOD_BOX, score=0.1)], [], [GOOD_BOX], []]
        ),
    ],
    ids=["maps", "regions", "boxes"],
)
def test_what_is_stored_comes_back(images, whole: Prediction, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(store, "SHARD", 2)
    method = Recorder(whole, images.names)
    assert list(store.predict(method, images, tmp_path, "test")) == [2, 2, 1]
    names, back = store.read_role(tmp_path, "test", ("spot",))
    assert names == images.names
    assert (back.scores == single(whole.scores)).all()
    assert back.regions == whole.regions
    assert back.boxes == whole.boxes
    if whole.heatmaps is not None:
        assert (back.heatmaps == whole.heatmaps.astype(np.float16)).all()


def test_shards_that_are_there_are_not_predicted_again(images, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(store, "SHARD", 2)
    method = Recorder(prediction(), images.names)
    list(store.predict(method, images, tmp_path, "test"))
    (tmp_path / "test-0001.npz").unlink()
    list(store.predict(method, images, tmp_path, "test"))
    assert method.calls == 3 + 1


def test_without_maps_only_scores_are_kept(images, tmp_path: Path) -> None:
    method = Recorder(prediction(), images.names)
    list(store.predict(method, images, tmp_path, "select", maps=False))
    _, back = store.read_role(tmp_path, "select", ("spot",))
    assert back.heatmaps is None
    assert (back.scores == single(prediction().scores)).all()
