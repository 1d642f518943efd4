"""COCO's matching of predicted boxes to truth boxes, through pycocotools.

pycocotools decides which box matches which. The counts for all resamples are made here. COCO ranks boxes of
equal score in the order of their images. Names of images often tell the class (``health/`` sorts before
``tb/``), so images are ordered by a hash of their name.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import wsbench

IOUS = (0.25, 0.4, 0.45, *(0.5 + 0.05 * step for step in range(10)))
"""The IoU thresholds. A match has at least this IoU."""

MOST_BOXES = 100
"""Most boxes of an image and class. COCO drops the others, lowest scores first."""

MOST_CONDITIONAL = max(wsbench.metrics.FIXED_COUNTS)
"""Most boxes of an image and class in `conditional`: the largest number of image-blind boxes that they are
compared with. Otherwise many boxes of low scores would be an advantage, since average precision does not
charge for them."""


@dataclass(frozen=True)
class Ranked:
    """The D predicted boxes of one class, best first.

    Attributes:
        image: ``(D,)`` row of the image.
        score: ``(D,)``.
        hit: ``(len(IOUS), D)`` bool: the box hits a truth box that no better box of its image has hit.
    """

    image: np.ndarray
    score: np.ndarray
    hit: np.ndarray

    def where(self, keep: np.ndarray) -> Ranked:
        """The boxes at which ``(D,)`` bool is true."""
        return Ranked(self.image[keep], self.score[keep], self.hit[:, keep])

    def at(self, iou: float) -> np.ndarray:
        """``(D,)`` bool: `hit` at one of `IOUS`."""
        hit: np.ndarray = self.hit[np.flatnonzero(np.isclose(IOUS, iou))[0]]
        return hit


def ranked(scored: wsbench.metrics.Scored) -> list[Ranked]:
    """The predicted boxes of every class over all images, best first."""
    return [_best_first(boxes, boxes.score) for boxes in scored.memoised(matched)]


def conditional(scored: wsbench.metrics.Scored) -> list[Ranked]:
    """The predicted boxes of every class on the images that have a truth box of it, best first.

    A box's score is its place among the boxes of its image and class: 0 for the best, 1 less for each box
    that is better. So nothing that depends on the image alone (the class score) has a part in it, whether it
    multiplies the boxes of an image or draws their scores together. Boxes beyond the first
    `MOST_CONDITIONAL` of an image are left out.
    """
    result = []
    for label, boxes in enumerate(scored.memoised(matched)):
        boxed = np.zeros(len(scored.names), dtype=bool)
        boxed[scored.truth.image[scored.truth.label == label]] = True
        on_boxed_images = boxes.where(boxed[boxes.image] & (_positions(boxes.image) < MOST_CONDITIONAL))
        result.append(_best_first(on_boxed_images, -places(on_boxed_images)))
    return result


def places(boxes: Ranked) -> np.ndarray:
    """``(D,)`` how many boxes of its image are better than each; equal ones, as far as single precision can
    tell, share a place."""
    shares = wsbench.geometry.relative_scores(boxes.image, boxes.score)
    first = (np.diff(boxes.image, prepend=-1) != 0) | (np.diff(shares, prepend=np.inf) != 0)
    starts = np.flatnonzero(first)
    return _positions(boxes.image)[starts].repeat(np.diff(starts, append=len(shares))).astype(np.float64)


def matched(scored: wsbench.metrics.Scored) -> list[Ranked]:
    """The predicted boxes of every class, in the order of a hash of their images' names, and within an image
    best first."""
    order = by_hash(scored.names)
    position_of = {name: position for position, name in enumerate(order)}
    places = np.array([position_of[name] for name in scored.names])
    has_truth = scored.per_image(scored.truth) > 0
    # Without a truth box nothing can match, but pycocotools would spend most of its time there.
    tried = has_truth[scored.predicted.image, scored.predicted.label]
    result = []
    for label, hits in enumerate(_matched_by_coco(scored, scored.predicted.where(tried), order)):
        misses = _best_of_images(scored.predicted.where(~tried & (scored.predicted.label == label)))
        both = Ranked(
            np.concatenate([hits.image, misses.image]),
            np.concatenate([hits.score, misses.score]),
            np.concatenate([hits.hit, misses.hit], axis=1),
        )
        by_place = np.argsort(places[both.image], kind="stable")
        result.append(Ranked(both.image[by_place], both.score[by_place], both.hit[:, by_place]))
    return result


def by_hash(names: Sequence[str]) -> list[str]:
    """Names in the order of a hash of them."""
    return sorted(names, key=lambda name: (wsbench.seed_from("tie", name), name))


def _matched_by_coco(
    scored: wsbench.metrics.Scored, boxes: wsbench.metrics.BoxTable, order: list[str]
) -> list[Ranked]:
    """Some boxes of every class, those of an image together and best first."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = _truth(scored, order)
        truth.createIndex()
        results = _results(truth, scored, boxes)
        evaluation = COCOeval(truth, results, "bbox")
        evaluation.params.iouThrs = np.array(IOUS)
        evaluation.params.areaRng = [[0, 1e10]]
        evaluation.params.areaRngLbl = ["all"]
        evaluation.params.maxDets = [MOST_BOXES]
        # Images and classes without a predicted box have nothing to rank; pycocotools would visit them all.
        evaluation.params.imgIds = sorted({row["image_id"] for row in results.dataset["annotations"]})
        evaluation.params.catIds = sorted({row["category_id"] for row in results.dataset["annotations"]})
        evaluation.evaluate()
    row = {name: position for position, name in enumerate(scored.names)}
    rows = {image["id"]: row[image["name"]] for image in truth.dataset["images"]}
    of_class: dict[int, list[dict[str, Any]]] = {label + 1: [] for label in range(len(scored.classes))}
    for evaluated in evaluation.evalImgs:
        if evaluated is not None and evaluated["dtScores"]:
            of_class[evaluated["category_id"]].append(evaluated)
    return [_joined(images, rows) for images in of_class.values()]


