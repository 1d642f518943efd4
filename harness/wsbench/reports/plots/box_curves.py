"""Precision-recall and FROC curves of predicted boxes.

pycocotools matches predicted to truth boxes, best scores first, at the IoU from which the harness calls a
lesion hit. The metrics of plugins sum up these curves. Tests hold that both say the same.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from wsbench.geometry.box_table import BoxTable
from wsbench.reports.plots.points import Absent, ClassCurves, Panel, panels_of
from wsbench.reports.plots.run_data import RunData
from wsbench.scoring.bootstrap import Resamples, ratio
from wsbench.scoring.coco_objects import coco_object
from wsbench.scoring.strata import HIT_IOU
from wsbench.scoring.table import Scored
from wsbench.utils.hashing import seed_from

RECALLS = np.linspace(0, 1, 101)
"""The recalls at which COCO reads precision."""

FALSE_BOXES = 2.0 ** np.linspace(-6, 4, 81)
"""The numbers of false boxes per image at which FROC is read: from 1/64 to 16, eight for each doubling."""

MOST_BOXES = 100
"""Most boxes of an image and class that pycocotools counts."""

LEAST_PREVALENCE = 0.1
"""If a smaller share of the images has boxes of a class, boxes on images without it weigh less in precision,
as if this share had some. Average precision is weighted alike (docs/metrics.md)."""

NO_BOXES = "no test image has a box whose place is known"


@dataclass(frozen=True)
class Matches:
    """The D predicted boxes of one class, best first.

    Attributes:
        image: ``(D,)`` rows of images.
        score: ``(D,)``.
        hit: ``(D,)`` bool, whether the box hits a truth box that no better box of its image has hit.
    """

    image: np.ndarray
    score: np.ndarray
    hit: np.ndarray


def precision_recall(runs: Sequence[RunData]) -> tuple[Panel, ...] | Absent:
    """COCO's interpolated precision of boxes at 101 recalls. The mean over recalls is the average precision,
    which is the ``value`` of a line."""
    return panels_of(
        runs, lambda seeds: [precision_curves(run.table, run.images.draws) for run in seeds], NO_BOXES
    )


def froc(runs: Sequence[RunData]) -> tuple[Panel, ...] | Absent:
    """The largest share of truth boxes that are hit at a score threshold with at most F false boxes per
    image, for F of `FALSE_BOXES`. The ``value`` of a line is the share at one false box."""
    return panels_of(
        runs, lambda seeds: [froc_curves(run.table, run.images.draws) for run in seeds], NO_BOXES
    )


def precision_curves(scored: Scored, draws: Resamples) -> ClassCurves:
    """The precision of every class at `RECALLS`, on the sample and in every draw."""
    once = Resamples.once(len(scored.names))
    matches = list(matched(scored))
    sample, drawn = (
        np.stack([_precision(scored, of_class, label, r) for label, of_class in enumerate(matches)], axis=1)
        for r in (once, draws)
    )
    return ClassCurves(RECALLS, sample[0], drawn, RECALLS, sample[0].mean(axis=1))


def froc_curves(scored: Scored, draws: Resamples) -> ClassCurves:
    """The sensitivity of every class at `FALSE_BOXES`, on the sample and in every draw."""
    once = Resamples.once(len(scored.names))
    matches = list(matched(scored))
    sample, drawn = (
        np.stack([_sensitivity(scored, of_class, label, r) for label, of_class in enumerate(matches)], axis=1)
        for r in (once, draws)
    )
    at_one = int(np.flatnonzero(FALSE_BOXES == 1.0)[0])
    return ClassCurves(FALSE_BOXES, sample[0], drawn, FALSE_BOXES, sample[0][:, at_one])


def matched(scored: Scored) -> list[Matches]:
    """Match the boxes of every class at `HIT_IOU`. Boxes of equal score are in the order of a hash of their
    image's name: the names themselves often tell the class, and would sort the boxes by it."""
    by_hash = sorted((seed_from("tie", name), name, row) for row, name in enumerate(scored.names))
    order = np.array([row for *_, row in by_hash], dtype=np.intp)
    place = np.argsort(order)
    boxes = scored.predicted
    # Nothing can match where there is no truth box, and pycocotools would spend most of its time there.
    tried = (scored.per_image(scored.truth) > 0)[boxes.image, boxes.label]
    return [
        _best_first(place, of_images, _unmatched(boxes.where(~tried & (boxes.label == label))))
        for label, of_images in enumerate(_matched_by_coco(scored, boxes.where(tried), order))
    ]


