"""Grad-CAM maps as the paper normalises them, and the boxes of its Algorithm 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import wsbench

if TYPE_CHECKING:
    from ._settings import TeacherSettings

Interpolation = Literal["bilinear", "nearest"]
Area = Literal["rectangle", "contour"]
Minimum = Literal["smallest", "none", "percentile"]


def normalised_maps(cam: Tensor, size: int, interpolation: Interpolation = "bilinear") -> Tensor:
    """Grad-CAM at feature resolution -> ``(N, size, size)`` in [0, 1]: enlarged to the input, then min-max
    per image (Algorithm 1, lines 1 and 2). A constant map becomes 0.

    Args:
        cam: ``(N, h, w)``.
        size: side of the network's input.
        interpolation: how maps are enlarged.
    """
    if interpolation == "nearest":
        maps = functional.interpolate(cam[:, None], (size, size), mode="nearest")[:, 0]
    else:
        maps = functional.interpolate(cam[:, None], (size, size), mode="bilinear", align_corners=False)[:, 0]
    lowest = maps.amin(dim=(1, 2), keepdim=True)
    span = maps.amax(dim=(1, 2), keepdim=True) - lowest
    return torch.where(span > 0, (maps - lowest) / span, 0.0)


def reach_of_cells(stages: int, side: int) -> tuple[float, float]:
    """The left and the right end of a row of cells, each drawn where it looks, as shares of the crop.

    Every strided layer of a ResNet is centred on every second pixel from the first one on (Araujo, Norris,
    Sim: Computing Receptive Fields of Convolutional Neural Networks). So the first cell's centre is that of
    the first pixel, 0.5, and the step is 4 pixels in the first residual stage, and twice that in each
    further one.

    Args:
        stages: residual stages of the network.
        side: side of the crop, in pixels.
    """
    step = 2 ** (stages + 1)
    count = -(-side // step)
    left = 0.5 - step / 2
    return left / side, (left + step * count) / side


def region(
    size: Sequence[int], settings: TeacherSettings, cells: Literal["stretched", "centred"]
) -> wsbench.Region:
    """The region of an image that its map covers, in pixels of the original image.

    Args:
        size: width and height of the original image.
        settings: resize, crop and stages.
        cells: where the cells of the map lie.
    """
    crop = wsbench.geometry.centre_crop(*size, resized=settings.resize, cropped=settings.crop)
    if cells == "stretched":
        return crop
    left, right = reach_of_cells(settings.stages, settings.crop)
    return wsbench.Region(
        crop.x0 + left * crop.width,
        crop.y0 + left * crop.height,
        crop.x0 + right * crop.width,
        crop.y0 + right * crop.height,
    )


def box_shares(boxed: wsbench.BoxedView) -> list[float]:
    """The areas of all boxes, as shares of their images' areas."""
    return [
        float(wsbench.geometry.areas(np.array([box.x0, box.y0, box.x1, box.y1]))[0] / np.prod(size))
        for boxes, size in zip(boxed.boxes, boxed.sizes, strict=True)
        for box in boxes
    ]


def smallest_box_share(boxed: wsbench.BoxedView) -> float:
    """The area of the smallest box, as a share of its image's area (section 3.3); 0 without boxes."""
    return min(box_shares(boxed), default=0.0)


def minimum_share(boxed: wsbench.BoxedView, minimum: Minimum, percentile: float) -> float:
    """The minimum area of Algorithm 1, as a share of an image's area; 0 without boxes.

    Args:
        boxed: annotated images.
        minimum: the area of the smallest box, 0, or a percentile of the areas of boxes.
        percentile: from 0 to 100, interpolated linearly between areas.
    """
    shares = box_shares(boxed)
    if minimum == "none" or not shares:
        return 0.0
    return min(shares) if minimum == "smallest" else float(np.percentile(shares, percentile))


