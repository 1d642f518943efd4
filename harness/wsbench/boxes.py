"""Heatmap -> boxes, with the same code for every method.

Maps are quantised to 256 levels. Foreground at a threshold is what reaches it; every 8-connected
component gives its bounding rectangle, also one that lies in the hole of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from wsbench.frames import Region, areas, cells_to_pixels, clip, full_image
from wsbench.types import Prediction, ScoredBox


@dataclass(frozen=True, slots=True)
class BoxRule:
    """How one class's heatmaps become boxes.

    Attributes:
        threshold: of the map, in (0, 1].
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
    assert prediction.heatmaps is not None
    result: list[list[ScoredBox]] = []
    for row, (width, height) in enumerate(np.asarray(sizes).tolist()):
        region = prediction.regions[row] if prediction.regions else full_image(width, height)
        found: list[ScoredBox] = []
        for column, (label, rule) in enumerate(zip(classes, rules, strict=True)):
            heatmap = on_grid(prediction.heatmaps[row, column], prediction.box_grid)
            boxes, peaks = extract(heatmap, region, (width, height), rule)
            scores = float(prediction.scores[row, column]) * peaks
            found += [
                ScoredBox(label, *map(float, box), float(score))
                for box, score in zip(boxes, scores, strict=True)
            ]
        result.append(found)
    return result
