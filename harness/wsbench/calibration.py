"""Chooses thresholds on held-out roles: operating points on select, box rules on calibrate. Never on test.

Both are chosen once on the role itself, and again on every bootstrap draw of it: how far they move is noise
that every score at these thresholds has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wsbench.boxes import BoxRule, component_boxes, on_grid, quantise, relative_scores
from wsbench.frames import areas, cells_to_pixels, clip, full_image
from wsbench.geometry import one_to_one
from wsbench.resampling import Resamples
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
class Candidate:
    """The boxes of one class that one threshold gives on the calibrate images.

    Attributes:
        predicted: the boxes.
        shares: ``(M,)`` their areas as shares of their images' areas.
        pairs: their overlaps with the truth boxes.
    """

    predicted: BoxTable
    shares: np.ndarray
    pairs: Pairs


@dataclass(frozen=True)
class Sums:
    """What an objective adds up over images: its value is the sum of ``part`` over that of ``total``.

    Attributes:
        part, total: ``(N,)`` or ``(N, K)`` of an image on which the class is predicted, for each of K rules.
        total_elsewhere: ``(N,)`` what an image on which it is not predicted adds to the total.
    """

    part: np.ndarray
    total: np.ndarray
    total_elsewhere: np.ndarray


Objective = Callable[[Candidate, np.ndarray, np.ndarray], Sums]
"""Of a candidate, ``(M,)`` bool which of its boxes a minimum area keeps, and ``(N,)`` the number of truth
boxes: ``(N,)`` sums for that minimum area."""


@dataclass(frozen=True)
class Search:
    """All that choosing the box rule of one class needs; the rules themselves are chosen by `choose`.

    Attributes:
        sums: of the objective for each rule, thresholds before areas; None where the class has no truth box.
        scores: ``(N,)`` of the class.
        known: ``(N,)`` bool: boxes of the class are known on the image.
    """

    sums: Sums | None
    scores: np.ndarray
    known: np.ndarray

    def choose(self, operating_points: np.ndarray, draws: Resamples) -> tuple[np.ndarray, np.ndarray]:
        """``(B,)`` the best rule of every draw, as its place among all rules, and ``(B, K)`` all their
        values. Of equal rules the higher threshold, then the smaller minimum area, is taken.

        Args:
            operating_points: ``(B,)``; the class is predicted where its score is at least this.
            draws: B draws of the N images.
        """
        assert self.sums is not None
        counts = draws.images()
        predicted = (self.scores >= operating_points[:, None]) & self.known
        weights = counts * predicted
        part, total = weights @ self.sums.part, weights @ self.sums.total
        total = total + ((counts - weights) @ self.sums.total_elsewhere)[:, None]
        values = np.divide(part, total, out=np.zeros_like(part), where=total > 0)
        by_threshold = values.reshape(len(draws), len(THRESHOLDS), len(MINIMUM_AREAS))
        highest = by_threshold.max(axis=2)[:, ::-1]
        threshold = len(THRESHOLDS) - 1 - highest.argmax(axis=1)
        area = by_threshold[np.arange(len(draws)), threshold].argmax(axis=1)
        return threshold * len(MINIMUM_AREAS) + area, values


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


def choose_rules(
    prediction: Prediction,
    truth: Truth,
    operating_points: Sequence[float],
    objective: str = OBJECTIVE,
) -> list[Choice]:
    """Per class, the threshold and minimum area that maximise an objective on the calibrate role.

    Boxes count on the images on which the class is predicted at its operating point: a map that is
    scaled per image has a peak on every image, healthy ones included, and the class score says on which
    of them it is shown.

    Args:
        prediction: of the N calibrate images, with heatmaps or boxes.
        truth: what is true of them.
        operating_points: one a class.
        objective: one of `OBJECTIVES`.
    """
    searches = searches_of(prediction, truth, operating_points, objective)
    return [best_rule(search, point) for search, point in zip(searches, operating_points, strict=True)]


def best_rule(search: Search, operating_point: float) -> Choice:
    """The rule that is best on the images of a search, each counted once."""
    if search.sums is None:
        return Choice(FALLBACK, None)
    once = Resamples.once(len(search.scores))
    places, values = search.choose(np.array([operating_point]), once)
    by_threshold = values[0].reshape(len(THRESHOLDS), len(MINIMUM_AREAS))
    areas_of = by_threshold.argmax(axis=1)
    curve = tuple(
        (threshold, MINIMUM_AREAS[area], float(row[area]))
        for threshold, area, row in zip(THRESHOLDS.tolist(), areas_of.tolist(), by_threshold, strict=True)
    )
    return Choice(rule_of(places[0]), float(values[0, places[0]]), curve)


def searches_of(
    prediction: Prediction,
    truth: Truth,
    lowest_operating_points: Sequence[float],
    objective: str = OBJECTIVE,
) -> Iterator[Search]:
    """Class by class, what every rule would give on every calibrate image; one at a time, since those of a
    large data set need much memory.

    Args:
        prediction: of the N calibrate images, with heatmaps or boxes.
        truth: what is true of them.
        lowest_operating_points: per class; images that score less are never asked for.
        objective: one of `OBJECTIVES`.
    """
    for column, lowest in enumerate(lowest_operating_points):
        yield _search(prediction, truth, column, float(lowest), OBJECTIVES[objective])


def _search(prediction: Prediction, truth: Truth, column: int, lowest: float, measure: Objective) -> Search:
    boxes, scores, known = truth.truth.of_label(column), prediction.scores[:, column], truth.known[:, column]
    if len(boxes) == 0:
        return Search(None, scores, known)
    images = np.flatnonzero((scores >= lowest) & known)
    if prediction.heatmaps is not None:
        tables = _boxes_of_maps(prediction, truth.sizes, column, images)
    else:
        tables = _boxes_of_boxes(prediction, truth.classes, column, images)
    truths = np.bincount(boxes.image, minlength=len(scores)).astype(np.float64)
    sums = []
    for predicted in tables:
        shares = areas(predicted.xyxy) / np.prod(truth.sizes[predicted.image], axis=1)
        candidate = Candidate(predicted, shares, overlaps(boxes, predicted))
        sums += [measure(candidate, shares > area, truths) for area in MINIMUM_AREAS]
    part, total = (np.stack([getattr(one, name) for one in sums], axis=1) for name in ("part", "total"))
    return Search(Sums(part, total, sums[0].total_elsewhere), scores, known)


def _loc_f1(boxes: Candidate, keep: np.ndarray, truths: np.ndarray) -> Sums:
    """Twice the one-to-one matches over all truth and kept boxes."""
    matched = (boxes.pairs.iou >= MATCH_IOU) & keep[boxes.pairs.predicted]
    partners = one_to_one(boxes.pairs.predicted[matched], boxes.pairs.truth[matched])
    images = len(truths)
    matches = np.bincount(boxes.predicted.image[partners], minlength=images)
    shown = np.bincount(boxes.predicted.image[keep], minlength=images)
    return Sums(2.0 * matches, truths + shown, truths)


def _msli(boxes: Candidate, keep: np.ndarray, truths: np.ndarray) -> Sums:
    """Mean over IoU thresholds of the share of truth boxes, on the images on which the class is predicted,
    that some kept box overlaps by more (CLARiTY paper, section 3.8.2)."""
    kept = keep[boxes.pairs.predicted]
    truth, predicted = boxes.pairs.truth[kept], boxes.pairs.predicted[kept]
    best = np.zeros(truth.max(initial=-1) + 1)
    image = np.zeros(len(best), dtype=np.intp)
    np.maximum.at(best, truth, boxes.pairs.iou[kept])
    image[truth] = boxes.predicted.image[predicted]
    hits = (best[:, None] > MSLI_IOUS).mean(axis=1)
    return Sums(np.bincount(image, hits, minlength=len(truths)), truths, np.zeros_like(truths))


OBJECTIVES: Mapping[str, Objective] = {OBJECTIVE: _loc_f1, "msli": _msli}
"""What box rules can be chosen for."""


def _boxes_of_maps(
    prediction: Prediction, sizes: np.ndarray, column: int, images: np.ndarray
) -> list[BoxTable]:
    """All components of all maps, as one table per threshold."""
    rows = [np.zeros((0, 6))]
    for image in images:
        levels = quantise(on_grid(prediction.heatmaps[image, column], prediction.box_grid))
        width, height = sizes[image].tolist()
        region = prediction.regions[image] if prediction.regions else full_image(width, height)
        cells = [component_boxes(levels, threshold) for threshold in THRESHOLDS]
        position = np.repeat(np.arange(len(cells)), [len(components) for components in cells])
        boxes = clip(cells_to_pixels(np.concatenate(cells), region, levels.shape), width, height)
        rows.append(np.column_stack([position, np.full(len(boxes), image), boxes]))
    every = np.concatenate(rows)
    every = every[np.argsort(every[:, 0], kind="stable")]
    starts = np.searchsorted(every[:, 0], np.arange(1, len(THRESHOLDS)))
    return [_table(of_threshold, column) for of_threshold in np.split(every, starts)]


def _boxes_of_boxes(
    prediction: Prediction, classes: Sequence[str], column: int, images: np.ndarray
) -> list[BoxTable]:
    """The method's own boxes that reach each threshold, as a share of the best score of their image."""
    assert prediction.boxes is not None
    table = BoxTable.of(prediction.boxes, classes).of_label(column)
    table = table.where(np.isin(table.image, images))
    shares = relative_scores(table.image, table.score)
    return [table.where(shares >= threshold) for threshold in THRESHOLDS]


def _table(rows: np.ndarray, column: int) -> BoxTable:
    image = rows[:, 1].astype(np.intp)
    return BoxTable(image, np.full_like(image, column), rows[:, 2:], np.ones(len(rows)))
