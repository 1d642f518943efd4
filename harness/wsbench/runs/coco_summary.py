"""COCO's average precision as detection challenges report it, by pycocotools alone.

It differs from the metrics of the same name where those are made for ranking: images without the class keep
their full weight, however rare the class is, and all classes can be joined to one. Nothing is ranked by it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wsbench.geometry.box_table import BoxTable
from wsbench.scoring.coco_objects import coco_object
from wsbench.scoring.table import Truth
from wsbench.utils.hashing import seed_from

if TYPE_CHECKING:
    from pycocotools.coco import COCO

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
    numbers = [0] * len(truth.names)
    for number, row in enumerate(ordered, start=1):
        numbers[row] = number
    truths = coco_object(truth.truth, numbers, truth.classes)
    results = coco_object(predicted, numbers, truth.classes)
    labels: list[int | None] = [*range(len(truth.classes))]
    for label in labels if len(labels) == 1 else [None, *labels]:
        count = sum(label is None or box["category_id"] == label + 1 for box in truths.dataset["annotations"])
        ap, ap50 = _evaluated(truths, results, label)
        name = None if label is None else truth.classes[label]
        yield Summary(selection, name, len(rows), count, ap50, ap)


def _evaluated(truths: COCO, results: COCO, label: int | None) -> tuple[float | None, float | None]:
    """Return ``ap`` and ``ap50`` of a class, or of all joined where ``label`` is None."""
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truths, results, "bbox")
        if label is None:
            evaluation.params.useCats = 0
        else:
            evaluation.params.catIds = [label + 1]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    ap, ap50 = evaluation.stats[:2].tolist()
    return (None, None) if ap < 0 else (ap, ap50)  # -1 where there is no truth box
