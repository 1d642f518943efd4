"""Scores and maps of a trained classifier, for every class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

import wsbench

from ._layers import Tap, find_layer
from ._maps import MAPS, Explained, linear_head

if TYPE_CHECKING:
    from ._network import Classifier
    from ._settings import CamSettings

AT_ONCE = 16
"""Images; it changes no number but in the last bits."""


def explain(classifier: Classifier, settings: CamSettings) -> Explained:
    """A trained classifier, tapped at the layer that the settings name.

    Raises:
        WsbenchError: it has no such layer.
    """
    device = next(classifier.parameters()).device
    grey = torch.full((1, 1, settings.crop, settings.crop), 0.5, device=device)
    tap = Tap(*find_layer(classifier, grey, settings.layer))
    head = linear_head(classifier, tap, settings.crop)
    return Explained(classifier, tap, head, settings.steps)


def predict(explained: Explained, images: wsbench.ImageView, settings: CamSettings) -> wsbench.Prediction:
    """Probabilities, and the map that the settings name over the central crop."""
    crop = wsbench.crop_and_augment(settings.crop)
    device = next(explained.classifier.parameters()).device
    scores, maps = [], []
    for chunk in images.chunks(AT_ONCE):
        pixels = torch.from_numpy(chunk.pixels(settings.resize, settings.resize)[:])[:, None]
        grey = crop(pixels).to(device).float() / 255
        with torch.no_grad():
            scores.append(explained.classifier(grey).float().sigmoid().cpu().numpy())
        columns = [mapped(explained, grey, output, settings) for output in range(len(images.classes))]
        maps.append(np.stack(columns, axis=1))
    regions = [
        wsbench.centre_crop(width, height, resized=settings.resize, cropped=settings.crop)
        for width, height in images.sizes.tolist()
    ]
    return wsbench.Prediction(np.concatenate(scores), np.concatenate(maps), regions)


def mapped(explained: Explained, grey: Tensor, output: int, settings: CamSettings) -> np.ndarray:
    """``(N, S, S)`` float16 of one output, each from 0 to 1 at its maximum; one that is 0 stays 0."""
    with torch.enable_grad():
        found = MAPS[settings.cam](explained, grey.clone().requires_grad_(True), output)
    size = (settings.crop, settings.crop)
    found = torch.nn.functional.interpolate(found.detach().float()[:, None], size, mode="bilinear")
    return wsbench.peaked(found[:, 0].cpu().numpy(), settings.smoothing).astype(np.float16)
