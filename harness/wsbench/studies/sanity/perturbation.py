"""Images whose pixels are removed or inserted in the order of a map: what faithfulness is measured on.

ROAD (remove and debias): Rong et al., "A Consistent and Efficient Evaluation Strategy for Attribution
Methods" (ICML 2022). Insertion and deletion: Petsiuk et al., "RISE: Randomized Input Sampling for Explanation
of Black-box Models" (BMVC 2018), section 3.3. All images are ``(h, w)`` floats in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg import spsolve

ROAD_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of the pixels that ROAD removes."""

CURVE_SHARES = tuple(step / 16 for step in range(17))
"""Shares of the pixels that insertion inserts and deletion deletes."""

NOISE = 0.01
"""Standard deviation of the noise on imputed pixels, as in the authors' code."""

BLUR = 5 / 224
"""Standard deviation of the blur that insertion starts from, as a share of the image's side: RISE blurs 224
pixels by 5."""

NEIGHBOURS = {
    **dict.fromkeys(((0, 1), (0, -1), (1, 0), (-1, 0)), 1 / 6),
    **dict.fromkeys(((1, 1), (1, -1), (-1, 1), (-1, -1)), 1 / 12),
}
"""Weights of the pixels around a missing one, by rows and columns from it (Rong et al., section 5)."""


def pixel_order(relevance: np.ndarray, seed: int) -> np.ndarray:
    """The pixels of a ``(h, w)`` map, the most relevant first, as ``(h * w,)`` flat indices. Equal values are
    in a random order that depends on the seed alone."""
    lots = np.random.default_rng(seed).random(relevance.size)
    return np.lexsort((lots, -relevance.ravel().astype(np.float64)))


def imputed(image: np.ndarray, missing: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """Noisy linear imputation: each missing pixel is the weighted mean of its neighbours, all at once.

    Args:
        image: ``(h, w)``.
        missing: ``(h, w)`` bool; at least one pixel is not missing.
        noise: standard deviation of what is added to imputed pixels.
        seed: the seed of the noise.

    Returns:
        ``(h, w)`` in [0, 1]; pixels that are not missing are unchanged.
    """
    rows, columns = np.nonzero(missing)
    unknowns = len(rows)
    index = np.full(image.shape, -1)
    index[rows, columns] = np.arange(unknowns)
    total, right = np.zeros(unknowns), np.zeros(unknowns)
    places, weights = [], []
    for (down, across), weight in NEIGHBOURS.items():
        y, x = rows + down, columns + across
        within = (y >= 0) & (x >= 0) & (y < image.shape[0]) & (x < image.shape[1])
        equation, y, x = np.flatnonzero(within), y[within], x[within]
        total[equation] += weight  # a pixel at the border has fewer neighbours
        unknown = missing[y, x]
        right[equation[~unknown]] += weight * image[y[~unknown], x[~unknown]]
        places.append(np.stack([equation[unknown], index[y[unknown], x[unknown]]]))
        weights.append(np.full(int(unknown.sum()), -weight))
    diagonal = np.arange(unknowns)
    where = np.concatenate([*places, np.stack([diagonal, diagonal])], axis=1)
    system = csc_array((np.concatenate([*weights, total]), tuple(where)), shape=(unknowns, unknowns))
    result = image.astype(np.float64)
    result[rows, columns] = spsolve(system, right)
    result[rows, columns] += noise * np.random.default_rng(seed).standard_normal(unknowns)
    return np.clip(result, 0.0, 1.0)


def road_images(image: np.ndarray, order: np.ndarray, seed: int) -> np.ndarray:
    """The images of ROAD: each share of `ROAD_SHARES` is imputed, first of the most relevant pixels, then of
    the least relevant ones.

    Args:
        image: ``(h, w)``.
        order: of `pixel_order`.
        seed: the seed of the noise; every image has the same.

    Returns:
        ``(2 * K, h, w)``: K images without the most relevant pixels, K without the least relevant ones.
    """
    images = []
    for first in (order, order[::-1]):
        for share in ROAD_SHARES:
            missing = np.zeros(image.size, dtype=bool)
            missing[first[: round(share * image.size)]] = True
            images.append(imputed(image, missing.reshape(image.shape), NOISE, seed))
    return np.stack(images)


def deletion_images(image: np.ndarray, order: np.ndarray, seed: int = 0) -> np.ndarray:
    """``(K, h, w)``: the image with each share of `CURVE_SHARES` of its most relevant pixels black."""
    return _exchanged(image, np.zeros_like(image), order)


def insertion_images(image: np.ndarray, order: np.ndarray, seed: int = 0) -> np.ndarray:
    """``(K, h, w)``: the blurred image with each share of `CURVE_SHARES` of its most relevant pixels
    sharp."""
    blurred = cv2.GaussianBlur(image.astype(np.float64), (0, 0), BLUR * max(image.shape))
    return _exchanged(blurred, image, order)


def _exchanged(start: np.ndarray, end: np.ndarray, order: np.ndarray) -> np.ndarray:
    images = np.repeat(start.reshape(1, -1).astype(np.float64), len(CURVE_SHARES), axis=0)
    for row, share in enumerate(CURVE_SHARES):
        pixels = order[: round(share * start.size)]
        images[row, pixels] = end.ravel()[pixels]
    return images.reshape(len(CURVE_SHARES), *start.shape)


def road_values(scores: np.ndarray) -> dict[str, float]:
    """ROAD of the ``(2 * K,)`` scores of `road_images`.

    Returns:
        ``road_most`` and ``road_least``, the mean scores without the most and the least relevant pixels, in
        [0, 1], and ``road``, half of what the second exceeds the first by, in [-0.5, 0.5].
    """
    most, least = (float(half.mean()) for half in np.split(scores, 2))
    return {"road_most": most, "road_least": least, "road": (least - most) / 2}


def area(scores: np.ndarray) -> float:
    """The area under the curve of ``(K,)`` scores over `CURVE_SHARES`, by trapezoids, in [0, 1]."""
    return float(np.trapezoid(scores, CURVE_SHARES))


IMAGES: Mapping[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "road": road_images,
    "insertion": insertion_images,
    "deletion": deletion_images,
}
"""The measures of faithfulness, and what makes their images of an image, an order and a seed."""

VALUES: Mapping[str, Callable[[np.ndarray], dict[str, float]]] = {
    "road": road_values,
    "insertion": lambda scores: {"insertion": area(scores)},
    "deletion": lambda scores: {"deletion": area(scores)},
}
"""What makes the values of a measure of the scores of its images."""
