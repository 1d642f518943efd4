"""Scores and heatmaps of the trained network, for the positive class."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from captum.attr import Deconvolution, GuidedBackprop, LayerGradCam, Saliency
from torch import Tensor, nn
from torch.nn import functional

import wsbench

from ._images import seen

if TYPE_CHECKING:
    from ._network import SmallNetwork
    from ._settings import SaliencySettings

POSITIVE = 1
FLOATS_PER_PIXEL = 1.3
"""Activations that are alive for a gradient, by pixel of the input and by feature map of the first block, as
counted with the published widths."""

BY_PIXEL: Mapping[str, Callable[[nn.Module], Any]] = {
    "saliency": Saliency,
    "guided_backprop": GuidedBackprop,
    "deconvolution": Deconvolution,
}
"""Captum's gradients of the input. A ReLU passes a gradient where its input was positive (Simonyan, Vedaldi,
Zisserman 2014), where the gradient is positive (Zeiler, Fergus 2014), or where both are (Springenberg et al.
2015)."""


def predict(
    network: SmallNetwork, images: wsbench.ImageView, settings: SaliencySettings
) -> wsbench.Prediction:
    """Probabilities of tuberculosis, and the map that the settings name over what the network sees."""
    regions: list[wsbench.Region]
    scores, maps, regions = [], [], []
    for chunk in images.chunks(images_at_once(settings)):
        inputs, covered = squares(network, chunk, settings)
        with answers_of(network) as answers:
            maps.append(attributed(network, inputs, settings.map, settings.smoothing).astype(np.float16))
        scores.append(answers[-1].softmax(dim=1)[:, POSITIVE:].cpu().numpy())
        regions += covered
    return wsbench.Prediction(np.concatenate(scores), np.concatenate(maps)[:, None], regions)


def images_at_once(settings: SaliencySettings) -> int:
    """How many images are predicted together."""
    return wsbench.torch.images_at_once(FLOATS_PER_PIXEL * settings.widths[0] * settings.image_size**2)


@contextmanager
def answers_of(network: SmallNetwork) -> Iterator[Sequence[Tensor]]:
    """The logits ``(N, 2)`` of every forward pass in a block: the pass that a map needs gives the scores."""
    answers: list[Tensor] = []
    hook = network.register_forward_hook(lambda module, inputs, logits: answers.append(logits.detach()))
    with wsbench.torch.removed_at_end([hook]):
        yield answers


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
        if name in BY_PIXEL:
            maps = by_pixel(network, inputs, name)
        else:
            block = network.blocks[int(name.partition(":")[2]) - 1]
            coarse = LayerGradCam(network, block).attribute(inputs, target=POSITIVE, relu_attributions=True)
            maps = functional.interpolate(coarse, inputs.shape[2:], mode="bilinear")
    return wsbench.geometry.peaked(maps.detach().float()[:, 0].cpu().numpy(), smoothing)


def by_pixel(network: SmallNetwork, inputs: Tensor, name: str) -> Tensor:
    """The size of a gradient of the positive class at every pixel, ``(N, 1, S, S)`` >= 0.

    Args:
        network: trained.
        inputs: ``(N, 1, S, S)``, that require gradients.
        name: a key of `BY_PIXEL`.
    """
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False  # a hook's gradients need what it would overwrite
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Setting backward hooks on ReLU")
        gradient: Tensor = BY_PIXEL[name](network).attribute(inputs, target=POSITIVE)
    return gradient.abs()
