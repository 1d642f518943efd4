"""COCO's average precision as detection challenges report it, by pycocotools alone.

It differs from the metrics of the same name where those are made for ranking: images without the class keep
their full weight, however rare the class is, and all classes can be joined to one. Nothing is ranked by it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.coordinates import areas, xyxy_to_xywh
from wsbench.scoring.table import Truth
from wsbench.utils.hashing import seed_from

ALL, POSITIVE = "all", "positive"
"""The test images that are counted: all of them, or those that have a class. TBX11K's paper calls them ALL
and Only TB."""


@dataclass(frozen=True)
class Summary:
    """What pycocotools says of some boxes on some images.

    Attributes:
        selection: `ALL` or `POSITIVE`.
        label: the name of a class; None where all classes are joined to one.
        images: the number of images.
        truths: the number of truth boxes.
        ap50: average precision at IoU 0.5, in [0, 1]; None where there is no truth box.
        ap: its mean over IoU 0.5, 0.55 ... 0.95.
    """

    selection: str
    label: str | None
    images: int
    truths: int
    ap50: float | None
    ap: float | None


def summaries(truth: Truth, predicted: BoxTable) -> list[Summary]:
    """Summarise predicted boxes as SymFormer's paper does (Liu et al., IEEE TPAMI 2023, section 4.2).

    Args:
        truth: what is true of the test images.
        predicted: predicted boxes on the same images. Those whose truth is not known are passed over.

    Returns:
        For all images, and for those that have a class: all classes joined to one, if there are several, and
        each class.
    """
    known = predicted.where(truth.known[predicted.image, predicted.label])
    selections = {ALL: np.ones(len(truth.names), dtype=bool), POSITIVE: truth.labels.any(axis=1)}
    return [
        summary
        for name, chosen in selections.items()
        for summary in _of_images(name, np.flatnonzero(chosen), truth, known)
    ]


def _of_images(selection: str, rows: np.ndarray, truth: Truth, predicted: BoxTable) -> Iterator[Summary]:
    # pycocotools ranks equal scores in the order of images, which often tells the class: a hash orders them.
    ordered = sorted(rows.tolist(), key=lambda row: seed_from("tie", truth.names[row]))
    number = {row: position + 1 for position, row in enumerate(ordered)}
    truths = _annotations(truth.truth, number)
    results = _annotations(predicted, number)
    labels: list[int | None] = [*range(len(truth.classes))]
    for label in labels if len(labels) == 1 else [None, *labels]:
        count = sum(label in (None, box["category_id"]) for box in truths)
        ap, ap50 = _evaluated(list(number.values()), truth.classes, truths, results, label)
        name = None if label is None else truth.classes[label]
        yield Summary(selection, name, len(rows), count, ap50, ap)


def _annotations(boxes: BoxTable, number: dict[int, int]) -> list[dict[str, Any]]:
    columns = (boxes.image.tolist(), boxes.label.tolist(), boxes.xyxy.tolist(), areas(boxes.xyxy).tolist())
    return [
        {
            "id": position,
            "image_id": number[image],
            "category_id": label,
            "bbox": list(xyxy_to_xywh(tuple(corners))),
            "area": area,
            "iscrowd": 0,
            "score": score,
        }
        for position, (image, label, corners, area, score) in enumerate(
            zip(*columns, boxes.score.tolist(), strict=True), start=1
        )
        if image in number
    ]


def _evaluated(
    images: list[int], classes: tuple[str, ...], truths: list[Any], results: list[Any], label: int | None
) -> tuple[float | None, float | None]:
    """Return ``ap`` and ``ap50`` of a class, or of all joined where ``label`` is None."""
    from pycocotools.cocoeval import COCOeval

    evaluation = COCOeval(_coco(images, classes, truths), _coco(images, classes, results), "bbox")
    if label is None:
        evaluation.params.useCats = 0
    else:
        evaluation.params.catIds = [label]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    ap, ap50 = evaluation.stats[:2].tolist()
    return (None, None) if ap < 0 else (ap, ap50)  # -1 where there is no truth box


def _coco(images: list[int], classes: tuple[str, ...], annotations: list[Any]) -> Any:
    from pycocotools.coco import COCO

    coco = COCO()
    coco.dataset = {
        "images": [{"id": number} for number in images],
        "categories": [{"id": label, "name": name} for label, name in enumerate(classes)],
        "annotations": [dict(annotation) for annotation in annotations],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco
