"""Checks of the contract that every plugin keeps, for built-in plugins and for yours.

A check raises AssertionError where a plugin breaks the contract. Call the checks from your own tests::

    def test_my_method(tmp_path):
        wsbench.testing.check_method(my_spec, tmp_path)
"""

from __future__ import annotations

import pickle  # nosec B403 # it reads only what is pickled here
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wsbench.contract.base import Dataset, Source
from wsbench.contract.plugins import Plugins
from wsbench.contract.specs import DatasetSpec, MethodSpec, MetricSpec
from wsbench.data.catalog import Entry
from wsbench.data.contradictions import contradictions
from wsbench.data.dataset import Loaded, load
from wsbench.files import checksums
from wsbench.files.writing import read_json
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.coordinates import full_image
from wsbench.geometry.masks import Mask
from wsbench.predictions import store
from wsbench.runs.job import Job
from wsbench.runs.plan import make_plan
from wsbench.runs.runner import fitted
from wsbench.runs.stages import MARK
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Heatmaps, Scored, Truth
from wsbench.settings import Settings
from wsbench.types import Box, Sample, ScoredBox
from wsbench.utils.progress import Silent

_Placed = Sequence[tuple[int, Box | ScoredBox]]
"""Boxes, each with the row of its image."""


class ToySettings(Settings):
    """Nothing to choose."""


