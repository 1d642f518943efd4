"""Scores and heatmaps of a finished CLARiTY."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

import wsbench

from ._images import normalised
from ._teacher import scaled

if TYPE_CHECKING:
    from ._network import Clarity, Predicted
    from ._settings import ClaritySettings

MOST_IMAGES_AT_ONCE = 64
"""Most images that are predicted together. It changes numbers in their last bits only."""


def in_batches(
    predict: Callable[[wsbench.ImageView], wsbench.Prediction],
    images: wsbench.ImageView,
    settings: wsbench.TrainingSettings,
) -> wsbench.Prediction:
    """Scores and heatmaps of any number of images from what predicts a few, at most a batch of training.

    On a CPU, batches that leave its caches take up to four times as long.
    """
    parts = [predict(batch) for batch in images.chunks(min(settings.batch_size, MOST_IMAGES_AT_ONCE))]
    scores, maps = (
        np.concatenate([getattr(prediction, name) for prediction in parts]) for name in ("scores", "heatmaps")
    )
    return wsbench.Prediction(scores, maps, box_grid=parts[0].box_grid)


def predict(network: Clarity, images: wsbench.ImageView, settings: ClaritySettings) -> wsbench.Prediction:
    """Scores ``(N, C)``, and maps ``(N, C, n, n)`` of each image and class scaled to [0, 1], float16; boxes
    are cut from them at the size of the input (section 3.13).

    The attention of a class token is spread over all patches, so an unscaled map would reach no threshold;
    the paper's thresholds in (0, 1) say that it scales, not how.
    """
    predicted = _predicted(network, images, settings)
    side = settings.image_size
    maps = _stored(scaled(predicted.heatmaps.float()))
    scores = predicted.probabilities.float().cpu().numpy()
    return wsbench.Prediction(scores, maps, box_grid=(side, side))


def inner_maps(
    network: Clarity, images: wsbench.ImageView, settings: ClaritySettings
) -> dict[str, np.ndarray]:
    """The foreground and the attention, each ``(N, C, n, n)`` in [0, 1] (Fig. 9)."""
    predicted = _predicted(network, images, settings)
    return {
        "foreground": _stored(predicted.foreground),
        "attention": _stored(scaled(predicted.attention.float())),
    }


def _predicted(network: Clarity, images: wsbench.ImageView, settings: ClaritySettings) -> Predicted:
    size = settings.image_size
    device = network.positions.device
    grey = torch.from_numpy(images.pixels(size, size)[:])[:, None].to(device)
    with torch.inference_mode(), wsbench.torch.autocast(settings, device):
        return network.predict(
            normalised(grey, settings), settings.attention_layers, segment=settings.segment
        )


def _stored(maps: Tensor) -> np.ndarray:
    return maps.float().cpu().numpy().astype(np.float16)
