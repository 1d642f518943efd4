"""Similarity of maps: equal is 1, turned round is -1, a constant map has none."""

from __future__ import annotations

import numpy as np
import pytest

from wsbench.studies.sanity import similarity

RAMP = np.linspace(0, 1, 64).reshape(8, 8)


def blob(row: float, column: float, side: int = 64, width: float = 0.1) -> np.ndarray:
    """A bright spot; its centre and width are shares of the map's side."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    return np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))


@pytest.mark.parametrize("name", similarity.MEASURES)
def test_equal_maps_have_similarity_1_whatever_their_scale(name: str) -> None:
    measure = similarity.MEASURES[name]
    assert measure(blob(0.3, 0.4), blob(0.3, 0.4)) == pytest.approx(1)
    assert measure(blob(0.3, 0.4), 0.2 + 0.1 * blob(0.3, 0.4)) == pytest.approx(1)


@pytest.mark.parametrize("name", similarity.MEASURES)
def test_a_spot_elsewhere_is_less_alike_than_one_nearby(name: str) -> None:
    measure = similarity.MEASURES[name]
    near, far = (measure(blob(0.3, 0.3), blob(place, place)) for place in (0.35, 0.7))
    assert far < near < 1


def test_ranks_turned_round_are_minus_1_and_by_hand() -> None:
    assert similarity.rank_correlation(RAMP, 1 - RAMP) == pytest.approx(-1)
    assert similarity.rank_correlation(RAMP, RAMP**3) == pytest.approx(1)
    # ranks 1 2 3 4 and 2 1 4 3: 1 - 6 * (1 + 1 + 1 + 1) / (4 * 15) = 0.6
    first, second = np.array([[0.0, 0.1], [0.5, 0.9]]), np.array([[0.2, 0.1], [0.9, 0.3]])
    assert similarity.rank_correlation(first, second) == pytest.approx(0.6)


def test_structural_similarity_of_a_map_and_its_negative_is_negative() -> None:
    assert similarity.structural_similarity(blob(0.5, 0.5), 1 - blob(0.5, 0.5)) < 0


def test_gradients_forget_their_sign() -> None:
    """Orientations are those of lines, from 0 to 180 degrees: an outline stays where bright and dark swap."""
    assert similarity.gradient_correlation(blob(0.5, 0.5), 1 - blob(0.5, 0.5)) == pytest.approx(1)
    rows, columns = np.repeat(RAMP[:1], 8, axis=0), np.repeat(RAMP[:1], 8, axis=0).T
    assert similarity.gradient_correlation(rows, columns) < 0.1


@pytest.mark.parametrize("bad", [np.zeros((8, 8)), np.full((8, 8), 0.7), np.full((8, 8), np.nan)])
def test_a_constant_map_has_no_similarity_not_even_to_itself(bad: np.ndarray) -> None:
    before, after = np.stack([bad, RAMP, bad, RAMP]), np.stack([RAMP, bad, bad, RAMP])
    found = similarity.similarities(before, after)
    assert found.shape == (4, 3)
    assert np.isnan(found[:3]).all()
    assert found[3] == pytest.approx([1, 1, 1])


def test_maps_of_any_size_are_compared_on_one_grid() -> None:
    for shape in ((2, 2), (7, 9), (64, 64), (300, 200)):
        assert similarity.resized_to_grid(np.random.default_rng(0).random(shape)).shape == (64, 64)
    fine = np.kron(similarity.resized_to_grid(RAMP), np.ones((3, 3)))
    assert similarity.resized_to_grid(fine) == pytest.approx(similarity.resized_to_grid(RAMP))
