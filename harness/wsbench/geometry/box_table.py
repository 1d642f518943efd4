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
    """M boxes of many images, stored as columns. The arrays are read-only.

    Attributes:
        image: ``(M,)`` integers, the row of each box's image in the table of images.
        label: ``(M,)`` integers, the index of each box's class.
        xyxy: ``(M, 4)`` corners ``x0, y0, x1, y1``, half-open, in pixels of the original image.
        score: ``(M,)`` floats; 1 for truth boxes.
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
        """Select boxes.

        Args:
            keep: ``(M,)`` bool, or integer rows.
        """
        return BoxTable(self.image[keep], self.label[keep], self.xyxy[keep], self.score[keep])

    def of_label(self, label: int) -> BoxTable:
        """Select the boxes of the class with this index."""
        return self.where(self.label == label)

    def of_image(self, image: int) -> np.ndarray:
        """Return the ``(n, 4)`` corners of the boxes of one image, in pixels."""
        corners: np.ndarray = self.xyxy[self.image == image]
        return corners

    @classmethod
    def joined(cls, tables: Sequence[BoxTable]) -> BoxTable:
        """Concatenate tables of the same images, in the given order."""
        columns = ("image", "label", "xyxy", "score")
        empty = cls.of([], ())
        return cls(*(np.concatenate([getattr(t, name) for t in [empty, *tables]]) for name in columns))

    def single(self) -> BoxTable:
        """Round corners and scores to single precision, in which submissions store them.

        Scoring a submission again then gives the values that were computed first.
        """
        return BoxTable(
            self.image,
            self.label,
            self.xyxy.astype(np.float32).astype(np.float64),
            self.score.astype(np.float32).astype(np.float64),
        )

    def lists(self, images: int, classes: Sequence[str]) -> list[list[ScoredBox]]:
        """Convert the table to a list of boxes for each image, sorted by class.

        Args:
            images: the number of images.
            classes: the names of the classes.
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
        """Make a table of the boxes of each image.

        Args:
            boxes: the boxes of each image, in the order of the images.
            classes: the names of the classes, in the order of their indices.
        """
        flat = [(row, box) for row, boxes_of_image in enumerate(boxes) for box in boxes_of_image]
        index = {name: position for position, name in enumerate(classes)}
        return cls(
            image=np.array([row for row, _ in flat], dtype=np.intp),
            label=np.array([index[box.label] for _, box in flat], dtype=np.intp),
            xyxy=np.array([(b.x0, b.y0, b.x1, b.y1) for _, b in flat], dtype=np.float64).reshape(-1, 4),
            score=np.array([getattr(box, "score", 1.0) for _, box in flat], dtype=np.float64),
        )


@dataclass(frozen=True)
class Pairs:
    """The K pairs of a truth box and a predicted box of the same image and class.

    Attributes:
        truth, predicted: ``(K,)`` rows of the two box tables, ordered by truth, then by predicted.
        iou: ``(K,)`` intersection over union, in [0, 1].
    """

    truth: np.ndarray
    predicted: np.ndarray
    iou: np.ndarray

    def __post_init__(self) -> None:
        make_fields_read_only(self)


def overlaps(truth: BoxTable, predicted: BoxTable) -> Pairs:
    """Pair every truth box with every predicted box of the same image and class, and compute their IoU.

    Args:
        truth: the truth boxes.
        predicted: the predicted boxes of the same images and classes.
    """
    # A sorted join on a key of image and class replaces a loop over images.
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
