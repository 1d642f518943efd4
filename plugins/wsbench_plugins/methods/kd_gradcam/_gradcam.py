"""Grad-CAM maps as the paper normalises them, and the boxes of its Algorithm 1."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import wsbench


def normalised_maps(cam: Tensor, size: int) -> Tensor:
    """Grad-CAM at feature resolution -> ``(N, size, size)`` in [0, 1]: bilinear to the input, then min-max
    per image (Algorithm 1, lines 1 and 2). A constant map becomes 0.

    Args:
        cam: ``(N, h, w)``, >= 0.
        size: side of the network's input.
    """
    maps = functional.interpolate(cam[:, None], (size, size), mode="bilinear", align_corners=False)[:, 0]
    lowest = maps.amin(dim=(1, 2), keepdim=True)
    span = maps.amax(dim=(1, 2), keepdim=True) - lowest
    return torch.where(span > 0, (maps - lowest) / span, 0.0)


def smallest_box_share(boxed: wsbench.BoxedView) -> float:
    """The area of the smallest box, as a share of its image's area (section 3.3); 0 without boxes."""
    shares = [
        float(wsbench.geometry.areas(np.array([box.x0, box.y0, box.x1, box.y1]))[0] / np.prod(size))
        for boxes, size in zip(boxed.boxes, boxed.sizes, strict=True)
        for box in boxes
    ]
    return min(shares, default=0.0)


def algorithm_1(
    images: wsbench.ImageView,
    prediction: wsbench.Prediction,
    boxed: wsbench.BoxedView,
    threshold: float,
) -> list[list[wsbench.ScoredBox]]:
    """The paper's boxes: threshold, outer contours, rectangles larger than the smallest annotated box."""
    rule = wsbench.geometry.BoxRule(threshold, smallest_box_share(boxed))
    return wsbench.geometry.boxes_of(prediction, images.sizes, images.classes, [rule] * len(images.classes))
