"""Scores and heatmaps of a finished CLARiTY."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

import wsbench

from ._images import normalised
from ._teacher import scaled

if TYPE_CHECKING:
    from . import ClaritySettings
    from ._network import Clarity


def predict(
    network: Clarity, images: wsbench.ImageView, settings: ClaritySettings
) -> tuple[np.ndarray, np.ndarray]:
    """Scores ``(N, C)``, and maps ``(N, C, n, n)`` of each image and class scaled to [0, 1], float16.

    The attention of a class token is spread over all patches, so an unscaled map would reach no threshold;
    the paper's thresholds in (0, 1) say that it scales, not how.
    """
    device = network.positions.device
    size = settings.image_size
    grey = torch.from_numpy(images.pixels(size, size)[:])[:, None].to(device)
    with torch.inference_mode():
        scores, maps = network.predict(
            normalised(grey, settings), settings.attention_layers, segment=settings.segment
        )
    return scores.cpu().numpy(), scaled(maps.float()).cpu().numpy().astype(np.float16)
