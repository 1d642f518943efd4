"""Preparation of images: removal of the border, central square, and elastic deformation (Methods)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

import wsbench

if TYPE_CHECKING:
    from ._settings import SaliencySettings


def content(grey: np.ndarray, black: int) -> tuple[int, int, int, int]:
    """The part of an image inside its black border.

    Args:
        grey: ``(h, w)`` uint8.
        black: rows and columns of which no pixel is brighter, at the edges, are border.

    Returns:
        ``x0, y0, x1, y1`` in pixels, half open; the whole image where all of it is black.
    """
    bright = grey > black
    columns, rows = np.flatnonzero(bright.any(axis=0)), np.flatnonzero(bright.any(axis=1))
    if not len(rows):
        return 0, 0, grey.shape[1], grey.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def central_square(region: wsbench.Region) -> wsbench.Region:
    """The largest square in the middle of a region: what is left of it when its shorter side is resized to
    the square's."""
    side = min(region.width, region.height)
    left, top = region.x0 + (region.width - side) / 2, region.y0 + (region.height - side) / 2
    return wsbench.Region(left, top, left + side, top + side)


def seen(
    grey: np.ndarray, size: tuple[float, float], settings: SaliencySettings
) -> tuple[np.ndarray, wsbench.Region]:
    """The part of an image that the network sees.

    Args:
        grey: ``(h, w)`` uint8 of the whole image, at any aspect.
        size: width and height of the original image, in pixels.
        settings: the border's level and the square's side.

    Returns:
        ``(image_size, image_size)`` uint8, and the region of the original image that it covers.
    """
    rows, columns = grey.shape
    scale = np.array([size[0] / columns, size[1] / rows] * 2)
    bright = wsbench.Region(*(np.array(content(grey, settings.black)) * scale).tolist())
    region = central_square(bright)
    x0, y0, x1, y1 = np.rint(np.array([region.x0, region.y0, region.x1, region.y1]) / scale).astype(int)
    side = (settings.image_size, settings.image_size)
    crop = grey[y0:y1, x0:x1]
    shrinks = crop.shape[0] > side[0] or crop.shape[1] > side[1]
    resized = cv2.resize(crop, side, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    covered = np.array([x0, y0, x1, y1]) * scale
    return resized, wsbench.Region(*covered.tolist())


def elastic(images: Tensor, vertices: Tensor) -> Tensor:
    """Images as a displaced grid sees them, with linear interpolation between vertices and between pixels.

    Args:
        images: ``(N, 1, S, S)`` floats.
        vertices: ``(N, 2, g, g)`` displacements in pixels, to the right and down.

    Returns:
        ``(N, 1, S, S)``; what comes from outside of an image is its edge.
    """
    side = images.shape[-1]
    field = functional.interpolate(vertices, (side, side), mode="bilinear", align_corners=True)
    straight = torch.eye(2, 3).expand(len(images), -1, -1)
    grid = functional.affine_grid(straight, list(images.shape), align_corners=False)
    moved = grid + field.permute(0, 2, 3, 1) * (2 / side)
    return functional.grid_sample(images, moved, padding_mode="border", align_corners=False)


def displacements(settings: SaliencySettings) -> Tensor:
    """``(2, tiles + 1, tiles + 1)`` of one image, from torch's generator: inner vertices move by a normal
    law, those on the edge stay (Methods)."""
    inner = settings.tiles - 1
    moved = torch.randn(2, inner, inner) * settings.displacement
    return functional.pad(moved, (1, 1, 1, 1))


class Squares(Dataset):  # type: ignore[type-arg]  # items unnamed: bases are part of trained sources
    """The squares of a view's images that the network sees, deformed by (seed, epoch, image), with labels.

    Args:
        view: the images.
        settings: sizes, and the deformation.
        seed: of the deformation; None: none.
    """

    def __init__(self, view: wsbench.WeakView, settings: SaliencySettings, seed: int | None = None) -> None:
        self._view = view
        self._pixels = view.pixels(settings.read_size, settings.read_size)
        self._labels = torch.from_numpy(view.labels)
        self._settings = settings
        self._seed = seed

    def __len__(self) -> int:
        return len(self._view)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """``(1, S, S)`` floats in [0, 1], and ``(1,)`` labels."""
        epoch, row = key
        width, height = self._view.sizes[row].tolist()
        grey, _ = seen(self._pixels[row], (width, height), self._settings)
        image = torch.from_numpy(grey)[None].float() / 255
        if self._seed is not None:
            image = self._deformed(image, wsbench.seed_from(self._seed, epoch, self._view.names[row]))
        return image, self._labels[row]

    def _deformed(self, image: Tensor, seed: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            if torch.rand(()) >= self._settings.deformed:
                return image
            return elastic(image[None], displacements(self._settings)[None])[0]


def mean_and_deviation(images: Squares) -> tuple[float, float]:
    """Mean and standard deviation of all pixels of all images, in [0, 1] (Methods)."""
    sums = np.zeros(2)
    for row in range(len(images)):
        image = images[0, row][0].double()
        sums += [float(image.mean()), float(image.square().mean())]
    mean, square = sums / len(images)
    return float(mean), float(np.sqrt(max(square - mean**2, 1e-12)))
