"""Scores, changemaps and masks of finished translations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

import wsbench

from ._images import scaled, unscaled
from ._mask import LEVELS, levels, mask

if TYPE_CHECKING:
    from ._recogniser import Recogniser
    from ._settings import TranslationSettings
    from ._translation import Translator

AT_ONCE = 16
"""Images; it changes no number but in the last bits."""


def grey(images: wsbench.ImageView, size: int, device: torch.device) -> Tensor:
    """``(N, 1, size, size)`` uint8."""
    return torch.from_numpy(images.pixels(size, size)[:])[:, None].to(device)


def recognise(network: Recogniser, images: wsbench.ImageView) -> wsbench.Prediction:
    """F's score and its Grad-CAM ``(N, 1, size, size)`` of some images."""
    scores, maps = [], []
    for chunk in images.chunks(AT_ONCE):
        inputs = seen(network, chunk)
        scores.append(score(network, inputs))
        maps.append(network.attention(inputs).cpu().numpy().astype(np.float16))
    return wsbench.Prediction(np.concatenate(scores), np.concatenate(maps))


def seen(network: Recogniser, images: wsbench.ImageView) -> Tensor:
    """The images as F takes them: ``(N, 1, size, size)`` in [0, 1]."""
    return grey(images, network.size, next(network.parameters()).device).float() / 255


def score(network: Recogniser, inputs: Tensor) -> np.ndarray:
    """``(N, 1)`` probabilities of tuberculosis."""
    with torch.inference_mode():
        return network(inputs).sigmoid()[:, None].cpu().numpy()


def translate(
    network: Translator, recogniser: Recogniser, images: wsbench.ImageView, settings: TranslationSettings
) -> wsbench.Prediction:
    """F's score, the changemap's magnitude ``(N, 1, size, size)``, and the boxes of the paper's mask."""
    found = [
        (score(recogniser, seen(recogniser, chunk)), *changes(network, recogniser, chunk, settings))
        for chunk in images.chunks(AT_ONCE)
    ]
    scores, maps, masks = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return wsbench.Prediction(scores, maps.astype(np.float16), boxes=boxes_of(masks, scores, images))


def changes(
    network: Translator, recogniser: Recogniser, images: wsbench.ImageView, settings: TranslationSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Changemaps and masks, each ``(N, 1, size, size)`` float32 in [0, 1], of a few images."""
    inputs = scaled(grey(images, settings.image_size, next(network.parameters()).device))
    with torch.inference_mode(), wsbench.autocast(settings, inputs.device):
        change, _ = network.to_normal(inputs)
    attention = recogniser.attention(unscaled(inputs)).cpu().numpy()
    magnitude = (change.float().abs() / 2).clamp(max=1).cpu().numpy()
    masks = [
        mask(
            magnitude[row, 0],
            attention[row, 0],
            region=settings.cam_region,
            share=settings.peak_share,
            erosion=settings.erosion,
            dilation=settings.dilation,
        )
        for row in range(len(images))
    ]
    return magnitude, np.stack(masks)[:, None].astype(np.float32)


def scaled_maps(changemaps: np.ndarray) -> np.ndarray:
    """Each changemap from 0 to its maximum, as Fig. 3 shows it."""
    pictures = [[levels(changemap) for changemap in image] for image in changemaps]
    return np.array(pictures, dtype=np.float32) / (LEVELS - 1)


def boxes_of(
    masks: np.ndarray, scores: np.ndarray, images: wsbench.ImageView
) -> Sequence[Sequence[wsbench.ScoredBox]]:
    """The rectangles around a mask's components, scored by the class."""
    whole = [wsbench.BoxRule(threshold=1.0, minimum_area=0.0)]
    return wsbench.boxes_of(wsbench.Prediction(scores, masks), images.sizes, images.classes, whole)
