"""Makes boxes from heatmaps and applies box rules, with the same code for every method.

Maps are quantised to 256 levels. A cell is foreground if its level reaches the threshold. Every 8-connected
component of foreground gives one box, its bounding rectangle. A component in the hole of another gives a box
as well.
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
"""Cells of maps that are searched for components in one call: as many as fit into a processor's cache."""


@dataclass(frozen=True, slots=True)
class BoxRule:
    """The rule by which heatmaps of one class become boxes, or by which a method's boxes are selected.

    Attributes:
        threshold: in (0, 1]. For heatmaps, the value that foreground reaches. For boxes, the smallest score
            that is kept, as a share of the best score of the image and class.
        minimum_area: in [0, 1). Boxes must be larger than this share of the image's area.
    """

    threshold: float
    minimum_area: float


def quantise(heatmap: np.ndarray) -> np.ndarray:
    """Convert floats in [0, 1] to uint8 levels from 0 to 255, rounded to the nearest."""
    return (np.asarray(heatmap, dtype=np.float32) * 255.0 + 0.5).astype(np.uint8)


def resized_to_grid(heatmap: np.ndarray, grid: tuple[int, int] | None) -> np.ndarray:
    """Resize a map bilinearly.

    Args:
        heatmap: ``(h, w)`` floats.
        grid: rows and columns of the result; None returns the map unchanged.

    Returns:
        ``grid`` float32.
    """
    if grid is None:
        return heatmap
    return cv2.resize(np.asarray(heatmap, dtype=np.float32), grid[::-1], interpolation=cv2.INTER_LINEAR)


def component_boxes(levels: np.ndarray, threshold: float) -> np.ndarray:
    """Find the bounding rectangles of the 8-connected components of ``levels >= 255 * threshold``.

    Args:
        levels: ``(h, w)`` uint8, a map from 0 to 255.
        threshold: in (0, 1].

    Returns:
        ``(n, 4)`` float64 corners ``x0, y0, x1, y1`` in cells, half-open.
    """
    return component_boxes_of_maps(levels[None], threshold)[1]


