"""Scores and heatmaps of a finished CLARiTY."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

import wsbench

from ._images import normalised
from ._teacher import scaled

if TYPE_CHECKING:
    from . import ClaritySettings
    from ._network import Clarity, Predicted


def predict(network: Clarity, images: wsbench.ImageView, settings: ClaritySettings) -> wsbench.Prediction:
    """Scores ``(N, C)``, and maps ``(N, C, n, n)`` of each image and class scaled to [0, 1], float16; boxes
    are cut from them at the size of the input (section 3.13).

    The attention of a class token is spread over all patches, so an unscaled map would reach no threshold;
    the paper's thresholds in (0, 1) say that it scales, not how.
    """
    found = _predicted(network, images, settings)
    side = settings.image_size
    maps = _stored(scaled(found.heatmaps.float()))
    return wsbench.Prediction(found.probabilities.cpu().numpy(), maps, box_grid=(side, side))


def inner_maps(
    network: Clarity, images: wsbench.ImageView, settings: ClaritySettings
) -> dict[str, np.ndarray]:
    """The foreground and the attention, each ``(N, C, n, n)`` in [0, 1] (Fig. 9)."""
    found = _predicted(network, images, settings)
    return {"foreground": _stored(found.foreground), "attention": _stored(scaled(found.attention.float()))}


def _predicted(network: Clarity, images: wsbench.ImageView, settings: ClaritySettings) -> Predicted:
    size = settings.image_size
    grey = torch.from_numpy(images.pixels(size, size)[:])[:, None].to(network.positions.device)
    with torch.inference_mode():
        return network.predict(
            normalised(grey, settings), settings.attention_layers, segment=settings.segment
        )


def _stored(maps: Tensor) -> np.ndarray:
    return maps.cpu().numpy().astype(np.float16)
