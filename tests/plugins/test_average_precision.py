"""COCO average precision: hand-computed, ties, empty sets."""

from __future__ import annotations

import pytest

from conftest import box, found, table
from wsbench_plugins.metrics.average_precision import ap, ap25, ap50, average_precision

TRUTH = box(0, 0, 10, 10)
HIT = (0, 0, 10, 10)
MISS = (50, 50, 60, 60)


def test_perfect_and_empty() -> None:
    assert ap25(table([[TRUTH]], [[found(*HIT)]])).value == pytest.approx(1.0)
    assert ap25(table([[TRUTH]], [[]])).value == 0.0
    assert ap25(table([[]], [[found(*MISS)]])).value is None


def test_a_false_box_above_the_true_one_halves_precision() -> None:
    scored = table([[TRUTH]], [[found(*MISS, score=0.9), found(*HIT, score=0.8)]])
    assert ap25(scored).value == pytest.approx(0.5)
    scored = table([[TRUTH]], [[found(*MISS, score=0.7), found(*HIT, score=0.8)]])
    assert ap25(scored).value == pytest.approx(1.0)


def test_a_false_box_on_a_healthy_image_counts() -> None:
    scored = table([[TRUTH], []], [[found(*HIT, score=0.8)], [found(*MISS, score=0.9)]])
    assert ap25(scored).value == pytest.approx(0.5)


def test_half_the_recall_gives_half_of_the_hundred_and_one_points() -> None:
    scored = table([[TRUTH], [TRUTH]], [[found(*HIT)], []])
    assert ap25(scored).value == pytest.approx(51 / 101)


def test_a_second_box_on_the_same_truth_is_false() -> None:
    boxes = [found(*HIT, score=0.9), found(*HIT, score=0.8)]
    scored = table([[TRUTH], [TRUTH]], [boxes, [found(*HIT, score=0.7)]])
    # Ranked: hit, duplicate, hit. Precision is 1 up to recall 0.5, then 2/3.
    assert ap25(scored).value == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_overlap_thresholds() -> None:
    scored = table([[TRUTH]], [[found(0, 0, 10, 4)]])  # IoU 0.4
    assert (ap25(scored).value, ap50(scored).value) == (pytest.approx(1.0), 0.0)
    scored = table([[TRUTH]], [[found(0, 0, 10, 7.1)]])  # reaches 0.5, 0.55, 0.6, 0.65 and 0.7
    assert ap(scored).value == pytest.approx(0.5)
    assert average_precision(scored, [0.7, 0.75]).value == pytest.approx(0.5)


def test_ties_do_not_follow_the_order_or_the_names_of_images() -> None:
    """A box of equal score on each of eight images, a truth box on one of them: precision is one over the
    rank of that image among the ties."""
    ranks = []
    for position in range(8):
        truth = [[TRUTH] if row == position else [] for row in range(8)]
        ranks.append(round(1 / ap25(table(truth, [[found(*HIT)]] * 8)).value))
    assert sorted(ranks) == list(range(1, 9))
    assert ranks not in (sorted(ranks), sorted(ranks, reverse=True))


def test_at_most_a_hundred_boxes_an_image() -> None:
    crowd = [found(*MISS, score=0.9)] * 100
    assert ap25(table([[TRUTH]], [[*crowd, found(*HIT, score=0.1)]])).value == 0.0
