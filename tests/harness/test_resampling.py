"""Draws of images: hand-worked sums, whole patients, and the interval of a mean."""

from __future__ import annotations

import numpy as np
import pytest

from wsbench.scoring.bootstrap import Resamples, interval, ratio


def test_sums_of_a_draw_by_hand() -> None:
    # Images 0 and 2 are of one patient, drawn twice; image 1 of another, drawn once; image 3 not drawn.
    draws = Resamples(np.array([[2.0, 1.0, 0.0]]), np.array([0, 1, 0, 2]))
    values = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0], [8.0, 80.0]])
    assert draws.sum(values).tolist() == [[2 * 5 + 2, 2 * 50 + 20]]
    assert draws.sum(values[:, 0]).tolist() == [12]
    assert draws.images().tolist() == [[2, 1, 2, 0]]


def test_once_is_the_sample_itself() -> None:
    assert Resamples.once(3).sum(np.array([1.0, 2.0, 4.0])).tolist() == [7]


def test_images_of_a_patient_are_drawn_together() -> None:
    draws = Resamples.draw(["a", "b", "a", "c", "b"], 50, seed=1)
    counts = draws.images()
    assert (counts[:, 0] == counts[:, 2]).all()
    assert (counts[:, 1] == counts[:, 4]).all()
    assert (draws.counts.sum(axis=1) == 3).all()
    assert len(np.unique(counts, axis=0)) > 5


def test_equal_seeds_give_equal_draws() -> None:
    first, again, other = (Resamples.draw("abcdefgh", 20, seed) for seed in (7, 7, 8))
    assert (first.counts == again.counts).all()
    assert (first.counts != other.counts).any()


def test_the_interval_of_a_mean_is_the_textbooks() -> None:
    values = np.random.default_rng(0).normal(size=400)
    draws = Resamples.draw(range(400), 4000, seed=0)
    low, high = interval(draws.sum(values) / 400)
    error = 1.96 * values.std() / 20
    assert (low, high) == (
        pytest.approx(values.mean() - error, abs=0.008),
        pytest.approx(values.mean() + error, abs=0.008),
    )


def test_draws_without_a_value_are_left_out_of_the_interval() -> None:
    draws = np.array([np.nan, *np.linspace(0, 1, 101)])
    assert interval(draws) == (pytest.approx(0.025), pytest.approx(0.975))
    assert interval(np.array([np.nan])) is None


def test_a_ratio_without_a_whole_does_not_exist() -> None:
    result = ratio(np.array([[1, 0], [3, 0]]), np.array([[2], [0]]))
    assert result[0].tolist() == [0.5, 0.0]
    assert np.isnan(result[1]).all()
