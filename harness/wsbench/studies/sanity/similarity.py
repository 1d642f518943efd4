"""How alike two heatmaps of an image are: three measures of Adebayo et al., "Sanity Checks for Saliency Maps"
(NeurIPS 2018), section 3.

Heatmaps lie in [0, 1] and have no sign, so the paper's two rank correlations, of values and of absolute
values, are the same. A constant map has no ranks, no structure and no gradients, so its similarity to any map
is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from scipy.stats import spearmanr
from skimage import feature, metrics

from wsbench.geometry.heatmaps import stretched

GRID = 64
"""Side that maps are resized to, in cells. Windows and histogram cells then cover the same share of the
image for every method, however coarse its maps are."""

CELL = 8
"""Side of a cell of the histogram of gradients, in cells of the grid."""


def rank_correlation(before: np.ndarray, after: np.ndarray) -> float:
    """Spearman's rank correlation of two ``(h, w)`` maps, cell by cell, in [-1, 1]. It ignores scale."""
    return float(spearmanr(before.ravel(), after.ravel()).statistic)


def structural_similarity(before: np.ndarray, after: np.ndarray) -> float:
    """SSIM of two ``(h, w)`` maps in [-1, 1]: Wang et al., "Image Quality Assessment: From Error Visibility
    to Structural Similarity" (2004), with their Gaussian window (deviation 1.5) and constants.

    Each map is scaled to [0, 1] first. SSIM also compares brightness and contrast, but the brightness of a
    map does not tell where it points.
    """
    first, second = resized_to_grid(normalised(before)), resized_to_grid(normalised(after))
    ssim: Callable[..., float] = metrics.structural_similarity
    return float(
        ssim(first, second, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    )


def gradient_correlation(before: np.ndarray, after: np.ndarray) -> float:
    """Pearson correlation of the histograms of oriented gradients of two ``(h, w)`` maps, in [-1, 1]: Dalal
    and Triggs, "Histograms of Oriented Gradients for Human Detection" (2005), with 9 orientations and blocks
    of 3 x 3 cells."""
    first, second = (_gradients(resized_to_grid(normalised(map_))) for map_ in (before, after))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


MEASURES: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "spearman": rank_correlation,
    "ssim": structural_similarity,
    "hog": gradient_correlation,
}
"""The measures by their names in records. Equal maps have similarity 1 under each."""


def similarities(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Compute every measure for P pairs of maps.

    Args:
        before: ``(P, h, w)`` maps of the trained method.
        after: ``(P, h, w)`` maps of the randomised method.

    Returns:
        ``(P, 3)`` in the order of `MEASURES`; NaN where one of the two maps is constant or not finite.
    """
    values = np.full((len(before), len(MEASURES)), np.nan)
    for row, pair in enumerate(zip(np.asarray(before, float), np.asarray(after, float), strict=True)):
        if all(map(varies, pair)):
            values[row] = [measure(*pair) for measure in MEASURES.values()]
    return values


def varies(values: np.ndarray) -> bool:
    """Whether a map is finite and not constant."""
    return bool(np.isfinite(values).all() and np.ptp(values) > 0)


def normalised(values: np.ndarray) -> np.ndarray:
    """A map that varies, from 0 at its lowest to 1 at its highest value."""
    return stretched(values)


def resized_to_grid(values: np.ndarray) -> np.ndarray:
    """A ``(h, w)`` map as ``(GRID, GRID)`` float64. A finer map is averaged over areas, a coarser one is
    interpolated bilinearly."""
    finer = max(values.shape) > GRID
    interpolation = cv2.INTER_AREA if finer else cv2.INTER_LINEAR
    return cv2.resize(np.asarray(values, dtype=np.float64), (GRID, GRID), interpolation=interpolation)


def _gradients(values: np.ndarray) -> np.ndarray:
    gradients: np.ndarray = feature.hog(
        values, orientations=9, pixels_per_cell=(CELL, CELL), cells_per_block=(3, 3)
    )
    return gradients