def component_boxes_of_maps(levels: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Find the `component_boxes` of many maps.

    Args:
        levels: ``(N, h, w)`` uint8.
        threshold: in (0, 1].

    Returns:
        ``(n,)`` the row of each box's map, ascending, and ``(n, 4)`` boxes in cells.
    """
    no_boxes = (np.zeros(0, dtype=np.intp), np.zeros((0, 4)))
    boxes_of_sheets = [no_boxes]
    for rows in _sheets(len(levels), levels.shape):
        boxes_of_sheets.append(_boxes_on_sheet(levels[rows], threshold, int(rows[0])))
    image, cells = zip(*boxes_of_sheets, strict=True)
    return np.concatenate(image), np.concatenate(cells)


def _boxes_on_sheet(levels: np.ndarray, threshold: float, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the boxes of maps that are laid out one below the other on a single sheet.

    For small maps, one call for a sheet is several times faster than one call a map.

    Args:
        levels: ``(n, h, w)`` uint8.
        threshold: in (0, 1].
        first: the row of the first of these maps among all maps.
    """
    count, height, width = levels.shape
    # The empty row below each map keeps its components apart from those of the next map.
    sheet = np.zeros((count, height + 1, width), dtype=np.uint8)
    # 255 * threshold may exceed an integer by rounding alone; a level of 0 is never foreground.
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
    """Make the boxes of maps, in pixels of the original images.

    Args:
        maps: ``(N, h, w)`` floats in [0, 1].
        regions: ``(N, 4)`` corners of the region of the original image that each map covers.
        sizes: ``(N, 2)`` width and height of the original images, in pixels.
        rule: threshold and minimum area.

    Returns:
        ``(n,)`` the row of each box's image, ``(n, 4)`` corners in pixels, clipped to the image, and ``(n,)``
        the maximum of the map within each box.
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
    """Yield the maps of one class, on the grid that boxes are cut from.

    Images come in batches, because the resized maps of a large dataset would need too much memory.

    Args:
        prediction: predictions of N images, with heatmaps.
        column: the index of the class.
        images: ``(n,)`` rows of images.

    Yields:
        The rows ``(k,)`` of a batch of images, and their maps ``(k, h, w)``.
    """
    assert prediction.heatmaps is not None
    shape = prediction.box_grid or prediction.heatmaps.shape
    for batch in _sheets(len(images), shape):
        maps = prediction.heatmaps[images[batch], column]
        if prediction.box_grid is not None:
            maps = np.stack([resized_to_grid(heatmap, prediction.box_grid) for heatmap in maps])
        yield images[batch], maps


def _sheets(count: int, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Cut the numbers from 0 to ``count`` into batches whose maps have at most `SHEET_CELLS` cells each."""
    rows, columns = shape[-2:]
    step = max(1, SHEET_CELLS // ((rows + 1) * columns))
    return [np.arange(start, min(start + step, count)) for start in range(0, count, step)]


def regions_of(prediction: Prediction, sizes: np.ndarray) -> np.ndarray:
    """Return the region that the heatmaps of each image cover, the full image where no region is given.

    Args:
        prediction: predictions of N images.
        sizes: ``(N, 2)`` width and height of the original images, in pixels.

    Returns:
        ``(N, 4)`` corners in pixels.
    """
    if prediction.regions is None:
        return np.concatenate([np.zeros_like(sizes), sizes], axis=1).astype(np.float64)
    return np.array([region.corners for region in prediction.regions], dtype=np.float64).reshape(-1, 4)


def boxes_of(
    prediction: Prediction, sizes: np.ndarray, classes: Sequence[str], rules: Sequence[BoxRule]
) -> list[list[ScoredBox]]:
    """Make the boxes of every image of a prediction by one rule for each class.

    The score of a box is the class score times the maximum of the heatmap within the box.

    Args:
        prediction: predictions of N images, with heatmaps.
        sizes: ``(N, 2)`` width and height of the original images, in pixels.
        classes: the names of the C classes.
        rules: the box rule of each class.

    Returns:
        For each image its boxes, in pixels of the original image, sorted by class.
    """
    tables = [table_of_map(prediction, sizes, column, rule) for column, rule in enumerate(rules)]
    return BoxTable.joined(tables).lists(len(sizes), classes)


def table_of_map(prediction: Prediction, sizes: np.ndarray, column: int, rule: BoxRule) -> BoxTable:
    """Make the boxes of the heatmaps of one class.

    The score of a box is the class score times the maximum of the heatmap within the box.

    Args:
        prediction: predictions of N images, with heatmaps.
        sizes: ``(N, 2)`` width and height of the original images, in pixels.
        column: the index of the class.
        rule: threshold and minimum area.
    """
    sizes, regions = np.asarray(sizes), regions_of(prediction, sizes)
    tables = []
    for rows, maps in maps_of_class(prediction, column, np.arange(len(sizes))):
        row_in_batch, corners, peaks = extract(maps, regions[rows], sizes[rows], rule)
        image = rows[row_in_batch]
        scores = prediction.scores[image, column].astype(np.float64) * peaks
        tables.append(BoxTable(image, np.full_like(image, column), corners, scores))
    return BoxTable.joined(tables)


SHARE_DECIMALS = 6
"""Decimals of a box's score as a share of the best score of its image. Scores are stored in single precision,
and their quotients are exact to about this many decimals."""


def relative_scores(image: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Divide the scores of boxes of one class by the best score of their image.

    A box's score is often a class score s times a weight w. The last bits of ``s * w / s`` depend on s, so
    boxes with equal weights would get different shares on images with different class scores. Shares that
    differ by no more than rounding are therefore made equal.

    Args:
        image: ``(M,)`` the row of each box's image.
        score: ``(M,)`` the score of each box.

    Returns:
        ``(M,)`` shares, at most 1, with `SHARE_DECIMALS` decimals; 1 where the best score is not above 0.
    """
    best = np.zeros(image.max(initial=-1) + 1)
    np.maximum.at(best, image, score)
    shares = np.divide(score, best[image], out=np.ones(len(score)), where=best[image] > 0)
    # Rounding alone would separate nearly equal shares on both sides of the middle between two decimals.
    # Shares are grouped instead: a group begins where the gap to the next lower share is more than rounding.
    levels, level_of_box = np.unique(shares, return_inverse=True)
    starts = np.diff(levels, prepend=-np.inf) > 10.0**-SHARE_DECIMALS
    group_of_level = np.cumsum(starts) - 1
    equalled: np.ndarray = levels[starts].round(SHARE_DECIMALS)[group_of_level][level_of_box]
    return equalled


def kept_boxes(boxes: BoxTable, sizes: np.ndarray, rule: BoxRule) -> BoxTable:
    """Select a method's boxes of one class by a rule.

    A box is kept if its score, as a share of the best score of its image, is at least the threshold, and if
    it is larger than the minimum area.

    Args:
        boxes: boxes of one class on N images.
        sizes: ``(N, 2)`` width and height of the images, in pixels.
        rule: threshold and minimum area.
    """
    shares = relative_scores(boxes.image, boxes.score)
    return larger_than(boxes.where(shares >= rule.threshold), sizes, rule.minimum_area)


def larger_than(boxes: BoxTable, sizes: np.ndarray, minimum_area: float) -> BoxTable:
    """Select the boxes that are larger than a share of their image's area.

    Args:
        boxes: boxes on N images.
        sizes: ``(N, 2)`` width and height of the images, in pixels.
        minimum_area: the share, in [0, 1).
    """
    return boxes.where(areas(boxes.xyxy) > minimum_area * np.prod(sizes[boxes.image], axis=1))
