"""The frozen table that every metric computes from: predictions, truth, and their overlaps.

Its arrays are read-only. A metric that wrote to them would change the values of the metrics after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from wsbench.geometry.box_table import BoxTable, Pairs, overlaps
from wsbench.geometry.masks import Mask
from wsbench.types import Region
from wsbench.utils.deprecation import warn_renamed
from wsbench.utils.read_only import make_fields_read_only, read_only

Result = TypeVar("Result")


@dataclass(frozen=True)
class Heatmaps:
    """The heatmaps of N images and C classes.

    Attributes:
        maps: ``(N, C, h, w)`` floats in [0, 1].
        regions: for each image, the rectangle of the original image that its maps cover, in pixels.
    """

    maps: np.ndarray
    regions: Sequence[Region]

    def __post_init__(self) -> None:
        make_fields_read_only(self)


@dataclass(frozen=True)
class Truth:
    """What is true of N images with C classes.

    Attributes:
        classes: the names of the classes.
        names: the names of the images.
        sizes: ``(N, 2)`` width and height of the images, in pixels.
        labels: ``(N, C)`` bool, whether the class is present.
        known: ``(N, C)`` bool, whether the boxes of the class are known on the image. Where they are not,
            ``truth`` has no box, and predicted boxes are not scored.
        truth: the truth boxes.
        masks: the truth masks, by the row of the image and the index of the class. Only images and classes
            whose location is known have one.
        nuisances: ``(M, 4)`` corners of the boxes of what no class may be read from, by their name and the
            row of the image.
    """

    classes: tuple[str, ...]
    names: tuple[str, ...]
    sizes: np.ndarray
    labels: np.ndarray
    known: np.ndarray
    truth: BoxTable
    masks: Mapping[tuple[int, int], Mask] = field(default_factory=dict, kw_only=True)
    nuisances: Mapping[tuple[str, int], np.ndarray] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        make_fields_read_only(self)


@dataclass(frozen=True)
class Scored(Truth):
    """Everything that a metric may use: what is true of N test images, and what was predicted.

    Attributes:
        scores: ``(N, C)`` floats; a higher score means that the class is more likely present.
        operating_points: ``(C,)`` floats; a class is predicted positive where its score is at least this.
        predicted: the predicted boxes.
        heatmaps: the heatmaps; None for a method that predicts boxes alone.
        calibrate: what is true of the images of role calibrate, from which fixed boxes are chosen; None where
            it is unknown.
        box_thresholds: ``(C,)`` floats, the value from which heatmaps are cut into boxes; None where the
            boxes were not cut from heatmaps.
        predicted_masks: the masks that people drew, by the row of the image and the index of the class. They
            depend on no operating point. None for a method.
        predicted_points: ``(k, 2)`` x and y of the points that people set, in pixels, by the same; None for a
            method.
    """

    scores: np.ndarray
    operating_points: np.ndarray
    predicted: BoxTable
    heatmaps: Heatmaps | None = None
    calibrate: Truth | None = None
    box_thresholds: np.ndarray | None = None
    predicted_masks: Mapping[tuple[int, int], Mask] | None = None
    predicted_points: Mapping[tuple[int, int], np.ndarray] | None = None
    _memo: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _shared: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def with_boxes(self, predicted: BoxTable) -> Scored:
        """Return the same table with other predicted boxes, without those whose truth is not known."""
        known = predicted.where(self.known[predicted.image, predicted.label])
        return self._sharing(replace(self, predicted=known))

    def with_operating_points(self, operating_points: np.ndarray) -> Scored:
        """Return the same table with other operating points, ``(C,)`` floats."""
        return self._sharing(replace(self, operating_points=operating_points))

    def with_box_thresholds(self, box_thresholds: np.ndarray) -> Scored:
        """Return the same table with other thresholds of heatmaps, ``(C,)`` floats."""
        return self._sharing(replace(self, box_thresholds=box_thresholds))

    def _sharing(self, other: Scored) -> Scored:
        object.__setattr__(other, "_shared", self._shared)
        return other

    @cached_property
    def pairs(self) -> Pairs:
        """The overlaps of truth boxes and predicted boxes, computed once for all metrics."""
        return overlaps(self.truth, self.predicted)

    @cached_property
    def predicted_positive(self) -> np.ndarray:
        """``(N, C)`` bool: the class is predicted positive, because its score reaches its operating point."""
        return read_only(self.scores >= self.operating_points)

    @cached_property
    def boxes_of_positive(self) -> np.ndarray:
        """``(M,)`` bool: the class of the predicted box is predicted positive on its image."""
        return read_only(self.predicted_positive[self.predicted.image, self.predicted.label])

    @property
    def called(self) -> np.ndarray:
        """The old name of `predicted_positive`."""
        warn_renamed("metrics.Scored.called", "metrics.Scored.predicted_positive")
        return self.predicted_positive

    @property
    def shown(self) -> np.ndarray:
        """The old name of `boxes_of_positive`."""
        warn_renamed("metrics.Scored.shown", "metrics.Scored.boxes_of_positive")
        return self.boxes_of_positive

    def matrices(self, label: int) -> list[tuple[int, np.ndarray]]:
        """Return the overlaps of every image that has a truth box of a class.

        Args:
            label: the index of the class.

        Returns:
            Pairs of an image's row and its ``(T, P)`` IoUs of T truth boxes and P predicted boxes.
        """
        ious = self.pairs.iou[self.truth.label[self.pairs.truth] == label]
        images, truths = np.unique(self.truth.image[self.truth.label == label], return_counts=True)
        of_label = self.predicted.image[self.predicted.label == label]
        predicted = np.bincount(of_label, minlength=len(self.names))[images]
        # Pairs are ordered by truth box, so the IoUs of an image stand together, row by row.
        ious_of_images = np.split(ious, np.cumsum(truths * predicted)[:-1])
        shapes = zip(truths, predicted, strict=True)
        shaped = [flat.reshape(shape) for flat, shape in zip(ious_of_images, shapes, strict=False)]
        return list(zip(images.tolist(), shaped, strict=False))

    def per_image(self, boxes: BoxTable, values: np.ndarray | float = 1.0) -> np.ndarray:
        """Sum a value of each box over its image and class. By default, this counts boxes.

        Args:
            boxes: M boxes on the images of this table.
            values: ``(M,)`` values, or one value for all boxes.

        Returns:
            ``(N, C)`` float64 sums.
        """
        cell = boxes.image * len(self.classes) + boxes.label
        weights = np.broadcast_to(np.asarray(values, dtype=np.float64), len(boxes))
        shape = (len(self.names), len(self.classes))
        sums = np.bincount(cell, weights, minlength=shape[0] * shape[1])
        return sums.astype(np.float64).reshape(shape)  # of no box at all, bincount gives integers

    def memoised(self, compute: Callable[..., Result], *args: Any) -> Result:
        """Return ``compute(self, *args)``, computed at the first call and remembered for all metrics.

        Args:
            compute: a pure function of this table and of the arguments.
            args: hashable arguments.
        """
        key = (compute, *args)
        if key not in self._memo:
            self._memo[key] = compute(self, *args)
        result: Result = self._memo[key]
        return result

    def once(self, compute: Callable[..., Result], *args: Any) -> Result:
        """The old name of `memoised`."""
        warn_renamed("metrics.Scored.once", "metrics.Scored.memoised")
        return self.memoised(compute, *args)

    def shared(self, compute: Callable[..., Result], *args: Any) -> Result:
        """Return ``compute(self, *args)``, remembered also for the tables that are made of this one.

        These are the tables that `with_boxes`, `with_operating_points` and `with_box_thresholds` return.

        Args:
            compute: a pure function that uses neither predicted boxes nor thresholds.
            args: hashable arguments.
        """
        key = (compute, *args)
        if key not in self._shared:
            self._shared[key] = compute(self, *args)
        result: Result = self._shared[key]
        return result
