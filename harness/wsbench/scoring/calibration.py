"""Chooses thresholds on held-out roles: operating points on select, box rules on calibrate. Never on test.

Both are chosen once on the role itself, and again on every bootstrap draw of it: how far they move is noise
that every score at these thresholds has.
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
MINIMUM_AREAS = (0.0, 0.001, 0.002, 0.004, 0.007, 0.01, 0.015, 0.02, 0.03, 0.04)
"""Candidates for the smallest box, as shares of the image's area."""
MOST_RULES = 16
"""Of a class in all bootstrap draws together: those that are best in most of them. A submission carries the
boxes of each, and the draws of a score spread by 0 to 4 % less than with all (docs/statistics.md)."""

FALLBACK = BoxRule(threshold=0.5, minimum_area=0.0)
"""For a class without a truth box on calibrate, and for predictions that lack calibrate: nothing can be
chosen there."""


@dataclass(frozen=True)
class Choice:
    """The box rule of one class and how it was chosen.

    Attributes:
        rule: the chosen rule.
        value: of the objective on calibrate; None if there was nothing to choose by.
        curve: per threshold, ``(threshold, best minimum area, value)``.
    """

    rule: BoxRule
    value: float | None
    curve: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True)
class Search:
    """All that choosing the box rule of one class needs; the rules themselves are chosen by `choose`.

    Attributes:
        sums: of the objective for each rule, thresholds before areas; None where the class has no truth box.
        scores: ``(N,)`` of the class; infinite on images that count whatever they score.
        counted: ``(N,)`` bool: the other images count for nothing.
    """

    sums: Sums | None
    scores: np.ndarray
    counted: np.ndarray

    def values(self, operating_points: np.ndarray, draws: Resamples) -> np.ndarray:
        """``(B, K)`` of the objective for every rule in every draw.

        Args:
            operating_points: ``(B,)``; the class is predicted where its score is at least this.
            draws: B draws of the N images.
        """
        assert self.sums is not None
        images = np.flatnonzero(self.counted)
        weights = draws.of(images) * (self.scores[images] >= operating_points[:, None])
        part, total = weights @ self.sums.part[images], weights @ self.sums.total[images]
        values: np.ndarray = np.divide(part, total, out=np.zeros_like(part), where=total > 0)
        return values


PREFERRED = np.lexsort((np.tile(MINIMUM_AREAS, len(THRESHOLDS)), -np.repeat(THRESHOLDS, len(MINIMUM_AREAS))))
"""``(K,)`` the places of all rules. Of equally good ones the first here is taken: the higher threshold,
then the smaller minimum area."""


def best_of(values: np.ndarray) -> np.ndarray:
    """``(B,)`` the place of the best rule of every draw.

    Args:
        values: ``(B, K)`` of every rule.
    """
    places: np.ndarray = PREFERRED[values[:, PREFERRED].argmax(axis=1)]
    return places


def best_of_few(values: np.ndarray, chosen: int) -> np.ndarray:
    """`best_of` among the `MOST_RULES` rules that are best in most draws, one of which is the chosen one.

    Args:
        values: ``(B, K)`` of every rule.
        chosen: the place of the rule that is best on the sample itself.
    """
    wins = np.bincount(best_of(values), minlength=values.shape[1])
    wins[chosen] = len(values) + 1
    few = np.argsort(-wins, kind="stable")[:MOST_RULES]
    return best_of(np.where(np.isin(np.arange(len(wins)), few), values, -1.0))


def operating_point(labels: np.ndarray, scores: np.ndarray) -> float:
    """The score that maximises Youden's J = sensitivity + specificity - 1; of equal ones the highest.

    0.5 where one of the two labels does not occur.

    Args:
        labels: ``(N,)`` bool.
        scores: ``(N,)`` floats; a class is predicted where its score is at least the operating point.
    """
    return float(operating_points(labels, scores, Resamples.once(len(labels)))[0])