class Toy(Dataset):
    """A toy dataset: sixty images of noise, 48 x 40 pixels. A third of them has the class ``spot`` and one
    or two bright boxes. The attributes are those of tbx11k: ``group`` tb or health, and ``activity``
    active."""

    classes = ("spot",)

    def __init__(self) -> None:
        self.samples = tuple(_toy_sample(index) for index in range(60))

    def read(self, sample: Sample, height: int, width: int) -> np.ndarray:
        noise = np.random.default_rng(int(sample.content)).integers(0, 60, (40, 48), dtype=np.uint8)
        for box in sample.boxes:
            box_pixels = noise[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
            box_pixels[box_pixels < 150] += 150  # pixels in two boxes are brightened once
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
        attributes={"group": "tb", "activity": "active"} if boxes else {"group": "health"},
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
    """Load the toy dataset, ready for a run."""
    return load(TOY, ToySettings(), Entry(), Silent())


def check_method(
    spec: MethodSpec,
    folder: Path,
    *,
    plugins: Plugins | None = None,
    options: Mapping[str, Any] | None = None,
    **renamed: Any,
) -> None:
    """Check that a method learns and predicts as the contract says, on a toy dataset of one class.

    Checked is that predictions are well formed, that they do not depend on the other images of a batch, that
    a second training from the same seed gives the same, that predicting does not change files of the
    training, and that the defaults and presets of the settings are valid.

    Args:
        spec: the method.
        folder: an empty folder to work in.
        plugins: plugins that hold the methods which this one requires; by default the method alone.
        options: settings that make the method small.
        renamed: ``found`` is the old name of ``plugins``.

    Raises:
        AssertionError: the method breaks the contract.
    """
    if "found" in renamed:
        warnings.warn("check_method(found=) is now plugins=", DeprecationWarning, stacklevel=2)
        plugins = renamed.pop("found")
    if renamed:
        raise TypeError(f"check_method has no argument {', '.join(renamed)}")
    loaded, plugins = toy(), plugins or Plugins(methods={spec.name: spec})
    for preset in spec.presets:
        make_plan(spec, preset, {}, dataset=TOY, seed=0, device="cpu", runs=folder)
    images = loaded.views.images(loaded.roles.members["test"])

    def trained(attempt: str) -> Any:
        plan = make_plan(spec, None, options or {}, dataset=TOY, seed=0, device="cpu", runs=folder / attempt)
        return fitted(Job(plan, loaded, plugins))

    first, again = trained("first"), trained("again")
    all_at_once = first.predict(images)
    store.check(all_at_once, images)
    _same(all_at_once, again.predict(images), "training again from the same seed")
    in_batches = [first.predict(batch) for batch in images.chunks(4)]
    _same(all_at_once, store.joined(in_batches), "predicting in smaller batches")
    for fit in sorted(folder.glob(f"*/{TOY.name}/{spec.name}/*/fit")):
        changed = checksums.difference(fit, read_json(fit / MARK)["files"])
        assert changed is None, f"predicting changes what fit left: {changed}"


def check_dataset(spec: DatasetSpec, settings: Settings, source: Source) -> None:
    """Check that a dataset's samples are well formed, and that its pixels can be read repeatedly in any
    order.

    Args:
        spec: the dataset.
        settings: its settings.
        source: the place that it is loaded from.

    Raises:
        AssertionError: the dataset breaks the contract.
    """
    dataset = spec.load(settings, source)
    wrong = contradictions(dataset.samples, dataset.classes)
    assert not wrong, f"{wrong[0].file}: {wrong[0].what}"
    chosen = dataset.samples[:: max(1, len(dataset.samples) // 5)]
    images = [dataset.read(sample, 40, 32) for sample in chosen]
    again = _pickled(dataset) if dataset.read_holds_lock else spec.load(settings, source)
    for sample, image in reversed(list(zip(chosen, images, strict=True))):
        assert image.shape == (40, 32) and image.dtype == np.uint8, (
            f"{sample.name}: {image.shape} {image.dtype}"
        )
        assert (again.read(sample, 40, 32) == image).all(), f"{sample.name}: read again, it differs"


def check_metric(spec: MetricSpec) -> None:
    """Check a metric on a small table.

    Checked is that its values are numbers or NaN, of shape ``(B,)`` or ``(B, C)`` for B draws and C classes,
    that it does not change the table, that it does not depend on the order of images, and that its value for
    a draw is the value for a table of the drawn images.

    Args:
        spec: the metric.

    Raises:
        AssertionError: the metric breaks the contract.
    """
    names = tuple("abcdef")
    cases: Sequence[tuple[_Placed, _Placed]] = (((), ()), _METRIC_BOXES)
    for boxes in cases:
        value = _value(spec, _table(names, *boxes))
        assert np.array_equal(value, _value(spec, _table(names, *boxes)), equal_nan=True), (
            f"{spec.name} changed its table"
        )
        turned = _value(spec, _table(names, *boxes, order=[3, 1, 5, 0, 2, 4]))
        assert np.allclose(value, turned, equal_nan=True), f"{spec.name} depends on the order of images"
        if spec.resampled:
            _check_draws(spec, names, boxes)


def _check_draws(spec: MetricSpec, names: tuple[str, ...], boxes: tuple[_Placed, _Placed]) -> None:
    drawn = [[1, 1, 1, 1, 1, 1], [0, 2, 0, 1, 3, 0], [2, 0, 1, 0, 1, 2], [0, 0, 0, 3, 3, 0]]
    draws = Resamples(np.array(drawn, dtype=float), np.arange(len(names)))
    values = np.asarray(spec.compute(_table(names, *boxes), draws))
    for value, counts in zip(values, drawn, strict=True):
        order = [row for row, times in enumerate(counts) for _ in range(times)]
        copies = tuple(
            f"{names[row]}" + "'" * order[:position].count(row) for position, row in enumerate(order)
        )
        expected = _value(spec, _table(copies, *boxes, order=order, named=copies))
        assert np.allclose(value, expected, equal_nan=True), (
            f"{spec.name}: the value of a draw is not that of its images"
        )


def _value(spec: MetricSpec, scored: Scored) -> np.ndarray:
    values = np.asarray(spec.compute(scored, Resamples.once(len(scored.names))))
    expected = ((1,), (1, len(scored.classes)))
    assert values.shape in expected, f"{spec.name} gave values of shape {values.shape}, not (B,) or (B, C)"
    assert not np.isinf(values).any(), f"{spec.name} gave an infinite value"
    value: np.ndarray = values[0]
    return value


_METRIC_BOXES: tuple[_Placed, _Placed] = (
    ((0, Box("x", 10, 10, 40, 40)), (0, Box("x", 50, 50, 90, 80)), (1, Box("y", 5, 5, 60, 60))),
    (
        (0, ScoredBox("x", 12, 8, 44, 40, 0.9)),
        (1, ScoredBox("y", 0, 0, 50, 60, 0.4)),
        (1, ScoredBox("x", 0, 0, 50, 60, 0.3)),
        (4, ScoredBox("y", 20, 20, 50, 60, 0.2)),
    ),
)


_TOKEN = np.array([[0.0, 60.0, 30.0, 70.0]])
"""Corners of the nuisance on every second image of the table that metrics are checked with."""


def _table(
    names: tuple[str, ...],
    truth: _Placed,
    predicted: _Placed,
    order: list[int] | None = None,
    named: tuple[str, ...] | None = None,
) -> Scored:
    """A table of six images, or of some of them in another order or several times."""
    order = list(range(len(names))) if order is None else order
    labels = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [0, 0], [0, 0]], dtype=bool)
    scores = np.array([[0.9, 0.2], [0.3, 0.8], [0.4, 0.7], [0.5, 0.1], [0.1, 0.3], [0.2, 0.2]])
    maps = np.random.default_rng(0).random((6, 2, 8, 8))
    classes, sizes = ("x", "y"), np.full((len(order), 2), 100)

    def of_images(boxes: _Placed) -> BoxTable:
        return BoxTable.of([[box for row, box in boxes if row == image] for image in order], classes)

    calibrate = Truth(
        classes=classes,
        names=("k",),
        sizes=sizes[:1],
        labels=labels[2:3],
        known=np.ones((1, 2), dtype=bool),
        truth=BoxTable.of([[Box("x", 5, 5, 50, 50)]], classes),
    )
    return Scored(
        classes=classes,
        names=named or tuple(names[row] for row in order),
        sizes=sizes,
        labels=labels[order],
        known=np.ones((len(order), 2), dtype=bool),
        truth=of_images(truth),
        scores=scores[order],
        operating_points=np.array([0.5, 0.5]),
        predicted=of_images(predicted),
        heatmaps=Heatmaps(maps[order], [full_image(100, 100)] * len(order)),
        calibrate=calibrate,
        masks=_masks_of(truth, order, classes),
        nuisances={("token", row): _TOKEN for row, image in enumerate(order) if image % 2},
        box_thresholds=np.array([0.4, 0.6]),
    )


def _masks_of(boxes: _Placed, order: list[int], classes: tuple[str, ...]) -> dict[tuple[int, int], Mask]:
    """Truth masks of which every box fills its lower left half."""
    masks = {}
    for row, image in enumerate(order):
        for column, label in enumerate(classes):
            pixels = np.zeros((100, 100), dtype=bool)
            for box in [box for of_image, box in boxes if (of_image, box.label) == (image, label)]:
                corner = pixels[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
                corner |= np.tri(*corner.shape) > 0
            if pixels.any():
                masks[row, column] = Mask.of_pixels(label, pixels)
    return masks


def _pickled(dataset: Dataset) -> Dataset:
    """The dataset as it arrives in another process."""
    again: Dataset = pickle.loads(pickle.dumps(dataset))  # nosec B301 # bytes of this process
    return again


def _same(first: Any, second: Any, why: str) -> None:
    assert np.allclose(first.scores, second.scores, atol=1e-5), f"scores differ after {why}"
    if first.heatmaps is not None:
        assert np.allclose(first.heatmaps, second.heatmaps, atol=2e-3), f"heatmaps differ after {why}"
    assert (first.boxes is None) == (second.boxes is None)
    assert first.boxes is None or list(map(tuple, first.boxes)) == list(map(tuple, second.boxes)), why
