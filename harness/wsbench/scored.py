"""The frozen table every metric computes from: what was predicted, what is true, and their overlaps.

Its arrays cannot be written to: a metric that did would change the values of the metrics after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from wsbench.frames import Region
from wsbench.geometry import intersection_over_union
from wsbench.read_only import make_fields_read_only, read_only
from wsbench.types import Box, ScoredBox

Result = TypeVar("Result")


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

    def __post_init__(self) -> None:
        make_fields_read_only(self)

    def __len__(self) -> int:
        return len(self.image)

    def where(self, keep: np.ndarray) -> BoxTable:
        """The boxes at which ``(M,)`` bool is true."""
        return BoxTable(self.image[keep], self.label[keep], self.xyxy[keep], self.score[keep])

    def of_label(self, label: int) -> BoxTable:
        """The boxes of one class."""
        return self.where(self.label == label)

    def of_image(self, image: int) -> np.ndarray:
        """The ``(n, 4)`` corners of one image's boxes."""
        return self.xyxy[self.image == image]

    @classmethod
    def joined(cls, tables: Sequence[BoxTable]) -> BoxTable:
        """The boxes of several tables of the same images."""
        columns = ("image", "label", "xyxy", "score")
        empty = cls.of([], ())
        return cls(*(np.concatenate([getattr(t, name) for t in [empty, *tables]]) for name in columns))

    def single(self) -> BoxTable:
        """The same boxes with corners and scores rounded to single precision, as submissions keep them, so
        that what is scored again from a submission is what was scored first."""
        return BoxTable(
            self.image,
            self.label,
            self.xyxy.astype(np.float32).astype(np.float64),
            self.score.astype(np.float32).astype(np.float64),
        )

    def lists(self, images: int, classes: Sequence[str]) -> list[list[ScoredBox]]:
        """The boxes of each image, in the order of classes.

        Args:
            images: their number.
            classes: names.
        """
        result: list[list[ScoredBox]] = [[] for _ in range(images)]
        for row in np.argsort(self.label, kind="stable"):
            corners = map(float, self.xyxy[row])
            result[self.image[row]].append(
                ScoredBox(classes[self.label[row]], *corners, float(self.score[row]))
            )
        return result

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

    def __post_init__(self) -> None:
        make_fields_read_only(self)


@dataclass(frozen=True)
class Heatmaps:
    """The heatmaps of N images and C classes.

    Attributes:
        maps: ``(N, C, h, w)`` floats in [0, 1].
        regions: per image, the rectangle of the original image that its maps cover.
    """

    maps: np.ndarray
    regions: Sequence[Region]

    def __post_init__(self) -> None:
        make_fields_read_only(self)


@dataclass(frozen=True)
class Truth:
    """What is true of N images with C classes.

    Attributes:
        classes: their names.
        names: of the images.
        sizes: ``(N, 2)`` width and height in pixels.
        labels: ``(N, C)`` bool.
        known: ``(N, C)`` bool; where the boxes of a class are not known, none is in ``truth``, and none that
            is predicted there is scored.
        truth: the boxes.
    """

    classes: tuple[str, ...]
    names: tuple[str, ...]
    sizes: np.ndarray
    labels: np.ndarray
    known: np.ndarray
    truth: BoxTable

    def __post_init__(self) -> None:
        make_fields_read_only(self)


@dataclass(frozen=True)
class Scored(Truth):
    """Everything a metric may use: what is true of the test images, and what was predicted.

    Attributes:
        scores: ``(N, C)`` floats, higher means more likely present.
        operating_points: ``(C,)``; a class is predicted where its score is at least this.
        predicted: the boxes.
        heatmaps: None for a method that gives boxes and no map.
        calibrate: what is true of the calibrate role, for comparison with what is known without looking;
            None where it is unknown.
    """

    scores: np.ndarray
    operating_points: np.ndarray
    predicted: BoxTable
    heatmaps: Heatmaps | None = None
    calibrate: Truth | None = None
    _known: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _shared: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def with_boxes(self, predicted: BoxTable) -> Scored:
        """The same with other predicted boxes; those whose truth is not known are left out."""
        known = predicted.where(self.known[predicted.image, predicted.label])
        return self._sharing(replace(self, predicted=known))

    def with_operating_points(self, operating_points: np.ndarray) -> Scored:
        """The same with other operating points, ``(C,)``."""
        return self._sharing(replace(self, operating_points=operating_points))

    def _sharing(self, other: Scored) -> Scored:
        object.__setattr__(other, "_shared", self._shared)
        return other

    @cached_property
    def pairs(self) -> Pairs:
        """Overlaps, computed once for all metrics."""
        return overlaps(self.truth, self.predicted)

    @cached_property
    def called(self) -> np.ndarray:
        """``(N, C)`` bool: the class is predicted at its operating point."""
        return read_only(self.scores >= self.operating_points)

    @cached_property
    def shown(self) -> np.ndarray:
        """``(M,)`` bool: the predicted box is of a class that is predicted on its image."""
        return read_only(self.called[self.predicted.image, self.predicted.label])

    def matrices(self, label: int) -> list[tuple[int, np.ndarray]]:
        """``(image, (truth, predicted) overlaps)`` of every image with a truth box of the class."""
        ious = self.pairs.iou[self.truth.label[self.pairs.truth] == label]
        images, truths = np.unique(self.truth.image[self.truth.label == label], return_counts=True)
        of_label = self.predicted.image[self.predicted.label == label]
        predicted = np.bincount(of_label, minlength=len(self.names))[images]
        parts = np.split(ious, np.cumsum(truths * predicted)[:-1])
        shaped = [part.reshape(shape) for part, *shape in zip(parts, truths, predicted, strict=False)]
        return list(zip(images.tolist(), shaped, strict=False))

    def per_image(self, boxes: BoxTable, values: np.ndarray | float = 1.0) -> np.ndarray:
        """``(N, C)`` sums of a value of each box over its image and class; by default, their number.

        Args:
            boxes: of these images.
            values: ``(M,)``, or one for all.
        """
        cell = boxes.image * len(self.classes) + boxes.label
        weights = np.broadcast_to(np.asarray(values, dtype=np.float64), len(boxes))
        shape = (len(self.names), len(self.classes))
        sums = np.bincount(cell, weights, minlength=shape[0] * shape[1])
        return sums.astype(np.float64).reshape(shape)  # of no box at all, bincount gives integers

    def once(self, compute: Callable[..., Result], *args: Any) -> Result:
        """``compute(self, *args)``, a pure function of this table, computed once for all metrics."""
        key = (compute, *args)
        if key not in self._known:
            self._known[key] = compute(self, *args)
        return self._known[key]

    def shared(self, compute: Callable[..., Result], *args: Any) -> Result:
        """`once`, of a function that asks neither for predicted boxes nor for operating points: computed once
        for this table and for all that `with_boxes` and `with_operating_points` make of it."""
        key = (compute, *args)
        if key not in self._shared:
            self._shared[key] = compute(self, *args)
        return self._shared[key]


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
