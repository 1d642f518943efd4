"""Intervals from draws: by hand, at the edges, through the logit, and with seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from conftest import table
from wsbench.contract import plugins
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.intervals import NORMAL, at_edge, edge_variance, of_draws, of_row, on_logit_scale
from wsbench.scoring.measuring import metric_results
from wsbench.scoring.metric_values import rarer_units

SHIFT = np.array([-1.0, 1.0]) / np.sqrt(2)  # sample variance 1


def test_a_difference_is_students_interval_with_the_bias_taken_out() -> None:
    """The mean of 25 values: its draws have a variance of 24 / 25 of s^2 / n, and t has 24 degrees."""
    low, high = of_draws(0.1, 0.1 + 0.02 + 0.01 * SHIFT, bounded=False, units=25)
    reach = stats.t.ppf(0.975, 24) * 0.01 * np.sqrt(25 / 24)
    # Draws lie 0.02 above the sample's value, so the sample's lies 0.02 above what it estimates.
    assert (low, high) == (pytest.approx(0.08 - reach), pytest.approx(0.08 + reach))


def test_the_interval_of_a_mean_is_the_textbooks() -> None:
    generator = np.random.default_rng(0)
    sample = generator.normal(0.3, 1.0, 12)
    draws = generator.choice(sample, (200_000, 12)).mean(axis=1)
    expected = stats.t.interval(0.95, 11, loc=sample.mean(), scale=stats.sem(sample))
    assert of_draws(sample.mean(), draws, bounded=False, units=12) == pytest.approx(expected, abs=0.01)


def test_draws_at_the_edge_reach_as_far_as_all_of_them_would() -> None:
    """An AUC of 0.998 with 24 patients of the finding: the draws know nothing of a 25th who is missed."""
    draws = np.repeat([0.995, 0.998, 1.0], [300, 400, 300])
    low, _ = of_draws(0.998, draws, bounded=True, units=24)
    assert low == pytest.approx(0.025 ** (1 / 24))
    few = np.repeat([0.995, 0.998, 1.0], [490, 490, 20])
    assert of_draws(0.998, few, bounded=True, units=24)[0] > 0.98
    mirrored = of_draws(0.002, 1 - draws, bounded=True, units=24)
    assert mirrored[1] == pytest.approx(1 - 0.025 ** (1 / 24))


def test_a_share_goes_through_the_logit() -> None:
    logits = np.log(0.8 / 0.2) + 0.3 * SHIFT
    low, high = of_draws(0.8, 1 / (1 + np.exp(-logits)), bounded=True, units=1000)
    ends = np.log(0.8 / 0.2) + np.array([-1, 1]) * NORMAL * 0.3
    assert (low, high) == pytest.approx(tuple(1 / (1 + np.exp(-ends))))


@given(st.floats(1e-4, 1 - 1e-4), st.integers(0, 1000))
def test_an_interval_of_a_share_stays_inside_its_range(value: float, seed: int) -> None:
    draws = np.clip(np.random.default_rng(seed).normal(value, 0.2, 100), 0, 1)
    low, high = of_draws(value, draws, bounded=True, units=80)
    assert 0.0 <= low < high <= 1.0


def test_draws_that_are_all_equal_at_the_edge_are_not_certain() -> None:
    """All of 370 patients right: 1 - 0.025 ** (1 / 370), Clopper and Pearson's lower bound."""
    low, high = of_draws(1.0, np.ones(1000), bounded=True, units=370)
    assert (low, high) == (pytest.approx(stats.beta.ppf(0.025, 370, 1)), 1.0)
    assert of_draws(0.0, np.zeros(1000), bounded=True, units=370) == (0.0, pytest.approx(1 - low))
    assert edge_variance(1.0, 370) == pytest.approx(((1 - low) / NORMAL) ** 2)
    assert edge_variance(0.5, 370) == 0.0
    assert at_edge(1.0, 1) == (0.025, 1.0)


def test_draws_without_a_value_are_left_out() -> None:
    draws = np.array([np.nan, 0.4, 0.6])
    assert of_draws(0.5, draws, bounded=False, units=9) == of_draws(0.5, draws[1:], bounded=False, units=9)
    assert of_draws(0.5, np.full(3, np.nan), bounded=True, units=9) is None


