"""The frozen table every metric computes from: what was predicted, what is true, and their overlaps.

Its arrays cannot be written to: a metric that did would change the values of the metrics after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from wsbench.geometry.box_table import BoxTable, Pairs, overlaps
from wsbench.types import Region
from wsbench.utils.read_only import make_fields_read_only, read_only

Result = TypeVar("Result")


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
        result: Result = self._known[key]
        return result

    def shared(self, compute: Callable[..., Result], *args: Any) -> Result:
        """`once`, of a function that asks neither for predicted boxes nor for operating points: computed once
        for this table and for all that `with_boxes` and `with_operating_points` make of it."""
        key = (compute, *args)
        if key not in self._shared:
            self._shared[key] = compute(self, *args)
        result: Result = self._shared[key]
        return result
