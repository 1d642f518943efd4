"""Readers against each other: formulas by hand, also where a reader has no box, and what scores decide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from conftest import METRICS
from wsbench.contract.specs import MetricSpec
from wsbench.geometry.box_table import BoxTable
from wsbench.scoring import agreement
from wsbench.scoring.bootstrap import Resamples, ratio
from wsbench.scoring.boxes_alone import of_boxes_alone
from wsbench.scoring.leave_one_out import leave_one_out, undecided_share
from wsbench.scoring.metric_values import values
from wsbench.scoring.reading_table import ReadingTable
from wsbench.types import Box

A, LOW, LOWER, FAR = (0, 0, 10, 10), (0, 0, 10, 8), (0, 0, 10, 4), (50, 50, 70, 70)
"""IoU of A with LOW 0.8, of A with LOWER 0.4, of LOW with LOWER 0.5; FAR overlaps nothing."""

Corners = tuple[float, float, float, float]


def reading_table(
    by_image: Sequence[dict[str, Sequence[Corners]]], classes: Sequence[str] = ("tb",)
) -> ReadingTable:
    """Readings of the class ``tb``: it is found where it is boxed."""
    flat = [
        (image, reader, boxes) for image, of in enumerate(by_image) for reader, boxes in sorted(of.items())
    ]
    readers = sorted({reader for _, reader, _ in flat})
    labels = np.zeros((len(flat), len(classes)), dtype=bool)
    labels[:, 0] = [bool(boxes) for _, _, boxes in flat]
    return ReadingTable(
        classes=tuple(classes),
        names=tuple(f"image{number}" for number in range(len(by_image))),
        sizes=np.full((len(by_image), 2), 100),
        readers=tuple(readers),
        image=np.array([image for image, _, _ in flat]),
        reader=np.array([readers.index(reader) for _, reader, _ in flat]),
        labels=labels,
        boxes=BoxTable.of([[Box("tb", *corners) for corners in boxes] for _, _, boxes in flat], classes),
    )


FOUR = reading_table(
    [
        {"R1": [A], "R2": [LOW], "R3": []},
        {"R1": [], "R2": [], "R3": []},
        {"R1": [A], "R2": [A], "R3": [LOWER]},
        {"R1": [A, FAR], "R3": [A]},
    ]
)
ONCE = Resamples.once(4)


# How far readers agree.


def measured(name: str, table: ReadingTable, resamples: Resamples = ONCE) -> float:
    return agreement.agreement(table)[name](resamples)[0, 0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Image 0: 0.8. Image 2: 1, 0.4 and 0.4. Image 3: 1, and FAR has no match.
        ("matched_iou", (0.8 + 1 + 0.4 + 0.4 + 1) / 5),
        # Image 0: each of two boxes is sought with the two others, and found with one. Image 2: all six are
        # found. Image 3: R1's two boxes with R3, R3's one with R1; FAR is not found.
        ("found@0.25", (2 + 6 + 2) / (4 + 6 + 3)),
        # Image 2: of six, those between R1 and R2.
        ("found@0.5", (2 + 2 + 2) / 13),
        # Pairs that agree: 1 of 3, 3 of 3, 3 of 3, 1 of 1. Of 11 readings, 7 find it.
        ("fleiss_kappa", (10 / 12 - 65 / 121) / (1 - 65 / 121)),
    ],
)
def test_agreement_by_hand(name: str, expected: float) -> None:
    assert measured(name, FOUR) == pytest.approx(expected, abs=1e-12)


def test_patients_are_drawn_with_all_their_readings() -> None:
    """Image 0 twice, image 2 once; images 1 and 3 are one patient's, who is not drawn."""
    draws = Resamples(np.array([[2.0, 0.0, 1.0]]), np.array([0, 1, 2, 1]))
    assert measured("matched_iou", FOUR, draws) == pytest.approx((2 * 0.8 + 1.8) / 5)
    assert measured("found@0.5", FOUR, draws) == pytest.approx((2 * 2 + 2) / (2 * 4 + 6))
    chance = (7 / 9) ** 2 + (2 / 9) ** 2
    assert measured("fleiss_kappa", FOUR, draws) == pytest.approx(((2 / 3 + 1) / 3 - chance) / (1 - chance))


def test_boxes_are_matched_one_to_one_by_the_largest_sum() -> None:
    """LOW takes A (0.8), so LOWER goes without, although it overlaps A and nothing else is left to it."""
    table = reading_table([{"R1": [A], "R2": [LOW, LOWER]}])
    assert measured("matched_iou", table, Resamples.once(1)) == pytest.approx(0.8)
    assert measured("found@0.25", table, Resamples.once(1)) == 1.0


def test_what_nobody_found_has_no_agreement() -> None:
    table = reading_table([{"R1": [], "R2": []}, {"R1": [], "R2": []}])
    assert all(np.isnan(measured(name, table, Resamples.once(2))) for name in agreement.SUMMARIES)
    found_by_all = reading_table([{"R1": [A], "R2": [A]}])
    assert np.isnan(measured("fleiss_kappa", found_by_all, Resamples.once(1)))
    assert measured("matched_iou", found_by_all, Resamples.once(1)) == 1.0


