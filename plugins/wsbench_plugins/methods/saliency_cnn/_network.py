"""The network of Fig. 1: five residual blocks, about 230,000 parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from ._settings import SaliencySettings

TRUNCATED = 0.8796256610342398
"""Standard deviation of the standard normal law between -2 and 2."""


class Unit(nn.Sequential):
    """A convolution that keeps the resolution but for its stride, batch normalisation, ReLU."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int) -> None:
        super().__init__(
            nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
        )


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut of 1 x 1.

    Args:
        channels, out: feature maps before and after.
        stride: of either 3 x 3 convolution; the shortcut has its square.
        averaged: whether both ways are averaged, or summed.
    """

    def __init__(self, channels: int, out: int, stride: int, *, averaged: bool) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(Unit(channels, out, 3, stride), Unit(out, out, 3, stride))
        self.shortcut = Unit(channels, out, 1, stride**2)
        self.share = 0.5 if averaged else 1.0

    def forward(self, features: Tensor) -> Tensor:
        """``(N, channels, h, w)`` -> ``(N, out, h / stride**2, w / stride**2)``, >= 0."""
        return (  # type: ignore[no-any-return]  # torch: a module's call is Any
            self.share * (self.convolutions(features) + self.shortcut(features))
        )


class SmallNetwork(nn.Module):
    """Grey images -> logits of no tuberculosis and of tuberculosis.

    Args:
        settings: widths, how a block's two ways are merged, poolings, and whether classes weigh the same.

    Attributes:
        mean, deviation: of the pixels it was trained on, in [0, 1].
        class_weights: ``(2,)`` weights of the classes in its training's loss; None: all images weigh 1.
    """

    mean: Tensor
    deviation: Tensor
    class_weights: Tensor | None

    def __init__(self, settings: SaliencySettings) -> None:
        super().__init__()
        widths, averaged = settings.widths, settings.merge == "mean"
        channels = (1, *widths[:-1])
        self.blocks = nn.ModuleList(
            Block(before, out, 2 if index == 0 else 1, averaged=averaged)
            for index, (before, out) in enumerate(zip(channels, widths, strict=True))
        )
        self.pool = nn.MaxPool2d(3, stride=2, padding=settings.pool_padding)
        self.last_pooling = settings.last_pooling
        self.head = nn.Linear(widths[-1], 2)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))
        balanced = settings.class_weights == "balanced"
        self.register_buffer("class_weights", torch.ones(2) if balanced else None)

    def forward(self, grey: Tensor) -> Tensor:
        """``(N, 1, H, W)`` in [0, 1] -> ``(N, 2)``."""
        features = (grey - self.mean) / self.deviation
        for index, block in enumerate(self.blocks):
            features = block(self.pool(features) if index else features)
        if self.last_pooling:
            features = self.pool(features)
        return (  # type: ignore[no-any-return]  # torch: a module's call is Any
            self.head(features.mean(dim=(2, 3)))
        )


def build(settings: SaliencySettings, seed: int) -> SmallNetwork:
    """The network before training.

    Args:
        settings: widths, how blocks merge, poolings and initial weights.
        seed: of its weights.
    """
    network = SmallNetwork(settings)
    INITIAL[settings.initial](network, seed)
    return network


def as_published(network: SmallNetwork, seed: int) -> None:
    """He's normal law, with a smaller last layer (Methods)."""
    generator = torch.Generator().manual_seed(seed)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
    nn.init.normal_(network.head.weight, std=last_deviation(network.head.in_features), generator=generator)
    nn.init.zeros_(network.head.bias)


def as_programmed(network: SmallNetwork, seed: int) -> None:
    """He's law, cut off at two deviations and widened to keep its own, in every layer: Keras' ``he_normal``,
    which the authors' program names for the last layer, too."""
    generator = torch.Generator().manual_seed(seed)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            inputs = layer.weight[0].numel()
            deviation = math.sqrt(2 / inputs) / TRUNCATED
            ends = -2 * deviation, 2 * deviation
            nn.init.trunc_normal_(layer.weight, 0.0, deviation, *ends, generator=generator)
    nn.init.zeros_(network.head.bias)


def as_in_torch(network: SmallNetwork, seed: int) -> None:
    """The start that torch gives its layers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.reset_parameters()


INITIAL: Mapping[str, Callable[[SmallNetwork, int], None]] = {
    "paper": as_published,
    "authors": as_programmed,
    "torch": as_in_torch,
}


def last_deviation(inputs: int) -> float:
    """Standard deviation of the last layer's first weights: He's variance ``2 / inputs`` over the root of
    2, because a softmax follows (Methods)."""
    return math.sqrt(2 / inputs / math.sqrt(2))
