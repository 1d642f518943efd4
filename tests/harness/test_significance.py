"""Ranks: reference values, hand-worked p-values, Holm's example, and rows that share trainings."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from conftest import METRICS
from records_examples import example
from wsbench.reports.rows import Row
from wsbench.scoring.ranking import rank
from wsbench.scoring.significance import (
    DEFAULT_PRIOR,
    Estimate,
    Moderated,
    Prior,
    fit_prior,
    holm,
    moderate,
    p_of,
    p_value,
    p_values,
    prior_of,
)

NOISE = np.random.default_rng(0).normal(0, 0.02, (6, 1000))


def estimate(values: list[float], draws: np.ndarray | None = None, **more: object) -> Estimate:
    shift = NOISE[0] if draws is None else draws
    return Estimate(np.array(values), np.mean(values) + shift, **more)


def test_reference_values_of_an_independent_implementation(real_data: Callable[[str], Path]) -> None:
    vectors = json.loads((real_data("statistics-vectors") / "ranks.json").read_text())
    for case in vectors["priors"]:
        prior = fit_prior(case["seed_variances"], case["seeds"])
        assert prior.degrees == pytest.approx(case["d0"], rel=1e-6)
        assert prior.variance == pytest.approx(case["s0_squared"], rel=1e-6)
    for case in vectors["p_values"]:
        prior = Prior(case["d0"], case["s0_squared"])
        rows = [
            moderated(seeds, variance, prior)
            for seeds, variance in zip(case["seeds"], case["seed_variances"], strict=True)
        ]
        p = p_value(case["difference"], case["variance_over_draws"], *rows)
        assert p == pytest.approx(case["p"], rel=1e-6)


def moderated(seeds: int, variance: float, prior: Prior) -> Moderated:
    """The moderated variance of a row with a known variance over seeds."""
    values = np.zeros(seeds)
    if seeds > 1:
        values[0] = np.sqrt(variance * seeds)  # (v - v / n)^2 + (n - 1) (v / n)^2 = (n - 1) variance
    row = moderate(Estimate(values, np.zeros(2)), prior)
    assert row.seeds == seeds
    return row


def test_without_noise_of_seeds_p_is_that_of_the_normal_law() -> None:
    none = Moderated(0.0, np.inf, 1)
    assert p_value(1.96, 1.0, none, none) == pytest.approx(0.05, abs=1e-4)
    assert p_value(-1.96, 1.0, none, none) == p_value(1.96, 1.0, none, none)


def test_with_one_variance_over_seeds_p_is_that_of_student() -> None:
    """Without noise of images, the average of the normal law over the chi-squared law is Student's t."""
    degrees, variance, seeds = 5.0, 0.04, 3
    expected = 2 * stats.t.sf(0.3 / np.sqrt(variance / seeds), degrees)
    known = Moderated(0.0, np.inf, 3)
    assert p_value(0.3, 0.0, Moderated(variance, degrees, seeds), known) == pytest.approx(expected, rel=1e-3)


def test_equal_rows_are_equal_and_constant_ones_that_differ_do() -> None:
    none = Moderated(0.0, np.inf, 1)
    assert p_value(0.0, 0.0, none, none) == pytest.approx(1.0)
    assert p_value(0.1, 0.0, none, none) == 0.0


def test_a_single_seed_pays_the_priors_variance_and_a_deterministic_method_pays_none() -> None:
    prior = Prior(3.0, 0.01)
    assert moderate(estimate([0.5]), prior) == Moderated(0.01, 3.0, 1)
    assert moderate(estimate([0.5], deterministic=True), prior).variance == 0.0
    three = moderate(estimate([0.4, 0.5, 0.6]), prior)  # own variance 0.01 with 2 degrees
    assert (three.variance, three.degrees) == (pytest.approx(0.01), 5.0)


def test_what_both_rows_share_is_no_noise() -> None:
    """Hard and easy draws move both rows alike: the difference is the same in every draw."""
    common = np.random.default_rng(0).normal(size=100)
    first, second = (estimate([mean], common, deterministic=True) for mean in (0.51, 0.50))
    assert p_of(first, second, DEFAULT_PRIOR) < 1e-6


