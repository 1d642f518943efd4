"""A method that is asked about images whose pixels were changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from wsbench.contract.base import Method
from wsbench.data.views import with_pixels
from wsbench.errors import WsbenchError, choose
from wsbench.geometry.coordinates import full_image, over_whole_image
from wsbench.studies.sanity import perturbation
from wsbench.studies.sanity.checks import Subject
from wsbench.types import Prediction
from wsbench.utils.hashing import seed_from

SIZE = 128
"""Side in pixels that images are reduced to."""

SIZES = (32, 1024)
"""Smallest and largest side. Below, a lesion is a few pixels; above, one system of ROAD has a million."""

MAPS = ("map", "blank", "random", "prior")
"""The method's own map, and those that it stands beside."""


@dataclass(frozen=True)
class Question:
    """What is measured.

    Attributes:
        measures: names of `wsbench.studies.sanity.perturbation.IMAGES`.
        size: side in pixels that images are reduced to.
    """

    measures: tuple[str, ...]
    size: int

    def __post_init__(self) -> None:
        for measure in self.measures:
            choose(measure, perturbation.IMAGES, "measure of faithfulness")
        low, high = SIZES
        if not low <= self.size <= high:
            raise WsbenchError(f"--size {self.size} must be from {low} to {high} pixels; {SIZE} is usual")


@dataclass(frozen=True)
class Probe:
    """A method that is asked about changed images."""

    subject: Subject
    method: Method
    question: Question

    @cached_property
    def priors(self) -> list[np.ndarray | None]:
        """For each class, how many boxes of calibrate lie over each pixel; None where there is none."""
        loaded, size = self.subject.job.loaded, self.question.size
        sums: dict[str, np.ndarray] = {}
        for sample in loaded.samples_of("calibrate"):
            scale = np.array([size / sample.width, size / sample.height] * 2)
            for box in sample.boxes:
                x0, y0, x1, y1 = np.rint(np.array([box.x0, box.y0, box.x1, box.y1]) * scale).astype(int)
                sums.setdefault(box.label, np.zeros((size, size)))[y0:y1, x0:x1] += 1
        return [sums.get(label) for label in loaded.dataset.classes]

    def predict(self, name: str, images: np.ndarray) -> Prediction:
        """Ask about ``(K, size, size)`` images in [0, 1] that stand for the image of a name."""
        pixels = np.rint(images * 255).astype(np.uint8)

        def array(height: int, width: int) -> np.ndarray:
            smaller = height * width < pixels[0].size
            how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
            return np.stack([cv2.resize(image, (width, height), interpolation=how) for image in pixels])

        view = self.subject.job.loaded.views.images([name]).at(np.zeros(len(images), dtype=np.intp))
        return self.method.predict(with_pixels(view, array))

    def values(self, row: int, measures: Sequence[str]) -> dict[str, Any]:
        """The values of one image: class by class that it has, measure by measure, map by map."""
        subject, size = self.subject, self.question.size
        sample, loaded = subject.samples[row], subject.job.loaded
        image = loaded.dataset.read(sample, size, size) / 255
        prediction = self.predict(sample.name, image[None])
        if prediction.heatmaps is None:
            raise WsbenchError(
                f"{subject.job.plan.spec.name} predicts boxes and no maps by which pixels could be removed"
            )
        region = full_image(sample.width, sample.height)
        if prediction.regions is not None:
            region = prediction.regions[0]
        values: dict[str, Any] = {}
        for column in subject.columns[subject.rows == row]:
            label = loaded.dataset.classes[column]
            # Without the method's name, so that the blank and the prior map are the same for all methods.
            seed = seed_from(subject.record.seed, loaded.spec.name, "faithfulness", sample.name, label)
            cells = np.asarray(prediction.heatmaps[0, column], dtype=np.float64)
            coarse = [cells, np.ones_like(cells), np.random.default_rng(seed).random(cells.shape)]
            frame = (sample.width, sample.height)
            maps = [over_whole_image(one, region, frame, size, bilinear=True) for one in coarse]
            by_map = dict(zip(MAPS, [*maps, self.priors[column]], strict=True))
            values[label] = {
                measure: self._of_maps(sample.name, int(column), image, by_map, measure, seed)
                for measure in measures
            }
            values[label]["constant"] = bool(np.ptp(maps[0]) == 0)
            values[label]["score"] = float(prediction.scores[0, column])
        return values

    def _of_maps(
        self,
        name: str,
        column: int,
        image: np.ndarray,
        maps: Mapping[str, np.ndarray | None],
        measure: str,
        seed: int,
    ) -> dict[str, dict[str, float]]:
        result = {}
        for which, relevance in maps.items():
            if relevance is not None:
                order = perturbation.pixel_order(relevance, seed_from(seed, "ties"))
                changed = perturbation.IMAGES[measure](image, order, seed_from(seed, "noise"))
                scores = self.predict(name, changed).scores[:, column]
                result[which] = perturbation.VALUES[measure](np.asarray(scores, dtype=np.float64))
        return result
