"""Chooses thresholds on held-out roles: operating points on select, box rules on calibrate, none on test.

Both are chosen once on the images of the role, and again on every bootstrap draw of them. Scores at these
thresholds inherit the noise of the choice.

All box rules are numbered: the rule with threshold t and minimum area a has the index
``t * len(MINIMUM_AREAS) + a``, where t and a are positions in `THRESHOLDS` and `MINIMUM_AREAS`. There are K
rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from wsbench.geometry.box_table import BoxTable, overlaps
from wsbench.geometry.boxes import (
    BoxRule,
    component_boxes_of_maps,
    maps_of_class,
    quantise,
    regions_of,
    relative_scores,
)
from wsbench.geometry.coordinates import areas, cells_to_pixels, clip
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.objectives import OBJECTIVE, OBJECTIVES, Candidate, Objective, Sums
from wsbench.scoring.table import Truth
from wsbench.types import Prediction

THRESHOLDS = np.arange(1, 100) / 100
"""Candidates for the threshold, as shares of the map's maximum value 1 or of the best score."""

MINIMUM_AREAS = (0.0, 0.001, 0.002, 0.004, 0.007, 0.01, 0.015, 0.02, 0.03, 0.04)
"""Candidates for the smallest box, as shares of the image's area."""

MAX_RULES = 16
"""The number of different rules of a class over all bootstrap draws: those that are best in most draws.

A submission carries the boxes of each of them. With all rules, the draws of a score would spread by 0 to 4 %
more (docs/statistics.md).
"""

FALLBACK = BoxRule(threshold=0.5, minimum_area=0.0)
"""The rule where none can be chosen: for a class without a truth box on calibrate, and for predictions that
lack calibrate."""


@dataclass(frozen=True)
class Choice:
    """The box rule of one class and how it was chosen.

    Attributes:
        rule: the chosen rule.
        value: the value of the objective on calibrate; None if no rule could be chosen.
        curve: for each threshold, ``(threshold, best minimum area, value)``.
    """

    rule: BoxRule
    value: float | None
    curve: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True)
class Search:
    """All that is needed to choose the box rule of one class.

    Attributes:
        sums: ``(N, K)`` sums of the objective for each image and rule; None where the class has no truth box.
        scores: ``(N,)`` scores of the class; infinite on images that count whatever their score is.
        counted: ``(N,)`` bool, whether an image can count at all.
    """

    sums: Sums | None
    scores: np.ndarray
    counted: np.ndarray

    def values(self, operating_points: np.ndarray, draws: Resamples) -> np.ndarray:
        """Compute the objective for every rule in every draw.

        Args:
            operating_points: ``(B,)``; the class is predicted positive where its score is at least this.
            draws: B draws of the N images.

        Returns:
            ``(B, K)`` values of the objective; 0 where no image counts.
        """
        assert self.sums is not None
        images = np.flatnonzero(self.counted)
        weights = draws.counts_at(images) * (self.scores[images] >= operating_points[:, None])
        numerator = weights @ self.sums.numerator[images]
        denominator = weights @ self.sums.denominator[images]
        values: np.ndarray = np.divide(
            numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0
        )
        return values


PREFERENCE = np.lexsort((np.tile(MINIMUM_AREAS, len(THRESHOLDS)), -np.repeat(THRESHOLDS, len(MINIMUM_AREAS))))
"""``(K,)`` the indices of all rules in the order of preference between equally good ones: the higher
threshold first, then the smaller minimum area."""


def best_rules(values: np.ndarray) -> np.ndarray:
    """Find the best rule of every draw.

    Args:
        values: ``(B, K)`` values of every rule.

    Returns:
        ``(B,)`` indices of rules.
    """
    # argmax takes the first of equal values, which is the preferred one.
    indices: np.ndarray = PREFERENCE[values[:, PREFERENCE].argmax(axis=1)]
    return indices


