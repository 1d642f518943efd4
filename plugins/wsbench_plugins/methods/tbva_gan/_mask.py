"""The paper's mask of a changemap (sections 4.4 to 4.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from ._settings import ChangemapSettings

LEVELS = 256


@dataclass(frozen=True)
class MaskRule:
    """How a changemap becomes a mask.

    Attributes:
        region: attention from which Grad-CAM looks there.
        bins: of the histogram.
        share: threshold, as a share of the value at the histogram's peak.
        erosion, dilation: sides of the square kernels, 2 and 5 in the paper.
        kernel_scale: side of the changemap that the kernels are for; None: they are pixels of any.
        smallest_component: share of the image that a component must have.
    """

    region: float
    bins: int
    share: float
    erosion: int
    dilation: int
    kernel_scale: int | None = None
    smallest_component: float = 0.0


def rule_of(settings: ChangemapSettings) -> MaskRule:
    """The rule that settings say."""
    return MaskRule(
        settings.cam_region,
        settings.bins,
        settings.peak_share,
        settings.erosion,
        settings.dilation,
        settings.kernel_scale,
        settings.smallest_component,
    )


def levels(changemap: np.ndarray) -> np.ndarray:
    """The changemap as a grey picture: its magnitude from 0 to its maximum, in 256 levels.

    Args:
        changemap: ``(h, w)`` >= 0.

    Returns:
        ``(h, w)`` uint8; all 0 for an empty changemap.
    """
    highest = changemap.max()
    if highest <= 0:
        return np.zeros(changemap.shape, dtype=np.uint8)
    return (  # type: ignore[no-any-return]  # numpy: a ufunc's result is Any
        np.rint(changemap / highest * (LEVELS - 1)).astype(np.uint8)
    )


def threshold(
    picture: np.ndarray, attention: np.ndarray, region: float, bins: int, share: float
) -> float | None:
    """97 % of the value at the peak of the histogram where Grad-CAM looks (section 4.4).

    The lowest bin is no change and no candidate; a bin's value is the middle of its levels.

    Args:
        picture: ``(h, w)`` uint8 of `levels`.
        attention: ``(h, w)`` in [0, 1].
        region: attention from which Grad-CAM looks there.
        bins: of the histogram.
        share: of the peak's value, 0.97 in the paper.

    Returns:
        A level; None where nothing changed in the region.
    """
    shares = shares_of_levels(picture, attention >= region, bins)
    shares[0] = 0
    if not shares.any():
        return None
    return share * float(np.flatnonzero(_bin_of(bins) == shares.argmax()).mean())


def shares_of_levels(picture: np.ndarray, region: np.ndarray, bins: int) -> np.ndarray:
    """The histogram of Fig. 5.

    Args:
        picture: ``(h, w)`` uint8.
        region: ``(h, w)`` bool.
        bins: B, of about as many levels each.

    Returns:
        ``(B,)`` shares of the region's pixels; zeros where it has none.
    """
    counts: np.ndarray = np.bincount(_bin_of(bins)[picture[region]], minlength=bins)
    shares: np.ndarray = counts / max(1, counts.sum())
    return shares


def _bin_of(bins: int) -> np.ndarray:
    """``(256,)`` the bin of each level."""
    return np.arange(LEVELS) * bins // LEVELS


def mask(changemap: np.ndarray, attention: np.ndarray, rule: MaskRule) -> np.ndarray:
    """``(h, w)`` bool: what reaches the threshold, eroded, then dilated (section 4.5), without components
    that are too small.

    Args:
        changemap: ``(h, w)`` >= 0.
        attention: ``(h, w)`` in [0, 1].
        rule: how.
    """
    picture = levels(changemap)
    lowest = threshold(picture, attention, rule.region, rule.bins, rule.share)
    if lowest is None:
        return np.zeros(picture.shape, dtype=bool)
    reached: np.ndarray = (picture >= lowest).astype(np.uint8)
    side = max(picture.shape)
    reached = cv2.erode(reached, _kernel(rule.erosion, rule.kernel_scale, side))
    reached = cv2.dilate(reached, _kernel(rule.dilation, rule.kernel_scale, side))
    return without_small(reached, rule.smallest_component).astype(bool)


def without_small(reached: np.ndarray, smallest: float) -> np.ndarray:
    """A mask without its 8-connected components of fewer pixels than a share of the image.

    Args:
        reached: ``(h, w)`` uint8, 0 or 1.
        smallest: share of the image's pixels that a component must have; 0 keeps all.
    """
    if not smallest:
        return reached
    _, numbers, measures, _ = cv2.connectedComponentsWithStats(reached, connectivity=8)
    kept = measures[:, cv2.CC_STAT_AREA] >= smallest * reached.size
    kept[0] = False  # what was not reached
    large: np.ndarray = kept[numbers].astype(np.uint8)
    return large


def _kernel(side: int, scale: int | None, picture: int) -> np.ndarray:
    """The square kernel of a picture, from its side in pictures of ``scale`` pixels."""
    pixels = side if scale is None else max(1, round(side * picture / scale))
    return np.ones((pixels, pixels), np.uint8)
