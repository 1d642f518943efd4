"""Scores and maps of a trained classifier, for every class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import wsbench

from ._network import Classifier
from ._pooling import Pooled

if TYPE_CHECKING:
    from ._settings import CamSettings

IMAGES_AT_ONCE = 16
"""Images that are predicted together. It changes numbers in their last bits only."""


def explain(classifier: Classifier, settings: CamSettings) -> wsbench.torch.Explained:
    """A trained classifier, tapped at the layer that the settings name.

    Raises:
        WsbenchError: it has no such layer.
    """
    return wsbench.torch.explain(classifier, settings, settings.crop)


def predict(
    explained: wsbench.torch.Explained, images: wsbench.ImageView, settings: CamSettings
) -> wsbench.Prediction:
    """Probabilities, and the map that the settings name over the central crop."""
    crop = wsbench.torch.crop_and_augment(settings.crop)
    device = next(explained.classifier.parameters()).device
    reach = wsbench.torch.map_reach(explained, settings, settings.crop)
    scores, maps = [], []
    for chunk in images.chunks(IMAGES_AT_ONCE):
        pixels = torch.from_numpy(chunk.pixels(settings.resize, settings.resize)[:])[:, None]
        grey = crop(pixels).to(device).float() / 255
        logits, chunk_maps = logits_and_maps(explained, grey, settings)
        scores.append(logits.sigmoid().cpu().numpy())
        maps.append(chunk_maps)
    regions = [covered(width, height, settings, reach) for width, height in images.sizes.tolist()]
    return wsbench.Prediction(np.concatenate(scores), np.concatenate(maps), regions)


def logits_and_maps(
    explained: wsbench.torch.Explained, grey: Tensor, settings: CamSettings
) -> tuple[Tensor, np.ndarray]:
    """``(N, C)`` logits and ``(N, C, S, S)`` float16 maps of images ``(N, 1, S, S)`` in [0, 1]: those of the
    pooling, where it has its own and they are asked for, else of the kind that the settings name."""
    classifier = explained.classifier
    assert isinstance(classifier, Classifier)
    if not (settings.own_map and isinstance(classifier.network, Pooled)):
        return wsbench.torch.logits_and_maps(explained, grey, settings)
    with torch.no_grad():
        logits, maps = classifier.network.logits_and_maps(classifier.normalised(grey))
        resized = functional.interpolate(maps.float(), grey.shape[2:], mode="bilinear")
    peaked = wsbench.geometry.peaked(resized.flatten(0, 1).cpu().numpy(), settings.smoothing)
    return logits.float(), peaked.reshape(resized.shape).astype(np.float16)


def covered(width: int, height: int, settings: CamSettings, reach: tuple[float, float]) -> wsbench.Region:
    """The region of an image that maps cover, in pixels of the original image.

    Args:
        width, height: of the original image.
        settings: its crop.
        reach: as `wsbench.torch.map_reach` gives it.
    """
    crop = wsbench.geometry.centre_crop(width, height, resized=settings.resize, cropped=settings.crop)
    left, right = reach
    return wsbench.Region(
        crop.x0 + left * crop.width,
        crop.y0 + left * crop.height,
        crop.x0 + right * crop.width,
        crop.y0 + right * crop.height,
    )
