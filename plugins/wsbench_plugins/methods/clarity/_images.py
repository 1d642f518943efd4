"""What images go through: augmentation, keyed by (seed, epoch, image), and normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

if TYPE_CHECKING:
    from . import AugmentationSettings


class PoissonNoise(nn.Module):
    """The noise of counting photons.

    Args:
        photons: of a white pixel; fewer are noisier.
    """

    def __init__(self, photons: float) -> None:
        super().__init__()
        self.photons = photons

    def forward(self, image: Tensor) -> Tensor:
        """uint8 of any shape -> the same, drawn from torch's generator."""
        counts = torch.poisson(image.float() / 255 * self.photons)
        return (counts / self.photons * 255).round().clamp(0, 255).to(torch.uint8)


def augmentation(settings: AugmentationSettings, size: int) -> v2.Compose:
    """``(..., 1, size, size)`` uint8 -> the same, changed as section 3.10 names it, in its order."""
    steps: list[nn.Module] = [
        v2.RandomRotation(settings.rotation, interpolation=v2.InterpolationMode.BILINEAR),
        v2.RandomResizedCrop(size, scale=(settings.crop, 1.0), antialias=True),
    ]
    if settings.photons:
        steps.append(PoissonNoise(settings.photons))
    steps.append(v2.ColorJitter(brightness=settings.brightness))
    return v2.Compose(steps)


def normalised(grey: Tensor, settings: AugmentationSettings) -> Tensor:
    """``(N, 1, h, w)`` uint8 -> ``(N, 3, h, w)`` float: three equal channels, less mean, over deviation."""
    images = v2.functional.to_dtype(grey, torch.float32, scale=True).expand(-1, 3, -1, -1)
    images = v2.functional.normalize(images, settings.mean, settings.standard_deviation)
    return images.contiguous(memory_format=torch.channels_last) if settings.channels_last else images
