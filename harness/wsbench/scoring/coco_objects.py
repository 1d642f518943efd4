"""Boxes of many images as an object of pycocotools, the reference implementation of COCO's measures."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.coordinates import areas, xyxy_to_xywh

if TYPE_CHECKING:
    from pycocotools.coco import COCO


def coco_object(boxes: BoxTable, numbers: Sequence[int], classes: Sequence[str]) -> COCO:
    """Make an object of pycocotools, for truth boxes or for predicted ones. It prints nothing.

    Args:
        boxes: the boxes. Their order stays, and boxes of images without a number are left out.
        numbers: the number of every image, from 1 on; 0 for an image that is left out. pycocotools ranks
            boxes of equal scores in the order of these numbers.
        classes: the names of the classes. Class k is category k + 1.
    """
    from pycocotools.coco import COCO

    columns = (boxes.image.tolist(), boxes.label.tolist(), boxes.xyxy.tolist(), areas(boxes.xyxy).tolist())
    annotations = [
        {
            "id": identifier,
            "image_id": numbers[image],
            "category_id": label + 1,
            "bbox": list(xyxy_to_xywh(tuple(corners))),
            "area": area,
            "iscrowd": 0,
            "score": score,
        }
        for identifier, (image, label, corners, area, score) in enumerate(
            zip(*columns, boxes.score.tolist(), strict=True), start=1
        )
        if numbers[image]
    ]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": number} for number in sorted(filter(None, numbers))],
        "categories": [{"id": label + 1, "name": name} for label, name in enumerate(classes)],
        "annotations": annotations,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco
