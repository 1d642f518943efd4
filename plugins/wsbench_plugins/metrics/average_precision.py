"""COCO average precision of boxes, through pycocotools: the measures that charge for extra boxes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import wsbench

if TYPE_CHECKING:
    import numpy as np


def ap25(scored: wsbench.Scored) -> wsbench.MetricValue:
    """Average precision at IoU 0.25; its mean over the classes with a truth box ranks leaderboards."""
    return average_precision(scored, [0.25])


def ap50(scored: wsbench.Scored) -> wsbench.MetricValue:
    """Average precision at IoU 0.5, TBX11K's official measure."""
    return average_precision(scored, [0.5])


def ap(scored: wsbench.Scored) -> wsbench.MetricValue:
    """Average precision averaged over IoU 0.5, 0.55 ... 0.95 (COCO's AP)."""
    return average_precision(scored, [0.5 + 0.05 * step for step in range(10)])


def average_precision(scored: wsbench.Scored, ious: Sequence[float]) -> wsbench.MetricValue:
    """COCO's interpolated average precision (101 recall points, at most 100 boxes an image and class).

    COCO ranks boxes of equal score in the order of their images. Names often tell the class
    (``health/`` sorts before ``tb/``), so images are ordered by a hash of their name.

    Args:
        scored: what was predicted and what is true.
        ious: the thresholds to average over; a match needs at least that overlap.
    """
    import numpy as np

    precision = _precision(scored, np.array(ious))

    def of_class(label: int) -> float | None:
        values = precision[:, :, label]
        return None if (values < 0).any() else float(values.mean())

    return scored.per_class(of_class)


def _precision(scored: wsbench.Scored, ious: np.ndarray) -> np.ndarray:
    """``(thresholds, 101, C)`` precision at recall; -1 for a class without a truth box."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = _truth(scored)
        truth.createIndex()
        evaluation = COCOeval(truth, _results(truth, scored), "bbox")
        evaluation.params.iouThrs = ious
        evaluation.params.areaRng = [[0, 1e10]]
        evaluation.params.areaRngLbl = ["all"]
        evaluation.params.maxDets = [100]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][:, :, :, 0, 0]


def _truth(scored: wsbench.Scored) -> dict[str, Any]:
    order = sorted(scored.names, key=lambda name: (wsbench.seed_from("tie", name), name))
    images = [{"id": position + 1, "name": name} for position, name in enumerate(order)]
    categories = [{"id": label + 1, "name": name} for label, name in enumerate(scored.classes)]
    annotations = [
        {**annotation, "id": number + 1, "iscrowd": 0, "area": annotation["bbox"][2] * annotation["bbox"][3]}
        for number, annotation in enumerate(_annotations(scored, scored.truth, images))
    ]
    return {"images": images, "categories": categories, "annotations": annotations}


def _results(truth: Any, scored: wsbench.Scored) -> Any:
    from pycocotools.coco import COCO

    results = _annotations(scored, scored.predicted, truth.dataset["images"])
    if results:
        return truth.loadRes(results)
    empty = COCO()
    empty.dataset = {**truth.dataset, "annotations": []}
    empty.createIndex()
    return empty


def _annotations(
    scored: wsbench.Scored, boxes: wsbench.BoxTable, images: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    number = {image["name"]: image["id"] for image in images}
    return [
        {
            "image_id": number[scored.names[image]],
            "category_id": int(label) + 1,
            "bbox": list(wsbench.xyxy_to_xywh(tuple(box))),
            "score": float(score),
        }
        for image, label, box, score in zip(
            boxes.image.tolist(), boxes.label, boxes.xyxy.tolist(), boxes.score, strict=True
        )
    ]


@wsbench.hookimpl
def wsbench_metrics() -> list[wsbench.MetricSpec]:
    return [
        wsbench.MetricSpec("ap25", "COCO average precision at IoU 0.25; ranks", ap25),
        wsbench.MetricSpec("ap50", "COCO average precision at IoU 0.5 (TBX11K's own)", ap50),
        wsbench.MetricSpec("ap", "COCO average precision over IoU 0.5 ... 0.95", ap),
    ]
