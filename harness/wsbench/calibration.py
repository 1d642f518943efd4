"""Chooses thresholds on held-out roles: operating points on select, box rules on calibrate. Never on test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wsbench.boxes import BoxRule, component_boxes, on_grid, quantise
from wsbench.frames import areas, cells_to_pixels, clip, full_image
from wsbench.geometry import one_to_one
from wsbench.scored import BoxTable, Pairs, Truth, overlaps
from wsbench.types import Prediction

THRESHOLDS = np.arange(1, 100) / 100
MINIMUM_AREAS = (0.0, 0.001, 0.002, 0.004, 0.007, 0.01, 0.015, 0.02, 0.03, 0.04)
"""Candidates for the smallest box, as shares of the image's area."""
MATCH_IOU = 0.25
MSLI_IOUS = (0.1, 0.25, 0.5, 0.75, 0.9)
OBJECTIVE = "loc_f1@0.25"
"""What box rules are chosen for by default: it charges for extra boxes."""

FALLBACK = BoxRule(threshold=0.5, minimum_area=0.0)
"""For a class without a truth box on calibrate, where nothing can be chosen."""


@dataclass(frozen=True)
class Choice:
    """The box rule of one class and how it was found.

    Attributes:
        rule: the chosen rule.
        value: of the objective on calibrate; None if there was nothing to choose by.
        curve: per threshold, ``(threshold, best minimum area, value)``.
    """

    rule: BoxRule
    value: float | None
    curve: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True)
class Candidates:
    """The boxes of one class at one threshold.

    Attributes:
        truths: the number of truth boxes.
        reachable: of these, the number on images on which the class is predicted.
        pairs: overlaps of truth with candidates.
    """

    truths: int
    reachable: int
    pairs: Pairs


Objective = Callable[[Candidates, np.ndarray], float]
"""Of the candidates, and ``(M,)`` bool which of them the minimum area keeps."""


def operating_point(labels: np.ndarray, scores: np.ndarray) -> float:
    """The score that maximises Youden's J = sensitivity + specificity - 1; of equal ones the highest.

    0.5 where one of the two labels does not occur.

    Args:
        labels: ``(N,)`` bool.
        scores: ``(N,)`` floats; a class is predicted where its score is at least the operating point.
    """
    from sklearn.metrics import roc_curve

    if labels.all() or not labels.any():
        return 0.5
    false_positive, true_positive, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    # The first point of the curve predicts nothing; its threshold is infinite.
    return float(thresholds[1:][np.argmax((true_positive - false_positive)[1:])])


def choose_rules(
    prediction: Prediction,
    truth: Truth,
    operating_points: Sequence[float],
    objective: str = OBJECTIVE,
) -> list[Choice]:
    """Per class, the threshold and minimum area that maximise an objective on the calibrate role.

    Boxes count on the images on which the class is predicted at its operating point: a map that is
    scaled per image has a peak on every image, healthy ones included, and the class score says on which
    of them it is shown. Of equal choices the higher threshold, then the smaller minimum area, is taken.

    Args:
        prediction: of the N calibrate images, with heatmaps.
        truth: what is true of them.
        operating_points: one a class.
        objective: one of `OBJECTIVES`.
    """
    measure = OBJECTIVES[objective]
    return [
        _choose_rule(prediction, truth, column, point, measure)
        for column, point in enumerate(operating_points)
    ]


def _choose_rule(
    prediction: Prediction, truth: Truth, column: int, operating_point: float, measure: Objective
) -> Choice:
    boxes, sizes = truth.truth.of_label(column), truth.sizes
    called = np.flatnonzero((prediction.scores[:, column] >= operating_point) & truth.known[:, column])
    reachable = np.isin(boxes.image, called).sum()
    best, curve = Choice(FALLBACK, None), []
    candidates = _boxes_by_threshold(prediction, sizes, column, called) if len(boxes) else []
    for threshold, predicted in zip(THRESHOLDS.tolist(), candidates, strict=False):
        shares = areas(predicted.xyxy) / np.prod(sizes[predicted.image], axis=1)
        found = Candidates(len(boxes), int(reachable), overlaps(boxes, predicted))
        by_area = [measure(found, shares > area) for area in MINIMUM_AREAS]
        place = int(np.argmax(by_area))
        curve.append((threshold, MINIMUM_AREAS[place], by_area[place]))
        if best.value is None or by_area[place] >= best.value:
            best = Choice(BoxRule(threshold, MINIMUM_AREAS[place]), by_area[place])
    return Choice(best.rule, best.value, tuple(curve))


def _loc_f1(boxes: Candidates, keep: np.ndarray) -> float:
    """Twice the one-to-one matches over all truth and kept boxes."""
    matched = (boxes.pairs.iou >= MATCH_IOU) & keep[boxes.pairs.predicted]
    matches = len(one_to_one(boxes.pairs.truth[matched], boxes.pairs.predicted[matched]))
    return 2 * matches / (boxes.truths + int(keep.sum()))


def _msli(boxes: Candidates, keep: np.ndarray) -> float:
    """Mean over IoU thresholds of the share of truth boxes, on the images on which the class is predicted,
    that some kept box overlaps by more (CLARiTY paper, section 3.8.2)."""
    kept = keep[boxes.pairs.predicted]
    best = np.zeros(boxes.pairs.truth.max(initial=-1) + 1)
    np.maximum.at(best, boxes.pairs.truth[kept], boxes.pairs.iou[kept])
    hits = (best[:, None] > MSLI_IOUS).sum(axis=0)
    return float(hits.mean() / boxes.reachable) if boxes.reachable else 0.0


OBJECTIVES: Mapping[str, Objective] = {OBJECTIVE: _loc_f1, "msli": _msli}
"""What box rules can be chosen for."""


def _boxes_by_threshold(
    prediction: Prediction, sizes: np.ndarray, column: int, images: np.ndarray
) -> list[BoxTable]:
    """All components of all maps, as one table per threshold."""
    rows = [np.zeros((0, 6))]
    for image in images:
        levels = quantise(on_grid(prediction.heatmaps[image, column], prediction.box_grid))
        width, height = sizes[image].tolist()
        region = prediction.regions[image] if prediction.regions else full_image(width, height)
        cells = [component_boxes(levels, threshold) for threshold in THRESHOLDS]
        position = np.repeat(np.arange(len(cells)), [len(found) for found in cells])
        boxes = clip(cells_to_pixels(np.concatenate(cells), region, levels.shape), width, height)
        rows.append(np.column_stack([position, np.full(len(boxes), image), boxes]))
    every = np.concatenate(rows)
    every = every[np.argsort(every[:, 0], kind="stable")]
    starts = np.searchsorted(every[:, 0], np.arange(1, len(THRESHOLDS)))
    return [_table(found, column) for found in np.split(every, starts)]


def _table(rows: np.ndarray, column: int) -> BoxTable:
    image = rows[:, 1].astype(np.intp)
    return BoxTable(image, np.full_like(image, column), rows[:, 2:], np.ones(len(rows)))