def contours(levels: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """The outer contours of ``levels >= 255 * threshold`` (Algorithm 1, lines 3 and 4).

    Args:
        levels: ``(h, w)`` uint8, a map from 0 to 255.
        threshold: in (0, 1].

    Returns:
        ``(n, 4)`` bounding rectangles in cells, half-open, and ``(n,)`` areas within the contours in cells,
        as ``cv2.contourArea`` measures them: through the centres of the outermost cells, so that a single
        cell has an area of 0.
    """
    lowest = max(1, int(np.ceil(255 * threshold - 1e-9)))
    # As wsbench.geometry.component_boxes: a component in another one's hole counts, too.
    found, hierarchy = cv2.findContours(
        (levels >= lowest).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
    )
    if not found:
        return np.zeros((0, 4)), np.zeros(0)
    outer = [found[index] for index in np.flatnonzero(hierarchy.reshape(-1, 4)[:, 3] < 0).tolist()]
    left, top, width, height = np.array([cv2.boundingRect(contour) for contour in outer]).T
    corners = np.stack([left, top, left + width, top + height], axis=1).astype(np.float64)
    return corners, np.array([cv2.contourArea(contour) for contour in outer], dtype=np.float64)


def quantised(maps: np.ndarray) -> np.ndarray:
    """Maps in [0, 1], in half precision as they are stored -> levels from 0 to 255."""
    return (np.asarray(maps, dtype=np.float16).astype(np.float32) * 255 + 0.5).astype(np.uint8)


@dataclass(frozen=True)
class Candidates:
    """The contours of one map, before a minimum area is asked of them.

    Attributes:
        cells: ``(n, 4)`` rectangles in cells.
        pixels: ``(n, 4)`` the same in pixels of the original image, clipped to it.
        areas: by kind of area, ``(n,)`` areas as shares of the image's area.
    """

    cells: np.ndarray
    pixels: np.ndarray
    areas: Mapping[str, np.ndarray]

    def larger_than(self, minimum: float, area: Area) -> np.ndarray:
        """``(n,)`` bool, which are larger than a share of the image (Algorithm 1, lines 5 to 11)."""
        kept: np.ndarray = (self.areas[area] > minimum) & (self.areas["rectangle"] > 0)
        return kept


def candidates(
    found: tuple[np.ndarray, np.ndarray], shape: Sequence[int], where: wsbench.Region, size: Sequence[int]
) -> Candidates:
    """Contours in cells -> the rectangles and areas that Algorithm 1 compares.

    Args:
        found: as `contours` gives them.
        shape: rows and columns of the map.
        where: region of the image that the map covers.
        size: width and height of the image.
    """
    cells, areas = found
    pixels, of_image = in_image(cells, where, shape, size), size[0] * size[1]
    of_rectangle = (pixels[:, 2] - pixels[:, 0]) * (pixels[:, 3] - pixels[:, 1])
    of_contour = areas * (where.width / shape[1]) * (where.height / shape[0])
    return Candidates(cells, pixels, {"rectangle": of_rectangle / of_image, "contour": of_contour / of_image})


def algorithm_1(
    images: wsbench.ImageView,
    prediction: wsbench.Prediction,
    threshold: float,
    minimum: float,
    area: Area = "rectangle",
) -> list[list[wsbench.ScoredBox]]:
    """The paper's boxes: threshold, outer contours, rectangles of contours larger than a minimum.

    Args:
        images: the N images.
        prediction: of these images, with heatmaps of one class.
        threshold: of the normalised map.
        minimum: smallest area, as a share of the image's area.
        area: whether the area of the rectangle or that within the contour counts.
    """
    if area == "rectangle":
        rules = [wsbench.geometry.BoxRule(threshold, minimum)] * len(images.classes)
        return wsbench.geometry.boxes_of(prediction, images.sizes, images.classes, rules)
    assert prediction.heatmaps is not None and prediction.regions is not None
    result = []
    for heatmap, where, size, (score,) in zip(
        prediction.heatmaps[:, 0], prediction.regions, images.sizes.tolist(), prediction.scores, strict=True
    ):
        levels = quantised(heatmap)
        outlined = candidates(contours(levels, threshold), levels.shape, where, size)
        kept = outlined.larger_than(minimum, area)
        cells, pixels = outlined.cells[kept].astype(int), outlined.pixels[kept]
        peaks = [float(heatmap[y0:y1, x0:x1].max()) for x0, y0, x1, y1 in cells.tolist()]
        result.append(
            [
                wsbench.ScoredBox(images.classes[0], x0, y0, x1, y1, float(score) * peak)
                for (x0, y0, x1, y1), peak in zip(pixels.tolist(), peaks, strict=True)
            ]
        )
    return result


def in_image(
    cells: np.ndarray, where: wsbench.Region, shape: Sequence[int], size: Sequence[int]
) -> np.ndarray:
    """Boxes in cells -> boxes in pixels of the original image, clipped to it.

    Args:
        cells: ``(n, 4)`` corners in cells.
        where: region of the image that the map covers.
        shape: rows and columns of the map.
        size: width and height of the image.
    """
    step = np.array([where.width / shape[1], where.height / shape[0]] * 2)
    pixels = cells * step + np.array([where.x0, where.y0] * 2)
    clipped: np.ndarray = np.clip(pixels, 0, np.array(list(size) * 2))
    return clipped
