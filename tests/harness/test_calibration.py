"""What is chosen on held-out roles: hand-computed choices, ties, and an exhaustive search."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.boxes import BoxRule, boxes_of
from wsbench.geometry.iou import intersection_over_union, one_to_one
from wsbench.scoring.calibration import (
    MAX_RULES,
    MINIMUM_AREAS,
    PREFERENCE,
    THRESHOLDS,
    best_frequent_rules,
    best_rules,
    choose_rules,
    index_of,
    operating_point,
    rule_of,
)
from wsbench.scoring.table import Truth
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


def f1(prediction: Prediction, sizes: np.ndarray, truth: list[list[Box]], rule: BoxRule) -> float:
    """`cond_loc_f1@0.25`, image by image."""
    matches = predicted = 0
    for row, found in enumerate(boxes_of(prediction, sizes, ("tb",), (rule,))):
        if not truth[row]:
            continue
        predicted += len(found)
        (true,) = truth[row]
        corners = np.array([[true.x0, true.y0, true.x1, true.y1]])
        ious = [intersection_over_union(corners, np.array([[p.x0, p.y0, p.x1, p.y1]]))[0] for p in found]
        matches += max(ious, default=0.0) >= 0.25
    return 2 * matches / (predicted + sum(map(len, truth)))


def known(boxes: list, sizes: np.ndarray) -> Truth:
    """What is true of images that have the class where they have a box."""
    present = np.array([[bool(inside)] for inside in boxes])
    names = tuple(map(str, range(len(boxes))))
    return Truth(("tb",), names, sizes, present, np.ones_like(present), BoxTable.of(boxes, ("tb",)))


def two_hot_maps(second_score: float) -> tuple[Prediction, Truth]:
    """Two images with the same hot map; only the first has a truth box."""
    heatmaps = np.zeros((2, 1, 10, 10))
    heatmaps[:, 0, 2:5, 2:5] = 1.0
    truth = known([[Box("tb", 20, 20, 50, 50)], []], np.full((2, 2), 100))
    return Prediction(np.array([[0.9], [second_score]]), heatmaps), truth


def test_class_scores_have_no_part_in_the_rule() -> None:
    """Neither a healthy image with a hot map nor a missed image changes it: the ranking measure asks where
    boxes stand on images with the finding, and so does what its boxes are chosen for."""
    prediction, truth = two_hot_maps(0.9)
    for scores in ([[0.9], [0.9]], [[0.1], [0.9]]):
        (choice,) = choose_rules(replace(prediction, scores=np.array(scores)), truth, [0.5])
        assert (choice.value, choice.rule.threshold) == (1.0, 0.99)


def test_what_is_not_known_counts_for_nothing() -> None:
    """Where nobody has drawn boxes, none are right or wrong."""
    heatmaps = np.zeros((2, 1, 10, 10))
    heatmaps[0, 0, 2:5, 2:5] = heatmaps[1, 0, 7:9, 7:9] = 1.0
    box = Box("tb", 20, 20, 50, 50)
    truth = known([[box], [box]], np.full((2, 2), 100))
    prediction = Prediction(np.full((2, 1), 0.9), heatmaps)
    (missed,) = choose_rules(prediction, truth, [0.5])
    first = replace(truth, known=np.array([[True], [False]]), truth=truth.truth.where(truth.truth.image == 0))
    (spared,) = choose_rules(prediction, first, [0.5])
    assert missed.value < 1.0
    assert spared.value == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_the_chosen_rule_is_the_best_of_all(seed: int) -> None:
    prediction, sizes, truth = blobs(seed)
    (choice,) = choose_rules(prediction, known(truth, sizes), [0.5])
    scores = {
        rule: f1(prediction, sizes, truth, BoxRule(*rule))
        for rule in itertools.product(THRESHOLDS.tolist()[::4], MINIMUM_AREAS)
    }
    assert choice.value == pytest.approx(f1(prediction, sizes, truth, choice.rule))
    assert choice.value >= max(scores.values()) - 1e-12
    # Of equal ones the higher threshold, then the smaller area.
    better_tie = [
        rule for rule, score in scores.items() if score == choice.value and rule[0] > choice.rule.threshold
    ]
    assert better_tie == []
    assert len(choice.curve) == len(THRESHOLDS)


def test_boxes_must_be_larger_than_the_minimum_area() -> None:
    """The false box covers exactly 1 % of its image: the rule that asks for more than 1 % drops it."""
    heatmap = np.zeros((1, 1, 10, 10))
    heatmap[0, 0, 2:5, 2:5] = heatmap[0, 0, 8, 8] = 1.0
    truth = known([[Box("tb", 20, 20, 50, 50)]], np.full((1, 2), 100))
    (choice,) = choose_rules(Prediction(np.array([[0.9]]), heatmap), truth, [0.5])
    assert (choice.value, choice.rule.minimum_area) == (1.0, 0.01)


def test_msli_counts_the_images_on_which_the_class_is_predicted() -> None:
    """The second image's box is missed at every threshold, and asked for only at the lower operating
    point."""
    heatmaps = np.zeros((2, 1, 10, 10))
    heatmaps[0, 0, 2:5, 2:5] = heatmaps[1, 0, 7:9, 7:9] = 1.0
    box = Box("tb", 20, 20, 50, 50)
    truth = known([[box], [box]], np.full((2, 2), 100))
    prediction = Prediction(np.array([[0.9], [0.4]]), heatmaps)
    (silent,) = choose_rules(prediction, truth, [0.5], "msli")
    (loud,) = choose_rules(prediction, truth, [0.4], "msli")
    assert (silent.value, loud.value) == (1.0, 0.5)


def test_of_equal_rules_the_higher_threshold_then_the_smaller_area() -> None:
    values = np.zeros((2, len(PREFERENCE)))
    values[0, [index_of(BoxRule(0.3, 0.01)), index_of(BoxRule(0.7, 0.02)), index_of(BoxRule(0.7, 0.004))]] = (
        1.0
    )
    assert [rule_of(place) for place in best_rules(values)] == [BoxRule(0.7, 0.004), BoxRule(0.99, 0.0)]


def test_draws_choose_among_the_rules_that_are_best_in_most() -> None:
    """Rule k of 20 is best in k + 1 draws: the rarest take the best of those that are left."""
    wins = np.repeat(np.arange(20), np.arange(1, 21))
    values = np.zeros((len(wins), len(PREFERENCE)))
    values[np.arange(len(wins)), wins] = 1.0
    values[:, 19] += 0.5
    values[:, 0] += 0.25
    few = best_frequent_rules(values, chosen=0)
    kept = [0, *range(20 - MAX_RULES + 1, 20)]
    assert sorted(np.unique(few)) == kept
    assert np.array_equal(few[np.isin(wins, kept)], wins[np.isin(wins, kept)])
    assert set(few[~np.isin(wins, kept)]) == {19}


def test_a_class_without_truth_boxes_gets_the_fallback() -> None:
    prediction = Prediction(np.array([[0.9]]), np.ones((1, 1, 4, 4)))
    (choice,) = choose_rules(prediction, known([[]], np.array([[10, 10]])), [0.5])
    assert (choice.rule, choice.value) == (BoxRule(0.5, 0.0), None)
