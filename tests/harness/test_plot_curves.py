"""Curves of boxes and class scores: by hand, by scikit-learn, and by the metrics that sum them up."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from conftest import METRICS, box, found, table
from wsbench.reports import roc
from wsbench.reports.plots import box_curves, points, score_curves
from wsbench.reports.plots.box_curves import FALSE_BOXES, RECALLS
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Scored


def two_images() -> Scored:
    """One lesion on each. The first is hit by the best box, the second by the third best; the second best box
    misses."""
    return table(
        [[box(0, 0, 10, 10)], [box(50, 50, 60, 60)]],
        [[found(0, 0, 10, 10, 0.9)], [found(0, 0, 10, 10, 0.8), found(50, 50, 60, 60, 0.7)]],
    )


def tied(seed: int, positives: int) -> Scored:
    """A table of 60 images and two classes, with boxes of equal score, several boxes of an image, lesions
    that are hit twice, and images whose boxes are not known."""
    generator = np.random.default_rng(seed)
    truth, predicted = [], []
    for row in range(60):
        labels = [name for name in "ab" if row < positives or (name == "b" and row % 3 == 0)]
        lesions = [box(*generator.integers(0, 50, 2).tolist(), 80, 80, name) for name in labels]
        shifted = [
            found(b.x0 + int(generator.integers(-20, 20)), b.y0, b.x1, b.y1, score, b.label)
            for b in lesions
            for score in generator.choice([0.2, 0.5, 0.9], 2).tolist()
        ]
        others = [
            found(0, 0, 20, 20 + place, float(generator.choice([0.2, 0.5, 0.9])), name)
            for name in "ab"
            for place in range(int(generator.integers(0, 3)))
        ]
        truth.append(lesions)
        predicted.append(shifted + others)
    return table(truth, predicted, classes=("a", "b"))


def test_precision_by_hand() -> None:
    curves = box_curves.precision_curves(two_images(), Resamples.once(2))
    assert curves.y[0, :51] == pytest.approx(1.0)  # up to recall 1/2: one box, which hits
    assert curves.y[0, 51:] == pytest.approx(2 / 3)  # three boxes, two of which hit
    assert curves.values[0] == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_froc_by_hand() -> None:
    curves = box_curves.froc_curves(two_images(), Resamples.once(2))
    assert curves.y[0, FALSE_BOXES < 0.5] == pytest.approx(0.5)
    assert curves.y[0, FALSE_BOXES >= 0.5] == pytest.approx(1.0)  # one false box on two images
    assert curves.values[0] == 1.0


@pytest.mark.parametrize("positives", [25, 2], ids=["frequent", "rare"])
def test_curves_of_boxes_sum_up_to_the_metrics_in_every_draw(positives: int) -> None:
    scored = tied(positives, positives)
    draws = Resamples.draw(scored.names, 50, seed=1)
    curves = box_curves.precision_curves(scored, draws)
    np.testing.assert_allclose(curves.draws.mean(axis=2), METRICS["ap25"].compute(scored, draws), atol=1e-12)
    curves = box_curves.froc_curves(scored, draws)
    for number in (0.125, 0.25, 0.5, 1, 2, 4, 8):
        (place,) = np.flatnonzero(number == FALSE_BOXES)
        expected = METRICS[f"froc@{number:g}"].compute(scored, draws)
        np.testing.assert_allclose(curves.draws[:, :, place], expected, atol=1e-12)


def test_more_than_a_hundred_boxes_of_an_image() -> None:
    many = [found(50, 50, 60, 60, 0.5 + 0.001 * number) for number in range(130)]
    scored = table([[box(0, 0, 10, 10)], []], [[*many, found(0, 0, 10, 10, 0.4)], many], labels=[[1], [0]])
    assert len(box_curves.matched(scored)[0].image) == 200
    curves = box_curves.precision_curves(scored, Resamples.once(2))
    assert curves.values[0] == METRICS["ap25"].compute(scored, Resamples.once(2))[0, 0] == 0.0


def test_a_class_without_a_box_has_no_curve() -> None:
    scored = table([[box(0, 0, 10, 10)]], [[]], classes=("tb", "other"))
    for curves in (
        box_curves.precision_curves(scored, Resamples.once(1)),
        box_curves.froc_curves(scored, Resamples.once(1)),
    ):
        assert curves.y[0].tolist() == [0.0] * len(curves.x)
        assert np.isnan(curves.y[1]).all()


def test_both_ends_of_the_steps_of_a_roc_curve() -> None:
    labels, scores = np.array([1, 0, 1, 0, 0]), np.array([0.9, 0.8, 0.7, 0.3, 0.3])
    curve = roc.curve(labels, scores)
    assert curve is not None
    grid = np.array([0, 1 / 3, 2 / 3, 1])
    ends = score_curves.both_ends(curve, grid).reshape(-1, 2)
    # The first positive precedes all negatives, the second one comes at a rate of 1/3.
    assert ends == pytest.approx(np.array([[0, 0.5], [0.5, 1], [1, 1], [1, 1]]))
    assert np.trapezoid(ends.ravel(), np.repeat(grid, 2)) == pytest.approx(curve.auc) == pytest.approx(5 / 6)


def test_the_mean_of_roc_curves_has_the_mean_of_their_areas() -> None:
    generator = np.random.default_rng(3)
    curves = []
    for _ in range(4):
        labels = generator.random(40) < 0.4
        curves.append(roc.curve(labels, generator.integers(0, 9, 40) + 3 * labels))
    grid = np.unique(np.concatenate([curve.false_positive_rate for curve in curves]))
    mean = np.mean([score_curves.both_ends(curve, grid) for curve in curves], axis=0)
    expected = np.mean([curve.auc for curve in curves])
    assert np.trapezoid(mean, np.repeat(grid, 2)) == pytest.approx(expected)


def test_roc_of_draws_against_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    labels = generator.random(60) < 0.3
    scores = (generator.integers(0, 12, 60) + 2 * labels) / 14  # many equal scores
    draws = Resamples.draw(range(60), 20, seed=0)
    rates = score_curves.drawn_rates(labels, scores, draws)
    for weights, of_draw in zip(draws.images(), rates, strict=True):
        false, true, _ = roc_curve(labels, scores, sample_weight=weights, drop_intermediate=False)
        # At a vertical step both take the upper end.
        expected = [np.interp(rate + 1e-12, false, true) for rate in score_curves.RATES[:-1]]
        assert of_draw[:-1] == pytest.approx(expected, abs=1e-9)


def test_a_band_leaves_out_draws_without_a_value() -> None:
    draws = np.array([[0.0, np.nan], [1.0, np.nan], [np.nan, np.nan]])
    band = points.percentile_band(np.array([0.0, 1.0]), draws)
    assert band is not None
    assert band.low[0] == pytest.approx(0.025)
    assert band.high[0] == pytest.approx(0.975)
    assert np.isnan(band.low[1])
    assert len(RECALLS) == 101
