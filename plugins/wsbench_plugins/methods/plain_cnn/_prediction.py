"""Scores and class activation maps of the trained network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

import wsbench

if TYPE_CHECKING:
    from ._network import PlainNetwork
    from ._settings import PlainSettings


def predict(network: PlainNetwork, images: wsbench.ImageView, settings: PlainSettings) -> wsbench.Prediction:
    """Probabilities ``(N, C)``, and the positive part of class activation maps, each with the maximum 1."""
    device, size = network.head.weight.device, settings.image_size
    grey = torch.from_numpy(images.pixels(size, size)[:])[:, None].to(device)
    with torch.inference_mode(), wsbench.torch.autocast(settings, device):
        features = network.featured(grey)
    features = features.float()
    with torch.inference_mode():
        scores = network.classified(features).sigmoid().cpu().numpy()
        maps = network.activation_maps(features).relu().cpu().numpy()
    flat = maps.reshape(-1, *maps.shape[2:])
    peaked = wsbench.geometry.peaked(flat, settings.smoothing).reshape(maps.shape)
    return wsbench.Prediction(scores, peaked.astype(np.float16))
