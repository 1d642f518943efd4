"""How far readers agree with each other. It is no measure of a method, and ranks nothing.

Every function gives ``(B, C)`` values of B draws of images and C classes; NaN where it does not exist. All of
them are ratios of sums over images, so patients can be drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import linear_sum_assignment

from wsbench.geometry.iou import pairwise_iou
from wsbench.scoring.bootstrap import Resamples, ratio
from wsbench.scoring.reading_table import ReadingTable

FOUND_IOUS = (0.25, 0.5)
"""The IoUs from which a reader's box counts as found by another: those of ``cond_ap25`` and of PASCAL VOC."""


@dataclass(frozen=True)
class Overlaps:
    """Sums over the pairs of readers of each image, ``(N, C)`` each.

    Attributes:
        matched: the IoUs of matched boxes.
        matches: the number of matched boxes.
        found: by IoU, the boxes of a reader that another reader has, too.
        sought: the boxes of a reader, once for every other reader.
    """

    matched: np.ndarray
    matches: np.ndarray
    found: Mapping[float, np.ndarray]
    sought: np.ndarray


def overlaps_of_readers(table: ReadingTable) -> Overlaps:
    """Compare the boxes of every two readers of every image."""
    shape = (len(table.names), len(table.classes))
    found = {iou: np.zeros(shape) for iou in FOUND_IOUS}
    sums = Overlaps(np.zeros(shape), np.zeros(shape), found, np.zeros(shape))
    boxed = np.zeros(shape, dtype=bool)
    boxed[table.image[table.boxes.image], table.boxes.label] = True
    for image, label in np.argwhere(boxed).tolist():
        of_readers = [table.corners(row, label) for row in table.rows_of_images[image].tolist()]
        for first, second in combinations(of_readers, 2):
            _add_pair(sums, (image, label), pairwise_iou(first, second))
    return sums


def _add_pair(sums: Overlaps, cell: tuple[int, int], ious: np.ndarray) -> None:
    """Add two readers, whose boxes of one class have ``(n, m)`` overlaps; n or m may be 0."""
    assigned = ious[linear_sum_assignment(ious, maximize=True)]
    sums.matched[cell] += assigned.sum()
    sums.matches[cell] += np.count_nonzero(assigned)
    sums.sought[cell] += sum(ious.shape)
    for iou, found in sums.found.items():
        found[cell] += (ious.max(axis=1, initial=0.0) >= iou).sum()
        found[cell] += (ious.max(axis=0, initial=0.0) >= iou).sum()


def matched_iou(sums: Overlaps, resamples: Resamples) -> np.ndarray:
    """Mean IoU of the boxes of two readers that are matched one to one, such that the sum of their IoUs is
    the largest. Pairs that do not overlap are no match. Boxes without a match count in `found_share`."""
    return ratio(resamples.sum(sums.matched), resamples.sum(sums.matches))


def found_share(sums: Overlaps, resamples: Resamples, iou: float) -> np.ndarray:
    """Share of a reader's boxes that another reader of the image has, too: one with an IoU of at least
    ``iou``. A box is sought with every other reader; one with no box of the class does not have it."""
    return ratio(resamples.sum(sums.found[iou]), resamples.sum(sums.sought))


def fleiss_kappa(table: ReadingTable, resamples: Resamples) -> np.ndarray:
    """Fleiss' kappa of whether a class is present (Fleiss 1971), with any number of readers an image.

    Of n readers of an image, k find the class. Agreement is the mean over images of
    ``(k (k - 1) + (n - k) (n - k - 1)) / (n (n - 1))``, and chance agreement is ``p**2 + (1 - p)**2`` with p
    the share of readings that find it. Kappa is their difference over ``1 - chance``. For two readers an
    image it is Scott's pi. It does not exist where all readings say the same.
    """
    count = table.readings_per_image.astype(np.float64)[:, None]
    present = np.zeros((len(table.names), len(table.classes)))
    np.add.at(present, table.image, table.labels.astype(np.float64))
    absent = count - present
    agreeing = (present * (present - 1) + absent * (absent - 1)) / (count * (count - 1))
    observed = ratio(resamples.sum(agreeing), resamples.sum(np.ones_like(count)))
    share = ratio(resamples.sum(present), resamples.sum(count))
    chance = share**2 + (1 - share) ** 2
    return ratio(observed - chance, (1 - chance).clip(min=0.0))


def agreement(table: ReadingTable) -> dict[str, Callable[[Resamples], np.ndarray]]:
    """The measures of agreement by name, each as a function of draws of the images."""
    sums = overlaps_of_readers(table)
    measures: dict[str, Callable[[Resamples], np.ndarray]] = {
        "matched_iou": lambda resamples: matched_iou(sums, resamples),
    }
    for iou in FOUND_IOUS:
        measures[f"found@{iou:g}"] = lambda resamples, iou=iou: found_share(sums, resamples, iou)  # type: ignore[misc]
    measures["fleiss_kappa"] = lambda resamples: fleiss_kappa(table, resamples)
    return measures


SUMMARIES: Mapping[str, str] = {
    "matched_iou": "mean IoU of matched boxes",
    **{f"found@{iou:g}": f"share of boxes another has, IoU {iou:g}" for iou in FOUND_IOUS},
    "fleiss_kappa": "Fleiss' kappa of classes",
}
"""By the name of a measure of agreement, what tables call it."""

UNBOUNDED = frozenset({"fleiss_kappa"})
"""Measures of agreement that can be negative."""
