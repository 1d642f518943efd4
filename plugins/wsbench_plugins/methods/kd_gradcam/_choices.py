"""What a mIOU is made of: the same training under every reading of what the paper leaves open."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

import wsbench

from . import _gradcam, _training
from ._settings import READING

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
PERCENTILE = 5.0


@dataclass(frozen=True)
class Reading:
    """One way to read the paper: a value of every setting that it leaves open and that needs no training."""

    kept: str = READING["kept"]
    relu: bool = READING["relu"]
    interpolation: str = READING["interpolation"]
    cells: str = READING["cells"]
    threshold: float = READING["threshold"]
    area: str = READING["area"]
    minimum: str = READING["minimum"]


VALUES: Mapping[str, Sequence[Any]] = {
    "kept": ("best", "last"),
    "relu": (True, False),
    "interpolation": ("bilinear", "nearest"),
    "cells": ("stretched", "centred"),
    "threshold": THRESHOLDS,
    "area": ("rectangle", "contour"),
    "minimum": ("smallest", "none", "percentile"),
}
"""By setting, the values that are tried. The first of most is the default."""


def readings() -> list[Reading]:
    """Every combination of the values."""
    return [Reading(*values) for values in itertools.product(*VALUES.values())]


def one_by_one() -> Iterator[tuple[str, Reading]]:
    """The defaults, then every reading that differs from them in one setting, with a name of it."""
    base = Reading()
    yield "as wsbench reads it", base
    for name, values in VALUES.items():
        for value in values:
            if value != getattr(base, name):
                yield f"{name}={value}", replace(base, **{name: value})


def image_miou(truth: np.ndarray, predicted: np.ndarray) -> float:
    """The mean IoU of one image (Algorithms 2 and 3): `mean_of_best` of ``(G, 4)`` and ``(P, 4)`` boxes."""
    return mean_of_best(wsbench.geometry.pairwise_iou(truth, predicted))


def mean_of_best(ious: np.ndarray) -> float:
    """The mean of the G largest of ``(G, P)`` IoUs, where missing ones count 0."""
    best = np.sort(ious, axis=None)[::-1][: len(ious)]
    return float(best.sum()) / len(ious)


class Images:
    """The test images with boxes that count.

    Attributes:
        rows: their rows among the images of the test role.
        names: their names.
        truth: the ``(G, 4)`` boxes of each.
        sizes: ``(N, 2)`` width and height, in pixels.
        minimums: minimum area by its name, as shares of an image's area.
    """

    def __init__(self, run: wsbench.finished.FinishedRun) -> None:
        loaded, members = run.loaded, run.loaded.roles.members
        elsewhere, samples = set(members["calibrate"]), {sample.name: sample for sample in loaded.samples}
        tested = [samples[name] for name in members["test"]]
        boxed = [(row, s) for row, s in enumerate(tested) if s.boxes and s.name not in elsewhere]
        if not boxed:
            raise wsbench.WsbenchError(f"{run.record.folder}: no test image has a box, so there is no mIOU")
        self.rows = np.array([row for row, _ in boxed])
        self.count = len(tested)
        self.names = [sample.name for _, sample in boxed]
        self.truth = [np.array([(b.x0, b.y0, b.x1, b.y1) for b in s.boxes]) for _, s in boxed]
        self.sizes = np.array([(sample.width, sample.height) for _, sample in boxed])
        annotated = loaded.views.boxed(members["calibrate"])
        self.minimums = {
            name: _gradcam.minimum_share(annotated, name, PERCENTILE) for name in VALUES["minimum"]
        }

    def values(self, run: wsbench.finished.FinishedRun) -> dict[Reading, np.ndarray]:
        """``(N,)`` mean IoUs of the images under every reading of a run."""
        result: dict[Reading, np.ndarray] = {}
        for kept in VALUES["kept"]:
            method = run.method(kept=kept)
            cams = self._cams(method, run)
            for relu, interpolation in itertools.product(VALUES["relu"], VALUES["interpolation"]):
                signed = cams.relu() if relu else cams
                maps = _gradcam.normalised_maps(signed, method.settings.crop, interpolation)
                levels = _gradcam.quantised(maps.numpy())
                of_map = Reading(kept=kept, relu=relu, interpolation=interpolation)
                result |= self._of_map(levels, method.settings, of_map)
        return result

    def _cams(self, method: Any, run: wsbench.finished.FinishedRun) -> torch.Tensor:
        """``(N, h, w)`` Grad-CAMs before ReLU, of the images in their order."""
        view = run.loaded.views.images(self.names)
        crop = _training.cropped(method.settings, augment=False)
        cams = []
        with torch.inference_mode():
            for chunk in view.chunks(method.settings.batch_size):
                grey = torch.from_numpy(chunk.pixels(*[method.settings.resize] * 2)[:])[:, None]
                inputs = _training.normalised(crop(grey), method.settings)
                cams.append(method.network.logits_and_cam(inputs, output=1, relu=False)[1].float())
        return torch.cat(cams)

    def _of_map(self, levels: np.ndarray, settings: Any, of_map: Reading) -> dict[Reading, np.ndarray]:
        """``(N,)`` mean IoUs under every rule of boxes, for one way to make the maps."""
        regions = {
            cells: [_gradcam.region(size, settings, cells) for size in self.sizes.tolist()]
            for cells in VALUES["cells"]
        }
        result: dict[Reading, np.ndarray] = {}
        for threshold in THRESHOLDS:
            found = [_gradcam.contours(of_image, threshold) for of_image in levels]
            for cells, where in regions.items():
                of_cells = replace(of_map, threshold=threshold, cells=cells)
                result |= self._of_boxes(found, levels.shape[1:], where, of_cells)
        return result

    def _of_boxes(
        self,
        found: Sequence[tuple[np.ndarray, np.ndarray]],
        shape: Sequence[int],
        where: Sequence[wsbench.Region],
        of_cells: Reading,
    ) -> dict[Reading, np.ndarray]:
        """``(N,)`` mean IoUs under every minimum area, for the contours of the maps."""
        outlined = [
            _gradcam.candidates(of_image, shape, region, size)
            for of_image, region, size in zip(found, where, self.sizes.tolist(), strict=True)
        ]
        ious = [
            wsbench.geometry.pairwise_iou(truth, boxes.pixels)
            for truth, boxes in zip(self.truth, outlined, strict=True)
        ]
        result = {}
        for area, minimum in itertools.product(VALUES["area"], VALUES["minimum"]):
            share = self.minimums[minimum]
            kept = [boxes.larger_than(share, area) for boxes in outlined]
            values = [mean_of_best(of_image[:, k]) for of_image, k in zip(ious, kept, strict=True)]
            result[replace(of_cells, area=area, minimum=minimum)] = np.array(values)
        return result

    def over_test(self, values: np.ndarray) -> np.ndarray:
        """``(n, N)`` values of these images -> those of all test images, NaN where none is known."""
        spread = np.full((len(values), self.count), np.nan)
        spread[:, self.rows] = values
        return spread


def table(
    runs: Sequence[wsbench.finished.FinishedRun], progress: wsbench.Progress
) -> tuple[list[wsbench.finished.ComparedMean], dict[Reading, float]]:
    """Readings that differ in one setting, compared with the defaults, and the mean of every combination.

    Args:
        runs: runs on the same data, of one method with several seeds.
        progress: where long work is shown.
    """
    images = Images(runs[0])
    of_runs = []
    with progress.task("reading the paper in every way", len(runs)) as advance:
        for run in runs:
            of_runs.append(images.values(run))
            advance(1)
    stacked = {reading: np.array([values[reading] for values in of_runs]) for reading in of_runs[0]}
    named = {name: images.over_test(stacked[reading]) for name, reading in one_by_one()}
    trainings = [run.record.training for run in runs]
    base = next(iter(named))
    compared = wsbench.finished.compare_means(named, runs[0].test_draws(), base, trainings)
    return compared, {reading: float(values.mean()) for reading, values in stacked.items()}


def rows_of_csv(means: Mapping[Reading, float]) -> Iterator[list[str]]:
    """The header and the lines of a table of all readings, the highest mean first."""
    yield [*VALUES, "miou"]
    for reading, mean in sorted(means.items(), key=lambda item: -item[1]):
        yield [*map(str, asdict(reading).values()), f"{mean:.4f}"]