def test_opposite_readers_are_worse_than_chance() -> None:
    table = reading_table([{"R1": [A], "R2": []}, {"R1": [], "R2": [A]}])
    assert measured("fleiss_kappa", table, Resamples.once(2)) == pytest.approx(-1.0)
    assert measured("found@0.25", table, Resamples.once(2)) == 0.0


def test_classes_are_apart() -> None:
    """The second class, which nobody reports, has no value and changes none."""
    table = reading_table([{"R1": [A], "R2": [LOW]}, {"R1": [], "R2": []}], classes=("tb", "other"))
    for name, compute in agreement.agreement(table).items():
        tb, other = compute(Resamples.once(2))[0]
        assert np.isnan(other), name
        assert tb == pytest.approx({"matched_iou": 0.8}.get(name, 1.0))


# Each against the others.


def test_the_truth_of_a_reading_is_what_most_of_the_others_agree_on() -> None:
    scored = leave_one_out(FOUR)
    by_row = {
        name: [tuple(box) for box in scored.truth.of_image(row).tolist()]
        for row, name in enumerate(scored.names)
    }
    assert by_row == {
        "image0 by R1": [], "image0 by R2": [],  # of two others, one found it: nobody knows
        "image0 by R3": [(0, 0, 10, 9)],
        "image1 by R1": [], "image1 by R2": [], "image1 by R3": [],
        "image2 by R1": [(0, 0, 10, 7)], "image2 by R2": [(0, 0, 10, 7)], "image2 by R3": [A],
        "image3 by R1": [A], "image3 by R3": [A, FAR],
    }  # fmt: skip
    assert scored.known[:, 0].tolist() == [False, False, *[True] * 9]
    assert scored.labels[:, 0].tolist() == [False, False, True, *[False] * 3, *[True] * 5]
    assert len(scored.predicted) == 6  # those of image 0 do not count
    assert undecided_share(FOUR, scored) == 2 / 8


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("miou", (0 + 0.7 + 0.7 + 0.4 + 1 + 0.5) / 6),
        ("loc_f1@0.5", 2 * 4 / (7 + 6)),
        ("loc_f1@0.25", 2 * 5 / (7 + 6)),
        ("iou_accuracy_all@0.5", 4 / 7),
    ],
)
def test_a_radiologist_by_hand(name: str, expected: float) -> None:
    """Six readings have a truth: R3 on image 0 without a box, three on image 2 and two on image 3."""
    scored = leave_one_out(FOUR)
    assert values(METRICS[name], scored, Resamples.once(11))[0, 0] == pytest.approx(expected)


def test_where_others_agree_on_no_place_nothing_is_known() -> None:
    table = reading_table([{"R1": [A], "R2": [A], "R3": [FAR]}, {"R1": [A], "R2": [LOWER], "R3": [A]}])
    assert leave_one_out(table).known[:, 0].tolist() == [False, False, True, True, True, True]
    assert leave_one_out(table, iou=0.5).known[:, 0].tolist() == [False, False, True, False, True, False]


def test_with_four_readers_two_of_three_others_decide() -> None:
    table = reading_table([{"R1": [], "R2": [A], "R3": [A], "R4": []}])
    scored = leave_one_out(table)
    assert scored.known.all()
    assert scored.labels[:, 0].tolist() == [True, False, False, True]


def test_nobody_is_given_a_score() -> None:
    scored = leave_one_out(FOUR)
    assert np.isnan(scored.scores).all()
    assert np.isnan(scored.predicted.score).all()
    assert not scored.predicted_positive.any()


# Which metrics boxes alone decide.


def test_metrics_that_scores_cannot_change_are_found() -> None:
    alone = set(of_boxes_alone(METRICS))
    assert {
        "miou",
        "miou_matched",
        "region_iou",
        "region_dice",
        "loc_f1@0.25",
        "iou_accuracy_all@0.5",
    } <= alone
    of_scores = {name for name in METRICS if name.startswith(("froc", "ap", "cond_", "lroc", "top1", "map_"))}
    at_points = {"boxes_per_image", "healthy_with_box", "msli", "udp", "rsna", "loc_f1_called@0.25", "auc"}
    assert not alone & (of_scores | at_points | {"near_fixed", "pointing_game", "sensitivity"})


def boxes_of_readings(scored, resamples):
    return ratio(resamples.sum(scored.per_image(scored.predicted)), resamples.sum(scored.known))


def best_score(scored, resamples):
    return resamples.sum(scored.per_image(scored.predicted, scored.predicted.score))


def test_a_plugins_metric_is_judged_by_what_it_does() -> None:
    metrics = {
        "count": MetricSpec("count", "boxes of a reading", boxes_of_readings),
        "score": MetricSpec("score", "sum of scores", best_score),
        "labels": MetricSpec("labels", "boxes, declared as labels", boxes_of_readings, needs="labels"),
    }
    assert set(of_boxes_alone(metrics)) == {"count"}
