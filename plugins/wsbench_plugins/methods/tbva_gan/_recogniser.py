"""F: a VGG that tells active tuberculosis from health, and where it looks (section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import VGG16_Weights
from torchvision.transforms import v2

import wsbench

if TYPE_CHECKING:
    from ._recogniser_settings import RecogniserSettings

CONVOLUTIONS = (2, 2, 3, 3, 3)
"""A block, in VGG16."""
CHANNELS = (64, 128, 256, 512, 512)
LAST = "classifier.6."
"""The modified layer's parameters."""
POOLED = 7
"""Side of the features that the classifier sees."""


class Recogniser(nn.Module):
    """VGG16 with one output, whose parameters have torchvision's names.

    Args:
        settings: how much of it there is, and the normalisation of its input.
    """

    def __init__(self, settings: RecogniserSettings) -> None:
        super().__init__()
        self.size, self.filters = settings.image_size, settings.filters
        self.mean, self.deviation = settings.mean, settings.standard_deviation
        layers: list[nn.Module] = []
        channels = 3
        for count, full in list(zip(CONVOLUTIONS, CHANNELS, strict=True))[: settings.blocks]:
            out = full * settings.filters // CHANNELS[0]
            for _ in range(count):
                layers += _convolution(channels, out, normed=settings.batch_norm)
                channels = out
            layers.append(nn.MaxPool2d(2, stride=2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(POOLED if settings.hidden else 1)
        self.classifier = _classifier(channels, settings)

    def forward(self, grey: Tensor) -> Tensor:
        """``(N, 1, H, W)`` in [0, 1] -> ``(N,)`` logits of tuberculosis. Any size; it is resized."""
        return self._classified(self._convolved(grey))

    def attention(self, grey: Tensor) -> Tensor:
        """Grad-CAM at the last convolution, each map from 0 to 1 (one that is 0 everywhere stays 0).

        Args:
            grey: ``(N, 1, H, W)`` in [0, 1].

        Returns:
            ``(N, 1, H, W)``, interpolated bilinearly; no gradient passes through it.
        """
        return self.logits_and_attention(grey)[1]

    def logits_and_attention(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` and `attention` return, from one pass. Only what follows the last convolution is
        differentiated."""
        with torch.no_grad():
            features = self._convolved(grey)
        with torch.enable_grad():
            logits = self._classified(features.requires_grad_(True))
            gradient = torch.autograd.grad(logits.sum(), features)[0]
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        maps = (weights * features.detach()).sum(dim=1, keepdim=True).relu()
        maps = functional.interpolate(maps.float(), grey.shape[2:], mode="bilinear")
        highest = maps.amax(dim=(2, 3), keepdim=True)
        return logits.detach(), torch.where(highest > 0, maps / highest, 0.0)

    def _convolved(self, grey: Tensor) -> Tensor:
        """Features of the last convolution, rectified, before their pooling."""
        inputs = functional.interpolate(grey, (self.size, self.size), mode="bilinear", antialias=True)
        inputs = v2.functional.normalize(inputs.expand(-1, 3, -1, -1), self.mean, self.deviation)
        return self.features[:-1](inputs)  # type: ignore[no-any-return]  # torch: a module's call is Any

    def _classified(self, features: Tensor) -> Tensor:
        """Logits ``(N,)`` of features before their pooling."""
        pooled = self.avgpool(self.features[-1](features))
        return (  # type: ignore[no-any-return]  # torch: a module's call is Any
            self.classifier(pooled.flatten(1))[:, 0]
        )


def build(settings: RecogniserSettings, seed: int, *, pretrained: bool = True) -> Recogniser:
    """The network before training.

    Args:
        settings: sizes and weights.
        seed: of random weights, and of the new last layer.
        pretrained: False leaves the weights to be filled from a checkpoint.

    Raises:
        WsbenchError: the weights could not be loaded, or do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Recogniser(settings)
    if pretrained and settings.weights != "random":
        names = settings.weights, "VGG16"
        state = wsbench.torch.read_weights(*names, lambda: _published(settings))
        wsbench.torch.fill_weights(network, state, *names, new=(LAST,))
    return network


def _convolution(channels: int, out: int, *, normed: bool) -> list[nn.Module]:
    norm = [nn.BatchNorm2d(out)] if normed else []
    return [nn.Conv2d(channels, out, 3, padding=1), *norm, nn.ReLU(inplace=True)]


def _classifier(channels: int, settings: RecogniserSettings) -> nn.Sequential:
    if not settings.hidden:
        return nn.Sequential(nn.Linear(channels, 1))
    hidden = settings.hidden
    return nn.Sequential(
        nn.Linear(channels * POOLED**2, hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(hidden, hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(hidden, 1),
    )


def _published(settings: RecogniserSettings) -> Mapping[str, Tensor]:
    return (  # type: ignore[no-any-return]  # torchvision has no types
        VGG16_Weights[settings.weights].get_state_dict(progress=False, check_hash=True)
    )
