"""Scores, changemaps and masks of finished translations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor

import wsbench

from ._images import magnitude, scaled, unscaled
from ._mask import LEVELS, levels, mask, rule_of

if TYPE_CHECKING:
    from ._recogniser import Recogniser
    from ._settings import ChangemapSettings
    from ._translation import Translator

FLOATS_PER_PIXEL = 2
"""Activations in memory at the same time, by pixel of the input and by filter of the first layer: what the
largest layer is given and what it puts out."""


def grey(images: wsbench.ImageView, size: int, device: torch.device) -> Tensor:
    """``(N, 1, size, size)`` uint8."""
    return torch.from_numpy(images.pixels(size, size)[:])[:, None].to(device)


def recognise(network: Recogniser, images: wsbench.ImageView) -> wsbench.Prediction:
    """F's score and its Grad-CAM ``(N, 1, size, size)`` of some images."""
    scores, maps = [], []
    for chunk in images.chunks(images_at_once(network.size, network.filters)):
        inputs = seen(network, chunk)
        logits, chunk_maps = network.logits_and_attention(inputs)
        scores.append(logits.sigmoid()[:, None].cpu().numpy())
        maps.append(chunk_maps.cpu().numpy().astype(np.float16))
    return wsbench.Prediction(np.concatenate(scores), np.concatenate(maps))


def images_at_once(size: int, filters: int) -> int:
    """How many images are predicted together by a network that sees ``size`` pixels a side, and whose first
    layer has so many filters."""
    return wsbench.torch.images_at_once(FLOATS_PER_PIXEL * filters * size**2)


def seen(network: Recogniser, images: wsbench.ImageView) -> Tensor:
    """The images as F takes them: ``(N, 1, size, size)`` in [0, 1]."""
    return grey(images, network.size, next(network.parameters()).device).float() / 255


def score(network: Recogniser, inputs: Tensor) -> np.ndarray:
    """``(N, 1)`` probabilities of tuberculosis."""
    with torch.inference_mode():
        return (  # type: ignore[no-any-return]  # torch: a module's call is Any
            network(inputs).sigmoid()[:, None].cpu().numpy()
        )


def translate(
    network: Translator,
    recogniser: Recogniser,
    images: wsbench.ImageView,
    settings: ChangemapSettings,
    peak: float,
) -> wsbench.Prediction:
    """F's score, the changemap ``(N, 1, size, size)`` as a heatmap, and the boxes of the paper's mask.

    Args:
        network, recogniser, images, settings: what sees what, and how.
        peak: change that is 1 in the heatmap of every image.
    """
    chunks = [
        (score(recogniser, seen(recogniser, chunk)), *changes(network, recogniser, chunk, settings))
        for chunk in images.chunks(images_at_once(settings.image_size, settings.filters))
    ]
    scores, maps, masks = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
    heatmaps = heatmaps_of(maps, peak, settings.smoothing).astype(np.float16)
    return wsbench.Prediction(scores, heatmaps, boxes=boxes_of(masks, scores, images))


def heatmaps_of(changemaps: np.ndarray, peak: float, smoothing: float) -> np.ndarray:
    """Changemaps ``(N, 1, h, w)`` in [0, 1], smoothed, and scaled so that ``peak`` and more is 1; empty where
    nothing changes at all (``peak`` 0)."""
    if not peak:
        return np.zeros_like(changemaps)
    if smoothing:
        smooth = [cv2.GaussianBlur(changemap, (0, 0), smoothing) for (changemap,) in changemaps]
        changemaps = np.stack(smooth)[:, None]
    return np.clip(changemaps / peak, 0, 1)


def changes(
    network: Translator, recogniser: Recogniser, images: wsbench.ImageView, settings: ChangemapSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Changemaps and masks, each ``(N, 1, size, size)`` float32 in [0, 1], of a few images."""
    changed, attention = changemaps(network, recogniser, images, settings)
    return changed, masks_of(changed, attention, settings)


def changemaps(
    network: Translator, recogniser: Recogniser, images: wsbench.ImageView, settings: ChangemapSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Changemaps and Grad-CAM, each ``(N, 1, size, size)`` float32 in [0, 1], of a few images."""
    inputs = scaled(grey(images, settings.image_size, next(network.parameters()).device))
    with torch.inference_mode(), wsbench.torch.autocast(settings, inputs.device):
        change, _ = network.to_normal(inputs)
    attention = recogniser.attention(unscaled(inputs)).cpu().numpy()
    return magnitude(change).cpu().numpy(), attention


def masks_of(changed: np.ndarray, attention: np.ndarray, settings: ChangemapSettings) -> np.ndarray:
    """``(N, 1, h, w)`` float32, 0 or 1, from changemaps and Grad-CAM of the same shape."""
    rule = rule_of(settings)
    masks = [mask(changed[row, 0], attention[row, 0], rule) for row in range(len(changed))]
    return np.stack(masks)[:, None].astype(np.float32)


def scaled_maps(changemaps: np.ndarray) -> np.ndarray:
    """Each changemap from 0 to its maximum, as Fig. 3 shows it."""
    pictures = [[levels(changemap) for changemap in image] for image in changemaps]
    return np.array(pictures, dtype=np.float32) / (LEVELS - 1)


def boxes_of(
    masks: np.ndarray, scores: np.ndarray, images: wsbench.ImageView
) -> Sequence[Sequence[wsbench.ScoredBox]]:
    """The rectangles around a mask's components, scored by the class."""
    rules = [wsbench.geometry.BoxRule(threshold=1.0, minimum_area=0.0)]
    return wsbench.geometry.boxes_of(wsbench.Prediction(scores, masks), images.sizes, images.classes, rules)