def test_a_value_at_the_edge_is_not_known_for_sure() -> None:
    perfect = Estimate(np.ones(1), np.ones(50), deterministic=True, edge_variance=0.01)
    other = Estimate(np.full(1, 0.9), np.full(50, 0.9), deterministic=True)
    assert p_of(perfect, other, DEFAULT_PRIOR) == pytest.approx(2 * stats.norm.sf(1.0))


def test_rows_that_share_their_trainings_are_compared_seed_by_seed() -> None:
    """Two maps of the same three networks: the seeds move both, their difference hardly varies."""
    first, second = [0.30, 0.50, 0.70], [0.21, 0.40, 0.59]
    prior = Prior(3.0, 0.002)
    shared = {"trainings": ("a", "b", "c")}
    paired = p_of(estimate(first, **shared), estimate(second, **shared), prior)
    apart = p_of(estimate(first), estimate(second), prior)
    assert paired < 0.06
    assert apart > 0.3
    other = {"trainings": ("a", "b", "d")}
    assert p_of(estimate(first, **shared), estimate(second, **other), prior) == apart


def test_few_rows_have_the_default_prior_and_rows_that_learnt_nothing_do_not_count() -> None:
    rows = [estimate([0.4 + 0.01 * n, 0.5, 0.6]) for n in range(8)]
    assert prior_of(rows).rows == 8
    assert prior_of(rows[:7]) == DEFAULT_PRIOR
    assert prior_of([*rows[:7], estimate([0.0, 0.001, 0.002])]) == DEFAULT_PRIOR
    assert prior_of([*rows[:7], estimate([0.4, 0.5, 0.6], deterministic=True)]) == DEFAULT_PRIOR


def test_two_seeds_say_too_little_for_a_prior_of_their_own() -> None:
    """Twenty such rows, fitted as three seeds are, claimed a false difference in 12 % of sweeps."""
    rows = [estimate([0.4 + 0.01 * n, 0.6]) for n in range(20)]
    assert prior_of(rows) == DEFAULT_PRIOR
    assert prior_of([*rows, *(estimate([0.4 + 0.01 * n, 0.5, 0.6]) for n in range(8))]).rows == 8


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.04 -> never falling.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_p_and_bonferroni(p_values: list[float]) -> None:
    for p, adjusted in zip(p_values, holm(p_values), strict=True):
        assert p - 1e-12 <= adjusted <= min(1.0, p * len(p_values)) + 1e-12


def test_rows_that_are_constant_but_for_rounding_do_not_count() -> None:
    rows = [estimate([0.4 + 0.01 * n, 0.5, 0.6]) for n in range(8)]
    constant = estimate([0.1, 0.1, 0.1])
    assert 0 < constant.seed_variance < 1e-30  # the mean of three 0.1 is not 0.1
    assert prior_of([*rows, constant]) == prior_of(rows)


def test_variances_that_happen_to_be_alike_do_not_prove_that_all_are() -> None:
    """Eight equal variances alone would give 30 degrees. With eight rows' worth of the default prior the
    excess is the mean of -trigamma(1) = -pi^2 / 6 and of the default's trigamma(1.39)."""
    rows = [estimate([0.4, 0.5, 0.6]) for _ in range(8)]
    assert fit_prior([0.01] * 8, [3] * 8).degrees == 30.0
    excess = (special.polygamma(1, DEFAULT_PRIOR.degrees / 2) - np.pi**2 / 6) / 2
    assert excess < 0  # so that these, too, have 30
    assert prior_of(rows).degrees == 30.0
    generator = np.random.default_rng(0)
    sampled = 0.01 * generator.chisquare(2, (500, 8)) / 2
    alone = [fit_prior(of_table, [3] * 8).degrees for of_table in sampled]
    borrowed = [fit_prior(of_table, [3] * 8, borrowed=8).degrees for of_table in sampled]
    alone_30, borrowed_30 = (np.mean(np.array(degrees) == 30.0) for degrees in (alone, borrowed))
    assert borrowed_30 < alone_30 / 2


def test_rank_intervals_and_winners() -> None:
    means = (0.50, 0.501, 0.3, 0.1)
    rows = [estimate([mean], NOISE[row], deterministic=True) for row, mean in enumerate(means)]
    ranking = rank(rows)
    assert ranking.best.tolist() == [1, 1, 3, 4]
    assert ranking.worst.tolist() == [2, 2, 3, 4]
    assert ranking.winner.tolist() == [True, True, False, False]
    assert (ranking.likely_best >= ranking.best).all() and (ranking.likely_worst <= ranking.worst).all()


