"""Heatmap -> boxes, and which boxes are kept, with the same code for every method.

Maps are quantised to 256 levels. Foreground at a threshold is what reaches it; every 8-connected
component gives its bounding rectangle, also one that lies in the hole of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from wsbench.frames import Region, areas, cells_to_pixels, clip, full_image
from wsbench.scored import BoxTable
from wsbench.types import Prediction, ScoredBox


@dataclass(frozen=True, slots=True)
class BoxRule:
    """How one class's heatmaps become boxes, or which of a method's own boxes are kept.

    Attributes:
        threshold: of the map, or of a box's score as a share of the best one of its image; in (0, 1].
        minimum_area: boxes must be larger than this share of the image's area.
    """

    threshold: float
    minimum_area: float


def quantise(heatmap: np.ndarray) -> np.ndarray:
    """Floats in [0, 1] -> uint8 levels, rounded to the nearest."""
    return (np.asarray(heatmap, dtype=np.float32) * 255.0 + 0.5).astype(np.uint8)


def on_grid(heatmap: np.ndarray, grid: tuple[int, int] | None) -> np.ndarray:
    """A map ``(h, w)`` resized bilinearly to ``grid`` (rows, columns), as float32; itself without one."""
    if grid is None:
        return heatmap
    return cv2.resize(np.asarray(heatmap, dtype=np.float32), grid[::-1], interpolation=cv2.INTER_LINEAR)


def component_boxes(levels: np.ndarray, threshold: float) -> np.ndarray:
    """Bounding rectangles ``(n, 4)`` of the components of ``levels >= 255 * threshold``, in half-open cells.

    Args:
        levels: ``(h, w)`` uint8.
        threshold: in (0, 1].
    """
    mask = (levels >= max(1, int(np.ceil(255 * threshold - 1e-9)))).view(np.uint8)
    # RETR_EXTERNAL would lose a component that lies in another one's hole; in a two-level hierarchy the
    # outer contours are those without a parent.
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.zeros((0, 4))
    outer = np.flatnonzero(hierarchy.reshape(-1, 4)[:, 3] < 0)
    rectangles = np.array([cv2.boundingRect(contours[index]) for index in outer], dtype=np.float64)
    rectangles[:, 2:] += rectangles[:, :2]
    return rectangles[np.lexsort(rectangles.T[::-1])]


def extract(
    heatmap: np.ndarray, region: Region, size: tuple[int, int], rule: BoxRule
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of one map in the original image, and the map's peak inside each.

    Args:
        heatmap: ``(h, w)`` floats in [0, 1].
        region: the rectangle of the original image it covers.
        size: width and height of the original image, in pixels.
        rule: threshold and minimum area.

    Returns:
        ``(n, 4)`` boxes in pixels, clipped to the image, and ``(n,)`` peaks.
    """
    levels = quantise(heatmap)
    cells = component_boxes(levels, rule.threshold)
    boxes = clip(cells_to_pixels(cells, region, levels.shape), *size)
    keep = areas(boxes) > rule.minimum_area * size[0] * size[1]
    peaks = [heatmap[y0:y1, x0:x1].max() for x0, y0, x1, y1 in cells[keep].astype(int)]
    return boxes[keep], np.array(peaks, dtype=np.float64)


def boxes_of(
    prediction: Prediction, sizes: np.ndarray, classes: Sequence[str], rules: Sequence[BoxRule]
) -> list[list[ScoredBox]]:
    """The boxes of every image of a prediction, scored by class score times the map's peak inside.

    Args:
        prediction: of N images, with heatmaps.
        sizes: ``(N, 2)`` width and height of the original images.
        classes: C names.
        rules: one a class.
    """
    tables = [table_of_map(prediction, sizes, column, rule) for column, rule in enumerate(rules)]
    return BoxTable.joined(tables).lists(len(sizes), classes)


def table_of_map(prediction: Prediction, sizes: np.ndarray, column: int, rule: BoxRule) -> BoxTable:
    """The boxes of one class's heatmaps, scored by class score times the map's peak inside.

    Args:
        prediction: of N images, with heatmaps.
        sizes: ``(N, 2)`` width and height of the original images.
        column: of the class.
        rule: threshold and minimum area.
    """
    assert prediction.heatmaps is not None
    image, corners, score = [np.zeros(0, np.intp)], [np.zeros((0, 4))], [np.zeros(0)]
    for row, (width, height) in enumerate(np.asarray(sizes).tolist()):
        region = prediction.regions[row] if prediction.regions else full_image(width, height)
        heatmap = on_grid(prediction.heatmaps[row, column], prediction.box_grid)
        boxes, peaks = extract(heatmap, region, (width, height), rule)
        image.append(np.full(len(boxes), row, dtype=np.intp))
        corners.append(boxes)
        score.append(float(prediction.scores[row, column]) * peaks)
    rows = np.concatenate(image)
    return BoxTable(rows, np.full_like(rows, column), np.concatenate(corners), np.concatenate(score))


DECIMALS = 6
"""Of a box's score as a share of the best one of its image: what single precision, in which scores are kept,
leaves of a quotient."""


def relative_scores(image: np.ndarray, score: np.ndarray) -> np.ndarray:
    """``(M,)`` scores of boxes of one class as shares of the best score of their image; 1 where that best
    is not above 0.

    Shares that differ by no more than rounding are made equal: the last bits of ``s * w / s`` depend on
    ``s``, and would tell apart by the class score s what weighs the same.

    Args:
        image: ``(M,)`` row of the image of each box.
        score: ``(M,)``.
    """
    best = np.zeros(image.max(initial=-1) + 1)
    np.maximum.at(best, image, score)
    shares = np.divide(score, best[image], out=np.ones(len(score)), where=best[image] > 0)
    # Rounding alone would still part those that lie about the middle of two decimals.
    levels, place = np.unique(shares, return_inverse=True)
    starts = np.diff(levels, prepend=-np.inf) > 10.0**-DECIMALS
    return levels[starts].round(DECIMALS)[np.cumsum(starts) - 1][place]


def kept_boxes(boxes: BoxTable, sizes: np.ndarray, rule: BoxRule) -> BoxTable:
    """Of a method's own boxes of one class those that a rule keeps: whose score is at least the threshold's
    share of the best one of their image, and which are larger than the minimum area.

    Args:
        boxes: of one class.
        sizes: ``(N, 2)`` width and height of the images.
        rule: threshold and minimum area.
    """
    shares = relative_scores(boxes.image, boxes.score)
    return larger(boxes.where(shares >= rule.threshold), sizes, rule.minimum_area)


def larger(boxes: BoxTable, sizes: np.ndarray, minimum_area: float) -> BoxTable:
    """Of some boxes those that are larger than a share of their image's area.

    Args:
        boxes: of N images.
        sizes: ``(N, 2)`` width and height of the images.
        minimum_area: the share.
    """
    return boxes.where(areas(boxes.xyxy) > minimum_area * np.prod(sizes[boxes.image], axis=1))
