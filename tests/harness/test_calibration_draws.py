"""Thresholds on draws and on a method's own boxes: each is what an exhaustive search finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wsbench.geometry.box_table import BoxTable, overlaps
from wsbench.geometry.boxes import BoxRule, kept_boxes
from wsbench.geometry.iou import one_to_one
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.calibration import (
    MINIMUM_AREAS,
    THRESHOLDS,
    best_rules,
    choose_rules,
    index_of,
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
        best = best_rules(values[None])[0]
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


@pytest.mark.parametrize(
    ("width", "f1", "msli"),
    [
        (10, 1.0, 1.0),
        (9.5, 1.0, 1.0),
        (9, 1.0, 0.8),
        (5, 1.0, 0.4),
        (2.5, 1.0, 0.2),
        (2.4, 0.0, 0.2),
        (1, 0.0, 0.0),
    ],
)
def test_f1_matches_from_a_quarter_on_and_msli_beyond_its_thresholds(
    width: float, f1: float, msli: float
) -> None:
    """A box that covers so many tenths of the truth: `MSLI` asks for more than 0.1, 0.25, 0.5, 0.75, 0.9."""
    truth = Truth(
        ("tb",),
        ("image",),
        np.array([[100, 100]]),
        np.array([[True]]),
        np.array([[True]]),
        BoxTable.of([[Box("tb", 0, 0, 10, 10)]], ("tb",)),
    )
    prediction = Prediction(np.array([[0.5]]), boxes=[[ScoredBox("tb", 0, 0, width, 10, 0.5)]])
    for objective, value in (("cond_loc_f1@0.25", f1), ("msli", msli)):
        (choice,) = choose_rules(prediction, truth, [0.5], objective)
        assert choice.value == pytest.approx(value)
    (unseen,) = choose_rules(prediction, truth, [0.6], "msli")
    assert unseen.value == 0.0
    (seen,) = choose_rules(prediction, truth, [0.6])  # asks no class score
    assert seen.value == pytest.approx(f1)


def test_msli_takes_the_best_box_of_every_truth() -> None:
    """Two truths share a box: of 0.5 with the one and of 1.0 with the other."""
    true = [Box("tb", 0, 0, 10, 10), Box("tb", 0, 0, 10, 5), Box("tb", 50, 50, 60, 60)]
    truth = Truth(
        ("tb",),
        ("image",),
        np.array([[100, 100]]),
        np.array([[True]]),
        np.array([[True]]),
        BoxTable.of([true], ("tb",)),
    )
    boxes = [ScoredBox("tb", 0, 0, 10, 5, 0.5), ScoredBox("tb", 0, 0, 10, 1, 0.5)]
    (choice,) = choose_rules(Prediction(np.array([[0.5]]), boxes=[boxes]), truth, [0.5], "msli")
    assert choice.value == pytest.approx((0.4 + 1.0 + 0.0) / 3)


def test_rules_and_their_places_are_one_to_one() -> None:
    places = range(len(THRESHOLDS) * len(MINIMUM_AREAS))
    assert [index_of(rule_of(place)) for place in places] == list(places)
    assert list(MINIMUM_AREAS) == sorted(set(MINIMUM_AREAS))
    assert rule_of(0) == BoxRule(0.01, 0.0) and rule_of(places[-1]) == BoxRule(0.99, 0.04)
    assert rule_of(11) == BoxRule(0.02, 0.001)
