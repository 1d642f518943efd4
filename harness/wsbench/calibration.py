"""Chooses thresholds on held-out roles: operating points on select, box rules on calibrate. Never on test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from wsbench.boxes import BoxRule, component_boxes, quantise
from wsbench.frames import areas, cells_to_pixels, clip, full_image
from wsbench.scored import BoxTable, overlaps
from wsbench.types import Prediction

THRESHOLDS = np.arange(1, 100) / 100
MINIMUM_AREAS = (0.0, 0.001, 0.002, 0.004, 0.007, 0.01, 0.015, 0.02, 0.03, 0.04)
"""Candidates for the smallest box, as shares of the image's area."""
MATCH_IOU = 0.25
FALLBACK = BoxRule(threshold=0.5, minimum_area=0.0)
"""For a class without a truth box on calibrate, where nothing can be chosen."""


@dataclass(frozen=True)
class Choice:
    """The box rule of one class and how it was found.

    Attributes:
        rule: the chosen rule.
        loc_f1: its F1 on calibrate; None if there was nothing to choose by.
        curve: per threshold, ``(threshold, best minimum area, F1)``.
    """

    rule: BoxRule
    loc_f1: float | None
    curve: tuple[tuple[float, float, float], ...] = ()


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


def count_matches(truth: np.ndarray, predicted: np.ndarray) -> int:
    """The size of a largest one-to-one matching between truth and predicted boxes.

    Args:
        truth, predicted: ``(K,)`` box numbers of the pairs that may be matched.
    """
    if len(truth) == 0:
        return 0
    rows, truth_index = np.unique(truth, return_inverse=True)
    columns, predicted_index = np.unique(predicted, return_inverse=True)
    graph = csr_array(
        (np.ones(len(truth), dtype=np.int8), (truth_index, predicted_index)),
        shape=(len(rows), len(columns)),
    )
    return int((maximum_bipartite_matching(graph) >= 0).sum())


def choose_rules(
    prediction: Prediction,
    sizes: np.ndarray,
    truth: BoxTable,
    operating_points: Sequence[float],
) -> list[Choice]:
    """Per class, the threshold and minimum area that maximise ``loc_f1@0.25`` on the calibrate role.

    Boxes count on the images on which the class is predicted at its operating point: a map that is
    scaled per image has a peak on every image, healthy ones included, and the class score says on which
    of them it is shown. Of equal choices the higher threshold, then the smaller minimum area, is taken.

    Args:
        prediction: of the N calibrate images, with heatmaps.
        sizes: ``(N, 2)`` width and height of the original images.
        truth: their truth boxes.
        operating_points: one a class.
    """
    return [
        _choose_rule(prediction, np.asarray(sizes), truth.of_label(column), column, point)
        for column, point in enumerate(operating_points)
    ]


def _choose_rule(
    prediction: Prediction, sizes: np.ndarray, truth: BoxTable, column: int, operating_point: float
) -> Choice:
    if len(truth) == 0:
        return Choice(FALLBACK, None)
    called = np.flatnonzero(prediction.scores[:, column] >= operating_point)
    best, curve = Choice(FALLBACK, -1.0), []
    candidates = _boxes_by_threshold(prediction, sizes, column, called)
    for threshold, predicted in zip(THRESHOLDS.tolist(), candidates, strict=True):
        area, score = _best_area(truth, predicted, sizes)
        curve.append((threshold, area, score))
        if score >= best.loc_f1:
            best = Choice(BoxRule(threshold, area), score)
    return Choice(best.rule, best.loc_f1, tuple(curve))


def _boxes_by_threshold(
    prediction: Prediction, sizes: np.ndarray, column: int, images: np.ndarray
) -> list[BoxTable]:
    """All components of all maps, as one table per threshold."""
    rows: list[list[np.ndarray]] = [[] for _ in THRESHOLDS]
    for image in images:
        levels = quantise(prediction.heatmaps[image, column])
        width, height = sizes[image].tolist()
        region = prediction.regions[image] if prediction.regions else full_image(width, height)
        for position, threshold in enumerate(THRESHOLDS):
            cells = component_boxes(levels, threshold)
            boxes = clip(cells_to_pixels(cells, region, levels.shape), width, height)
            rows[position].append(np.column_stack([np.full(len(boxes), image), boxes]))
    return [_table(np.concatenate(found) if found else np.zeros((0, 5)), column) for found in rows]


def _table(rows: np.ndarray, column: int) -> BoxTable:
    image = rows[:, 0].astype(np.intp)
    return BoxTable(image, np.full_like(image, column), rows[:, 1:], np.ones(len(rows)))


def _best_area(truth: BoxTable, predicted: BoxTable, sizes: np.ndarray) -> tuple[float, float]:
    shares = areas(predicted.xyxy) / np.prod(sizes[predicted.image], axis=1)
    pairs = overlaps(truth, predicted)
    matched = pairs.iou >= MATCH_IOU
    pair_truth, pair_predicted = pairs.truth[matched], pairs.predicted[matched]
    best = (0.0, -1.0)
    for area in MINIMUM_AREAS:
        keep = shares[pair_predicted] > area
        matches = count_matches(pair_truth[keep], pair_predicted[keep])
        score = 2 * matches / (len(truth) + int((shares > area).sum()))
        if score > best[1]:
            best = (area, score)
    return best
