"""Class scores as probabilities: hand-worked numbers, independent fits, and simulated scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import brentq, linprog
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from conftest import measured, table, value
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Scored
from wsbench_plugins.metrics.probabilities import (
    _logistic,
    brier,
    calibration_intercept,
    calibration_slope,
    ece,
    logits,
    prevalence_shift,
    wsbench_metrics,
)


def scored(labels: Sequence[int], scores: Sequence[float]) -> Scored:
    """One class."""
    empty = [[] for _ in labels]
    return table(empty, empty, labels=[[label] for label in labels], scores=[[score] for score in scores])


def groups(*rows: tuple[float, int, int]) -> Scored:
    """From score, positives and images of each group."""
    labels, scores = [], []
    for score, positives, images in rows:
        labels += [1] * positives + [0] * (images - positives)
        scores += [score] * images
    return scored(labels, scores)


def score_equations(numbers: np.ndarray, positive: np.ndarray, weights: np.ndarray, estimate: np.ndarray):
    """What the likelihood's gradient is at ``(B, 2)`` estimates, an image: 0 at a maximum."""
    lacking = weights * (positive - expit(estimate[:, :1] + estimate[:, 1:] * numbers))
    return np.stack([lacking.sum(axis=1), (lacking * numbers).sum(axis=1)], axis=1) / len(numbers)


def test_directions() -> None:
    assert {spec.name: spec.higher_is_better for spec in wsbench_metrics()} == {
        "ece": False,
        "brier": False,
        "calibration_slope": None,
        "calibration_intercept": None,
        "prevalence_shift": None,
    }


def test_by_hand() -> None:
    # Bins of 0.1 (two images, one positive) and 0.9 (two, both positive): |0.5 - 0.1| and |1 - 0.9|, halved.
    example = groups((0.1, 1, 2), (0.9, 2, 2))
    assert value(ece, example) == pytest.approx((0.4 + 0.1) / 2)
    assert value(brier, example) == pytest.approx((0.81 + 0.01 + 0.01 + 0.01) / 4)
    assert value(prevalence_shift, example) == pytest.approx(0.5 - 0.75)


def test_bins_are_closed_above_and_the_first_holds_zero() -> None:
    # 0, 0.05 and 1/15 share the first bin, where the excesses cancel but for 1 - 0.05 - 1/15.
    assert value(ece, scored([0, 0, 1], [0, 0.05, 1 / 15])) == pytest.approx((1 - 0.05 - 1 / 15) / 3)
    # Just above 1/15 begins the second: nothing cancels.
    assert value(ece, scored([0, 1], [0.05, 1 / 15 + 1e-9])) == pytest.approx((0.05 + 14 / 15) / 2)
    # 14/15 is in the last bin but one, 1 in the last.
    assert value(ece, scored([0, 1], [14 / 15, 1])) == pytest.approx(14 / 15 / 2)


def test_perfect_calibration() -> None:
    perfect = groups((0.2, 4, 20), (0.5, 5, 10), (0.75, 9, 12))
    assert value(ece, perfect) == pytest.approx(0, abs=1e-12)
    assert value(prevalence_shift, perfect) == pytest.approx(0, abs=1e-12)
    assert value(calibration_slope, perfect) == pytest.approx(1, abs=1e-7)
    assert value(calibration_intercept, perfect) == pytest.approx(0, abs=1e-7)


def test_slope_by_hand() -> None:
    # Of two scores: the line goes through both observed log odds, -ln 9 and ln 9, at logits -ln 3 and ln 3.
    assert value(calibration_slope, groups((0.25, 1, 10), (0.75, 9, 10))) == pytest.approx(2, abs=1e-7)
    assert value(calibration_slope, groups((0.25, 9, 10), (0.75, 1, 10))) == pytest.approx(-2, abs=1e-7)
    assert value(calibration_slope, groups((0.25, 3, 10), (0.75, 3, 10))) == pytest.approx(0, abs=1e-7)


def test_intercept_by_hand() -> None:
    # Every score is 0.5, one image of five is positive: log odds of 0 become ln(1/4).
    assert value(calibration_intercept, groups((0.5, 1, 5))) == pytest.approx(-np.log(4), abs=1e-7)
    # Log odds of -ln 2 and ln 2, and a prevalence of 1/2, which both shifted by 0 already have.
    assert value(calibration_intercept, groups((1 / 3, 3, 4), (2 / 3, 1, 4))) == pytest.approx(0, abs=1e-7)


