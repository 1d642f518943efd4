"""All coordinate arithmetic of wsbench: between cells of an array and pixels of the original image.

Boxes are half-open floats ``x0, y0, x1, y1``. An array with ``w`` columns covers a region of the image, and
its cell ``c`` spans ``[region.x0 + c * region.width / w, region.x0 + (c + 1) * region.width / w)``. Every
module uses this definition, so no half-pixel shift is needed.
"""

from __future__ import annotations

import numpy as np

from wsbench.types import Region


def full_image(width: float, height: float) -> Region:
    """Return the region of an input that was resized without cropping: the full image.

    Args:
        width, height: of the original image, in pixels.
    """
    return Region(0.0, 0.0, float(width), float(height))


def centre_crop(width: float, height: float, *, resized: int, cropped: int) -> Region:
    """Return the region that is left after an image is resized to a square and its centre is cropped.

    Args:
        width, height: of the original image, in pixels.
        resized: side of the square, in pixels of the resized image.
        cropped: side of the central crop, in pixels of the resized image.
    """
    # Torchvision's CenterCrop rounds the margin to a pixel of the resized image.
    margin = round((resized - cropped) / 2) / resized
    share = cropped / resized
    return Region(margin * width, margin * height, (margin + share) * width, (margin + share) * height)


def letterbox(width: float, height: float) -> Region:
    """Return the region of an image that was padded to a square, with the image in its centre.

    The region sticks out of the image on the two sides that were padded.

    Args:
        width, height: of the original image, in pixels.
    """
    side = max(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return Region(left, top, left + side, top + side)


def cells_to_pixels(boxes: np.ndarray, region: Region | np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Convert boxes from cells of an array to pixels of the original image.

    Args:
        boxes: ``(n, 4)`` corners in cells.
        region: the region that the array covers, or ``(n, 4)`` corners of one region for each box.
        shape: rows and columns of the array.

    Returns:
        ``(n, 4)`` float64 corners in pixels.
    """
    rows, columns = shape
    corners = region.corners if isinstance(region, Region) else region
    x0, y0, x1, y1 = np.moveaxis(np.asarray(corners, dtype=np.float64), -1, 0)
    width, height = (x1 - x0) / columns, (y1 - y0) / rows
    scale, start = np.stack([width, height] * 2, axis=-1), np.stack([x0, y0] * 2, axis=-1)
    pixels: np.ndarray = np.asarray(boxes, dtype=np.float64).reshape(-1, 4) * scale + start
    return pixels


def clip(boxes: np.ndarray, width: float | np.ndarray, height: float | np.ndarray) -> np.ndarray:
    """Cut boxes to their image. A box that lies outside of it comes back with no area.

    Args:
        boxes: ``(n, 4)`` corners in pixels.
        width, height: of the image, in pixels, or ``(n,)`` of the image of each box.

    Returns:
        ``(n, 4)`` float64 corners.
    """
    largest = np.stack([width, height] * 2, axis=-1)
    return np.clip(np.asarray(boxes, dtype=np.float64).reshape(-1, 4), 0.0, largest)


def over_whole_image(
    heatmap: np.ndarray, region: Region, size: tuple[int, int], side: int, *, bilinear: bool = False
) -> np.ndarray:
    """Resize a map that covers a region to a square array that covers the whole image.

    Args:
        heatmap: ``(h, w)`` floats.
        region: the rectangle of the original image that the map covers. Its edges are rounded to cells of
            the result.
        size: width and height of the original image, in pixels.
        side: rows and columns of the result.
        bilinear: resize bilinearly; otherwise bicubically, which may leave the range of the map's values.

    Returns:
        ``(side, side)`` float32; 0 outside the region.
    """
    scale = np.array([side / size[0], side / size[1]] * 2)
    corners = np.array([region.x0, region.y0, region.x1, region.y1]) * scale
    return _on_canvas(heatmap, corners, (side, side), bilinear=bilinear)


def over_original(heatmap: np.ndarray, region: Region, size: tuple[int, int]) -> np.ndarray:
    """Resize a map that covers a region bilinearly to the pixels of the original image.

    Args:
        heatmap: ``(h, w)`` floats.
        region: the rectangle of the original image that the map covers. Its edges are rounded to pixels.
        size: width and height of the original image, in pixels.

    Returns:
        ``(height, width)`` float32; 0 outside the region.
    """
    return _on_canvas(heatmap, np.array(region.corners), size, bilinear=True)


def _on_canvas(
    heatmap: np.ndarray, corners: np.ndarray, size: tuple[int, int], *, bilinear: bool
) -> np.ndarray:
    """Resize a map to a rectangle of a canvas of ``size`` width and height; 0 outside the rectangle."""
    import cv2

    width, height = size
    x0, y0, x1, y1 = np.rint(corners).astype(int)
    canvas = np.zeros((height, width), dtype=np.float32)
    if x1 <= x0 or y1 <= y0:  # the region covers less than half a cell of the result
        return canvas
    values = np.asarray(heatmap, dtype=np.float32)
    resized = cv2.resize(
        values, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR if bilinear else cv2.INTER_CUBIC
    )
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    canvas[top:bottom, left:right] = resized[top - y0 : bottom - y0, left - x0 : right - x0]
    return canvas


def areas(boxes: np.ndarray) -> np.ndarray:
    """Compute the areas of boxes.

    Args:
        boxes: ``(n, 4)`` corners ``x0, y0, x1, y1`` in pixels.

    Returns:
        ``(n,)`` float64 areas in square pixels; 0 where a side is not positive.
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    products: np.ndarray = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0), axis=1)
    return products


def xywh_to_xyxy(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Convert a box from COCO's ``x, y, width, height`` to corners ``x0, y0, x1, y1``, in the same unit."""
    x, y, width, height = box
    return x, y, x + width, y + height


def xyxy_to_xywh(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Convert a box from corners ``x0, y0, x1, y1`` to COCO's ``x, y, width, height``, in the same unit."""
    x0, y0, x1, y1 = box
    return x0, y0, x1 - x0, y1 - y0
