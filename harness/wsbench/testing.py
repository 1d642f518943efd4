"""The contract every plugin keeps, as functions that raise AssertionError: for our plugins and for yours.

Call them from your own tests::

    def test_my_method(tmp_path):
        wsbench.testing.check_method(my_spec, tmp_path)
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wsbench import predictions
from wsbench.catalog import Entry
from wsbench.loading import Loaded, load
from wsbench.planning import make_plan
from wsbench.plugins import Plugins
from wsbench.progress import Silent
from wsbench.runner import fitted
from wsbench.scored import BoxTable, Scored
from wsbench.settings import Settings
from wsbench.specs import Dataset, DatasetSpec, MethodSpec, MetricSpec, Source
from wsbench.types import Box, MetricValue, Sample, ScoredBox


class ToySettings(Settings):
    """Nothing to choose."""


class Toy(Dataset):
    """Sixty 48 x 40 images of noise; a third has the class ``spot`` and one or two bright boxes."""

    classes = ("spot",)

    def __init__(self) -> None:
        self.samples = tuple(_toy_sample(index) for index in range(60))

    def read(self, sample: Sample, height: int, width: int) -> np.ndarray:
        noise = np.random.default_rng(int(sample.content)).integers(0, 60, (40, 48), dtype=np.uint8)
        for box in sample.boxes:
            inside = noise[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
            inside[inside < 150] += 150  # where two boxes overlap, only once
        rows, columns = np.arange(height) * 40 // height, np.arange(width) * 48 // width
        return noise[np.ix_(rows, columns)]


def _toy_sample(index: int) -> Sample:
    x, y = 4 + index % 5 * 4, 3 + index % 7 * 2
    both = (Box("spot", x, y, x + 14, y + 12), Box("spot", 30, 26, 44, 36))
    boxes = both[: 1 + index % 2] if index % 3 == 2 else ()
    return Sample(
        name=f"{index:03d}",
        width=48,
        height=40,
        split="test" if index % 4 == 0 else "train",
        labels=("spot",) if boxes else (),
        boxes=boxes,
        content=str(index),
    )


TOY = DatasetSpec(
    name="toy",
    summary="bright boxes in noise",
    settings=ToySettings,
    load=lambda settings, source: Toy(),
    computed=True,
    preset="quick",
)


def toy() -> Loaded:
    """The toy dataset, ready for a run."""
    return load(TOY, ToySettings(), Entry(), Silent())


def check_method(
    spec: MethodSpec, folder: Path, *, found: Plugins | None = None, options: Mapping[str, Any] | None = None
) -> None:
    """A method learns and predicts as it promises, on a toy dataset of one class.

    What it gives is well formed; it does not depend on what else is in the batch; it is the same after
    training again from the same seed; its settings' defaults and presets are valid.

    Args:
        spec: of the method.
        folder: an empty folder to work in.
        found: the plugins among which the methods it requires are looked up.
        options: settings that make it small.
    """
    loaded, found = toy(), found or Plugins(methods={spec.name: spec})
    for preset in spec.presets:
        make_plan(spec, preset, {}, dataset=TOY, seed=0, device="cpu", runs=folder)
    images = loaded.views.images(loaded.roles.members["test"])

    def trained(attempt: str) -> Any:
        wanted = make_plan(
            spec, None, options or {}, dataset=TOY, seed=0, device="cpu", runs=folder / attempt
        )
        return fitted(wanted, loaded, found, Silent())

    first, again = trained("first"), trained("again")
    whole = first.predict(images)
    predictions.check(whole, images)
    _same(whole, again.predict(images), "training again from the same seed")
    parts = [first.predict(part) for part in images.chunks(4)]
    _same(whole, predictions.joined(parts), "predicting in smaller batches")


def check_dataset(spec: DatasetSpec, settings: Settings, source: Source) -> None:
    """A dataset's samples are well formed and its pixels can be read, again and in any order."""
    dataset = spec.load(settings, source)
    names = [sample.name for sample in dataset.samples]
    assert len(set(names)) == len(names), "two samples have the same name"
    for sample in dataset.samples:
        assert set(sample.labels) <= set(dataset.classes), f"{sample.name}: label outside {dataset.classes}"
        assert {box.label for box in sample.boxes} <= set(sample.labels), f"{sample.name}: box without label"
        for box in sample.boxes:
            inside = 0 <= box.x0 < box.x1 <= sample.width and 0 <= box.y0 < box.y1 <= sample.height
            assert inside, f"{sample.name}: {box} leaves the image"
    chosen = dataset.samples[:: max(1, len(dataset.samples) // 5)]
    images = [dataset.read(sample, 40, 32) for sample in chosen]
    again = pickle.loads(pickle.dumps(dataset)) if dataset.read_holds_lock else spec.load(settings, source)
    for sample, image in reversed(list(zip(chosen, images, strict=True))):
        assert image.shape == (40, 32) and image.dtype == np.uint8, (
            f"{sample.name}: {image.shape} {image.dtype}"
        )
        assert (again.read(sample, 40, 32) == image).all(), f"{sample.name}: read again, it differs"


def check_metric(spec: MetricSpec) -> None:
    """A metric gives finite numbers or None, leaves the table alone, and does not depend on image order."""
    names = tuple("abcdef")
    for boxes in (((), ()), _METRIC_BOXES):
        scored = _table(names, *boxes)
        value = spec.compute(scored)
        assert isinstance(value, MetricValue), f"{spec.name} returned {value!r}"
        for number in (value.value, *value.per_class.values()):
            assert number is None or (isinstance(number, float) and np.isfinite(number)), (
                f"{spec.name}: {number}"
            )
        assert value == spec.compute(_table(names, *boxes)), f"{spec.name} changed its table"
        turned = _table(names, *boxes, order=[3, 1, 5, 0, 2, 4])
        assert _close(spec.compute(turned), value), f"{spec.name} depends on the order of images"


_METRIC_BOXES = (
    ((0, Box("x", 10, 10, 40, 40)), (0, Box("x", 50, 50, 90, 80)), (1, Box("y", 5, 5, 60, 60))),
    (
        (0, ScoredBox("x", 12, 8, 44, 40, 0.9)),
        (1, ScoredBox("y", 0, 0, 50, 60, 0.4)),
        (1, ScoredBox("x", 0, 0, 50, 60, 0.3)),
        (4, ScoredBox("y", 20, 20, 50, 60, 0.2)),
    ),
)


def _table(names: tuple[str, ...], truth: Any, predicted: Any, order: list[int] | None = None) -> Scored:
    order = order or list(range(len(names)))
    labels = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [0, 0], [0, 0]], dtype=bool)
    scores = np.array([[0.9, 0.2], [0.3, 0.8], [0.4, 0.7], [0.5, 0.1], [0.1, 0.3], [0.2, 0.2]])

    def of_images(boxes: Any) -> BoxTable:
        return BoxTable.of([[box for row, box in boxes if row == image] for image in order], ("x", "y"))

    return Scored(
        classes=("x", "y"),
        names=tuple(names[row] for row in order),
        sizes=np.full((len(names), 2), 100),
        labels=labels[order],
        scores=scores[order],
        operating_points=np.array([0.5, 0.5]),
        truth=of_images(truth),
        predicted=of_images(predicted),
    )


def _close(first: MetricValue, second: MetricValue) -> bool:
    pairs = [(first.value, second.value)]
    pairs += [(first.per_class[name], second.per_class[name]) for name in first.per_class]
    return all(a == b or (a is not None and b is not None and abs(a - b) < 1e-9) for a, b in pairs)


def _same(first: Any, second: Any, why: str) -> None:
    assert np.allclose(first.scores, second.scores, atol=1e-5), f"scores differ after {why}"
    if first.heatmaps is not None:
        assert np.allclose(first.heatmaps, second.heatmaps, atol=2e-3), f"heatmaps differ after {why}"
    assert (first.boxes is None) == (second.boxes is None)
    assert first.boxes is None or list(map(tuple, first.boxes)) == list(map(tuple, second.boxes)), why
