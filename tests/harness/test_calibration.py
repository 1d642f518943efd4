"""What is chosen on held-out roles: hand-computed choices, ties, and an exhaustive search."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from wsbench.boxes import BoxRule, boxes_of
from wsbench.calibration import MINIMUM_AREAS, THRESHOLDS, choose_rules, operating_point
from wsbench.geometry import intersection_over_union, one_to_one
from wsbench.scored import BoxTable, Truth
from wsbench.types import Box, Prediction


def test_operating_point_maximises_youden() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0, 0], dtype=bool)
    scores = np.array([0.9, 0.8, 0.3, 0.5, 0.2, 0.2, 0.1])
    # At 0.8: 2/3 - 0; at 0.3: 1 - 1/4 = 0.75, the best.
    assert operating_point(labels, scores) == pytest.approx(0.3)


def test_of_equal_operating_points_the_highest_is_taken() -> None:
    labels = np.array([1, 0, 1, 0], dtype=bool)
    assert operating_point(labels, np.array([0.9, 0.8, 0.7, 0.6])) == pytest.approx(0.9)


def test_operating_point_without_both_labels() -> None:
    assert operating_point(np.array([True, True]), np.array([0.1, 0.2])) == 0.5


def test_a_constant_score_predicts_every_image() -> None:
    assert operating_point(np.array([True, False]), np.array([0.3, 0.3])) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], 0),
        ([(0, 0), (0, 1)], 1),  # two predictions, one truth
        ([(0, 0), (1, 0)], 1),  # one prediction, two truths
        ([(0, 0), (0, 1), (1, 0)], 2),  # greedy by order would find one
        ([(7, 3), (9, 3), (9, 5), (2, 5)], 2),
    ],
)
def test_one_to_one(pairs: list[tuple[int, int]], expected: int) -> None:
    truth, predicted = np.array(pairs, dtype=int).reshape(-1, 2).T
    assert len(one_to_one(truth, predicted)) == expected


def blobs(seed: int, images: int = 12) -> tuple[Prediction, np.ndarray, list[list[Box]]]:
    """Smooth random maps, and truth boxes around the first peak of two thirds of them."""
    generator = np.random.default_rng(seed)
    heatmaps, truth = np.zeros((images, 1, 20, 20)), []
    for row in range(images):
        x, y = generator.integers(3, 17, 2)
        grid = np.exp(-((np.arange(20) - x) ** 2)[None] / 12 - ((np.arange(20) - y) ** 2)[:, None] / 12)
        heatmaps[row, 0] = np.clip(grid + generator.random((20, 20)) * 0.4, 0, 1)
        size = 10 * float(generator.uniform(1, 3))
        centre = (x + 0.5) * 10, (y + 0.5) * 10
        corners = [centre[0] - size, centre[1] - size, centre[0] + size, centre[1] + size]
        truth.append([Box("tb", *np.clip(corners, 0, 200).tolist())] if row % 3 else [])
    scores = np.where([[bool(boxes)] for boxes in truth], 0.8, 0.3)
    return Prediction(scores, heatmaps), np.full((images, 2), 200), truth


def f1(
    prediction: Prediction, sizes: np.ndarray, truth: list[list[Box]], rule: BoxRule, point: float
) -> float:
    """`loc_f1@0.25` by trying every assignment, image by image."""
    matches = predicted = 0
    for row, found in enumerate(boxes_of(prediction, sizes, ("tb",), (rule,))):
        if prediction.scores[row, 0] < point:
            continue
        predicted += len(found)
        ious = np.array(
            [
                [
                    intersection_over_union(
                        np.array([[t.x0, t.y0, t.x1, t.y1]]), np.array([[p.x0, p.y0, p.x1, p.y1]])
                    )[0]
                    for p in found
                ]
                for t in truth[row]
            ]
        ).reshape(len(truth[row]), len(found))
        matches += int((ious >= 0.25).any()) if len(truth[row]) == 1 else 0
    return 2 * matches / (predicted + sum(map(len, truth)))


def known(boxes: list, sizes: np.ndarray) -> Truth:
    """What is true of images that have the class where they have a box."""
    present = np.array([[bool(inside)] for inside in boxes])
    names = tuple(map(str, range(len(boxes))))
    return Truth(("tb",), names, sizes, present, np.ones_like(present), BoxTable.of(boxes, ("tb",)))


def test_boxes_where_none_are_known_are_not_charged() -> None:
    """The second image's map is as hot; whether that is wrong nobody has drawn."""
    heatmaps = np.zeros((2, 1, 10, 10))
    heatmaps[:, 0, 2:5, 2:5] = 1.0
    truth = known([[Box("tb", 20, 20, 50, 50)], []], np.full((2, 2), 100))
    prediction = Prediction(np.array([[0.9], [0.9]]), heatmaps)
    (charged,) = choose_rules(prediction, truth, [0.5])
    (spared,) = choose_rules(prediction, replace(truth, known=np.array([[True], [False]])), [0.5])
    assert (charged.value, spared.value) == (pytest.approx(2 / 3), 1.0)


@pytest.mark.parametrize("seed", range(3))
def test_the_chosen_rule_is_the_best_of_all(seed: int) -> None:
    prediction, sizes, truth = blobs(seed)
    (choice,) = choose_rules(prediction, known(truth, sizes), [0.5])
    scores = {
        rule: f1(prediction, sizes, truth, BoxRule(*rule), 0.5)
        for rule in itertools.product(THRESHOLDS.tolist()[::4], MINIMUM_AREAS)
    }
    assert choice.value == pytest.approx(f1(prediction, sizes, truth, choice.rule, 0.5))
    assert choice.value >= max(scores.values()) - 1e-12
    # Of equal ones the higher threshold, then the smaller area.
    better_tie = [
        rule for rule, score in scores.items() if score == choice.value and rule[0] > choice.rule.threshold
    ]
    assert better_tie == []
    assert len(choice.curve) == len(THRESHOLDS)


def test_extra_boxes_are_charged_only_where_the_class_is_predicted() -> None:
    """A healthy image with a hot map lowers F1 if its score reaches the operating point."""
    heatmaps = np.zeros((2, 1, 10, 10))
    heatmaps[:, 0, 2:5, 2:5] = 1.0
    truth = known([[Box("tb", 20, 20, 50, 50)], []], np.full((2, 2), 100))
    prediction = Prediction(np.array([[0.9], [0.4]]), heatmaps)
    (silent,) = choose_rules(prediction, truth, [0.5])
    (loud,) = choose_rules(prediction, truth, [0.4])
    assert (silent.value, loud.value) == (1.0, pytest.approx(2 / 3))
    assert silent.rule.threshold == 0.99


def test_a_class_without_truth_boxes_gets_the_fallback() -> None:
    prediction = Prediction(np.array([[0.9]]), np.ones((1, 1, 4, 4)))
    (choice,) = choose_rules(prediction, known([[]], np.array([[10, 10]])), [0.5])
    assert (choice.rule, choice.value) == (BoxRule(0.5, 0.0), None)
