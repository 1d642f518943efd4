"""The frozen table every metric computes from: what was predicted, what is true, and their overlaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from wsbench.frames import areas
from wsbench.types import Box, MetricValue, ScoredBox


@dataclass(frozen=True)
class BoxTable:
    """M boxes of many images, as columns, in the order of their images.

    Attributes:
        image: ``(M,)`` row of the image in the table of images.
        label: ``(M,)`` index of the class.
        xyxy: ``(M, 4)`` half-open, in pixels of the original image.
        score: ``(M,)``; 1 for truth boxes.
    """

    image: np.ndarray
    label: np.ndarray
    xyxy: np.ndarray
    score: np.ndarray

    def __len__(self) -> int:
        return len(self.image)

    def of_label(self, label: int) -> BoxTable:
        """The boxes of one class."""
        keep = self.label == label
        return BoxTable(self.image[keep], self.label[keep], self.xyxy[keep], self.score[keep])

    def of_image(self, image: int) -> np.ndarray:
        """The ``(n, 4)`` corners of one image's boxes."""
        return self.xyxy[self.image == image]

    @classmethod
    def of(cls, boxes: Iterable[Sequence[Box | ScoredBox]], classes: Sequence[str]) -> BoxTable:
        """The table of boxes given per image."""
        flat = [(row, box) for row, inside in enumerate(boxes) for box in inside]
        index = {name: position for position, name in enumerate(classes)}
        return cls(
            image=np.array([row for row, _ in flat], dtype=np.intp),
            label=np.array([index[box.label] for _, box in flat], dtype=np.intp),
            xyxy=np.array([(b.x0, b.y0, b.x1, b.y1) for _, b in flat], dtype=np.float64).reshape(-1, 4),
            score=np.array([getattr(box, "score", 1.0) for _, box in flat], dtype=np.float64),
        )


@dataclass(frozen=True)
class Pairs:
    """Every truth box with every predicted box of the same image and class.

    Attributes:
        truth, predicted: ``(K,)`` rows of the two box tables, ordered by truth, then predicted.
        iou: ``(K,)`` intersection over union.
    """

    truth: np.ndarray
    predicted: np.ndarray
    iou: np.ndarray


@dataclass(frozen=True)
class Scored:
    """N images, C classes: everything a metric may use.

    Attributes:
        classes: their names.
        names: of the images.
        sizes: ``(N, 2)`` width and height in pixels.
        labels: ``(N, C)`` bool.
        scores: ``(N, C)`` floats, higher means more likely present.
        operating_points: ``(C,)``; a class is predicted where its score is at least this.
        truth, predicted: the boxes.
    """

    classes: tuple[str, ...]
    names: tuple[str, ...]
    sizes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    operating_points: np.ndarray
    truth: BoxTable
    predicted: BoxTable

    @cached_property
    def pairs(self) -> Pairs:
        """Overlaps, computed once for all metrics."""
        return overlaps(self.truth, self.predicted)

    @cached_property
    def called(self) -> np.ndarray:
        """``(N, C)`` bool: the class is predicted at its operating point."""
        return self.scores >= self.operating_points

    def matrices(self, label: int) -> list[np.ndarray]:
        """``(truth, predicted)`` overlaps of every image with a truth box of the class, in their order."""
        ious = self.pairs.iou[self.truth.label[self.pairs.truth] == label]
        images, truths = np.unique(self.truth.image[self.truth.label == label], return_counts=True)
        of_label = self.predicted.image[self.predicted.label == label]
        predicted = np.bincount(of_label, minlength=len(self.names))[images]
        parts = np.split(ious, np.cumsum(truths * predicted)[:-1])
        return [part.reshape(shape) for part, *shape in zip(parts, truths, predicted, strict=False)]

    def per_class(self, compute: Callable[[int], float | None]) -> MetricValue:
        """A metric from its value per class index; its macro value is the mean over the classes where it
        exists, and None where it exists for none."""
        values = {name: compute(index) for index, name in enumerate(self.classes)}
        existing = [value for value in values.values() if value is not None]
        return MetricValue(float(np.mean(existing)) if existing else None, values)


def overlaps(truth: BoxTable, predicted: BoxTable) -> Pairs:
    """All same-image, same-class pairs with their intersection over union, without a loop over images."""
    classes = 1 + max(truth.label.max(initial=0), predicted.label.max(initial=0))
    key_truth = truth.image * classes + truth.label
    key_predicted = predicted.image * classes + predicted.label
    order = np.argsort(key_predicted, kind="stable")
    ordered = key_predicted[order]
    first = np.searchsorted(ordered, key_truth, side="left")
    count = np.searchsorted(ordered, key_truth, side="right") - first
    rows = np.repeat(np.arange(len(truth)), count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    columns = order[np.repeat(first, count) + within]
    return Pairs(rows, columns, intersection_over_union(truth.xyxy[rows], predicted.xyxy[columns]))


def intersection_over_union(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``(K,)`` overlaps of ``(K, 4)`` boxes row by row, as continuous areas; 0 where the union is empty."""
    first, second = first.reshape(-1, 4), second.reshape(-1, 4)
    corner = np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])
    shared = areas(np.concatenate(corner, axis=1))
    union = areas(first) + areas(second) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def pairwise_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``(A, B)`` overlaps of every box of ``(A, 4)`` with every box of ``(B, 4)``."""
    rows, columns = np.repeat(np.arange(len(first)), len(second)), np.tile(np.arange(len(second)), len(first))
    return intersection_over_union(first[rows], second[columns]).reshape(len(first), len(second))
