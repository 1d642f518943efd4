"""What several runs predict of the same test images, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.boxes import BoxRule, relative_scores
from wsbench.predictions import store
from wsbench.predictions.shards import StoredImages
from wsbench.reports.cases import outcome_of
from wsbench.reports.labels import label_of
from wsbench.reports.rows import ranked
from wsbench.reports.web.cases.badness import badness
from wsbench.runs.scoring_inputs import truth_of
from wsbench.runs.stages import finished
from wsbench.scoring import strata
from wsbench.scoring.table import Scored, Truth
from wsbench.types import Sample

MAX_METHODS = 8
"""Methods that are shown side by side. Each has a letter and a colour, and more colours look alike."""

PROTOCOL = "uniform"
"""The protocol whose operating points and boxes are shown: the one that ranks."""


@dataclass(frozen=True)
class MethodCases:
    """What one run predicts of N test images and C classes.

    Attributes:
        label: the run's method, with its preset and changed settings.
        seed: the base seed.
        reads_image: False for a floor, which predicts without looking.
        stored: the stored predictions.
        operating_points: ``(C,)`` the score from which each class counts as predicted.
        rules: the box rule of each class.
        boxes: the boxes by these rules, as they were scored.
        own_boxes: of a method without heatmaps, all boxes that it gave, before the rules; else None.
        shares: ``(M,)`` the score of each of these as a share of the best of its image and class, by which
            the rule selects; empty for a method with heatmaps.
        outcomes: ``(N, C)`` text, one of `wsbench.reports.cases.OUTCOMES`.
        overlaps: ``(N, C)`` IoU of the best box with the truth box that it overlaps most; NaN where the class
            has no known truth box.
    """

    label: str
    seed: int
    reads_image: bool
    stored: StoredImages
    operating_points: np.ndarray
    rules: tuple[BoxRule, ...]
    boxes: BoxTable
    own_boxes: BoxTable | None
    shares: np.ndarray
    outcomes: np.ndarray
    overlaps: np.ndarray


@dataclass(frozen=True)
class CaseTable:
    """The test images of a dataset and what methods predict of them.

    Attributes:
        samples: the N images, in the order of all rows.
        truth: what is true of them.
        methods: one run of each row, the best row first, and those that do not read the image last.
        left_out: why some runs are not shown, one sentence for each reason.
    """

    samples: tuple[Sample, ...]
    truth: Truth
    methods: tuple[MethodCases, ...]
    left_out: tuple[str, ...] = ()

    @cached_property
    def badness(self) -> np.ndarray:
        """``(M, N, C)`` how wrong each method is about each image and class."""
        labels = self.truth.labels
        return np.stack(
            [badness(m.stored.scores, m.operating_points, labels, m.overlaps) for m in self.methods]
        )

    @cached_property
    def judged(self) -> list[int]:
        """The methods by whose badness images are sorted: those that read the image, if any does."""
        reading = [number for number, method in enumerate(self.methods) if method.reads_image]
        return reading or list(range(len(self.methods)))

    @cached_property
    def thirds(self) -> np.ndarray:
        """``(T,)`` the third (0, 1 or 2) of all lesions by size that each truth box is in."""
        boxes = self.truth.truth
        if len(boxes) == 0:
            return np.zeros(0, dtype=np.intp)
        sizes = self.truth.sizes[boxes.image]
        return strata.thirds(np.prod((boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]) / sizes, axis=1))


def case_table(records: Sequence[Record], loaded: Loaded, plugins: Plugins) -> CaseTable | None:
    """Read what runs predict of the test images of a dataset.

    Args:
        records: records of runs. Of the seeds of a row, the first is shown.
        loaded: the dataset.
        plugins: all plugins.

    Returns:
        The table; None where no run has predictions of these images.

    Raises:
        WsbenchError: a file of a run is not what it left there.
    """
    rows = ranked(records, plugins.metrics)
    shown = [row.first for row in rows if _has_predictions(row.first, loaded)]
    shown.sort(key=lambda record: not record.method["reads_image"])
    if not shown:
        return None
    names = loaded.roles.members["test"]
    sample_of = {sample.name: sample for sample in loaded.samples}
    truth = truth_of(loaded, names, "test")
    methods = tuple(_method_cases(record, truth) for record in shown[:MAX_METHODS])
    return CaseTable(
        tuple(sample_of[name] for name in names), truth, methods, _left_out(len(rows), len(shown), records)
    )


def _has_predictions(record: Record, loaded: Loaded) -> bool:
    """Whether the run's folder holds predictions of the dataset's test images."""
    same = record.dataset.get("fingerprint") == loaded.fingerprint
    folded = record.dataset.get("folds") or record.transfer
    return same and not folded and record.folder is not None and (record.folder / "predict").is_dir()


def _left_out(rows: int, shown: int, records: Sequence[Record]) -> tuple[str, ...]:
    reasons = []
    if shown < rows:
        reasons.append(
            f"{rows - shown} of {rows} rows are not shown: their predictions of these images are not in the "
            "folders of their runs"
        )
    if shown > MAX_METHODS:
        reasons.append(f"The first {MAX_METHODS} of {shown} rows are shown; name fewer runs to see others")
    if len(records) > rows:
        reasons.append("Of rows with several seeds, the first seed is shown")
    return tuple(reasons)


def _method_cases(record: Record, truth: Truth) -> MethodCases:
    assert record.folder is not None
    folder = store.of_protocol(finished(record.folder, "predict").folder, PROTOCOL)
    stored = StoredImages(folder, "test", truth.classes)
    calibration = record.protocols[PROTOCOL]["calibration"]
    points = np.array([calibration["operating_points"][name] for name in truth.classes])
    chosen = [calibration["boxes"][name] for name in truth.classes]
    rules = tuple(BoxRule(rule["threshold"], rule["minimum_area"]) for rule in chosen)
    boxes = _boxes_of(record, truth)
    own = None if stored.has_maps else _own_boxes(stored, truth)
    outcomes = [
        outcome_of(truth.labels[:, column], stored.scores[:, column], point)
        for column, point in enumerate(points)
    ]
    return MethodCases(
        label=label_of(record, PROTOCOL),
        seed=record.seed,
        reads_image=bool(record.method["reads_image"]),
        stored=stored,
        operating_points=points,
        rules=rules,
        boxes=boxes,
        own_boxes=own,
        shares=np.zeros(0) if own is None else _shares(own, len(truth.classes)),
        outcomes=np.stack(outcomes, axis=1),
        overlaps=_overlaps(truth, stored.scores, points, boxes),
    )


def _boxes_of(record: Record, truth: Truth) -> BoxTable:
    """The boxes that were scored, as the run's folder has them."""
    table = record.boxes(PROTOCOL)
    rows = {name: row for row, name in enumerate(truth.names)}
    columns = {name: column for column, name in enumerate(truth.classes)}
    return BoxTable(
        table["image"].map(rows).to_numpy(dtype=np.intp),
        table["class"].map(columns).to_numpy(dtype=np.intp),
        table[["x0", "y0", "x1", "y1"]].to_numpy(dtype=np.float64),
        table["score"].to_numpy(dtype=np.float64),
    )


