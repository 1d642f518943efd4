"""Scores and maps of a trained classifier, for every class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

import wsbench

from ._cells import cells_of
from ._layers import Tap, find_layer
from ._maps import BY_PIXEL, MAPS, Explained, class_activation, linear_head, tapped

if TYPE_CHECKING:
    from ._network import Classifier
    from ._settings import CamSettings

IMAGES_AT_ONCE = 16
"""Images that are predicted together. It changes numbers in their last bits only."""


def explain(classifier: Classifier, settings: CamSettings) -> Explained:
    """A trained classifier, tapped at the layer that the settings name.

    Raises:
        WsbenchError: it has no such layer.
    """
    device = next(classifier.parameters()).device
    grey = torch.full((1, 1, settings.crop, settings.crop), 0.5, device=device)
    tap = Tap(*find_layer(classifier, grey, settings.layer))
    head = linear_head(classifier, tap, settings.crop)
    return Explained(classifier, tap, head, settings.steps)


def predict(explained: Explained, images: wsbench.ImageView, settings: CamSettings) -> wsbench.Prediction:
    """Probabilities, and the map that the settings name over the central crop."""
    crop = wsbench.torch.crop_and_augment(settings.crop)
    device = next(explained.classifier.parameters()).device
    reach = reached(explained, settings)
    scores, maps = [], []
    for chunk in images.chunks(IMAGES_AT_ONCE):
        pixels = torch.from_numpy(chunk.pixels(settings.resize, settings.resize)[:])[:, None]
        grey = crop(pixels).to(device).float() / 255
        logits, chunk_maps = seen(explained, grey, settings)
        scores.append(logits.sigmoid().cpu().numpy())
        maps.append(chunk_maps)
    regions = [covered(width, height, settings, reach) for width, height in images.sizes.tolist()]
    return wsbench.Prediction(np.concatenate(scores), np.concatenate(maps), regions)


def reached(explained: Explained, settings: CamSettings) -> tuple[float, float]:
    """The range of the crop that maps cover, along both axes, as shares of its side.

    Raises:
        WsbenchError: cells are to be centred, and their centres cannot be derived.
    """
    if settings.cells == "stretched" or settings.cam in BY_PIXEL:
        return 0.0, 1.0
    left, right = cells_of(explained.classifier, explained.tap, settings.crop).span()
    return left / settings.crop, right / settings.crop


def covered(width: int, height: int, settings: CamSettings, reach: tuple[float, float]) -> wsbench.Region:
    """The region of an image that maps cover, in pixels of the original image.

    Args:
        width, height: of the original image.
        settings: its crop.
        reach: as `reached` gives it.
    """
    crop = wsbench.geometry.centre_crop(width, height, resized=settings.resize, cropped=settings.crop)
    left, right = reach
    return wsbench.Region(
        crop.x0 + left * crop.width,
        crop.y0 + left * crop.height,
        crop.x0 + right * crop.width,
        crop.y0 + right * crop.height,
    )


def seen(explained: Explained, grey: Tensor, settings: CamSettings) -> tuple[Tensor, np.ndarray]:
    """Logits ``(N, C)``, and maps ``(N, C, S, S)`` float16, each from 0 to 1 at its maximum; one that is 0
    stays 0.

    Grad-CAM in closed form comes out of the pass that gives the logits; any other map takes passes of its
    own, class by class.

    Args:
        explained: the classifier.
        grey: ``(N, 1, S, S)`` in [0, 1].
        settings: the map.
    """
    with torch.no_grad():
        logits, grid = tapped(explained.classifier, explained.tap, grey)
    if settings.cam == "gradcam" and explained.head is not None:
        head = explained.head
        class_maps = [class_activation(grid, head, output) for output in range(logits.shape[1])]
    else:
        class_maps = [mapped(explained, grey, output, settings.cam) for output in range(logits.shape[1])]
    return logits.float(), np.stack([resized(class_map, settings) for class_map in class_maps], axis=1)


def mapped(explained: Explained, grey: Tensor, output: int, cam: str) -> Tensor:
    """``(N, h, w)`` >= 0: the map of that name, of one output."""
    with torch.enable_grad():
        return MAPS[cam](explained, grey.clone().requires_grad_(True), output).detach()


def resized(class_map: Tensor, settings: CamSettings) -> np.ndarray:
    """``(N, h, w)`` -> ``(N, S, S)`` float16, as `seen` has them."""
    size = (settings.crop, settings.crop)
    class_map = torch.nn.functional.interpolate(class_map.float()[:, None], size, mode="bilinear")
    return wsbench.geometry.peaked(class_map[:, 0].cpu().numpy(), settings.smoothing).astype(np.float16)