def best_frequent_rules(values: np.ndarray, chosen: int) -> np.ndarray:
    """Find the best rule of every draw among the `MAX_RULES` rules that are best in most draws.

    Args:
        values: ``(B, K)`` values of every rule, each at least 0.
        chosen: the index of the rule that is best on the sample itself. It is always among them.

    Returns:
        ``(B,)`` indices of rules.
    """
    wins = np.bincount(best_rules(values), minlength=values.shape[1])
    wins[chosen] = len(values) + 1  # more wins than any other rule can have
    frequent = np.argsort(-wins, kind="stable")[:MAX_RULES]
    return best_rules(np.where(np.isin(np.arange(len(wins)), frequent), values, -1.0))


def operating_point(labels: np.ndarray, scores: np.ndarray) -> float:
    """Choose the score that maximises Youden's J = sensitivity + specificity - 1.

    Args:
        labels: ``(N,)`` bool, whether the class is present.
        scores: ``(N,)`` floats; the class is predicted positive where its score is at least the operating
            point.

    Returns:
        The operating point: of equally good scores the highest, and 0.5 where all labels are equal.
    """
    return float(operating_points(labels, scores, Resamples.once(len(labels)))[0])


def operating_points(labels: np.ndarray, scores: np.ndarray, draws: Resamples) -> np.ndarray:
    """Choose the `operating_point` in every draw of the images.

    Args:
        labels, scores: ``(N,)`` as in `operating_point`.
        draws: B draws of the N images.

    Returns:
        ``(B,)`` operating points.
    """
    order = np.argsort(-scores, kind="stable")
    levels = -np.unique(-scores)
    stops = np.searchsorted(-scores[order], -levels, side="right")
    positive_stops = np.searchsorted(np.flatnonzero(labels[order]), stops)
    true_positives = draws.cumulative_counts(order[labels[order]], positive_stops)
    predicted_positives = draws.cumulative_counts(order, stops)
    positives, images = draws.sum(labels), draws.sum(np.ones(len(labels)))
    negatives = images - positives
    both = (positives > 0) & (negatives > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        false_positives = predicted_positives - true_positives
        youden = true_positives / positives[:, None] - false_positives / negatives[:, None]
    # Counts are exact and quotients are not, so values of J that differ by less than 1e-12 are equal.
    best = np.where(both[:, None], youden.round(12), 0.0).argmax(axis=1)
    return np.where(both, levels[best], 0.5)


def rule_of(index: int) -> BoxRule:
    """Return the rule with an index."""
    threshold, area = divmod(int(index), len(MINIMUM_AREAS))
    return BoxRule(float(THRESHOLDS[threshold]), MINIMUM_AREAS[area])


def index_of(rule: BoxRule) -> int:
    """Return the index of a rule."""
    threshold = int(np.argmin(np.abs(THRESHOLDS - rule.threshold)))
    return threshold * len(MINIMUM_AREAS) + MINIMUM_AREAS.index(rule.minimum_area)


def choose_rules(
    prediction: Prediction,
    truth: Truth,
    operating_points: Sequence[float],
    objective: str = OBJECTIVE,
) -> list[Choice]:
    """Choose, for each class, the box rule that maximises an objective on the calibrate role.

    Args:
        prediction: predictions of the N calibrate images, with heatmaps or boxes.
        truth: what is true of them.
        operating_points: the operating point of each class.
        objective: one of `OBJECTIVES`.
    """
    searches = searches_of(prediction, truth, operating_points, [objective])
    return [best_rule(search, point) for (search,), point in zip(searches, operating_points, strict=True)]


def best_rule(search: Search, operating_point: float) -> Choice:
    """Choose the rule that is best on the images of a search, each counted once."""
    if search.sums is None:
        return Choice(FALLBACK, None)
    values = search.values(np.array([operating_point]), Resamples.once(len(search.scores)))[0]
    index = best_rules(values[None])[0]
    curve = []
    for threshold, of_areas in zip(THRESHOLDS.tolist(), values.reshape(len(THRESHOLDS), -1), strict=True):
        area = int(of_areas.argmax())
        curve.append((threshold, MINIMUM_AREAS[area], float(of_areas[area])))
    return Choice(rule_of(index), float(values[index]), tuple(curve))


def searches_of(
    prediction: Prediction,
    truth: Truth,
    lowest_operating_points: Sequence[float],
    objectives: Sequence[str] = (OBJECTIVE,),
) -> Iterator[tuple[Search, ...]]:
    """Yield, for each class, a search for each objective.

    The classes come one at a time, because the sums of a large dataset need much memory. The boxes of every
    threshold are made once for all objectives.

    Args:
        prediction: predictions of the N calibrate images, with heatmaps or boxes.
        truth: what is true of them.
        lowest_operating_points: for each class, the lowest operating point that the search will be asked
            for. Images with a lower score have no sums.
        objectives: names of `OBJECTIVES`.
    """
    for column, lowest in enumerate(lowest_operating_points):
        yield _searches(prediction, truth, column, float(lowest), [OBJECTIVES[name] for name in objectives])


def _searches(
    prediction: Prediction, truth: Truth, column: int, lowest: float, objectives: Sequence[Objective]
) -> tuple[Search, ...]:
    boxes = truth.truth.of_label(column)
    truths = np.bincount(boxes.image, minlength=len(truth.names)).astype(np.float64)
    empty = [_without_sums(objective, prediction, truth, column, truths) for objective in objectives]
    if len(boxes) == 0:
        return tuple(empty)
    # An image is needed if any objective counts it; `Search.values` gives it no weight under the others.
    needed = np.any([search.counted & (search.scores >= lowest) for search in empty], axis=0)
    sums: list[list[Sums]] = [[] for _ in objectives]
    for predicted in _boxes_of_thresholds(prediction, truth, column, np.flatnonzero(needed)):
        shares = areas(predicted.xyxy) / np.prod(truth.sizes[predicted.image], axis=1)
        candidate = Candidate(predicted, shares, overlaps(boxes, predicted))
        for of_objective, objective in zip(sums, objectives, strict=True):
            of_objective += [objective.sums(candidate, shares > area, truths) for area in MINIMUM_AREAS]
    return tuple(
        replace(search, sums=_stacked(of_objective)) for search, of_objective in zip(empty, sums, strict=True)
    )


def _without_sums(
    objective: Objective, prediction: Prediction, truth: Truth, column: int, truths: np.ndarray
) -> Search:
    """Make the search of a class before any rule is tried, with the images that count for an objective."""
    if objective.where_predicted:
        return Search(None, prediction.scores[:, column], truth.known[:, column])
    return Search(None, np.full(len(truths), np.inf), truths > 0)


def _stacked(sums: Sequence[Sums]) -> Sums:
    """Join the ``(N,)`` sums of K rules to ``(N, K)`` sums."""
    return Sums(
        np.stack([of_rule.numerator for of_rule in sums], axis=1),
        np.stack([of_rule.denominator for of_rule in sums], axis=1),
    )


def _boxes_of_thresholds(
    prediction: Prediction, truth: Truth, column: int, images: np.ndarray
) -> list[BoxTable]:
    """Make the boxes of one class on some images, one table for each of `THRESHOLDS`."""
    if prediction.heatmaps is not None:
        return _boxes_of_maps(prediction, truth.sizes, column, images)
    return _boxes_of_boxes(prediction, truth.classes, column, images)


def _boxes_of_maps(
    prediction: Prediction, sizes: np.ndarray, column: int, images: np.ndarray
) -> list[BoxTable]:
    """Make the boxes of all components of the maps of some images."""
    if len(images) == 0:
        return [BoxTable.of([], ())] * len(THRESHOLDS)
    regions, tables = regions_of(prediction, sizes), []
    levels = np.concatenate([quantise(maps) for _, maps in maps_of_class(prediction, column, images)])
    for threshold in THRESHOLDS:
        row, cells = component_boxes_of_maps(levels, threshold)
        image = images[row]
        boxes = clip(cells_to_pixels(cells, regions[image], levels.shape[1:]), *sizes[image].T)
        tables.append(BoxTable(image, np.full_like(image, column), boxes, np.ones(len(image))))
    return tables


def _boxes_of_boxes(
    prediction: Prediction, classes: Sequence[str], column: int, images: np.ndarray
) -> list[BoxTable]:
    """Select the method's boxes whose share of the best score of their image reaches each threshold."""
    assert prediction.boxes is not None
    table = BoxTable.of(prediction.boxes, classes).of_label(column)
    table = table.where(np.isin(table.image, images))
    shares = relative_scores(table.image, table.score)
    return [table.where(shares >= threshold) for threshold in THRESHOLDS]
