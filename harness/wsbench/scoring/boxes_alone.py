"""Finds the metrics that boxes alone decide: no class score, box score or operating point changes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from wsbench.contract.specs import MetricSpec
from wsbench.geometry.box_table import BoxTable
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.metric_values import values
from wsbench.scoring.table import Scored

IMAGES, CLASSES, SIDE = 24, 2, 100
FEWEST, MOST = 8, 40
"""Predicted boxes of an image and class. There must be many: a metric that stops at eight false boxes an
image would not see the order of fewer."""
TRIES = 4
"""Sets of random scores. A metric that depends on them differs between the first two already."""


def of_boxes_alone(metrics: Mapping[str, MetricSpec]) -> dict[str, MetricSpec]:
    """The metrics of boxes whose value is the same whatever the scores are.

    Each is computed on one made table with several sets of random scores. So a metric of any plugin is
    judged by what it does, and none has to declare it. A metric that also needs something else that people do
    not have, such as boxes chosen on calibrate, has no value there and is left out.

    Args:
        metrics: metrics by name.
    """
    tables = [_made(seed) for seed in range(TRIES)]
    once = Resamples.once(IMAGES)
    result = {}
    for name, spec in metrics.items():
        if spec.needs != "boxes":
            continue
        first, *others = (values(spec, table, once) for table in tables)
        if not np.isnan(first).any() and all(np.array_equal(first, other) for other in others):
            result[name] = spec
    return result


def _made(seed: int) -> Scored:
    """A table whose boxes are the same for all seeds, with scores of one seed."""
    places = np.random.default_rng(0)
    truth = _boxes(places, places.integers(0, 3, (IMAGES, CLASSES)))
    predicted = _boxes(places, places.integers(FEWEST, MOST, (IMAGES, CLASSES)))
    near = places.permutation(min(len(truth), len(predicted)))[:IMAGES]
    xyxy = predicted.xyxy.copy()
    xyxy[near] = truth.xyxy[near] + places.uniform(-6, 6, (len(near), 4))  # some of them must hit
    image, label = predicted.image.copy(), predicted.label.copy()
    image[near], label[near] = truth.image[near], truth.label[near]
    labels = np.zeros((IMAGES, CLASSES), dtype=bool)
    labels[truth.image, truth.label] = True
    drawn = np.random.default_rng(seed)
    return Scored(
        classes=tuple(f"class {number}" for number in range(CLASSES)),
        names=tuple(f"image {number}" for number in range(IMAGES)),
        sizes=np.full((IMAGES, 2), SIDE),
        labels=labels,
        known=np.ones_like(labels),
        truth=truth,
        scores=drawn.random((IMAGES, CLASSES)),
        operating_points=drawn.random(CLASSES),
        predicted=replace(predicted, image=image, label=label, xyxy=xyxy, score=drawn.random(len(predicted))),
    )


def _boxes(places: np.random.Generator, counts: np.ndarray) -> BoxTable:
    """Random boxes, so many of each image and class."""
    image, label = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    corners = places.uniform(10, SIDE - 50, (len(image), 2))
    xyxy = np.concatenate([corners, corners + places.uniform(15, 40, corners.shape)], axis=1)
    return BoxTable(image, label, xyxy, np.ones(len(image)))
