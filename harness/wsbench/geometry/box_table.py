"""Boxes of many images as columns, and the overlaps of two such tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from wsbench.geometry.iou import intersection_over_union
from wsbench.types import Box, ScoredBox
from wsbench.utils.read_only import make_fields_read_only


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
        corners: np.ndarray = self.xyxy[self.image == image]
        return corners

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
            x0, y0, x1, y1 = map(float, self.xyxy[row])
            result[self.image[row]].append(
                ScoredBox(classes[self.label[row]], x0, y0, x1, y1, float(self.score[row]))
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
