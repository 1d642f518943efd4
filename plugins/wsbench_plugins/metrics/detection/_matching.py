"""COCO's matching of predicted boxes to truth boxes, through pycocotools.

pycocotools decides which box matches which. The counts for all resamples are made here. COCO ranks boxes of
equal score in the order of their images. Names of images often tell the class (``health/`` sorts before
``tb/``), so images are ordered by a hash of their name.
"""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pycocotools.cocoeval import COCOeval

import wsbench

if TYPE_CHECKING:
    from pycocotools.coco import COCO

IOUS = (0.25, 0.4, 0.45, *(0.5 + 0.05 * step for step in range(10)))
"""The IoU thresholds. A match has at least this IoU."""

TOGETHER = ((0.25, 0.5), tuple(iou for iou in IOUS if iou not in (0.25, 0.5)))
"""The IoU thresholds that are matched in one go. Pages show intervals at 0.25 and 0.5, for which boxes are
matched again with other thresholds in many draws: matching at every IoU there would take twice as long."""

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
        ious: the IoU thresholds.
        image: ``(D,)`` row of the image.
        score: ``(D,)``.
        hit: ``(len(ious), D)`` bool: the box hits a truth box that no better box of its image has hit.
    """

    ious: tuple[float, ...]
    image: np.ndarray
    score: np.ndarray
    hit: np.ndarray

    def where(self, keep: np.ndarray) -> Ranked:
        """The boxes at which ``(D,)`` bool is true."""
        return Ranked(self.ious, self.image[keep], self.score[keep], self.hit[:, keep])

    def at(self, iou: float) -> np.ndarray:
        """``(D,)`` bool: `hit` at one of `ious`."""
        hit: np.ndarray = self.hit[_place(self.ious, iou)]
        return hit


def ranked(scored: wsbench.metrics.Scored, iou: float) -> list[Ranked]:
    """The predicted boxes of every class over all images, best first.

    Args:
        scored: what was predicted and what is true.
        iou: one of `IOUS`, at which hits are asked for.
    """
    return scored.memoised(_ranked, _together_with(iou))


def conditional(scored: wsbench.metrics.Scored, iou: float) -> list[Ranked]:
    """The predicted boxes of every class on the images that have a truth box of it, best first.

    A box's score is its place among the boxes of its image and class: 0 for the best, 1 less for each box
    that is better. So nothing that depends on the image alone (the class score) has a part in it, whether it
    multiplies the boxes of an image or draws their scores together. Boxes beyond the first
    `MOST_CONDITIONAL` of an image are left out.

    Args:
        scored: what was predicted and what is true.
        iou: one of `IOUS`, at which hits are asked for.
    """
    return scored.memoised(_conditional, _together_with(iou))


@functools.cache  # NumPy takes longer to compare two numbers than to take boxes
def _place(ious: tuple[float, ...], iou: float) -> int:
    return int(np.flatnonzero(np.isclose(ious, iou))[0])


@functools.cache
def _together_with(iou: float) -> tuple[float, ...]:
    """The entry of `TOGETHER` that has an IoU threshold."""
    return next(ious for ious in TOGETHER if np.isclose(ious, iou).any())


def _ranked(scored: wsbench.metrics.Scored, ious: tuple[float, ...]) -> list[Ranked]:
    return [_best_first(boxes, boxes.score) for boxes in scored.memoised(matched, ious)]


def _conditional(scored: wsbench.metrics.Scored, ious: tuple[float, ...]) -> list[Ranked]:
    result = []
    for label, boxes in enumerate(scored.memoised(matched, ious)):
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


def matched(scored: wsbench.metrics.Scored, ious: tuple[float, ...]) -> list[Ranked]:
    """The predicted boxes of every class, in the order of a hash of their images' names, and within an image
    best first."""
    places = scored.shared(_places)
    has_truth = scored.per_image(scored.truth) > 0
    # Without a truth box nothing can match, but pycocotools would spend most of its time there.
    tried = has_truth[scored.predicted.image, scored.predicted.label]
    result = []
    for label, hits in enumerate(_matched_by_coco(scored, scored.predicted.where(tried), ious)):
        misses = _best_of_images(scored.predicted.where(~tried & (scored.predicted.label == label)), ious)
        both = Ranked(
            ious,
            np.concatenate([hits.image, misses.image]),
            np.concatenate([hits.score, misses.score]),
            np.concatenate([hits.hit, misses.hit], axis=1),
        )
        by_place = np.argsort(places[both.image], kind="stable")
        result.append(both.where(by_place))
    return result


def by_hash(names: Sequence[str]) -> list[str]:
    """Names in the order of a hash of them."""
    return sorted(names, key=lambda name: (wsbench.seed_from("tie", name), name))


def _places(scored: wsbench.metrics.Scored) -> np.ndarray:
    """``(N,)`` the place of every image in the order `by_hash`."""
    place_of = {name: place for place, name in enumerate(by_hash(scored.names))}
    return np.array([place_of[name] for name in scored.names])


def _matched_by_coco(
    scored: wsbench.metrics.Scored, boxes: wsbench.metrics.BoxTable, ious: tuple[float, ...]
) -> list[Ranked]:
    """Some boxes of every class, those of an image together and best first."""
    row_of = np.argsort(scored.shared(_places))
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(scored.shared(_truth), _as_coco(scored, boxes), "bbox")
        evaluation.params.iouThrs = np.array(ious)
        evaluation.params.areaRng = [[0, 1e10]]
        evaluation.params.areaRngLbl = ["all"]
        evaluation.params.maxDets = [MOST_BOXES]
        return [_joined(_evaluated(evaluation, label), row_of, ious) for label in range(len(scored.classes))]


def _evaluated(evaluation: COCOeval, label: int) -> list[dict[str, Any]]:
    """What pycocotools says of every image that has a predicted box of a class. It is asked class by class:
    it would spend most of its time on images that have boxes of other classes."""
    results = evaluation.cocoDt
    category = label + 1
    evaluation.params.catIds = [category]
    evaluation.params.imgIds = sorted(results.catToImgs.get(category, ()))
    evaluation.evaluate()
    return [image for image in evaluation.evalImgs if image is not None and image["dtScores"]]


def _best_of_images(boxes: wsbench.metrics.BoxTable, ious: tuple[float, ...]) -> Ranked:
    """The first `MOST_BOXES` of every image, best first, none of which hits; of equally good ones those that
    stand first, as in COCO."""
    order = np.lexsort((-boxes.score, boxes.image))
    image = boxes.image[order]
    keep = order[_positions(image) < MOST_BOXES]
    return Ranked(ious, boxes.image[keep], boxes.score[keep], np.zeros((len(ious), len(keep)), dtype=bool))


def _positions(image: np.ndarray) -> np.ndarray:
    """``(D,)`` how many boxes of its image stand before each; those of an image stand together."""
    starts = np.flatnonzero(np.diff(image, prepend=-1))
    return np.arange(len(image)) - np.repeat(starts, np.diff(starts, append=len(image)))


def _joined(images: list[dict[str, Any]], row_of: np.ndarray, ious: tuple[float, ...]) -> Ranked:
    """What pycocotools says of images as a table. Image k + 1 of pycocotools is row ``row_of[k]``."""
    counts = [len(image["dtScores"]) for image in images]
    row = np.repeat(np.array([row_of[image["image_id"] - 1] for image in images], dtype=np.intp), counts)
    score = np.array([score for image in images for score in image["dtScores"]], dtype=np.float64)
    empty = np.zeros((len(ious), 0), dtype=bool)
    hit = np.concatenate([empty, *(image["dtMatches"] > 0 for image in images)], axis=1)
    return Ranked(ious, row, score, hit)


def _best_first(boxes: Ranked, score: np.ndarray) -> Ranked:
    """The boxes sorted by a score; equal ones stay in the order of their images' hashes."""
    order = np.argsort(-score, kind="stable")
    return Ranked(boxes.ious, boxes.image[order], score[order], boxes.hit[:, order])


def _truth(scored: wsbench.metrics.Scored) -> COCO:
    """The truth boxes as pycocotools holds them; its images have the order `by_hash`."""
    return _as_coco(scored, scored.truth)


def _as_coco(scored: wsbench.metrics.Scored, boxes: wsbench.metrics.BoxTable) -> COCO:
    numbers = (scored.shared(_places) + 1).tolist()
    return wsbench.metrics.coco_object(boxes, numbers, scored.classes)
