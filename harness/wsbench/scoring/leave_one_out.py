"""Every reader against the consensus of the other readers of the same image."""

from __future__ import annotations

import numpy as np

from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.consensus import SAME_FINDING, consensus_boxes
from wsbench.scoring.reading_table import ReadingTable
from wsbench.scoring.table import Scored


def leave_one_out(table: ReadingTable, iou: float = SAME_FINDING) -> Scored:
    """Make the table that metrics of boxes score readers by. It has a row for every reading.

    The truth of a reading is what more than half of the image's other readers agree on: a class is present
    where they found it, absent where they did not, and each finding that more than half of them boxed has
    their mean box. Where neither half is larger, or where they agree on the class and on no place, nothing is
    known of the class, and the reader's boxes of it count neither for nor against the reader.

    People give no scores, so class scores, box scores and operating points are NaN. Only metrics that depend
    on none of them can be computed (`wsbench.scoring.boxes_alone`).

    Args:
        table: the readings.
        iou: the IoU from which boxes of two readers are of one finding.
    """
    labels, decided = _majority(table)
    truth, located = _consensus(table, labels, iou)
    known = decided & (located | ~labels)
    predicted = BoxTable(
        table.boxes.image, table.boxes.label, table.boxes.xyxy, np.full(len(table.boxes), np.nan)
    )
    readings = zip(table.image.tolist(), table.reader.tolist(), strict=True)
    return Scored(
        classes=table.classes,
        names=tuple(f"{table.names[image]} by {table.readers[reader]}" for image, reader in readings),
        sizes=table.sizes[table.image],
        labels=labels,
        known=known,
        truth=truth,
        scores=np.full(labels.shape, np.nan),
        operating_points=np.full(len(table.classes), np.nan),
        predicted=predicted.where(known[predicted.image, predicted.label]),
    )


def undecided_share(table: ReadingTable, scored: Scored) -> float:
    """The share of readings and classes of which nothing is known, among those of which another reader of the
    image found the class; NaN where nobody found anything."""
    sought = _votes(table) - table.labels > 0
    return float(np.mean(~scored.known[sought])) if sought.any() else float("nan")


def _votes(table: ReadingTable) -> np.ndarray:
    """``(R, C)`` how many readers of a reading's image found the class, the reader included."""
    votes = np.zeros((len(table.names), len(table.classes)), dtype=np.intp)
    np.add.at(votes, table.image, table.labels.astype(np.intp))
    of_readings: np.ndarray = votes[table.image]
    return of_readings


def _majority(table: ReadingTable) -> tuple[np.ndarray, np.ndarray]:
    """``(R, C)`` bool: more than half of the others found the class; one half is larger."""
    others = table.readings_per_image[table.image][:, None] - 1
    doubled = 2 * (_votes(table) - table.labels)
    return doubled > others, doubled != others


def _consensus(table: ReadingTable, labels: np.ndarray, iou: float) -> tuple[BoxTable, np.ndarray]:
    """The boxes that more than half of the others agree on, and ``(R, C)`` whether there are any."""
    readings: list[int] = []
    classes: list[int] = []
    fused: list[np.ndarray] = [np.zeros((0, 4))]
    for reading, label in np.argwhere(labels).tolist():
        others = [row for row in table.rows_of_images[table.image[reading]].tolist() if row != reading]
        corners = [table.corners(row, label) for row in others]
        boxes = consensus_boxes(corners, agree=len(others) // 2 + 1, iou=iou)
        readings += [reading] * len(boxes)
        classes += [label] * len(boxes)
        fused.append(boxes)
    image, label_of = np.array(readings, dtype=np.intp), np.array(classes, dtype=np.intp)
    located = np.zeros(labels.shape, dtype=bool)
    located[image, label_of] = True
    return BoxTable(image, label_of, np.concatenate(fused), np.ones(len(image))), located