def operating_points(labels: np.ndarray, scores: np.ndarray, draws: Resamples) -> np.ndarray:
    """``(B,)`` `operating_point` of every draw of the images."""
    order = np.argsort(-scores, kind="stable")
    levels = -np.unique(-scores)
    stops = np.searchsorted(-scores[order], -levels, side="right")
    hits = draws.up_to(order[labels[order]], np.searchsorted(np.flatnonzero(labels[order]), stops))
    shown = draws.up_to(order, stops)
    positives, images = draws.sum(labels), draws.sum(np.ones(len(labels)))
    negatives = images - positives
    both = (positives > 0) & (negatives > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        youden = hits / positives[:, None] - (shown - hits) / negatives[:, None]
    # Sums of counts are exact, quotients are not: levels whose J differ by less are equal.
    best = np.where(both[:, None], youden.round(12), 0.0).argmax(axis=1)
    return np.where(both, levels[best], 0.5)


def rule_of(place: int) -> BoxRule:
    """The rule at a place among all rules, thresholds before areas."""
    threshold, area = divmod(int(place), len(MINIMUM_AREAS))
    return BoxRule(float(THRESHOLDS[threshold]), MINIMUM_AREAS[area])


def place_of(rule: BoxRule) -> int:
    """The place of a rule among all rules."""
    threshold = int(np.argmin(np.abs(THRESHOLDS - rule.threshold)))
    return threshold * len(MINIMUM_AREAS) + MINIMUM_AREAS.index(rule.minimum_area)


def choose_rules(
    prediction: Prediction,
    truth: Truth,
    operating_points: Sequence[float],
    objective: str = OBJECTIVE,
) -> list[Choice]:
    """Per class, the threshold and minimum area that maximise an objective on the calibrate role.

    Args:
        prediction: of the N calibrate images, with heatmaps or boxes.
        truth: what is true of them.
        operating_points: one a class.
        objective: one of `OBJECTIVES`.
    """
    searches = searches_of(prediction, truth, operating_points, [objective])
    return [best_rule(search, point) for (search,), point in zip(searches, operating_points, strict=True)]


def best_rule(search: Search, operating_point: float) -> Choice:
    """The rule that is best on the images of a search, each counted once."""
    if search.sums is None:
        return Choice(FALLBACK, None)
    values = search.values(np.array([operating_point]), Resamples.once(len(search.scores)))[0]
    place = best_of(values[None])[0]
    by_threshold = values.reshape(len(THRESHOLDS), len(MINIMUM_AREAS))
    areas_of = by_threshold.argmax(axis=1)
    curve = tuple(
        (threshold, MINIMUM_AREAS[area], float(row[area]))
        for threshold, area, row in zip(THRESHOLDS.tolist(), areas_of.tolist(), by_threshold, strict=True)
    )
    return Choice(rule_of(place), float(values[place]), curve)


def searches_of(
    prediction: Prediction,
    truth: Truth,
    lowest_operating_points: Sequence[float],
    objectives: Sequence[str] = (OBJECTIVE,),
) -> Iterator[tuple[Search, ...]]:
    """Class by class, what every rule would give on every calibrate image, for each objective; one class at
    a time, since those of a large data set need much memory.

    Args:
        prediction: of the N calibrate images, with heatmaps or boxes.
        truth: what is true of them.
        lowest_operating_points: per class; images that score less are never asked for.
        objectives: some of `OBJECTIVES`; the boxes of every threshold are made once for all of them.
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
    # The sums of an image that another objective asks for are weighed with 0 by `Search.values`.
    asked = np.any([search.counted & (search.scores >= lowest) for search in empty], axis=0)
    sums: list[list[Sums]] = [[] for _ in objectives]
    for predicted in _boxes_of_thresholds(prediction, truth, column, np.flatnonzero(asked)):
        shares = areas(predicted.xyxy) / np.prod(truth.sizes[predicted.image], axis=1)
        candidate = Candidate(predicted, shares, overlaps(boxes, predicted))
        for of_objective, objective in zip(sums, objectives, strict=True):
            of_objective += [objective.sums(candidate, shares > area, truths) for area in MINIMUM_AREAS]
    return tuple(
        replace(search, sums=Sums(*(np.stack(parts, axis=1) for parts in _parts(of_objective))))
        for search, of_objective in zip(empty, sums, strict=True)
    )


def _without_sums(
    objective: Objective, prediction: Prediction, truth: Truth, column: int, truths: np.ndarray
) -> Search:
    """The search of a class before any rule was tried, with the images that count for an objective."""
    if objective.where_predicted:
        return Search(None, prediction.scores[:, column], truth.known[:, column])
    return Search(None, np.full(len(truths), np.inf), truths > 0)


def _parts(sums: Sequence[Sums]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [of_rule.part for of_rule in sums], [of_rule.total for of_rule in sums]


def _boxes_of_thresholds(
    prediction: Prediction, truth: Truth, column: int, images: np.ndarray
) -> list[BoxTable]:
    if prediction.heatmaps is not None:
        return _boxes_of_maps(prediction, truth.sizes, column, images)
    return _boxes_of_boxes(prediction, truth.classes, column, images)


def _boxes_of_maps(
    prediction: Prediction, sizes: np.ndarray, column: int, images: np.ndarray
) -> list[BoxTable]:
    """All components of the maps of some images, as one table per threshold."""
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
    """The method's own boxes that reach each threshold, as a share of the best score of their image."""
    assert prediction.boxes is not None
    table = BoxTable.of(prediction.boxes, classes).of_label(column)
    table = table.where(np.isin(table.image, images))
    shares = relative_scores(table.image, table.score)
    return [table.where(shares >= threshold) for threshold in THRESHOLDS]
