"""Times of what scores a run, against what people use today: ``python benchmarks/measures.py``.

Sizes are NIH ChestX-ray14's: 25,596 test images of 2,797 patients and 14 classes; 984 boxes on 880
images. Values are random. Every line says how far the two results lie apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torchmetrics.functional.classification import multilabel_auroc

from wsbench.contract import plugins
from wsbench.geometry.box_table import BoxTable
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.calibration import THRESHOLDS, choose_rules
from wsbench.scoring.table import Scored, Truth
from wsbench.types import Box, Prediction, ScoredBox

IMAGES, PATIENTS, CLASSES = 25_596, 2_797, 14
BOXED, BOXES, SIDE = 880, 984, 224
METRICS = plugins.find().metrics


def timed(work: Callable[[], Any], rounds: int = 3) -> tuple[float, Any]:
    """Median seconds of some rounds, and the result."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2], result


def line(what: str, ours: float, theirs: float, peer: str, apart: float) -> None:
    """One row of the table."""
    print(
        f"| {what} | {ours:.3g} s | {peer}: {theirs:.3g} s | {theirs / ours:.3g} x | {apart:.1g} |",
        flush=True,
    )


def classification() -> None:
    """The AUC, once and for a thousand bootstraps by patient."""
    generator = np.random.default_rng(0)
    classes = tuple(f"class{number}" for number in range(CLASSES))
    rates = generator.uniform(0.005, 0.2, CLASSES)
    labels = generator.random((IMAGES, CLASSES)) < rates
    scores = np.clip(generator.normal(0.3 + 0.2 * labels, 0.15), 0, 1).round(6)
    empty = BoxTable.of([[]] * IMAGES, classes)
    scored = Scored(
        classes=classes,
        names=tuple(map(str, range(IMAGES))),
        sizes=np.full((IMAGES, 2), 1024),
        labels=labels,
        known=np.ones_like(labels),
        truth=empty,
        scores=scores,
        operating_points=np.full(CLASSES, 0.5),
        predicted=empty,
    )
    patients = generator.integers(0, PATIENTS, IMAGES).tolist()
    auc = METRICS["auc"].compute
    ours, value = timed(lambda: auc(scored, Resamples.once(IMAGES))[0])
    theirs, expected = timed(lambda: roc_auc_score(labels, scores, average=None))
    line("AUC", ours, theirs, "scikit-learn", float(np.abs(value - expected).max()))
    tensors = torch.from_numpy(scores), torch.from_numpy(labels.astype(np.int64))
    theirs, other = timed(lambda: multilabel_auroc(*tensors, num_labels=CLASSES, average=None))
    line("AUC", ours, theirs, "torchmetrics", float(np.abs(value - other.numpy()).max()))

    draws = Resamples.draw(patients, 1000, seed=0)
    ours, drawn = timed(lambda: auc(scored, draws), rounds=1)
    weights = draws.images()[:10].astype(int)

    def loop(area: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> list[np.ndarray]:
        rows = [np.repeat(np.arange(IMAGES), counts) for counts in weights]
        return [area(labels[taken], scores[taken]) for taken in rows]

    theirs, expected = timed(lambda: loop(lambda y, s: roc_auc_score(y, s, average=None)), rounds=1)
    apart = float(np.abs(drawn[:10] - expected).max())
    line("AUC, 1,000 bootstraps by patient", ours, theirs * 100, "loop over scikit-learn (10 timed)", apart)

    def torch_area(y: np.ndarray, s: np.ndarray) -> np.ndarray:
        return multilabel_auroc(
            torch.from_numpy(s), torch.from_numpy(y.astype(np.int64)), num_labels=CLASSES, average=None
        ).numpy()

    theirs, expected = timed(lambda: loop(torch_area), rounds=1)
    apart = float(np.abs(drawn[:10] - expected).max())
    line("AUC, 1,000 bootstraps by patient", ours, theirs * 100, "loop over torchmetrics (10 timed)", apart)


def boxed_images() -> tuple[np.ndarray, list[list[Box]], np.ndarray]:
    """Sizes, truth boxes and smooth random maps of the boxed images, of one class."""
    generator = np.random.default_rng(1)
    corners = generator.uniform(50, 500, (BOXES, 2))
    sides = generator.uniform(80, 400, (BOXES, 2))
    owner = np.concatenate([np.arange(BOXED), generator.integers(0, BOXED, BOXES - BOXED)])
    truth: list[list[Box]] = [[] for _ in range(BOXED)]
    for image, corner, side in zip(owner, corners, sides, strict=True):
        truth[image].append(Box("x", *corner, *(corner + side)))
    noise = generator.normal(size=(BOXED, SIDE // 16, SIDE // 16)).astype(np.float32)
    maps = np.stack([cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for image in noise])
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    return np.full((BOXED, 2), 1024), truth, (maps - low) / (high - low)


def boxes() -> None:
    """Box metrics for a thousand bootstraps: overlaps once, then one product."""
    sizes, truth, _ = boxed_images()
    generator = np.random.default_rng(2)
    shifted = [
        [
            ScoredBox(
                "x", *(np.array([b.x0, b.y0, b.x1, b.y1]) + generator.normal(0, 40, 4)), generator.random()
            )
            for b in inside
        ]
        for inside in truth
    ]
    scored = Scored(
        classes=("x",),
        names=tuple(map(str, range(BOXED))),
        sizes=sizes,
        labels=np.ones((BOXED, 1), dtype=bool),
        known=np.ones((BOXED, 1), dtype=bool),
        truth=BoxTable.of(truth, ("x",)),
        scores=np.ones((BOXED, 1)),
        operating_points=np.array([0.5]),
        predicted=BoxTable.of(shifted, ("x",)),
    )
    draws = Resamples.draw(range(BOXED), 1000, seed=0)
    for name in ("iou_accuracy@0.5", "miou", "ap25"):
        compute = METRICS[name].compute
        compute(scored, Resamples.once(BOXED))  # overlaps and matches are kept for all metrics
        ours, drawn = timed(lambda compute=compute: compute(scored, draws))
        rows = np.repeat(np.arange(BOXED), draws.images()[0].astype(int))
        theirs, expected = timed(lambda name=name, rows=rows: again(name, truth, shifted, rows), rounds=1)
        apart = float(abs(drawn[0, 0] - expected))
        line(
            f"{name}, 1,000 bootstraps", ours, theirs * 1000, "the metric on every resample (1 timed)", apart
        )


def again(name: str, truth: list[list[Box]], found: list[list[ScoredBox]], rows: np.ndarray) -> float:
    """A metric of the images of one draw, from the boxes on."""
    count = len(rows)
    scored = Scored(
        classes=("x",),
        names=tuple(map(str, range(count))),
        sizes=np.full((count, 2), 1024),
        labels=np.ones((count, 1), dtype=bool),
        known=np.ones((count, 1), dtype=bool),
        truth=BoxTable.of([truth[row] for row in rows], ("x",)),
        scores=np.ones((count, 1)),
        operating_points=np.array([0.5]),
        predicted=BoxTable.of([found[row] for row in rows], ("x",)),
    )
    return float(METRICS[name].compute(scored, Resamples.once(count))[0, 0])


def calibration() -> None:
    """A box rule from 99 thresholds and ten areas on all of NIH's boxed images."""
    sizes, truth, maps = boxed_images()
    present = np.ones((BOXED, 1), dtype=bool)
    names = tuple(map(str, range(BOXED)))
    table = Truth(("x",), names, sizes, present, present, BoxTable.of(truth, ("x",)))
    prediction = Prediction(np.ones((BOXED, 1)), maps[:, None])
    ours, _ = timed(lambda: choose_rules(prediction, table, [0.5]), rounds=1)

    def labelling() -> None:
        for image in maps[:40]:
            for threshold in THRESHOLDS:
                mask = (image >= threshold).astype(np.uint8)
                cv2.connectedComponentsWithStats(mask, connectivity=8)

    theirs, _ = timed(labelling, rounds=1)
    peer = "OpenCV's labelling per threshold, components alone (40 timed)"
    line(f"calibration, {BOXED} maps of {SIDE} x {SIDE}", ours, theirs * BOXED / 40, peer, 0.0)


if __name__ == "__main__":
    print("| what | wsbench | today | ratio | apart |")
    print("| :--- | ---: | :--- | ---: | ---: |")
    classification()
    boxes()
    calibration()
