"""Logits of a classifier, and a map of each of its outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from wsbench.geometry.heatmaps import peaked
from wsbench.settings import MapSettings
from wsbench.torch.maps.cells import cells_of
from wsbench.torch.maps.kinds import BY_PIXEL, MAPS, Explained, class_activation, linear_head, tapped
from wsbench.torch.maps.layers import Tap, find_layer


def explain(classifier: nn.Module, settings: MapSettings, side: int) -> Explained:
    """Tap a classifier at the layer that the settings name.

    Args:
        classifier: the network in evaluation mode. It takes ``(N, 1, side, side)`` floats in [0, 1] and
            returns ``(N, K)`` logits.
        settings: the layer, and the steps of integrated gradients.
        side: the side of its input, in pixels.

    Raises:
        WsbenchError: it has no such layer.
    """
    device = next(classifier.parameters()).device
    grey = torch.full((1, 1, side, side), 0.5, device=device)
    tap = Tap(*find_layer(classifier, grey, settings.layer))
    head = linear_head(classifier, tap, side)
    return Explained(classifier, tap, head, settings.steps)


def map_reach(explained: Explained, settings: MapSettings, side: int) -> tuple[float, float]:
    """Compute the range of the input that maps cover, along both axes, in shares of its side.

    Args:
        explained: the classifier.
        settings: the kind of map, and where its cells lie.
        side: the side of the input, in pixels.

    Raises:
        WsbenchError: cells are to be centred, and their centres cannot be derived.
    """
    if settings.cells == "stretched" or settings.cam in BY_PIXEL:
        return 0.0, 1.0
    left, right = cells_of(explained.classifier, explained.tap, side).span()
    return left / side, right / side


def logits_and_maps(
    explained: Explained, grey: Tensor, settings: MapSettings, outputs: Sequence[int] | None = None
) -> tuple[Tensor, np.ndarray]:
    """Compute logits and a map of each output.

    Grad-CAM in closed form takes the forward pass alone that gives the logits. Any other map takes passes of
    its own, output by output.

    Args:
        explained: the classifier.
        grey: images, ``(N, 1, S, S)`` floats in [0, 1].
        settings: the kind of map, and its smoothing.
        outputs: the C outputs that are mapped; None maps all K.

    Returns:
        ``(N, K)`` logits, and ``(N, C, S, S)`` float16 maps. The maximum of a map is 1, unless it is 0
        everywhere.
    """
    with torch.no_grad():
        logits, grid = tapped(explained.classifier, explained.tap, grey)
    wanted = range(logits.shape[1]) if outputs is None else outputs
    if settings.cam == "gradcam" and explained.head is not None:
        head = explained.head
        class_maps = [class_activation(grid, head, output) for output in wanted]
    else:
        class_maps = [_mapped(explained, grey, output, settings.cam) for output in wanted]
    side = grey.shape[-1]
    return logits.float(), np.stack([_resized(each, side, settings.smoothing) for each in class_maps], axis=1)


def _mapped(explained: Explained, grey: Tensor, output: int, cam: str) -> Tensor:
    """Compute the map of a name of one output, ``(N, h, w)`` >= 0."""
    with torch.enable_grad():
        return MAPS[cam](explained, grey.clone().requires_grad_(True), output).detach()


def _resized(class_map: Tensor, side: int, smoothing: float) -> np.ndarray:
    """``(N, h, w)`` -> ``(N, side, side)`` float16, as `logits_and_maps` gives them."""
    resized = torch.nn.functional.interpolate(class_map.float()[:, None], (side, side), mode="bilinear")
    return peaked(resized[:, 0].cpu().numpy(), smoothing).astype(np.float16)