def _best_of_images(boxes: wsbench.metrics.BoxTable) -> Ranked:
    """The first `MOST_BOXES` of every image, best first, none of which hits; of equally good ones those that
    stand first, as in COCO."""
    order = np.lexsort((-boxes.score, boxes.image))
    image = boxes.image[order]
    keep = order[_positions(image) < MOST_BOXES]
    return Ranked(boxes.image[keep], boxes.score[keep], np.zeros((len(IOUS), len(keep)), dtype=bool))


def _positions(image: np.ndarray) -> np.ndarray:
    """``(D,)`` how many boxes of its image stand before each; those of an image stand together."""
    starts = np.flatnonzero(np.diff(image, prepend=-1))
    return np.arange(len(image)) - np.repeat(starts, np.diff(starts, append=len(image)))


def _joined(images: list[dict[str, Any]], rows: dict[int, int]) -> Ranked:
    counts = [len(image["dtScores"]) for image in images]
    row = np.repeat(np.array([rows[image["image_id"]] for image in images], dtype=np.intp), counts)
    score = np.array([score for image in images for score in image["dtScores"]], dtype=np.float64)
    empty = np.zeros((len(IOUS), 0), dtype=bool)
    return Ranked(row, score, np.concatenate([empty, *(image["dtMatches"] > 0 for image in images)], axis=1))


def _best_first(boxes: Ranked, score: np.ndarray) -> Ranked:
    """The boxes sorted by a score; equal ones stay in the order of their images' hashes."""
    order = np.argsort(-score, kind="stable")
    return Ranked(boxes.image[order], score[order], boxes.hit[:, order])


def _truth(scored: wsbench.metrics.Scored, order: list[str]) -> dict[str, Any]:
    images = [{"id": position + 1, "name": name} for position, name in enumerate(order)]
    categories = [{"id": label + 1, "name": name} for label, name in enumerate(scored.classes)]
    annotations = [
        {**annotation, "id": number + 1, "iscrowd": 0, "area": annotation["bbox"][2] * annotation["bbox"][3]}
        for number, annotation in enumerate(_annotations(scored, scored.truth, images))
    ]
    return {"images": images, "categories": categories, "annotations": annotations}


def _results(truth: COCO, scored: wsbench.metrics.Scored, boxes: wsbench.metrics.BoxTable) -> COCO:
    results = _annotations(scored, boxes, truth.dataset["images"])
    if results:
        return truth.loadRes(results)
    empty = COCO()
    empty.dataset = {**truth.dataset, "annotations": []}
    empty.createIndex()
    return empty


def _annotations(
    scored: wsbench.metrics.Scored, boxes: wsbench.metrics.BoxTable, images: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    number = {image["name"]: image["id"] for image in images}
    return [
        {
            "image_id": number[scored.names[image]],
            "category_id": int(label) + 1,
            "bbox": list(wsbench.geometry.xyxy_to_xywh(tuple(box))),
            "score": float(score),
        }
        for image, label, box, score in zip(
            boxes.image.tolist(), boxes.label, boxes.xyxy.tolist(), boxes.score, strict=True
        )
    ]
