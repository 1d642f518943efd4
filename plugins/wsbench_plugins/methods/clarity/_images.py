"""Preparation of images: augmentation, keyed by (seed, epoch, image), and normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import tv_tensors
from torchvision.transforms import v2

import wsbench

from ._regions import dilated, distances, regions

if TYPE_CHECKING:
    from ._settings import AugmentationSettings

CELLS = 64
"""Side of the maps that the losses of regions compare (section 3.4.4)."""


class PoissonNoise(v2.Transform):  # type: ignore[misc]  # torchvision has no types
    """The noise of counting photons, on images and not on their masks.

    Args:
        photons: of a white pixel; fewer are noisier.
    """

    def __init__(self, photons: float) -> None:
        super().__init__()
        self.photons = photons

    def transform(self, image: Tensor, params: dict[str, Any]) -> Tensor:
        """uint8 of any shape -> the same, drawn from torch's generator."""
        if isinstance(image, tv_tensors.Mask):
            return image  # type: ignore[no-any-return]  # torchvision has no types: a Mask is a Tensor
        counts = torch.poisson(image.float() / 255 * self.photons)
        return (counts / self.photons * 255).round().clamp(0, 255).to(torch.uint8)


def augmentation(settings: AugmentationSettings, size: int) -> v2.Compose:
    """``(..., 1, size, size)`` uint8 -> the same, changed as section 3.10 names it, in its order."""
    steps: list[nn.Module] = [
        v2.RandomRotation(settings.rotation, interpolation=v2.InterpolationMode.BILINEAR),
        v2.RandomResizedCrop(size, scale=(settings.crop, 1.0), ratio=(1.0, 1.0), antialias=True),
    ]
    if settings.photons:
        steps.append(PoissonNoise(settings.photons))
    steps.append(v2.ColorJitter(brightness=settings.brightness))
    return v2.Compose(steps)


class WithRegions(nn.Module):
    """An image and its organ masks -> the image, and where each class can lie, after the same augmentation.

    Args:
        change: the augmentation, of torchvision's v2.
        classes: C names of Table 1.
        margin: by which regions are dilated, as a share of the image's side; none in the paper.
    """

    def __init__(self, change: nn.Module, classes: tuple[str, ...], margin: float = 0.0) -> None:
        super().__init__()
        self.change = change
        self.classes = classes
        self.margin = margin

    def forward(self, image: Tensor, organs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``(1, h, w)`` and ``(5, h, w)`` uint8 -> image, regions and distances ``(C, 64, 64)`` (section
        3.4.4 resamples to 64 by bilinear interpolation; half a cell and more is inside)."""
        # Masks are resampled to the nearest cell, so five of them go through as the bits of one.
        bits = torch.arange(len(organs), dtype=torch.uint8)[:, None, None]
        packed = (organs << bits).sum(dim=0, keepdim=True, dtype=torch.uint8)
        image, packed = self.change(tv_tensors.Image(image), tv_tensors.Mask(packed))
        masks = packed >> bits & 1
        small = functional.interpolate(masks.float()[None], (CELLS, CELLS), mode="bilinear")[0] >= 0.5
        by_organ = dict(zip(wsbench.images.ORGANS, small.numpy(), strict=True))
        by_class = dilated(regions(by_organ, self.classes), self.margin * CELLS)
        away = torch.from_numpy(distances(by_class))
        return image.as_subclass(Tensor), torch.from_numpy(by_class.astype(np.float32)), away


def normalised(grey: Tensor, settings: AugmentationSettings) -> Tensor:
    """``(N, 1, h, w)`` uint8 -> ``(N, 3, h, w)`` float: three equal channels, less mean, over deviation."""
    images: Tensor = v2.functional.to_dtype(grey, torch.float32, scale=True).expand(-1, 3, -1, -1)
    images = v2.functional.normalize(images, settings.mean, settings.standard_deviation)
    return images.contiguous(memory_format=torch.channels_last) if settings.channels_last else images