def test_a_row_without_noise_of_seeds_has_the_interval_of_its_networks() -> None:
    draws = np.random.default_rng(0).normal(0.5, 0.03, 1000)
    row = of_row(0.5, draws, 0.0, np.inf, bounded=True, units=500)
    assert row == pytest.approx(of_draws(0.5, draws, bounded=True, units=500), abs=1e-6)


def test_seeds_widen_it_by_students_law() -> None:
    """Without noise of images: 0.5 +- t(3) sqrt(S / n) on the logit scale, whose slope at 0.5 is 4."""
    low, high = of_row(0.5, np.full(10, 0.5), 0.0004, 3.0, bounded=True, units=500)
    reach = stats.t.ppf(0.975, 3.0) * 0.02 * 4
    assert (low, high) == pytest.approx((1 / (1 + np.exp(reach)), 1 / (1 + np.exp(-reach))))


def test_near_an_edge_it_is_cut_there() -> None:
    """0.02 with a spread of 0.05 over seeds: the logit would say 0.00 to 0.77."""
    low, high = of_row(0.02, np.full(10, 0.02), 0.0025, 10.0, bounded=True, units=500)
    assert (low, high) == (0.0, pytest.approx(0.02 + stats.t.ppf(0.975, 10.0) * 0.05))


def test_satterthwaite_lies_between_both_laws() -> None:
    draws = np.random.default_rng(0).normal(0.0, 0.05, 1000)
    low, high = of_row(0.0, draws, 0.0025, 3.0, bounded=False, units=500)
    reach, total = (high - low) / 2, np.sqrt(np.var(draws, ddof=1) + 0.0025)
    assert stats.norm.ppf(0.975) * total < reach < stats.t.ppf(0.975, 3.0) * total


def test_units_are_those_of_the_rarer_label() -> None:
    """Four patients with two images each; the finding is on three images of two of them, so two have it and
    three lack it somewhere. Of the second class nobody lacks it: one, at least."""
    labels = [[1, 1], [1, 1], [1, 1], [0, 1], [0, 1], [0, 1], [0, 1], [0, 1]]
    scored = table([[] for _ in labels], [[] for _ in labels], labels=labels, classes=("tb", "all"))
    draws = Resamples.draw(["a", "a", "b", "b", "c", "c", "d", "d"], 10, 0)
    assert rarer_units(scored, draws).tolist() == [2, 1]


def test_a_perfect_sensitivity_is_as_sure_as_those_with_the_finding_are_many() -> None:
    """Three of 100 patients have the finding and all three are called: 0.025 ** (1 / 3), not ** (1 / 100)."""
    spec = plugins.find().metrics["sensitivity"]
    labels = [[int(row < 3)] for row in range(100)]
    scored = table([[] for _ in labels], [[] for _ in labels], labels=labels, scores=labels)
    measured = metric_results(scored, {"sensitivity": spec}, Resamples.draw(range(100), 200, 0))[
        "sensitivity"
    ]
    assert measured["value"] == 1.0
    assert measured["interval"] == (pytest.approx(0.025 ** (1 / 3)), 1.0)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_at_both_edges_the_variance_is_that_of_the_interval_there(value: float) -> None:
    low, high = at_edge(value, 50)
    assert high - low == pytest.approx(1 - 0.025 ** (1 / 50))
    assert edge_variance(value, 50) == pytest.approx(((high - low) / NORMAL) ** 2)


def test_a_row_at_the_edge_reaches_as_far_as_its_networks_do() -> None:
    """Without noise of seeds: half the length of a normal law's interval is that of Clopper and Pearson."""
    low, high = of_row(1.0, np.ones(100), 0.0, np.inf, bounded=True, units=50)
    assert (low, high) == (pytest.approx(0.025 ** (1 / 50)), 1.0)
    assert of_row(0.0, np.zeros(100), 0.0, np.inf, bounded=True, units=50) == (0.0, pytest.approx(1 - low))


def test_without_bounds_nothing_is_an_edge() -> None:
    """A gain of 0 is one like any other: its row is as sure as that of a gain of 0.01."""
    draws = np.random.default_rng(0).normal(0, 0.02, 1000)
    at_zero, beside = (
        of_row(value, value + draws, 0.0, np.inf, bounded=False, units=50) for value in (0.0, 0.01)
    )
    assert np.subtract(*at_zero) == pytest.approx(np.subtract(*beside))


