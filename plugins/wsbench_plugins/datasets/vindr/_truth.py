"""One truth of what several readers say of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

import wsbench

from ._tables import Said


def agreed(
    by_reader: Mapping[str, Said], classes: Sequence[str], *, agree: int, iou: float
) -> tuple[tuple[str, ...], tuple[wsbench.Box, ...]]:
    """The classes that enough readers found, and the mean boxes of the findings that enough readers boxed.

    Args:
        by_reader: what each reader says of the image.
        classes: the classes of the dataset.
        agree: the number of readers that is enough. Where fewer have read the image, all of them are.
        iou: the IoU from which boxes of two readers are of one finding.

    Returns:
        Labels and boxes. A class may have no box: enough readers found it, each at another place.
    """
    enough = min(agree, len(by_reader))
    labels = [name for name in classes if sum(name in said.labels for said in by_reader.values()) >= enough]
    boxes: list[wsbench.Box] = []
    for label in labels:
        corners = [corners_of(said.boxes, label) for said in by_reader.values()]
        fused = wsbench.geometry.consensus_boxes(corners, agree=enough, iou=iou)
        boxes += [wsbench.Box(label, x0, y0, x1, y1) for x0, y0, x1, y1 in fused.tolist()]
    return tuple(labels), tuple(boxes)


def corners_of(boxes: Sequence[wsbench.Box], label: str) -> np.ndarray:
    """``(n, 4)`` corners of the boxes of a class."""
    corners = [(box.x0, box.y0, box.x1, box.y1) for box in boxes if box.label == label]
    return np.array(corners, dtype=np.float64).reshape(-1, 4)
