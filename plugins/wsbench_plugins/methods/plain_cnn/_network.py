"""The network: five convolutions with batch normalisation, a pooling over the image, a linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from ._settings import PlainSettings


class PlainNetwork(nn.Module):
    """Grey images -> a logit for every class. Features have an eighth of the image's side.

    Args:
        widths: feature maps of the five convolutions.
        classes: C.
        pooling: ``max`` or ``mean``, of features over the image.
    """

    def __init__(self, widths: tuple[int, ...], classes: int, pooling: str) -> None:
        super().__init__()
        first, second, third, fourth, fifth = widths
        self.features = nn.Sequential(
            *_convolution(1, first, stride=2),
            *_convolution(first, second),
            nn.MaxPool2d(2),
            *_convolution(second, third),
            nn.MaxPool2d(2),
            *_convolution(third, fourth),
            *_convolution(fourth, fifth),
        )
        self.head = nn.Linear(fifth, classes)
        self.pooling = pooling

    def forward(self, grey: Tensor) -> Tensor:
        """``(N, 1, H, W)`` uint8 -> ``(N, C)``."""
        return self.classified(self.featured(grey))

    def featured(self, grey: Tensor) -> Tensor:
        """``(N, 1, H, W)`` uint8 -> features ``(N, K, h, w)`` >= 0."""
        return (  # type: ignore[no-any-return]  # torch: a module's call is Any
            self.features(grey.float() / 127.5 - 1)
        )

    def classified(self, features: Tensor) -> Tensor:
        """Features ``(N, K, h, w)`` -> logits ``(N, C)``."""
        pooled = features.amax(dim=(2, 3)) if self.pooling == "max" else features.mean(dim=(2, 3))
        return self.head(pooled)  # type: ignore[no-any-return]  # torch: a module's call is Any

    def activation_maps(self, features: Tensor) -> Tensor:
        """Class activation maps ``(N, C, h, w)``: the features, weighted by the last layer (Zhou et al. 2016,
        equation 2)."""
        return torch.einsum("ck,nkhw->nchw", self.head.weight, features)


def _convolution(channels: int, out: int, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, out, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    ]


def build(settings: PlainSettings, classes: int, seed: int) -> PlainNetwork:
    """The network before training.

    Args:
        settings: widths and pooling.
        classes: C.
        seed: of its weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PlainNetwork(settings.widths, classes, settings.pooling)