def test_of_a_single_draw_there_is_no_spread() -> None:
    for bounded in (True, False):
        assert of_draws(0.4, np.array([0.4]), bounded=bounded, units=10) == pytest.approx((0.4, 0.4))


def test_an_edge_counts_from_more_than_a_fortieth_of_the_draws_on() -> None:
    for count, reaches in ((25, False), (26, True)):
        ones = np.repeat([0.995, 0.998, 1.0], [500, 500 - count, count])
        low, _ = of_draws(0.998, ones, bounded=True, units=24)
        _, high = of_draws(0.002, 1 - ones, bounded=True, units=24)
        for end in (low, 1 - high):
            assert (end == pytest.approx(0.025 ** (1 / 24))) == reaches
            assert (end < 0.9) == reaches


def test_draws_that_reach_further_than_the_edges_interval_keep_their_own() -> None:
    draws = np.repeat([0.2, 0.9, 1.0], [100, 800, 100])
    low, _ = of_draws(0.9, draws, bounded=True, units=1000)
    assert low < 0.7 < at_edge(1.0, 1000)[0]


def test_logits_of_the_edges_are_a_quarter_of_a_unit_inside() -> None:
    logits, centre = on_logit_scale(np.array([0.0, 0.5, 1.0]), 0.75, units=10)
    assert logits.tolist() == pytest.approx([np.log(0.025 / 0.975), 0.0, np.log(0.975 / 0.025)])
    assert centre == pytest.approx(np.log(3))
    for value in (0.01, 0.99):  # half its own distance from the edge is less
        logits, _ = on_logit_scale(np.array([0.0, 1.0]), value, units=10)
        assert logits.tolist() == pytest.approx([np.log(0.005 / 0.995), np.log(0.995 / 0.005)])


@pytest.mark.parametrize(
    ("value", "draws"), [(-0.1, [0.1, 0.2]), (1.1, [0.8, 0.9]), (0.5, [-0.1, 0.5]), (0.5, [0.5, 1.1])]
)
def test_values_beyond_the_range_are_taken_as_they_are(value: float, draws: list[float]) -> None:
    as_shares = of_draws(value, np.array(draws), bounded=True, units=9)
    assert as_shares == of_draws(value, np.array(draws), bounded=False, units=9)


def test_a_row_without_a_range_is_students_with_the_bias_taken_out() -> None:
    draws = 0.3 + 0.02 + 0.01 * SHIFT
    row = of_row(0.3, draws, 0.0, np.inf, bounded=False, units=25)
    assert row == pytest.approx(of_draws(0.3, draws, bounded=False, units=25))
    assert sum(row) / 2 == pytest.approx(0.28)
    holed = of_row(0.3, np.append(draws, np.nan), 0.0, np.inf, bounded=False, units=25)
    assert holed == pytest.approx(row)


def test_images_and_seeds_have_satterthwaites_degrees_by_hand() -> None:
    """Variances 0.01 * 25 / 24 with 24 degrees and 0.02 with 3."""
    images, seeds = 0.01 * 25 / 24, 0.02
    low, high = of_row(0.3, 0.3 + 0.1 * SHIFT, seeds, 3.0, bounded=False, units=25)
    degrees = (images + seeds) ** 2 / (images**2 / 24 + seeds**2 / 3)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, degrees) * np.sqrt(images + seeds))
    assert (high + low) / 2 == pytest.approx(0.3)


def test_a_row_between_the_edges_goes_through_the_logit_with_both_noises() -> None:
    """At 0.8 the slope of the logit is 1 / 0.16; the normal law is taken of the images."""
    logits = np.log(4) + 0.1 + 0.3 * SHIFT
    low, high = of_row(0.8, 1 / (1 + np.exp(-logits)), 1e-4, 4.0, bounded=True, units=1000)
    seeds = 1e-4 / 0.16**2
    total = 0.09 + seeds
    reach = stats.t.ppf(0.975, total**2 / (seeds**2 / 4)) * np.sqrt(total)
    ends = np.log(4) - 0.1 + np.array([-1, 1]) * reach
    assert (low, high) == pytest.approx(tuple(1 / (1 + np.exp(-ends))))


def test_near_the_upper_edge_it_is_cut_there() -> None:
    low, high = of_row(0.98, np.full(10, 0.98), 0.0025, 10.0, bounded=True, units=500)
    assert (low, high) == (pytest.approx(0.98 - stats.t.ppf(0.975, 10.0) * 0.05), 1.0)