def test_certain_scores_are_clipped() -> None:
    certain = groups((0.0, 1, 4), (1.0, 3, 4))
    assert value(calibration_slope, certain) == pytest.approx(np.log(3) / logit(1 - 1e-6), abs=1e-7)
    assert value(brier, certain) == pytest.approx(1 / 4)  # not clipped
    assert logits([0.0, 1.0]) == pytest.approx([-13.8155, 13.8155], abs=1e-4)


@pytest.mark.parametrize(
    ("labels", "scores", "intercept"),
    [
        ([1, 1, 1], [0.2, 0.5, 0.7], False),
        ([0, 0, 0], [0.2, 0.5, 0.7], False),
        ([0, 1, 0], [0.3, 0.3, 0.3], True),
        ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], True),
        ([1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4], True),
        ([0, 0, 1, 1], [0.1, 0.3, 0.3, 0.4], True),  # both labels at 0.3 alone: still without end
        ([0, 1, 1], [1.0, 1.0, 1 - 1e-7], True),  # equal after clipping
    ],
)
def test_where_the_regression_does_not_exist(labels: list, scores: list, intercept: bool) -> None:
    example = scored(labels, scores)
    assert measured(calibration_slope, example) == {
        "value": None,
        "per_class": {"tb": None},
        "undefined": ["tb"],
    }
    assert (value(calibration_intercept, example) is not None) == intercept
    for metric in (ece, brier, prevalence_shift):
        assert value(metric, example) is not None


def test_a_positive_between_negatives_has_a_slope() -> None:
    assert value(calibration_slope, scored([0, 1, 0], [0.4, 0.5, 0.6])) == pytest.approx(0, abs=1e-7)


def test_draws_without_a_fit_have_none() -> None:
    example = scored([0, 1, 0, 1], [0.2, 0.4, 0.6, 0.8])
    draws = Resamples(np.array([[1.0, 1, 1, 1], [2, 0, 2, 0], [1, 1, 0, 2], [1, 2, 1, 0]]), np.arange(4))
    assert np.isnan(calibration_slope(example, draws)[:, 0]).tolist() == [False, True, True, False]
    assert np.isnan(calibration_intercept(example, draws)[:, 0]).tolist() == [False, True, False, False]


def many(seed: int, images: int, *, tied: bool) -> Scored:
    """Two classes of different prevalence, the second overconfident."""
    generator = np.random.default_rng(seed)
    log_odds = generator.normal(0, 1.5, (images, 2)) - (0, 2)
    labels = generator.random((images, 2)) < expit(log_odds)
    scores = expit(log_odds * (1, 2) + generator.normal(0, 0.5, (images, 2)))
    scores = scores.round(1) if tied else scores
    empty = [[] for _ in labels]
    return table(empty, empty, labels=labels.tolist(), scores=scores.tolist(), classes=("a", "b"))


