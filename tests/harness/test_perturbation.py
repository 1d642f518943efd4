"""Images with pixels removed by a map: orders, imputation, curves and their areas, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_grad_cam.metrics.road import NoisyLinearImputer

from wsbench.studies.sanity import perturbation
from wsbench.studies.sanity.perturbation import area, imputed, pixel_order, road_values


def test_the_most_relevant_pixel_is_first_and_ties_depend_on_the_seed_alone() -> None:
    assert pixel_order(np.array([[0.2, 0.9], [0.5, 0.1]]), seed=3).tolist() == [1, 2, 0, 3]
    blank = np.ones((8, 8))
    np.random.seed(1)
    first = pixel_order(blank, seed=3)
    assert first.tolist() == pixel_order(blank, seed=3).tolist() != list(range(64))
    assert first.tolist() != pixel_order(blank, seed=4).tolist()
    assert sorted(first) == list(range(64))


def test_missing_pixels_are_the_weighted_means_of_their_neighbours() -> None:
    assert imputed(np.array([[0.0, 9.0, 1.0]]), np.array([[False, True, False]]), 0, 0).tolist() == [
        [0.0, 0.5, 1.0]
    ]
    # two unknowns between 0 and 0.9: a = b / 2, b = (a + 0.9) / 2
    row = imputed(np.array([[0.0, 7, 7, 0.9]]), np.array([[False, True, True, False]]), 0, 0)
    assert row == pytest.approx(np.array([[0.0, 0.3, 0.6, 0.9]]))
    # in a corner: two sides of weight 1/6 and one diagonal of 1/12
    corner = np.array([[5.0, 0.6], [0.3, 0.0]])
    missing = np.array([[True, False], [False, False]])
    assert imputed(corner, missing, 0, 0)[0, 0] == pytest.approx((0.6 / 6 + 0.3 / 6) / (5 / 12))


@pytest.mark.filterwarnings("ignore:__array_wrap__")  # the library hands tensors to NumPy
def test_imputation_is_that_of_the_authors() -> None:
    generator = np.random.default_rng(0)
    image, missing = generator.random((13, 9)), generator.random((13, 9)) < 0.7
    pixels, known = torch.tensor(image, dtype=torch.float)[None], torch.tensor(~missing, dtype=torch.float)
    theirs = NoisyLinearImputer(noise=0)(pixels, known)
    assert imputed(image, missing, 0, 0) == pytest.approx(theirs[0].numpy(), abs=1e-6)


def test_noise_depends_on_the_seed_and_leaves_global_generators_alone() -> None:
    image, missing = np.full((6, 6), 0.5), np.eye(6, dtype=bool)
    state = np.random.get_state()[1].copy()
    first = imputed(image, missing, 0.01, 7)
    assert (first == imputed(image, missing, 0.01, 7)).all()
    assert (first != imputed(image, missing, 0.01, 8)).sum() == 6
    assert (first[~missing] == 0.5).all()
    assert (np.random.get_state()[1] == state).all()


def test_road_removes_from_both_ends_of_the_order() -> None:
    image = np.linspace(0, 1, 100).reshape(10, 10)
    images = perturbation.road_images(image, np.arange(100), seed=1)
    assert images.shape == (10, 10, 10)
    changed = (images != image).reshape(10, 100)
    assert changed[0].nonzero()[0].max() < 10
    assert changed[5].nonzero()[0].min() >= 90
    assert changed.sum(axis=1).tolist() == pytest.approx([10, 30, 50, 70, 90] * 2, abs=1)


def test_pixels_are_deleted_and_inserted_in_order() -> None:
    image = np.full((4, 4), 0.5)
    order = np.arange(16)[::-1]
    deleted = perturbation.deletion_images(image, order)
    assert (deleted.reshape(17, 16).sum(axis=1) * 2).tolist() == list(range(16, -1, -1))
    assert deleted[1, 3, 3] == 0 < deleted[1, 0, 0]
    image[0, 0] = 1
    inserted = perturbation.insertion_images(np.kron(image, np.ones((64, 64))), np.arange(256 * 256))
    sharp = np.kron(image, np.ones((64, 64)))
    assert (inserted[-1] == sharp).all()
    assert 0.5 < inserted[0, 63, 63] < 1  # the edge is blurred
    assert (inserted[4, :64] == sharp[:64]).all()


def test_values_of_scores() -> None:
    assert area(np.ones(17)) == 1
    assert area(np.linspace(1, 0, 17)) == 0.5
    assert area(np.array([1.0] + [0.0] * 16)) == 1 / 32
    scores = np.array([0.1, 0.2, 0.3, 0.2, 0.2, 0.8, 0.6, 0.6, 0.5, 0.5])
    assert road_values(scores) == pytest.approx({"road_most": 0.2, "road_least": 0.6, "road": 0.2})