def _own_boxes(stored: StoredImages, truth: Truth) -> BoxTable:
    """The boxes of a method without heatmaps, in single precision as the harness selects among them."""
    boxes = [(stored.prediction(name).boxes or [()])[0] for name in truth.names]
    return BoxTable.of(boxes, truth.classes).single()


def _shares(boxes: BoxTable, classes: int) -> np.ndarray:
    """The ``(M,)`` shares of boxes by which rules select, class by class, over all images at once: which
    shares count as equal depends on all of them."""
    shares = np.zeros(len(boxes))
    for column in range(classes):
        of_class = boxes.label == column
        shares[of_class] = relative_scores(boxes.image[of_class], boxes.score[of_class])
    return shares


def _overlaps(truth: Truth, scores: np.ndarray, points: np.ndarray, boxes: BoxTable) -> np.ndarray:
    """``(N, C)`` IoU of the best box of each image and class with the truth; NaN without a truth box."""
    table = Scored(
        classes=truth.classes,
        names=truth.names,
        sizes=truth.sizes,
        labels=truth.labels,
        known=truth.known,
        truth=truth.truth,
        scores=scores,
        operating_points=points,
        predicted=BoxTable.of([], truth.classes),
    ).with_boxes(boxes)
    overlaps = np.full(truth.labels.shape, np.nan)
    overlaps[truth.truth.image, truth.truth.label] = 0.0
    best = np.zeros(len(table.predicted))
    np.maximum.at(best, table.pairs.predicted, table.pairs.iou)
    # The worst box of a place is written first, so that the best one stays: of equal ones, the first.
    order = np.lexsort((-np.arange(len(best)), table.predicted.score))
    places = table.predicted.image[order], table.predicted.label[order]
    has_truth = np.isfinite(overlaps[places])
    overlaps[places[0][has_truth], places[1][has_truth]] = best[order][has_truth]
    return overlaps