@pytest.mark.parametrize("tied", [False, True])
def test_slope_agrees_with_scikit_learn_on_every_draw(tied: bool) -> None:
    example = many(1, 150, tied=tied)
    draws = Resamples.draw([row // 3 for row in range(150)], 20, seed=5)
    ours = calibration_slope(example, draws)
    for values, weights in zip(ours, draws.images(), strict=True):
        for label in range(2):
            theirs = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(
                logits(example.scores[:, [label]]), example.labels[:, label], sample_weight=weights
            )
            assert values[label] == pytest.approx(theirs.coef_[0, 0], rel=1e-6)


def test_simple_measures_agree_with_loops_over_the_images_of_a_draw() -> None:
    example = many(2, 90, tied=False)
    draws = Resamples.draw([row // 3 for row in range(90)], 10, seed=5)
    errors, squares, shifts = (metric(example, draws) for metric in (ece, brier, prevalence_shift))
    for draw, weights in enumerate(draws.images().astype(int)):
        rows = np.repeat(np.arange(90), weights)
        for label in range(2):
            labels, scores = example.labels[rows, label].astype(float), example.scores[rows, label]
            bins = np.ceil(scores * 15).astype(int)
            expected = sum(
                (bins == number).mean() * abs(labels[bins == number].mean() - scores[bins == number].mean())
                for number in set(bins.tolist())
            )
            assert errors[draw, label] == pytest.approx(expected, abs=1e-12)
            assert squares[draw, label] == pytest.approx(((scores - labels) ** 2).mean(), abs=1e-12)
            assert shifts[draw, label] == pytest.approx(scores.mean() - labels.mean(), abs=1e-12)


def separated(numbers: np.ndarray, positive: np.ndarray) -> bool:
    """Whether a line leaves no image on the wrong side, and not all upon it, by linear programming."""
    sides = np.where(positive, 1, -1)[:, None] * np.stack([np.ones_like(numbers), numbers], axis=1)
    best = linprog(-sides.sum(axis=0), A_ub=-sides, b_ub=np.zeros(len(sides)), bounds=[(-1, 1)] * 2)
    return bool(-best.fun > 1e-9)


@given(st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=1, max_size=12), st.data())
def test_any_small_table_has_the_maximum_or_none(images: list, data: st.DataObject) -> None:
    numbers, positive = np.array([row[0] for row in images], float), np.array([row[1] for row in images])
    weights = data.draw(st.lists(st.integers(0, 30), min_size=len(images), max_size=len(images)))
    assume(any(weights))
    drawn = np.array(weights) > 0
    draws = Resamples(np.array([weights], float), np.arange(len(images)))
    estimate = _logistic.fit(numbers, positive, draws, fixed_slope=None)
    constant = len(set(numbers[drawn])) == 1
    assert np.isnan(estimate).all() == (constant or separated(numbers[drawn], positive[drawn]))
    if not np.isnan(estimate).any():
        assert score_equations(numbers, positive, draws.images(), estimate) == pytest.approx(0, abs=1e-5)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=30))
def test_any_scores_have_an_intercept_where_both_labels_occur(images: list) -> None:
    numbers, positive = logits([row[0] for row in images]), np.array([row[1] for row in images])
    draws = Resamples.once(len(images))
    estimate = _logistic.fit(numbers, positive, draws, fixed_slope=1.0)
    assert np.isnan(estimate).all() == (positive.all() or not positive.any())
    if not np.isnan(estimate).any():
        assert estimate[0, 1] == 1
        gradient = score_equations(numbers, positive, draws.images(), estimate)
        assert gradient[0, 0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("positives", range(1, 8))
def test_intercept_of_certain_scores_that_are_often_wrong(positives: int) -> None:
    """At scores of 0 and 1 alone the likelihood is nearly straight, and Newton's own step far too long."""
    labels, scores = [1] * positives + [0] * (8 - positives), [0.0] * 4 + [1.0] * 4

    def lacking(intercept: float) -> float:
        return positives - expit(logits(scores) + intercept).sum()

    expected = brentq(lacking, -40, 40, xtol=1e-12)
    assert value(calibration_intercept, scored(labels, scores)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("fixed_slope", [None, 1.0])
@pytest.mark.parametrize("crowded", [False, True])
def test_grouping_images_changes_nothing(
    fixed_slope: float | None, crowded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More distinct scores than groups; where crowded, an outlier leaves one group for nearly all of them."""
    generator = np.random.default_rng(3)
    numbers = generator.normal(-3, 1e-3 if crowded else 1.5, 6000)
    if crowded:
        numbers[0] = 13.8
    positive = generator.random(6000) < expit(numbers)
    draws = Resamples.draw([row // 9 for row in range(6000)], 25, seed=1)
    grouped = _logistic.fit(numbers, positive, draws, fixed_slope=fixed_slope)
    monkeypatch.setattr(_logistic, "GROUPS", 10**6)
    monkeypatch.setattr(_logistic, "STEP", 1e-9)
    assert grouped == pytest.approx(
        _logistic.fit(numbers, positive, draws, fixed_slope=fixed_slope), rel=1e-5
    )


def simulated(factor: float) -> Scored:
    """Labels drawn from true probabilities, and scores whose log odds are a multiple of the true ones."""
    generator = np.random.default_rng(11)
    log_odds = generator.normal(-1, 1.5, 20_000)
    labels = generator.random(len(log_odds)) < expit(log_odds)
    return scored(labels.astype(int).tolist(), expit(factor * log_odds).tolist())


def test_true_probabilities_are_calibrated_and_doubled_log_odds_are_not() -> None:
    true, doubled = simulated(1.0), simulated(2.0)
    assert value(ece, true) < 0.01
    assert value(calibration_slope, true) == pytest.approx(1, abs=0.05)
    assert value(calibration_intercept, true) == pytest.approx(0, abs=0.05)
    assert value(prevalence_shift, true) == pytest.approx(0, abs=0.01)
    assert value(calibration_slope, doubled) == pytest.approx(0.5, abs=0.025)
    assert value(ece, doubled) > 0.05
    assert value(brier, doubled) > value(brier, true)


def test_intervals_hold_the_value() -> None:
    for metric in (brier, calibration_slope, calibration_intercept, prevalence_shift):
        result = measured(metric, many(4, 300, tied=False))
        low, high = result["interval"]
        assert low < result["value"] < high
