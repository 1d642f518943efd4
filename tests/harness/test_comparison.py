"""Which rows are tied: hand-worked p-values, Holm's example, and rows that differ for sure."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records_examples import example
from wsbench.comparison import Estimate, difference, holm, p_value, ranks
from wsbench.rows import Row


def estimate(values: list[float], draws: list[float]) -> Estimate:
    return Estimate(np.array(values), np.array(draws))


def test_p_of_a_difference_of_1_96_standard_deviations() -> None:
    shift = np.array([-1.0, 1.0]) / np.sqrt(2)  # sample variance 1
    first, second = estimate([1.96], (1.96 + shift).tolist()), estimate([0.0], [0.0, 0.0])
    assert p_value(first, second) == pytest.approx(0.05, abs=1e-4)
    assert p_value(second, first) == p_value(first, second)


def test_what_both_rows_share_is_no_noise() -> None:
    """Hard and easy draws move both rows alike: the difference is the same in every draw."""
    common = np.random.default_rng(0).normal(size=100)
    first, second = estimate([0.51], (0.51 + common).tolist()), estimate([0.50], (0.50 + common).tolist())
    assert p_value(first, second) < 1e-6


def test_the_spread_of_seeds_is_noise() -> None:
    draws = [0.5, 0.5]
    first = estimate([0.4, 0.6], draws)  # variance of the mean: 0.02 / 2
    assert p_value(first, estimate([0.5 - 1.96 * 0.1], draws)) == pytest.approx(0.05, abs=1e-3)


def test_a_difference_is_paired_draw_by_draw() -> None:
    first, second = estimate([0.5], [0.4, 0.6, 0.5]), estimate([0.3], [0.2, 0.4, 0.3])
    less, (low, high) = difference(first, second)
    assert less == pytest.approx(0.2)
    assert (low, high) == (pytest.approx(0.2), pytest.approx(0.2))


def test_equal_rows_are_equal_and_constant_ones_that_differ_do() -> None:
    assert p_value(estimate([0.2], [0.2, 0.2]), estimate([0.2], [0.2, 0.2])) == 1.0
    assert p_value(estimate([0.2], [0.2, 0.2]), estimate([0.3], [0.3, 0.3])) == 0.0


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.04 -> never falling.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_p_and_bonferroni(p_values: list[float]) -> None:
    for p, adjusted in zip(p_values, holm(p_values), strict=True):
        assert p - 1e-12 <= adjusted <= min(1.0, p * len(p_values)) + 1e-12


def test_ranks_count_the_rows_that_are_better_beyond_noise() -> None:
    noise = np.random.default_rng(1).normal(0, 0.01, (4, 500))
    rows = [Estimate(np.array([mean]), mean + noise[i]) for i, mean in enumerate((0.50, 0.501, 0.3, 0.1))]
    assert ranks(rows) == [1, 1, 3, 4]


def test_table_3_of_the_kd_gradcam_paper() -> None:
    """Its four seeds; the paper's deviation is that of the population, ours of the sample."""
    published = {
        (0.1814, 0.1324, 0.1482, 0.1154): (0.1443, 0.0243),
        (0.2355, 0.1190, 0.2428, 0.2651): (0.2156, 0.0568),
    }
    for values, (mean, deviation) in published.items():
        row = Row(tuple(example(seed=seed, ap25=value) for seed, value in enumerate(values)))
        # 0.14435: the paper cut where we round.
        assert float(row.mean("ap25", "uniform")) == pytest.approx(mean, abs=6e-4)
        assert statistics.pstdev(values) == pytest.approx(deviation, abs=5e-5)
        sample = statistics.pstdev(values) * np.sqrt(4 / 3)
        assert float(row.spread("ap25", "uniform")) == pytest.approx(sample, abs=5e-4)
