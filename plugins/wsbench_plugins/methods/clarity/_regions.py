"""Regions in which each finding can lie, from organ masks (Table 1), and distances from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.ndimage import distance_transform_edt

LUNGS = ("left_lung", "right_lung")
ORGANS: Mapping[str, tuple[str, ...]] = {
    "Atelectasis": LUNGS,
    "Cardiomegaly": ("heart",),
    "Consolidation": LUNGS,
    "Edema": LUNGS,
    "Effusion": LUNGS,
    "Emphysema": LUNGS,
    "Fibrosis": LUNGS,
    "Hernia": ("diaphragm", "mediastinum"),
    "Infiltration": LUNGS,
    "Mass": (*LUNGS, "mediastinum"),
    "Nodule": LUNGS,
    "Pleural_Thickening": LUNGS,
    "Pneumonia": LUNGS,
    "Pneumothorax": LUNGS,
}
"""Table 1; the paper's Facies Diaphragmatica is ``diaphragm`` here."""


def regions(organs: Mapping[str, np.ndarray], classes: Sequence[str]) -> np.ndarray:
    """The segmentation map of an image.

    Args:
        organs: ``(H, W)`` bool masks by organ.
        classes: C names of Table 1.

    Returns:
        ``(C, H, W)`` bool.
    """
    return np.stack([np.logical_or.reduce([organs[organ] for organ in ORGANS[name]]) for name in classes])


def distances(masks: np.ndarray) -> np.ndarray:
    """The distance of every cell from the nearest cell of its class's region, 0 inside.

    A class without a region is nowhere wrong: its distances are 0.

    Args:
        masks: ``(C, H, W)`` bool.

    Returns:
        ``(C, H, W)`` float32, in cells.
    """
    known: dict[bytes, np.ndarray] = {}  # most classes share the region of the lungs
    rows = []
    for mask in masks:
        key = mask.tobytes()
        if key not in known:
            known[key] = distance_transform_edt(~mask) if mask.any() else np.zeros(mask.shape)
        rows.append(known[key])
    return np.stack(rows).astype(np.float32)


def dilated(masks: np.ndarray, cells: float) -> np.ndarray:
    """Regions with a margin of so many cells around them; a class without a region gets none.

    Args:
        masks: ``(C, H, W)`` bool.
        cells: width of the margin.
    """
    if cells == 0:
        return masks
    return (distances(masks) <= cells) & masks.any(axis=(1, 2), keepdims=True)
