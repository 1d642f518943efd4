"""Heatmap -> boxes, and which boxes are kept, with the same code for every method.

Maps are quantised to 256 levels. Foreground at a threshold is what reaches it; every 8-connected
component gives its bounding rectangle, also one that lies in the hole of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.coordinates import areas, cells_to_pixels, clip
from wsbench.types import Prediction, ScoredBox

SHEET_CELLS = 2**16
"""Cells of maps in which components are looked for at once: as many as stay in a processor's cache."""


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
    return component_boxes_of_maps(levels[None], threshold)[1]


def component_boxes_of_maps(levels: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """`component_boxes` of many maps: the row of each box's map, ``(n,)``, in ascending order, and
    ``(n, 4)`` boxes.

    Args:
        levels: ``(N, h, w)`` uint8.
        threshold: in (0, 1].
    """
    sheets = [
        _boxes_on_sheet(levels[rows], threshold, int(rows[0])) for rows in _at_once(len(levels), levels.shape)
    ]
    none = (np.zeros(0, dtype=np.intp), np.zeros((0, 4)))
    image, cells = zip(none, *sheets, strict=True)
    return np.concatenate(image), np.concatenate(cells)


def _boxes_on_sheet(levels: np.ndarray, threshold: float, first: int) -> tuple[np.ndarray, np.ndarray]:
    """The boxes of some maps, laid out one below the other: where maps are small, one call for all of them is
    several times faster than a call each. An empty row below each map keeps their components apart."""
    count, height, width = levels.shape
    sheet = np.zeros((count, height + 1, width), dtype=np.uint8)
    sheet[:, :height] = levels >= max(1, int(np.ceil(255 * threshold - 1e-9)))
    # RETR_EXTERNAL would lose a component that lies in another one's hole; in a two-level hierarchy the
    # outer contours are those without a parent.
    contours, hierarchy = cv2.findContours(sheet.reshape(-1, width), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.zeros(0, dtype=np.intp), np.zeros((0, 4))
    outer = np.flatnonzero(hierarchy.reshape(-1, 4)[:, 3] < 0)
    left, top, columns, rows = np.array([cv2.boundingRect(contours[index]) for index in outer.tolist()]).T
    image, top = np.divmod(top, height + 1)
    order = np.lexsort((top + rows, left + columns, top, left, image))
    cells = np.stack([left, top, left + columns, top + rows], axis=1).astype(np.float64)
    return first + image[order], cells[order]


def extract(
    maps: np.ndarray, regions: np.ndarray, sizes: np.ndarray, rule: BoxRule
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes of maps in the original images, and a map's peak inside each.

    Args:
        maps: ``(N, h, w)`` floats in [0, 1].
        regions: ``(N, 4)`` corners of the rectangles of the original images that they cover.
        sizes: ``(N, 2)`` width and height of the original images, in pixels.
        rule: threshold and minimum area.

    Returns:
        ``(n,)`` rows of the boxes' images, ``(n, 4)`` boxes in pixels, clipped to their image, and ``(n,)``
        peaks.
    """
    image, cells = component_boxes_of_maps(quantise(maps), rule.threshold)
    width, height = sizes[image].T
    boxes = clip(cells_to_pixels(cells, regions[image], maps.shape[1:]), width, height)
    keep = areas(boxes) > rule.minimum_area * width * height
    corners = zip(image[keep].tolist(), cells[keep].astype(int).tolist(), strict=True)
    peaks = [maps[row, y0:y1, x0:x1].max() for row, (x0, y0, x1, y1) in corners]
    return image[keep], boxes[keep], np.array(peaks, dtype=np.float64)


def maps_of_class(
    prediction: Prediction, column: int, images: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The maps of one class, on the grid that boxes are cut from: some images after others, since those of a
    large data set need much memory.

    Args:
        prediction: of N images, with heatmaps.
        column: of the class.
        images: rows of images.

    Yields:
        rows ``(n,)`` of images and their maps ``(n, h, w)``.
    """
    assert prediction.heatmaps is not None
    shape = prediction.box_grid or prediction.heatmaps.shape
    for places in _at_once(len(images), shape):
        maps = prediction.heatmaps[images[places], column]
        if prediction.box_grid is not None:
            maps = np.stack([on_grid(heatmap, prediction.box_grid) for heatmap in maps])
        yield images[places], maps


def _at_once(count: int, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Places of so many maps, cut into runs of at most `SHEET_CELLS` cells; no run of no map."""
    rows, columns = shape[-2:]
    step = max(1, SHEET_CELLS // ((rows + 1) * columns))
    return [np.arange(start, min(start + step, count)) for start in range(0, count, step)]


def regions_of(prediction: Prediction, sizes: np.ndarray) -> np.ndarray:
    """``(N, 4)`` corners of what the heatmaps of each image cover.

    Args:
        prediction: of N images.
        sizes: ``(N, 2)`` width and height of the original images.
    """
    if prediction.regions is None:
        return np.concatenate([np.zeros_like(sizes), sizes], axis=1).astype(np.float64)
    return np.array([region.corners for region in prediction.regions], dtype=np.float64).reshape(-1, 4)


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
    sizes, regions = np.asarray(sizes), regions_of(prediction, sizes)
    tables = []
    for rows, maps in maps_of_class(prediction, column, np.arange(len(sizes))):
        place, corners, peaks = extract(maps, regions[rows], sizes[rows], rule)
        image = rows[place]
        scores = prediction.scores[image, column].astype(np.float64) * peaks
        tables.append(BoxTable(image, np.full_like(image, column), corners, scores))
    return BoxTable.joined(tables)


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
    equalled: np.ndarray = levels[starts].round(DECIMALS)[np.cumsum(starts) - 1][place]
    return equalled


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
