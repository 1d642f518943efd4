"""People as rows: what a dataset's readers reach against each other, and how far they agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from wsbench.contract.specs import MetricSpec
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.consensus import SAME_FINDING
from wsbench.runs.scoring_inputs import resamples
from wsbench.scoring.agreement import UNBOUNDED, agreement
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.boxes_alone import of_boxes_alone
from wsbench.scoring.leave_one_out import leave_one_out, undecided_share
from wsbench.scoring.measuring import described_values, metric_results
from wsbench.scoring.metric_values import macro, values
from wsbench.scoring.reading_table import ReadingTable
from wsbench.scoring.table import Scored
from wsbench.types import Reading

Images = Literal["test", "all"]
IMAGES: Mapping[str, Images] = {"test": "test", "all": "all"}
"""By the word that users type, which images count."""


def study(
    loaded: Loaded,
    metrics: Mapping[str, MetricSpec],
    images: Images | None = None,
    iou: float = SAME_FINDING,
) -> dict[str, Any]:
    """Compare the readers of a dataset with each other, as JSON values.

    Args:
        loaded: the dataset.
        metrics: all metrics by name. Those that boxes alone decide are computed.
        images: the images that count, of those with at least two readers. By default they are the test
            images, if any of these has two readers, and else all.
        iou: the IoU from which boxes of two readers are of one finding.

    Raises:
        WsbenchError: no such image has two readers, a reader has two readings of one image, or a reading has
            an unknown class.
    """
    by_image = _by_image(loaded)
    chosen, names = _chosen(loaded, by_image, images)
    table = reading_table(loaded, {name: by_image[name] for name in names})
    scored, draws = leave_one_out(table, iou), resamples(loaded, table.names)
    of_readings = Resamples(draws.counts, draws.unit[table.image])
    alone = of_boxes_alone(metrics)
    described = loaded.describe()
    return {
        "dataset": {key: described[key] for key in ("name", "settings", "fingerprint", "subset")},
        "images": chosen,
        "iou": iou,
        "counts": _counts(table),
        "undecided": _number(undecided_share(table, scored)),
        "radiologist": metric_results(scored, alone, of_readings),
        "agreement": _agreement(table, draws),
        "readers": _by_reader(table, scored, alone),
    }


def reading_table(loaded: Loaded, by_image: Mapping[str, Sequence[Reading]]) -> ReadingTable:
    """The readings of some images as columns.

    Args:
        loaded: the dataset.
        by_image: the readings of every image, by the image's name.
    """
    samples = {sample.name: sample for sample in loaded.samples}
    classes, names = tuple(loaded.dataset.classes), tuple(by_image)
    readings = [reading for name in names for reading in by_image[name]]
    readers = sorted({reading.reader for reading in readings})
    return ReadingTable(
        classes=classes,
        names=names,
        sizes=np.array([(samples[name].width, samples[name].height) for name in names]),
        readers=tuple(readers),
        image=np.repeat(np.arange(len(names)), [len(by_image[name]) for name in names]),
        reader=np.array([readers.index(reading.reader) for reading in readings], dtype=np.intp),
        labels=np.array([[name in reading.labels for name in classes] for reading in readings], dtype=bool),
        boxes=BoxTable.of([reading.boxes for reading in readings], classes),
    )


def _by_image(loaded: Loaded) -> dict[str, list[Reading]]:
    """The readings of every usable image with at least two readers, sorted by image and reader."""
    usable = {sample.name for sample in loaded.samples}
    by_image: dict[str, list[Reading]] = defaultdict(list)
    for reading in sorted(loaded.dataset.readings, key=lambda reading: (reading.image, reading.reader)):
        _refuse_misfit(loaded, reading)
        of_image = by_image[reading.image]
        if of_image and of_image[-1].reader == reading.reader:
            who = f"{reading.reader} has two readings of {reading.image}"
            raise WsbenchError(f"{loaded.spec.name}: {who}; a plugin must join them")
        of_image.append(reading)
    return {name: of_image for name, of_image in by_image.items() if len(of_image) > 1 and name in usable}


def _refuse_misfit(loaded: Loaded, reading: Reading) -> None:
    """Raise WsbenchError if a reading has an unknown class, or a box of a class that it does not find."""
    who = f"{loaded.spec.name}: the reading of {reading.image} by {reading.reader}"
    if unknown := sorted(set(reading.labels) - set(loaded.dataset.classes)):
        raise WsbenchError(f"{who} has the class '{unknown[0]}', which is none of the dataset's")
    if denied := sorted({box.label for box in reading.boxes} - set(reading.labels)):
        raise WsbenchError(f"{who} has a box of '{denied[0]}', which is not among its labels")


def _chosen(
    loaded: Loaded, by_image: Mapping[str, Sequence[Reading]], images: Images | None
) -> tuple[Images, list[str]]:
    """Which images count, and their names."""
    tested = [name for name in loaded.roles.members["test"] if name in by_image]
    chosen: Images = images or ("test" if tested else "all")
    names = tested if chosen == "test" else list(by_image)
    if not names:
        which = "test image" if by_image else "image"
        hint = "; --images all takes the others" if by_image else ""
        raise WsbenchError(f"{loaded.spec.name}: no {which} has two readers that are known apart{hint}")
    return chosen, names


def _counts(table: ReadingTable) -> dict[str, int]:
    per_image = table.readings_per_image
    return {
        "images": len(table.names),
        "readings": len(table.image),
        "readers": len(table.readers),
        "fewest": int(per_image.min()),
        "most": int(per_image.max()),
        "boxes": len(table.boxes),
    }


def _agreement(table: ReadingTable, draws: Resamples) -> dict[str, Any]:
    """The measures of agreement, with intervals over patients."""
    present = np.zeros((len(table.names), len(table.classes)), dtype=bool)
    np.logical_or.at(present, table.image, table.labels)
    units = np.array([_rarer(draws.unit, column) for column in present.T])
    once = Resamples.once(len(table.names))
    return {
        name: described_values(
            table.classes, compute(once), compute(draws), units, bounded=name not in UNBOUNDED
        )
        for name, compute in agreement(table).items()
    }


def _rarer(unit: np.ndarray, present: np.ndarray) -> int:
    """The patients on whom somebody found a class, or those on whom nobody did, whichever are fewer."""
    return max(1, min(len(np.unique(unit[present])), len(np.unique(unit[~present]))))


def _by_reader(
    table: ReadingTable, scored: Scored, metrics: Mapping[str, MetricSpec]
) -> dict[str, dict[str, Any]]:
    """What each reader reaches alone: metrics over the reader's own readings, without intervals."""
    # A draw for each reader, in which the reader's readings count once.
    own = Resamples(np.eye(len(table.readers)), table.reader)
    of_metrics = {name: macro(values(spec, scored, own)) for name, spec in metrics.items()}
    readings = np.bincount(table.reader, minlength=len(table.readers))
    boxes = np.bincount(table.reader[table.boxes.image], minlength=len(table.readers))
    return {
        reader: {
            "readings": int(readings[row]),
            "boxes": int(boxes[row]),
            "metrics": {name: _number(float(drawn[row])) for name, drawn in of_metrics.items()},
        }
        for row, reader in enumerate(table.readers)
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