def test_lower_can_be_better() -> None:
    rows = [estimate([mean], NOISE[row], deterministic=True) for row, mean in enumerate((0.1, 0.9))]
    assert rank(rows, higher_is_better=False).best.tolist() == [1, 2]


def test_three_equal_methods_are_told_apart_in_at_most_six_tables_of_a_hundred() -> None:
    """The normal law on variances of two degrees of freedom did so in 41 to 71."""
    generator = np.random.default_rng(1)
    wrong = 0
    for _ in range(200):
        rows = [
            estimate(generator.normal(0.5, 0.08, 3).tolist(), generator.normal(0, 0.02, 100))
            for _ in range(10)
        ]
        ranking = rank(rows)
        wrong += int((ranking.best > 1).any())
    assert wrong / 200 <= 0.06


def test_table_3_of_the_kd_gradcam_paper() -> None:
    """Its four seeds; the paper's deviation is that of the population, ours of the sample."""
    published = {
        (0.1814, 0.1324, 0.1482, 0.1154): (0.1443, 0.0243),
        (0.2355, 0.1190, 0.2428, 0.2651): (0.2156, 0.0568),
    }
    for values, (mean, deviation) in published.items():
        row = Row(tuple(example(seed=seed, cond_ap25=value) for seed, value in enumerate(values)), METRICS)
        # 0.14435: the paper cut where we round.
        assert float(row.mean("cond_ap25", "uniform")) == pytest.approx(mean, abs=6e-4)
        assert statistics.pstdev(values) == pytest.approx(deviation, abs=5e-5)
        sample = statistics.pstdev(values) * np.sqrt(4 / 3)
        assert float(row.spread("cond_ap25", "uniform")) == pytest.approx(sample, abs=5e-4)


def test_the_prior_has_the_moments_of_log_variances() -> None:
    """Smyth's equations, with rows of three and of five seeds: z = log s^2 - digamma(d / 2) + log(d / 2)."""
    variances, halves = [0.001, 0.02, 0.4], np.array([1.0, 2.0, 2.0])
    logs = np.log(variances) - special.digamma(halves) + np.log(halves)
    excess = logs.var(ddof=1) - special.polygamma(1, halves).mean()
    for borrowed in (0, 5):
        prior = fit_prior(variances, [3, 5, 5], borrowed=borrowed)
        expected = special.polygamma(1, DEFAULT_PRIOR.degrees / 2)
        mean = (3 * excess + borrowed * expected) / (3 + borrowed)
        assert special.polygamma(1, prior.degrees / 2) == pytest.approx(mean)
        location = logs.mean() + special.digamma(prior.degrees / 2) - np.log(prior.degrees / 2)
        assert np.log(prior.variance) == pytest.approx(location)
        assert prior.rows == 3


def test_many_p_values_are_those_of_each() -> None:
    """More than are computed at once."""
    generator = np.random.default_rng(0)
    differences, variances = generator.normal(0, 0.1, 8), generator.uniform(0, 0.01, 8)
    rows = [[Moderated(float(v), float(d), 3) for v, d in generator.uniform(0.01, 5, (8, 2))] for _ in "ab"]
    expected = [p_value(*values) for values in zip(differences, variances, *rows, strict=True)]
    nodes = [np.tile([row.of_mean() for row in of_side], (600, 1)) for of_side in rows]
    together = p_values(np.tile(differences, 600), np.tile(variances, 600), *nodes)
    assert together == pytest.approx(np.tile(expected, 600))


@pytest.mark.parametrize(("mean", "spread", "counts"), [(0.06, 0.01, 8), (0.04, 0.01, 7), (0.5, 2e-6, 7)])
def test_rows_that_say_nothing_of_seeds_do_not_count(mean: float, spread: float, counts: int) -> None:
    """A mean of at most 0.05, or a variance that rounding gives."""
    rows = [estimate([0.4, 0.5, 0.6 + 0.01 * n]) for n in range(8)]
    last = Estimate(mean + spread * np.array([-1.0, 0.0, 1.0]), np.zeros(4))
    prior = prior_of([*rows[:7], last])
    assert prior.rows == (8 if counts == 8 else 0)
    assert prior_of([*rows, last]).rows == (9 if counts == 8 else 8)