def _matched_by_coco(scored: Scored, boxes: BoxTable, order: np.ndarray) -> Iterator[Matches]:
    """Yield, for each class, what pycocotools says of boxes. Its image k + 1 is row ``order[k]``."""
    from pycocotools.cocoeval import COCOeval

    numbers = (np.argsort(order) + 1).tolist()
    for label in range(len(scored.classes)):
        with contextlib.redirect_stdout(io.StringIO()):
            truth = coco_object(scored.truth.of_label(label), numbers, scored.classes)
            predicted = coco_object(boxes.of_label(label), numbers, scored.classes)
            evaluation = COCOeval(truth, predicted, "bbox")
            evaluation.params.iouThrs = np.array([HIT_IOU])
            evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
            evaluation.params.maxDets = [MOST_BOXES]
            evaluation.params.catIds = [label + 1]
            evaluation.params.imgIds = sorted({box["image_id"] for box in predicted.dataset["annotations"]})
            evaluation.evaluate()
        images = [image for image in evaluation.evalImgs if image is not None]
        rows = [np.full(len(image["dtScores"]), order[image["image_id"] - 1]) for image in images]
        hits = [image["dtMatches"][0] > 0 for image in images]
        yield Matches(
            np.concatenate([np.zeros(0, dtype=np.intp), *rows]),
            np.concatenate([np.zeros(0), *(image["dtScores"] for image in images)]),
            np.concatenate([np.zeros(0, dtype=bool), *hits]),
        )


def _unmatched(boxes: BoxTable) -> Matches:
    """The `MOST_BOXES` best boxes of every image, none of which hits."""
    order = np.lexsort((-boxes.score, boxes.image))
    image = boxes.image[order]
    starts = np.flatnonzero(np.diff(image, prepend=-1))
    position = np.arange(len(image)) - np.repeat(starts, np.diff(starts, append=len(image)))
    keep = order[position < MOST_BOXES]
    return Matches(boxes.image[keep], boxes.score[keep], np.zeros(len(keep), dtype=bool))


def _best_first(place: np.ndarray, *parts: Matches) -> Matches:
    """Join boxes and sort them by score; those of equal score by the ``(N,)`` places of their images."""
    image, score, hit = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("image", "score", "hit")
    )
    order = np.lexsort((place[image], -score))
    return Matches(image[order], score[order], hit[order])


def _precision(scored: Scored, boxes: Matches, label: int, draws: Resamples) -> np.ndarray:
    """``(B, 101)`` the highest precision at each of `RECALLS` or beyond; 0 where none is reached."""
    truths = draws.sum(scored.per_image(scored.truth)[:, label])
    ranks = np.flatnonzero(boxes.hit)  # precision is highest where a box has just hit
    hits = draws.cumulative_counts(boxes.image[ranks], 1 + np.arange(len(ranks)))
    shown = draws.cumulative_counts(boxes.image, 1 + ranks)
    weight = _negative_weight(scored, label, draws)
    if (weight < 1).any():
        negatives = np.flatnonzero(~scored.labels[boxes.image, label])
        before = draws.cumulative_counts(boxes.image[negatives], np.searchsorted(negatives, 1 + ranks))
        shown = shown - (1 - weight)[:, None] * before
    precision = np.divide(hits, shown, out=np.zeros_like(hits), where=shown > 0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    reached = np.searchsorted(RECALLS, ratio(hits, truths[:, None]), side="right")
    result = np.zeros((len(draws), len(RECALLS)))
    if len(ranks):
        points = np.diff(reached, axis=1, prepend=0).clip(min=0)
        result[np.arange(len(RECALLS)) < reached[:, -1:]] = np.repeat(envelope.ravel(), points.ravel())
    result[truths == 0] = np.nan
    return result


def _negative_weight(scored: Scored, label: int, draws: Resamples) -> np.ndarray:
    """``(B,)`` the weight of a box on an image without the class; see `LEAST_PREVALENCE`."""
    boxed = draws.sum(scored.per_image(scored.truth)[:, label] > 0)
    without = draws.sum(~scored.labels[:, label] & scored.known[:, label])
    target = boxed * (1 - LEAST_PREVALENCE) / LEAST_PREVALENCE
    lifted = np.divide(target, without, out=np.ones_like(boxed), where=without > 0)
    return np.where(boxed > 0, np.minimum(lifted, 1.0), 1.0)


def _sensitivity(scored: Scored, boxes: Matches, label: int, draws: Resamples) -> np.ndarray:
    """``(B, 81)`` the largest share of truth boxes that are hit with at most `FALSE_BOXES`."""
    truths, images = draws.sum(scored.per_image(scored.truth)[:, label]), draws.sum(scored.known[:, label])
    levels = np.unique(-boxes.score[boxes.hit])  # a threshold admits all boxes of equal score
    hits, shown = (
        draws.cumulative_counts(image, np.searchsorted(-score, levels, side="right"))
        for image, score in ((boxes.image[boxes.hit], boxes.score[boxes.hit]), (boxes.image, boxes.score))
    )
    false = ratio(shown - hits, images[:, None])
    # Both grow along the levels, so the last level with few enough false boxes has the most hits.
    most = np.zeros((len(draws), len(FALSE_BOXES)))
    for row, (of_draw, hit_counts) in enumerate(zip(false, hits, strict=True)):
        last = np.searchsorted(of_draw, FALSE_BOXES, side="right")
        most[row] = np.concatenate([[0.0], hit_counts])[last]
    return ratio(most, truths[:, None])
