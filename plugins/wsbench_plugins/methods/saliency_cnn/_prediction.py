"""Scores and heatmaps of the trained network, for the positive class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from captum.attr import LayerGradCam, Saliency
from torch import Tensor
from torch.nn import functional

import wsbench

from ._images import seen

if TYPE_CHECKING:
    from ._network import SmallNetwork
    from ._settings import SaliencySettings

POSITIVE = 1
IMAGES_AT_ONCE = 16
"""Images that are predicted together. It changes numbers in their last bits only."""


def predict(
    network: SmallNetwork, images: wsbench.ImageView, settings: SaliencySettings
) -> wsbench.Prediction:
    """Probabilities of tuberculosis, and the map that the settings name over what the network sees."""
    regions: list[wsbench.Region]
    scores, maps, regions = [], [], []
    for chunk in images.chunks(IMAGES_AT_ONCE):
        inputs, covered = squares(network, chunk, settings)
        with torch.inference_mode():
            scores.append(network(inputs).softmax(dim=1)[:, POSITIVE:].cpu().numpy())
        maps.append(attributed(network, inputs, settings.map, settings.smoothing).astype(np.float16))
        regions += covered
    return wsbench.Prediction(np.concatenate(scores), np.concatenate(maps)[:, None], regions)


def maps_of(
    network: SmallNetwork, images: wsbench.ImageView, settings: SaliencySettings, name: str
) -> np.ndarray:
    """One kind of map over whole images: ``(N, 1, S, S)`` in [0, 1], 0 where the network does not look."""
    inputs, regions = squares(network, images, settings)
    maps = attributed(network, inputs, name, settings.smoothing)
    over = [
        wsbench.geometry.over_whole_image(map_, region, tuple(size), settings.image_size)
        for map_, region, size in zip(maps, regions, images.sizes.tolist(), strict=True)
    ]
    return (  # type: ignore[no-any-return]  # numpy: what is clipped is Any
        np.clip(np.stack(over), 0, 1)[:, None]
    )


def squares(
    network: SmallNetwork, images: wsbench.ImageView, settings: SaliencySettings
) -> tuple[Tensor, Sequence[wsbench.Region]]:
    """``(N, 1, S, S)`` in [0, 1] as the network takes them, and what they cover of the original images."""
    pixels = images.pixels(settings.read_size, settings.read_size)[:]
    pairs = [
        seen(grey, tuple(size), settings) for grey, size in zip(pixels, images.sizes.tolist(), strict=True)
    ]
    inputs = torch.from_numpy(np.stack([grey for grey, _ in pairs]))[:, None].float() / 255
    return inputs.to(network.head.weight.device), [region for _, region in pairs]


def attributed(network: SmallNetwork, inputs: Tensor, name: str, smoothing: float) -> np.ndarray:
    """Maps ``(N, S, S)`` of the positive class, each from 0 to 1 at its maximum; one that is 0 stays 0.

    Args:
        network: trained.
        inputs: ``(N, 1, S, S)``.
        name: one of `MAPS`.
        smoothing: of the maps, in pixels.
    """
    with torch.enable_grad():
        inputs = inputs.detach().clone().requires_grad_(True)
        if name == "saliency":
            maps = Saliency(network).attribute(inputs, target=POSITIVE)
        else:
            block = network.blocks[int(name.partition(":")[2]) - 1]
            coarse = LayerGradCam(network, block).attribute(inputs, target=POSITIVE, relu_attributions=True)
            maps = functional.interpolate(coarse, inputs.shape[2:], mode="bilinear")
    return wsbench.geometry.peaked(maps.detach().float()[:, 0].cpu().numpy(), smoothing)
