"""Thresholds on draws and on a method's own boxes: each is what an exhaustive search finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wsbench.geometry.box_table import BoxTable, overlaps
from wsbench.geometry.boxes import kept_boxes
from wsbench.geometry.iou import one_to_one
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.calibration import (
    MINIMUM_AREAS,
    THRESHOLDS,
    best_of,
    choose_rules,
    operating_point,
    operating_points,
    rule_of,
    searches_of,
)
from wsbench.scoring.table import Truth
from wsbench.types import Box, Prediction, ScoredBox


def test_every_draw_has_the_operating_point_of_its_own_images() -> None:
    """A draw is a sample in which an image stands as often as it was drawn."""
    generator = np.random.default_rng(2)
    labels = np.arange(30) % 5 > 2
    scores = (generator.integers(0, 9, 30) + 3 * labels) / 12
    draws = Resamples.draw(np.repeat(range(15), 2).tolist(), 60, seed=3)
    expected = []
    for counts in draws.images().astype(int):
        expected.append(operating_point(np.repeat(labels, counts), np.repeat(scores, counts)))
    assert operating_points(labels, scores, draws).tolist() == expected
    assert len(set(expected)) > 3
    none = Resamples(np.eye(30)[:3], np.arange(30))  # draws of an image without the finding alone
    assert operating_points(labels, scores, none).tolist() == [0.5] * 3


def two_classes(seed: int, images: int = 10) -> tuple[list[list[ScoredBox]], Truth]:
    """Boxes of a method's own, and truth boxes near half of them, on images of two sizes."""
    generator = np.random.default_rng(seed)
    sizes = np.array([(100, 50) if row % 2 else (40, 80) for row in range(images)])
    found: list[list[ScoredBox]] = []
    true: list[list[Box]] = []
    for width, height in sizes.tolist():
        found.append([])
        true.append([])
        for name in ("a", "b", "a", "b", "a"):
            x, y = generator.uniform(0, 0.7, 2) * (width, height)
            x1, y1 = np.minimum((x, y) + generator.uniform(0.02, 0.3, 2) * (width, height), (width, height))
            found[-1].append(ScoredBox(name, x, y, x1, y1, float(generator.uniform(0.05, 0.6))))
            if generator.random() < 0.4:
                true[-1].append(Box(name, x, y, x1, y1))
    classes = ("a", "b")
    labels = np.array([[any(box.label == name for box in of_image) for name in classes] for of_image in true])
    names = tuple(map(str, range(images)))
    return found, Truth(classes, names, sizes, labels, np.ones_like(labels), BoxTable.of(true, classes))


@pytest.mark.parametrize("seed", range(3))
def test_of_a_methods_own_boxes_the_best_rule_of_all_is_chosen_class_by_class(seed: int) -> None:
    """`cond_loc_f1@0.25` of every rule, with the boxes that `kept_boxes` leaves."""
    found, truth = two_classes(seed)
    prediction = Prediction(np.full((10, 2), 0.5), boxes=found)
    choices = choose_rules(prediction, truth, [0.5, 0.5])
    for column, choice in enumerate(choices):
        true = truth.truth.of_label(column)
        boxes = BoxTable.of(found, truth.classes).of_label(column)
        boxes = boxes.where(np.isin(boxes.image, true.image))
        values = np.zeros(len(THRESHOLDS) * len(MINIMUM_AREAS))
        for place in range(len(values)):
            kept = kept_boxes(boxes, truth.sizes, rule_of(place))
            pairs = overlaps(true, kept)
            matched = pairs.iou >= 0.25
            matches = len(one_to_one(pairs.predicted[matched], pairs.truth[matched]))
            values[place] = 2 * matches / (len(true) + len(kept))
        best = best_of(values[None])[0]
        assert (choice.rule, choice.value) == (rule_of(best), pytest.approx(values[best]))
        by_threshold = values.reshape(len(THRESHOLDS), len(MINIMUM_AREAS))
        assert [value for *_, value in choice.curve] == pytest.approx(by_threshold.max(axis=1).tolist())
        areas = [MINIMUM_AREAS[place] for place in by_threshold.argmax(axis=1)]
        assert [point[:2] for point in choice.curve] == list(zip(THRESHOLDS.tolist(), areas, strict=True))


def test_a_draw_weighs_every_image_as_often_as_it_has_it() -> None:
    """The value of each rule in a draw is that on a role in which images stand so often."""
    found, truth = two_classes(7)
    scores = np.random.default_rng(0).choice([0.3, 0.6], (10, 2))
    draws = Resamples.draw(range(10), 2, seed=1)
    points = np.array([0.2, 0.5])
    for objective in ("cond_loc_f1@0.25", "msli"):
        searches = [
            search
            for (search,) in searches_of(Prediction(scores, boxes=found), truth, [0.2, 0.2], [objective])
        ]
        for draw, counts in enumerate(draws.images().astype(int)):
            rows = np.repeat(np.arange(10), counts)
            true = [
                list(truth.truth.where(truth.truth.image == row).lists(10, truth.classes)[row])
                for row in rows
            ]
            again = replace(
                truth,
                names=tuple(map(str, range(10))),
                sizes=truth.sizes[rows],
                labels=truth.labels[rows],
                truth=BoxTable.of(true, truth.classes),
            )
            prediction = Prediction(scores[rows], boxes=[found[row] for row in rows])
            chosen = searches_of(prediction, again, [points[draw]] * 2, [objective])
            for search, (alone,) in zip(searches, chosen, strict=True):
                values = search.values(points[[draw]], draws.take(np.array([draw])))
                expected = alone.values(points[[draw]], Resamples.once(10))
                assert values == pytest.approx(expected)
