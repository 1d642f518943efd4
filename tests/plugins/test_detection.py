"""Metrics that charge for extra boxes: hand-computed, ties, empty sets, and against pycocotools' own sums."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval

from conftest import box, found, measured, table, taken, value
from wsbench.geometry.box_table import BoxTable
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Scored, Truth
from wsbench.types import Box
from wsbench_plugins.metrics.detection import (
    COCO_IOUS,
    _matching,
    ap25_fixed,
    ap25_oracle,
    ap25_share,
    average_precision_at,
    cond_ap25,
    cond_gain,
    froc_at,
    loc_f1_at,
    lroc,
    lroc_blind,
    map_gain,
    near_fixed,
    rsna,
    top1_blind,
    top1_hit,
    wsbench_metrics,
)

ap25, ap50, ap = average_precision_at(0.25), average_precision_at(0.5), average_precision_at(*COCO_IOUS)

TRUTH = box(0, 0, 10, 10)
HIT = (0, 0, 10, 10)
MISS = (50, 50, 60, 60)


def test_perfect_and_empty() -> None:
    assert value(ap25, table([[TRUTH]], [[found(*HIT)]])) == pytest.approx(1.0)
    assert value(ap25, table([[TRUTH]], [[]])) == 0.0
    assert value(ap25, table([[]], [[found(*MISS)]])) is None


def test_a_false_box_above_the_true_one_halves_precision() -> None:
    scored = table([[TRUTH]], [[found(*MISS, score=0.9), found(*HIT, score=0.8)]])
    assert value(ap25, scored) == pytest.approx(0.5)
    scored = table([[TRUTH]], [[found(*MISS, score=0.7), found(*HIT, score=0.8)]])
    assert value(ap25, scored) == pytest.approx(1.0)


def test_a_false_box_on_a_healthy_image_counts() -> None:
    scored = table([[TRUTH], []], [[found(*HIT, score=0.8)], [found(*MISS, score=0.9)]])
    assert value(ap25, scored) == pytest.approx(0.5)


def test_half_the_recall_gives_half_of_the_hundred_and_one_points() -> None:
    scored = table([[TRUTH], [TRUTH]], [[found(*HIT)], []])
    assert value(ap25, scored) == pytest.approx(51 / 101)


def test_a_second_box_on_the_same_truth_is_false() -> None:
    boxes = [found(*HIT, score=0.9), found(*HIT, score=0.8)]
    scored = table([[TRUTH], [TRUTH]], [boxes, [found(*HIT, score=0.7)]])
    # Ranked: hit, duplicate, hit. Precision is 1 up to recall 0.5, then 2/3.
    assert value(ap25, scored) == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_overlap_thresholds() -> None:
    scored = table([[TRUTH]], [[found(0, 0, 10, 4)]])  # IoU 0.4
    assert (value(ap25, scored), value(ap50, scored)) == (pytest.approx(1.0), 0.0)
    scored = table([[TRUTH]], [[found(0, 0, 10, 7.1)]])  # reaches 0.5, 0.55, 0.6, 0.65 and 0.7
    assert value(ap, scored) == pytest.approx(0.5)
    assert value(average_precision_at(0.7, 0.75), scored) == pytest.approx(0.5)


def test_ties_do_not_follow_the_order_or_the_names_of_images() -> None:
    """A box of equal score on each of eight images, a truth box on one of them: precision is one over the
    rank of that image among the ties."""
    ranks = []
    for position in range(8):
        truth = [[TRUTH] if row == position else [] for row in range(8)]
        ranks.append(round(1 / value(ap25, table(truth, [[found(*HIT)]] * 8))))
    assert sorted(ranks) == list(range(1, 9))
    assert ranks not in (sorted(ranks), sorted(ranks, reverse=True))


def test_at_most_a_hundred_boxes_an_image() -> None:
    crowd = [found(*MISS, score=0.9)] * 100
    assert value(ap25, table([[TRUTH]], [[*crowd, found(*HIT, score=0.1)]])) == 0.0


def random_table(seed: int, images: int = 12, *, tied: bool = False) -> Scored:
    """Two classes, boxes near and far from truth; with ``tied``, only three different scores."""
    generator = np.random.default_rng(seed)
    truth, predicted = [], []
    for _ in range(images):
        boxes = [
            box(x, y, x + w, y + h, label)
            for label in "ab"
            for x, y, w, h in generator.integers(5, 40, (generator.integers(0, 3), 4)).tolist()
        ]
        shifts = generator.integers(-8, 9, (len(boxes), 4)).tolist()
        near = [
            (b.x0 + p, b.y0 + q, max(b.x1 + r, b.x0 + p + 1), max(b.y1 + s, b.y0 + q + 1), b.label)
            for b, (p, q, r, s) in zip(boxes, shifts, strict=True)
        ]
        far = [(60, 60, 90, 90, label) for label in "ab" if generator.random() < 0.4]
        scores = generator.choice([0.2, 0.5, 0.8], 20) if tied else generator.random(20)
        truth.append(boxes)
        predicted.append(
            [
                found(*corners, score, label)
                for (*corners, label), score in zip(near + far, scores, strict=False)
            ]
        )
    return table(truth, predicted, classes=("a", "b"), scores=generator.random((images, 2)))


@pytest.mark.parametrize("seed", range(6))
def test_average_precision_is_what_pycocotools_accumulates(seed: int) -> None:
    """Its own ``accumulate``, which is not used, gives the same numbers from the same matches."""
    scored = random_table(seed, tied=seed % 2 == 0)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = COCOeval(_matching._truth(scored), _matching._as_coco(scored, scored.predicted), "bbox")
        theirs.params.iouThrs = np.array(_matching.IOUS)
        theirs.params.areaRng, theirs.params.areaRngLbl = [[0, 1e10]], ["all"]
        theirs.params.maxDets = [100]
        theirs.evaluate()
        theirs.accumulate()
    expected = theirs.eval["precision"][:, :, :, 0, 0].mean(axis=1)
    for place, iou in enumerate(_matching.IOUS):
        ours = measured(average_precision_at(iou), scored)["per_class"]
        assert list(ours.values()) == pytest.approx(expected[place].tolist(), abs=1e-12)


def test_a_hundred_boxes_of_an_image_count_whether_it_has_truth_or_not() -> None:
    miss, hit = found(*MISS, score=0.9), found(*HIT, score=0.1)
    for truth in ([[TRUTH], []], [[TRUTH], [TRUTH]]):
        recalls = 51 if truth[1] else 101  # of 101; where the second image has a truth box, it is missed
        scored = table(truth, [[hit], [miss] * 150])
        assert value(ap25, scored) == pytest.approx(recalls / 101 / 101)


def test_froc_by_hand() -> None:
    """Four images, two truth boxes. Best first: hit, false, false, hit."""
    truth = [[TRUTH], [TRUTH], [], []]
    predicted = [
        [found(*HIT, score=0.9)],
        [found(*HIT, score=0.2)],
        [found(*MISS, score=0.8)],
        [found(*MISS, score=0.3)],
    ]
    scored = table(truth, predicted)
    by_rate = {rate: value(froc_at(rate), scored) for rate in (0.125, 0.25, 0.5, 1.0)}
    # The second hit needs two false boxes: 0.5 an image.
    assert by_rate == {0.125: 0.5, 0.25: 0.5, 0.5: 1.0, 1.0: 1.0}
    assert value(froc_at(0.25, 0.5), scored) == pytest.approx(0.75)


def test_froc_takes_boxes_of_equal_score_together() -> None:
    """No threshold shows the hit without the two false boxes that tie with it."""
    scored = table([[TRUTH], []], [[found(*HIT), found(*MISS)], [found(*MISS)]])
    assert value(froc_at(0.5), scored) == 0.0
    assert value(froc_at(1.0), scored) == 1.0


def test_rsna_by_hand() -> None:
    truth = [[TRUTH, box(50, 50, 60, 60)], [], [], [TRUTH]]
    predicted = [
        [found(0, 0, 10, 6, 0.9)],  # IoU 0.6: a hit at 0.4 ... 0.6, five of the eight thresholds
        [found(*MISS, score=0.9)],  # healthy with a box: 0
        [],  # healthy without: does not count
        [found(*HIT, score=0.1)],  # the class is not predicted: missed
    ]
    scored = table(truth, predicted, scores=[[0.9], [0.9], [0.1], [0.1]])
    first = 5 / 8 * 1 / 2  # one hit, one missed
    assert value(rsna, scored) == pytest.approx(first / 3)


def test_f1_matches_at_best_and_charges_for_extra_boxes() -> None:
    # By score, the better box would take the truth box that the worse one needs; at best, both match.
    truth = [[box(0, 0, 10, 10), box(4, 0, 14, 10)]]
    predicted = [[found(2, 0, 12, 10, 0.9), found(0, 0, 10, 9, 0.8), found(*MISS, score=0.1)]]
    scored = table(truth, predicted)
    assert value(loc_f1_at(0.5, called=False), scored) == pytest.approx(2 * 2 / 5)


def test_called_f1_counts_boxes_where_the_class_is_predicted() -> None:
    scored = table([[TRUTH], []], [[found(*HIT)], [found(*MISS)]], scores=[[0.9], [0.1]])
    assert value(loc_f1_at(0.5, called=False), scored) == pytest.approx(2 / 3)
    assert value(loc_f1_at(0.5, called=True), scored) == 1.0


def with_calibrate(scored: Scored, boxes: list[list[Box]]) -> Scored:
    truth = BoxTable.of(boxes, scored.classes)
    sizes, labels = np.full((len(boxes), 2), 100), np.array([[bool(inside)] for inside in boxes])
    names = tuple(f"calibrate{row}" for row in range(len(boxes)))
    known = np.ones_like(labels)
    return replace(scored, calibrate=Truth(scored.classes, names, sizes, labels, known, truth))


def test_a_map_that_only_knows_the_usual_place_gains_nothing() -> None:
    """Both test images have their box in the usual place; so have fixed boxes there."""
    usual = box(20, 20, 40, 40)
    own = [[found(20, 20, 40, 40, 0.9)], [found(20, 20, 40, 40, 0.8)]]
    scored = table([[usual], [usual]], own, scores=[[0.9], [0.8]])
    assert value(map_gain, with_calibrate(scored, [[usual], [usual]])) == pytest.approx(0.0)


def test_a_map_that_looks_gains_what_fixed_boxes_miss() -> None:
    usual, unusual = box(20, 20, 40, 40), box(60, 60, 80, 80)
    own = [[found(20, 20, 40, 40, 0.9)], [found(60, 60, 80, 80, 0.8)]]
    scored = table([[usual], [unusual]], own, scores=[[0.9], [0.8]])
    # The fixed box finds the first of two: recall 1/2 at precision 1, 51 of 101 points.
    assert value(map_gain, with_calibrate(scored, [[usual], [usual]])) == pytest.approx(1 - 51 / 101)


def test_map_gain_does_not_exist_without_boxes_on_calibrate() -> None:
    scored = table([[TRUTH]], [[found(*HIT)]])
    assert value(map_gain, scored) is None
    assert value(map_gain, with_calibrate(scored, [[], []])) is None


def test_conditional_average_precision_by_hand() -> None:
    """The best boxes of both images enter together: one of two hits. Then the second box of the second image,
    at half the score of its best: two of three. Precision at every recall is at least 2/3."""
    predicted = [
        [found(*HIT, score=0.9)],
        [found(*MISS, score=0.4), found(*HIT, score=0.2)],
    ]
    assert value(cond_ap25, table([[TRUTH], [TRUTH]], predicted)) == pytest.approx(2 / 3)
    assert value(cond_ap25, table([[TRUTH]], [[]])) == 0.0
    assert value(cond_ap25, table([[]], [[found(*HIT)]])) is None


def test_boxes_on_images_without_the_class_have_no_part_in_it() -> None:
    truth, own = [[TRUTH], []], [found(*HIT, score=0.1)]
    for others in ([], [found(*MISS, score=1.0)]):
        assert value(cond_ap25, table(truth, [own, others])) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_that_scales_the_boxes_of_an_image_changes_it(seed: int) -> None:
    """Class scores, rounded, binary or constant: to the last bit."""
    generator = np.random.default_rng(seed)
    scored = random_table(seed)
    once = Resamples.once(len(scored.names))
    before = cond_ap25(scored, once)
    boxes = scored.predicted
    for factors in (
        generator.uniform(1e-3, 1, scored.scores.shape),
        generator.uniform(0.1, 1, scored.scores.shape).round(1),
        np.full(scored.scores.shape, 0.3),
    ):
        score = boxes.score * factors[boxes.image, boxes.label]
        after = cond_ap25(scored.with_boxes(replace(boxes, score=score)), once)
        assert np.array_equal(before, after, equal_nan=True)


def test_the_best_fixed_boxes_gain_nothing_and_true_boxes_gain_the_rest() -> None:
    usual, unusual = box(20, 20, 40, 40), box(60, 60, 80, 80)
    fixed = [[found(20, 20, 40, 40, 0.9)], [found(20, 20, 40, 40, 0.2)]]
    own = [[found(20, 20, 40, 40, 0.9)], [found(60, 60, 80, 80, 0.2)]]
    calibrate = [[usual], [usual]]
    of_fixed, of_own = (
        with_calibrate(table([[usual], [unusual]], boxes, scores=[[0.9], [0.2]]), calibrate)
        for boxes in (fixed, own)
    )
    assert value(cond_gain, of_fixed) == 0.0
    # One box hits one of two: precision 1/2 up to recall 1/2, 51 of 101 points.
    assert value(cond_gain, of_own) == pytest.approx(1 - 51 / 101 / 2)
    assert value(near_fixed, of_fixed) == 1.0
    assert value(near_fixed, of_own) == pytest.approx(0.5)
    assert (value(top1_hit, of_own), value(top1_blind, of_own)) == (1.0, 0.5)


def test_ap25_lies_between_fixed_and_true_boxes() -> None:
    usual, unusual = box(20, 20, 40, 40), box(60, 60, 80, 80)
    truth, scores = [[usual], [unusual], []], [[0.9], [0.5], [0.1]]
    fixed = [[found(20, 20, 40, 40, score)] for (score,) in scores]
    true = [[found(20, 20, 40, 40, 0.9)], [found(60, 60, 80, 80, 0.5)], [found(*MISS, score=0.1)]]
    for boxes, share in ((fixed, 0.0), (true, 1.0)):
        scored = with_calibrate(table(truth, boxes, scores=scores), [[usual], [usual]])
        assert value(ap25_oracle, scored) == pytest.approx(1.0)
        assert value(ap25_fixed, scored) == pytest.approx(51 / 101)
        assert value(ap25_share, scored) == pytest.approx(share)


def test_fixed_boxes_are_ranked_by_box_scores_where_those_are_better() -> None:
    """A constant class score beside box scores that know the class: map_gain rewards the trick, the share
    does not."""
    usual = box(20, 20, 40, 40)
    own = [[found(20, 20, 40, 40, 0.9)], [found(20, 20, 40, 40, 0.8)], [found(20, 20, 40, 40, 0.1)]] * 4
    scored = table([[usual], [usual], []] * 4, own, scores=[[0.5]] * 12)
    scored = with_calibrate(scored, [[usual], [usual]])
    assert value(map_gain, scored) > 0.1
    assert value(ap25_fixed, scored) == pytest.approx(1.0)


def test_localisation_roc_by_hand() -> None:
    """Four pairs; the first positive hits and beats both negatives, the second beats one and misses."""
    truth = [[TRUTH], [TRUTH], [], []]
    predicted = [[found(*HIT)], [found(*MISS)], [], []]
    scored = table(truth, predicted, scores=[[0.9], [0.6], [0.7], [0.1]])
    assert value(lroc, scored) == pytest.approx(2 / 4)
    tied = table(truth, predicted, scores=[[0.9], [0.6], [0.9], [0.1]])
    assert value(lroc, tied) == pytest.approx(1.5 / 4)
    perfect = table(truth, [[found(*HIT)], [found(*HIT)], [], []], scores=[[0.9], [0.6], [0.7], [0.1]])
    assert value(lroc, perfect) == pytest.approx(3 / 4)  # the AUC
    assert value(lroc_blind, with_calibrate(perfect, [[TRUTH], [TRUTH]])) == pytest.approx(3 / 4)


def test_where_positives_are_rare_negatives_weigh_less() -> None:
    """One image of 37 has a box: negatives weigh 9 / 36, so that it is one of ten. Four false boxes before it
    count as one."""
    truth = [[TRUTH]] + [[]] * 36
    predicted = [[found(*HIT, score=0.5)]] + [[found(*MISS, score=0.9)]] * 4 + [[]] * 32
    assert value(ap25, table(truth, predicted)) == pytest.approx(1 / 2)
    few = table(truth[:5], predicted[:5])  # one of five is not rare
    assert value(ap25, few) == pytest.approx(1 / 5)


@pytest.mark.parametrize("seed", range(3))
def test_draws_equal_scoring_the_images_drawn(seed: int) -> None:
    scored = random_table(seed)
    draws = Resamples.draw(scored.names, 5, seed)
    for spec in wsbench_metrics():
        drawn = spec.compute(scored, draws)
        for place, counts in enumerate(draws.images().astype(int)):
            rows = np.repeat(np.arange(len(scored.names)), counts)
            again = spec.compute(taken(scored, rows), Resamples.once(len(rows)))
            assert drawn[place] == pytest.approx(again[0], nan_ok=True), spec.name


def test_the_seventeenth_box_of_an_image_does_not_count() -> None:
    misses = [found(*MISS, score=0.9 - 0.01 * place) for place in range(16)]
    hit = found(*HIT, score=0.1)
    assert value(cond_ap25, table([[TRUTH]], [[*misses[:15], hit]])) == pytest.approx(1 / 16)
    assert value(cond_ap25, table([[TRUTH]], [[*misses, hit]])) == 0.0
    elsewhere = [[], [*misses, found(*HIT)]]  # boxes of other images do not count towards the sixteen
    assert value(cond_ap25, table([[], [TRUTH]], elsewhere[::-1])) == 0.0
    assert value(cond_ap25, table([[TRUTH], [TRUTH]], [misses, [hit]])) == pytest.approx(
        51 / 101 * 1 / 2  # both best boxes have share 1 and enter together: one of two hits
    )


def test_the_floor_has_all_its_boxes_and_parts_those_of_equal_weight_where_that_is_better() -> None:
    """Calibrate has two places, each on two images: either box is of weight one half. Test has the first
    place alone: parted, the first chosen box finds everything; together, half of the boxes are false."""
    places = [box(0, 0, 20, 20), box(60, 60, 80, 80)]
    known = table([[places[0]], [places[0]], [places[1]], [places[1]]], [[]] * 4)
    calibrate = Truth(**{name: getattr(known, name) for name in Truth.__dataclass_fields__})
    first, second = (found(*corners) for corners in ((0, 0, 20, 20), (60, 60, 80, 80)))
    for predicted, gain in (([first], 0.0), ([replace(first, score=1.0), replace(second, score=0.1)], 0.0),
                            ([first, second], -0.5), ([second], -1.0)):  # fmt: skip
        scored = replace(table([[places[0]]] * 3, [predicted] * 3), calibrate=calibrate)
        assert value(cond_gain, scored) == pytest.approx(gain)
