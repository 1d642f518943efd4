"""Metrics of truth masks, pixel by pixel in the original image. They exist only where a dataset has masks.

The predicted mask of an image and class is blank where the class is not predicted at its operating point.
Elsewhere it holds the pixels whose heatmap, resized bilinearly to the original image, reaches the threshold
that the box rule cuts at. Where boxes are not cut from heatmaps, it holds the pixels whose centre lies in a
box.

mIoU and hit rate are those of ``eval.py`` of CheXlocalize (Saporta et al. 2022, "Benchmarking saliency
methods for chest X-ray interpretation").
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import wsbench

from ._people import areas_of_masks, hit_of_points

if TYPE_CHECKING:
    import numpy as np

LEVELS = 256
"""Levels of a heatmap, as where boxes are cut from it: 255 times the value, rounded."""

DRAWS, SEED, DECIMALS = 1000, 0, 3
"""The bootstrap of ``eval.py``: its draws, its default seed, and the decimals of its intervals."""


@dataclass(frozen=True)
class _Levels:
    """What is computed once for the P images and classes that have a truth mask with pixels: how much of it
    heatmaps reach at every level.

    Attributes:
        place: ``(2, P)`` row of the image and index of the class.
        area: ``(P,)`` pixels of the truth mask.
        inside, every: ``(P, LEVELS)`` pixels whose heatmap has at least a level: those of the truth mask, and
            all. Zero without heatmaps.
        hit: ``(P,)`` 1 where the highest pixel of the heatmap lies in the truth mask, else 0.
    """

    place: np.ndarray
    area: np.ndarray
    inside: np.ndarray
    every: np.ndarray
    hit: np.ndarray


@dataclass(frozen=True)
class _Overlap:
    """``(P,)`` pixels of the predicted mask, and of its intersection with the truth mask."""

    predicted: np.ndarray
    common: np.ndarray


def mask_iou(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` mean IoU of predicted and truth mask over the images with a truth mask of the class. A blank
    prediction counts as 0 (``eval.py --true_pos_only False``)."""
    truth, overlap = scored.shared(_levels), scored.memoised(_overlap)
    return _mean(scored, resamples, overlap.common / (truth.area + overlap.predicted - overlap.common))


