"""The choice of images to learn from, and their preparation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from torchvision.transforms import v2

import wsbench

if TYPE_CHECKING:
    from ._recogniser_settings import Active, RecogniserSettings

GROUP, HEALTH = "group", "health"
ACTIVITY, ACTIVE = "activity", "active"
TURN = 45
"""Degrees (section 4.2)."""


def healthy_and_active(view: wsbench.WeakView, active: Active = "alone") -> tuple[np.ndarray, np.ndarray]:
    """Rows of a view: the healthy images, and those with active tuberculosis (section 4.1).

    Args:
        view: the images.
        active: ``alone``, or ``any``: also those that have another kind of tuberculosis besides.

    Raises:
        WsbenchError: the dataset does not tell them apart, or has none of them.
    """
    attributes = [sample.attributes for sample in view.samples]
    healthy = [row for row, words in enumerate(attributes) if words.get(GROUP) == HEALTH]
    kinds = [words.get(ACTIVITY, "").split("+") for words in attributes]
    chosen = [row for row, of in enumerate(kinds) if ACTIVE in of and (active == "any" or of == [ACTIVE])]
    if not (healthy and chosen):
        raise wsbench.WsbenchError(
            f"translation needs healthy images (attribute {GROUP}={HEALTH}: {len(healthy)} of {len(view)}) "
            f"and active tuberculosis ({ACTIVITY}={ACTIVE}: {len(chosen)}); tbx11k and phantom have both"
        )
    return np.array(healthy), np.array(chosen)


def balanced(view: wsbench.WeakView, seed: int, active: Active = "alone") -> wsbench.WeakView:
    """All images with active tuberculosis and as many healthy ones, drawn by the seed (section 4.2)."""
    healthy, tuberculous = healthy_and_active(view, active)
    count = min(len(healthy), len(tuberculous))
    drawn = np.random.default_rng(seed).choice(healthy, count, replace=False)
    return view.at(np.sort(np.concatenate([drawn, tuberculous])))


def parted(view: wsbench.WeakView, share: float, seed: int) -> tuple[wsbench.WeakView, wsbench.WeakView]:
    """The images to learn from, and a share of either kind that is kept for a test (section 4.2), drawn by
    the seed."""
    kept = []
    random = np.random.default_rng(seed)
    for label in (0, 1):
        rows = random.permutation(np.flatnonzero(view.labels[:, 0] == label))
        kept.append(rows[: round(share * len(rows))])
    test = np.sort(np.concatenate(kept))
    return view.at(np.setdiff1d(np.arange(len(view)), test)), view.at(test)


def augmentation(settings: RecogniserSettings) -> nn.Module:
    """``(1, h, w)`` uint8 -> the same: a random flip, then a turn by a multiple of 45 degrees
    (section 4.2)."""
    if not settings.augment:
        return nn.Identity()
    turns = [v2.RandomRotation((TURN * k, TURN * k), v2.InterpolationMode.BILINEAR) for k in range(8)]
    return (  # type: ignore[no-any-return]  # torchvision has no types
        v2.Compose([v2.RandomHorizontalFlip(), v2.RandomChoice(turns)])
    )


class Pairs(Dataset):  # type: ignore[type-arg]  # items unnamed: bases are part of trained sources
    """A tuberculous and a healthy image an item, paired anew in every epoch.

    Args:
        view: the images.
        size: side they are read at.
        seed: of the pairing.
        length: items an epoch; None: as many as the larger set has, as in CycleGAN.
        active: which images have tuberculosis, as in `healthy_and_active`.
    """

    def __init__(
        self,
        view: wsbench.WeakView,
        size: int,
        seed: int,
        length: int | None = None,
        active: Active = "alone",
    ) -> None:
        self._healthy, self._active = healthy_and_active(view, active)
        self._pixels = view.pixels(size, size)
        self._seed = seed
        self._length = length or max(len(self._healthy), len(self._active))

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """``(1, size, size)`` floats in [-1, 1], of either kind."""
        epoch, row = key
        return self._image("active", self._active, epoch, row), self._image(
            "healthy", self._healthy, epoch, row
        )

    def _image(self, kind: str, rows: np.ndarray, epoch: int, row: int) -> Tensor:
        # Sets shorter than an epoch are gone through again, each time in another order.
        repeat, position = divmod(epoch * self._length + row, len(rows))
        order = np.random.default_rng(wsbench.seed_from(self._seed, kind, repeat)).permutation(len(rows))
        return scaled(torch.from_numpy(self._pixels[rows[order[position]]].copy())[None])


def scaled(grey: Tensor) -> Tensor:
    """uint8 -> floats in [-1, 1]."""
    return grey.float() / 127.5 - 1


def unscaled(images: Tensor) -> Tensor:
    """Floats in [-1, 1] -> in [0, 1]."""
    return (images + 1) / 2


def magnitude(changemaps: Tensor) -> Tensor:
    """Changemaps of images in [-1, 1] -> how much changes, in [0, 1] of the range of grey levels."""
    return (changemaps.float().abs() / 2).clamp(max=1)
