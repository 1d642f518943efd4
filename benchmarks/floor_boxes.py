"""Boxes that are the same on every image: which there are, where they stand, and what metrics say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from floor_annotations import Annotated

from wsbench.contract import plugins
from wsbench.geometry.box_table import BoxTable
from wsbench.scoring import measuring
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.priors import FIXED_COUNTS, as_fractions, fixed_boxes, on_every_image
from wsbench.scoring.table import Scored, Truth
from wsbench_plugins.methods.baselines import UPPER_LUNGS

METRICS = plugins.find().metrics

NOTHING = "no annotation"
TRAINING = "official train"
OTHER_HALF = "the other half of the patients"

Choice = Mapping[tuple[int, int], "Fixed"]
"""Fixed boxes by half and index of the class."""


@dataclass(frozen=True)
class Fixed:
    """Boxes that are the same on every image.

    Attributes:
        words: what they are.
        chosen_on: which annotations they were chosen on.
        boxes: ``(n, 4)`` corners as fractions of the image.
        weights: ``(n,)`` their scores.
    """

    words: str
    chosen_on: str
    boxes: np.ndarray
    weights: np.ndarray


def unlearnt() -> list[Fixed]:
    """Boxes that no annotation was used for."""
    return [
        Fixed("the whole image", NOTHING, np.array([[0.0, 0.0, 1.0, 1.0]]), np.ones(1)),
        Fixed("2 boxes placed by hand over the upper lungs", NOTHING, np.array(UPPER_LUNGS), np.ones(2)),
    ]


def greedy(boxes: np.ndarray, chosen_on: str, per: str = "") -> list[Fixed]:
    """The boxes of `fixed_boxes`, for every number of `FIXED_COUNTS`: annotated ones that overlap the others
    most, one after the other. Each scores the share of the annotated boxes that it overlaps by at least 0.25.

    Args:
        boxes: ``(T, 4)`` annotated, as fractions.
        chosen_on: in words.
        per: in words, what has so many boxes, where that is not the image.
    """
    most, weights = fixed_boxes(boxes, max(FIXED_COUNTS))  # fewer are the first of these
    return [
        Fixed(f"{count} fixed box{'es' * (count > 1)}{per}", chosen_on, most[:count], weights[:count])
        for count in FIXED_COUNTS
    ]


def two_means(boxes: np.ndarray) -> Fixed:
    """The mean of the training boxes whose centre lies left of the middle, and that of the others.

    Args:
        boxes: ``(T, 4)`` annotated, as fractions.
    """
    left = boxes[:, [0, 2]].mean(axis=1) < 0.5
    means = [boxes[side].mean(axis=0) for side in (left, ~left)]
    return Fixed("2 mean boxes, left and right of the middle", TRAINING, np.array(means), np.ones(2))


def everywhere(annotated: Annotated, fixed: Fixed) -> Choice:
    """The same boxes for both halves and every class."""
    return {(half, label): fixed for half in (0, 1) for label in range(len(annotated.truth.classes))}


def crossed(annotated: Annotated, per: str = "") -> list[Choice]:
    """The `greedy` boxes of each half and class, chosen on the other half, for every number of them."""
    truth = annotated.truth.truth
    boxes = as_fractions(truth, annotated.truth.sizes)
    half = annotated.half[truth.image]
    known = {
        (here, label): greedy(boxes[(half != here) & (truth.label == label)], OTHER_HALF, per)
        for here in (0, 1)
        for label in range(len(annotated.truth.classes))
    }
    return [
        {place: fixed[position] for place, fixed in known.items()} for position in range(len(FIXED_COUNTS))
    ]


def placed(annotated: Annotated, choice: Choice) -> Scored:
    """The table that metrics compute from: every image has the boxes of its half, and every class is
    predicted on every image with the score 1."""
    truth, parts = annotated.truth, []
    for (half, label), fixed in choice.items():
        rows = np.flatnonzero(annotated.half == half)
        boxes = on_every_image(fixed.boxes, fixed.weights, label, truth.sizes[rows], np.ones(len(rows)))
        parts.append(replace(boxes, image=rows[boxes.image]))
    return without_boxes(annotated).with_boxes(BoxTable.joined(parts))


def without_boxes(annotated: Annotated) -> Scored:
    """The same table before any box is placed."""
    truth = annotated.truth
    return Scored(
        **{name: getattr(truth, name) for name in Truth.__dataclass_fields__},
        scores=np.ones(truth.labels.shape),
        operating_points=np.full(len(truth.classes), 0.5),
        predicted=BoxTable.of([], truth.classes),
    )


def measured(table: Scored, annotated: Annotated, names: Sequence[str]) -> dict[str, dict]:
    """Value and 95 % interval of some metrics, as records hold them."""
    return measuring.metric_results(table, {name: METRICS[name] for name in names}, annotated.draws)


def value(table: Scored, name: str) -> float:
    """A metric's value over all images and classes, without an interval."""
    results = measuring.metric_results(table, {name: METRICS[name]}, Resamples.once(len(table.names)))
    return results[name]["value"]