def mask_dice(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` the same mean of the Dice coefficient (2 x intersection / sum of both areas)."""
    truth, overlap = scored.shared(_levels), scored.memoised(_overlap)
    return _mean(scored, resamples, 2 * overlap.common / (truth.area + overlap.predicted))


def mask_blank(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` share of the images with a truth mask of the class whose prediction is blank: those that
    `chexlocalize_miou` leaves out."""
    return _mean(scored, resamples, (scored.memoised(_overlap).predicted == 0).astype(float))


def chexlocalize_miou(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` mean IoU over the images with a truth mask on which something is predicted, as ``eval.py
    --metric miou`` computes it by default. A method gains by predicting nothing where it is unsure."""
    return _mean(scored, resamples, _ious_of_true_positives(scored))


def chexlocalize_hit_rate(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` share of the images with a truth mask of the class whose heatmap, resized bilinearly to the
    original image, has its maximum in the mask (``eval.py --metric hitrate``). The first of equal pixels
    counts, row by row. NaN for a method without heatmaps."""
    return _mean(scored, resamples, _hits(scored))


def interval_end(
    values: Callable[[wsbench.metrics.Scored], np.ndarray], end: str
) -> Callable[[wsbench.metrics.Scored, wsbench.metrics.Resamples], np.ndarray]:
    """Make a metric of one end of the 95 % interval of ``eval.py``.

    It draws the images that have a mask, sorted by name, a thousand times with numpy's generator of seed 0,
    and takes the 24th and the 974th of the sorted means, counted from 0.

    Args:
        values: the values whose mean has the interval, one for each image and class with a truth mask.
        end: ``lower`` or ``upper``.

    Returns:
        A metric of ``(B, C)`` values, the same in every draw of the harness.
    """

    def compute(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
        import numpy as np

        ends = _interval(scored, values(scored))[0 if end == "lower" else 1]
        return np.tile(ends, (len(resamples), 1))

    return compute


def _interval(scored: wsbench.metrics.Scored, values: np.ndarray) -> np.ndarray:
    """``(2, C)`` the ends of the intervals of ``eval.py``; NaN for a class without a value in some draw."""
    import numpy as np

    rows, columns = scored.shared(_levels).place
    images = np.array(sorted(np.unique(rows), key=lambda row: scored.names[row]), dtype=np.intp)
    if len(images) == 0:
        return np.full((2, len(scored.classes)), np.nan)
    table = np.full((len(scored.names), len(scored.classes)), np.nan)
    table[rows, columns] = values
    table = table[images]
    # The public code draws with numpy's legacy generator; another one would give other intervals.
    generator = np.random.RandomState(SEED)
    counts = np.stack(
        [
            np.bincount(generator.choice(len(images), size=len(images)), minlength=len(images))
            for _ in range(DRAWS)
        ]
    )
    exists = ~np.isnan(table)
    means = np.sort(wsbench.metrics.ratio(counts @ np.where(exists, table, 0.0), counts @ exists), axis=0)
    return means[[int(0.025 * DRAWS) - 1, int(0.975 * DRAWS) - 1]].round(DECIMALS)


def _mean(
    scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples, values: np.ndarray
) -> np.ndarray:
    """``(B, C)`` means over images of ``(P,)`` values. Those that are NaN are left out."""
    import numpy as np

    rows, columns = scored.shared(_levels).place
    exists = ~np.isnan(values)
    sums, counted = np.zeros((2, len(scored.names), len(scored.classes)))
    sums[rows, columns] = np.where(exists, values, 0.0)
    counted[rows, columns] = exists
    return wsbench.metrics.ratio(resamples.sum(sums), resamples.sum(counted))


def _ious_of_true_positives(scored: wsbench.metrics.Scored) -> np.ndarray:
    import numpy as np

    truth, overlap = scored.shared(_levels), scored.memoised(_overlap)
    ious = overlap.common / (truth.area + overlap.predicted - overlap.common)
    return np.where(overlap.predicted > 0, ious, np.nan)


def _hits(scored: wsbench.metrics.Scored) -> np.ndarray:
    import numpy as np

    hit = scored.shared(_levels).hit
    exists = scored.heatmaps is not None or scored.predicted_points is not None
    return hit if exists else np.full(len(hit), np.nan)


def _levels(scored: wsbench.metrics.Scored) -> _Levels:
    """Decode every truth mask once, beside its heatmap in pixels of the original image."""
    import cv2
    import numpy as np

    place: list[tuple[int, int]] = []
    numbers: list[tuple[int, np.ndarray, np.ndarray, float]] = []
    for (row, column), mask in sorted(scored.masks.items()):
        pixels = mask.pixels()
        if not pixels.any():
            continue
        inside, every, hit = np.zeros(LEVELS), np.zeros(LEVELS), 0.0
        if scored.heatmaps is not None:
            region, size = scored.heatmaps.regions[row], (mask.width, mask.height)
            resized = wsbench.geometry.over_original(scored.heatmaps.maps[row, column], region, size)
            hit = float(pixels[np.unravel_index(resized.argmax(), resized.shape)])
            levels = (resized * 255.0 + 0.5).astype(np.uint8)
            chosen = np.ascontiguousarray(pixels, dtype=np.uint8)
            for target, where in ((inside, chosen), (every, None)):
                histogram = cv2.calcHist([levels], [0], where, [LEVELS], [0, LEVELS]).ravel()
                target[:] = np.cumsum(histogram[::-1].astype(np.float64))[::-1]
        elif scored.predicted_points is not None:
            hit = hit_of_points(pixels, scored.predicted_points.get((row, column)))
        place.append((row, column))
        numbers.append((int(pixels.sum()), inside, every, hit))
    area, inside_all, every_all, hits = zip(*numbers, strict=True) if numbers else ((), (), (), ())
    return _Levels(
        np.array(place, dtype=np.intp).reshape(-1, 2).T,
        np.array(area, dtype=np.float64),
        np.array(inside_all, dtype=np.float64).reshape(-1, LEVELS),
        np.array(every_all, dtype=np.float64).reshape(-1, LEVELS),
        np.array(hits, dtype=np.float64),
    )


def _overlap(scored: wsbench.metrics.Scored) -> _Overlap:
    """The predicted masks of a table, which depend on its boxes and thresholds."""
    import numpy as np

    truth = scored.shared(_levels)
    rows, columns = truth.place
    if scored.predicted_masks is not None:
        return _Overlap(*areas_of_masks(scored.masks, scored.predicted_masks, rows, columns))
    if scored.heatmaps is not None and scored.box_thresholds is not None:
        # 255 * threshold may exceed an integer by rounding alone; a level of 0 is never in the mask.
        level = np.maximum(np.ceil(255 * scored.box_thresholds - 1e-9).astype(np.intp), 1)[columns]
        pairs = np.arange(len(rows))
        predicted, common = truth.every[pairs, level], truth.inside[pairs, level]
    else:
        predicted, common = _of_boxes(scored, rows, columns)
    shown = scored.predicted_positive[rows, columns]
    return _Overlap(np.where(shown, predicted, 0.0), np.where(shown, common, 0.0))


def _of_boxes(
    scored: wsbench.metrics.Scored, rows: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """``(P,)`` pixels of the union of the predicted boxes, and of what it shares with the truth mask."""
    import numpy as np

    boxes, classes = scored.predicted, len(scored.classes)
    keys = boxes.image * classes + boxes.label
    order = np.argsort(keys, kind="stable")
    wanted = rows * classes + columns
    first = np.searchsorted(keys[order], wanted, side="left")
    last = np.searchsorted(keys[order], wanted, side="right")
    result = np.zeros((2, len(rows)))
    for pair, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        corners = boxes.xyxy[order[first[pair] : last[pair]]]
        if len(corners):
            result[:, pair] = scored.shared(_pixels_of_boxes, row, column, corners.tobytes())
    return result[0], result[1]


def _pixels_of_boxes(
    scored: wsbench.metrics.Scored, row: int, column: int, corners: bytes
) -> tuple[int, int]:
    """Pixels of the union of boxes, and of what it shares with a truth mask. A pixel is in a box whose area
    holds its centre."""
    import numpy as np

    mask = scored.masks[row, column]
    union = np.zeros((mask.height, mask.width), dtype=bool)
    for x0, y0, x1, y1 in np.ceil(np.frombuffer(corners).reshape(-1, 4) - 0.5).astype(int).clip(0):
        union[y0:y1, x0:x1] = True
    return int(union.sum()), int((union & mask.pixels()).sum())


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    spec = functools.partial(wsbench.MetricSpec, needs="masks", columns={})
    predicted = functools.partial(spec, at_operating_points=True)
    specs = [
        predicted(
            "mask_iou",
            "mean pixel IoU with truth masks, a blank prediction counts as 0",
            mask_iou,
            heading="mask IoU",
            columns={"uniform": 20, "paper": 20, "terminal": 10, "terminal paper": 10},
        ),
        predicted(
            "mask_dice",
            "mean pixel Dice with truth masks, a blank prediction counts as 0",
            mask_dice,
            heading="mask Dice",
            columns={"uniform": 21, "paper": 21, "terminal": 11, "terminal paper": 11},
        ),
        predicted(
            "mask_blank",
            "share of truth masks whose prediction is blank",
            mask_blank,
            False,
            heading="blank",
            columns={"uniform": 22, "paper": 22},
        ),
        predicted(
            "chexlocalize_miou",
            "mIoU of CheXlocalize: the same IoU without blank predictions",
            chexlocalize_miou,
            heading="CheX mIoU",
            columns={"uniform": 23, "paper": 23},
        ),
        spec(
            "chexlocalize_hit_rate",
            "hit rate of CheXlocalize: share of maps whose maximum lies in the truth mask",
            chexlocalize_hit_rate,
            heading="hit rate",
            columns={"uniform": 24, "paper": 24, "terminal": 12, "terminal paper": 12},
        ),
    ]
    for name, values in (
        ("chexlocalize_miou", _ious_of_true_positives),
        ("chexlocalize_hit_rate", _hits),
    ):
        for end in ("lower", "upper"):
            summary = f"{end} end of the 95 % interval of {name} as CheXlocalize draws it"
            compute = interval_end(values, end)
            specs.append(spec(f"{name}_{end}", summary, compute, None, resampled=False))
    return specs
