"""The only coordinate arithmetic of wsbench: between an array's cells and the original image's pixels.

Boxes are half-open floats ``x0, y0, x1, y1``. Cell ``c`` of an array with ``w`` columns that covers a
region spans ``[region.x0 + c * region.width / w, region.x0 + (c + 1) * region.width / w)``: there are
no half-pixel shifts to guess.
"""

from __future__ import annotations

import numpy as np

from wsbench.types import Region


def full_image(width: float, height: float) -> Region:
    """The region of an input that was resized without cropping."""
    return Region(0.0, 0.0, float(width), float(height))


def centre_crop(width: float, height: float, *, resized: int, cropped: int) -> Region:
    """The region seen after resizing to a square of side ``resized`` and cropping the central ``cropped``."""
    margin = round((resized - cropped) / 2) / resized
    share = cropped / resized
    return Region(margin * width, margin * height, (margin + share) * width, (margin + share) * height)


def letterbox(width: float, height: float) -> Region:
    """The square region of an image that was padded, centred, to its longer side."""
    side = max(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return Region(left, top, left + side, top + side)


def cells_to_pixels(boxes: np.ndarray, region: Region | np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Boxes in cells of an array -> the same boxes in pixels of the original image.

    Args:
        boxes: ``(n, 4)``.
        region: that the array covers, or ``(n, 4)`` corners of those that the boxes' arrays cover.
        shape: rows and columns of the array.
    """
    rows, columns = shape
    corners = region.corners if isinstance(region, Region) else region
    x0, y0, x1, y1 = np.moveaxis(np.asarray(corners, dtype=np.float64), -1, 0)
    width, height = (x1 - x0) / columns, (y1 - y0) / rows
    scale, start = np.stack([width, height] * 2, axis=-1), np.stack([x0, y0] * 2, axis=-1)
    pixels: np.ndarray = np.asarray(boxes, dtype=np.float64).reshape(-1, 4) * scale + start
    return pixels


def clip(boxes: np.ndarray, width: float | np.ndarray, height: float | np.ndarray) -> np.ndarray:
    """Boxes cut to their image; one that lies outside comes back with no area.

    Args:
        boxes: ``(n, 4)``.
        width, height: of the image, or ``(n,)`` of the image of each box.
    """
    largest = np.stack([width, height] * 2, axis=-1)
    return np.clip(np.asarray(boxes, dtype=np.float64).reshape(-1, 4), 0.0, largest)


def over_whole_image(
    heatmap: np.ndarray, region: Region, size: tuple[int, int], side: int, *, bilinear: bool = False
) -> np.ndarray:
    """A map that covers ``region`` -> ``(side, side)`` over the whole image; 0 outside of it.

    Args:
        heatmap: ``(h, w)`` floats.
        region: the rectangle of the original image it covers; its edges go to the nearest pixel.
        size: width and height of the original image, in pixels.
        side: of the result.
        bilinear: how it is resized; else bicubic.
    """
    import cv2

    scale = np.array([side / size[0], side / size[1]] * 2)
    x0, y0, x1, y1 = np.rint(np.array([region.x0, region.y0, region.x1, region.y1]) * scale).astype(int)
    whole = np.zeros((side, side), dtype=np.float32)
    if x1 <= x0 or y1 <= y0:  # it covers less than half a cell of the result
        return whole
    values = np.asarray(heatmap, dtype=np.float32)
    resized = cv2.resize(
        values, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR if bilinear else cv2.INTER_CUBIC
    )
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, side), min(y1, side)
    whole[top:bottom, left:right] = resized[top - y0 : bottom - y0, left - x0 : right - x0]
    return whole


def areas(boxes: np.ndarray) -> np.ndarray:
    """Areas ``(n,)`` of boxes ``(n, 4)``; 0 where a side is not positive."""
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    products: np.ndarray = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0), axis=1)
    return products


def xywh_to_xyxy(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """COCO's ``x, y, width, height`` -> ``x0, y0, x1, y1``."""
    x, y, width, height = box
    return x, y, x + width, y + height


def xyxy_to_xywh(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """``x0, y0, x1, y1`` -> COCO's ``x, y, width, height``."""
    x0, y0, x1, y1 = box
    return x0, y0, x1 - x0, y1 - y0
