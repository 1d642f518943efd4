"""People as rows: what the masks and points of a dataset's readers reach against its truth masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wsbench.contract.specs import MetricSpec
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.geometry.box_table import BoxTable
from wsbench.geometry.masks import Mask
from wsbench.runs.reader_study import Images
from wsbench.runs.scoring_inputs import resamples, truth_of
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.marks_alone import of_marks_alone
from wsbench.scoring.measuring import metric_results
from wsbench.scoring.table import Scored
from wsbench.types import Reading, Sample


def has_marks(loaded: Loaded) -> bool:
    """Whether a dataset's readers drew masks or set points."""
    return any(reading.masks is not None or reading.points is not None for reading in loaded.dataset.readings)


def study(loaded: Loaded, metrics: Mapping[str, MetricSpec], images: Images | None = None) -> dict[str, Any]:
    """Score the readers of a dataset against its truth masks, as JSON values.

    Every reading counts alike. What a reader did not draw is a blank mask, and a finding without a point is
    missed.

    Args:
        loaded: the dataset.
        metrics: all metrics by name. Those of truth masks that people's masks or points decide are computed.
        images: the images that count, of those that were read. By default they are the test images, if any of
            these was read, and else all.

    Raises:
        WsbenchError: no such image has a truth mask, or a reading does not fit the dataset.
    """
    samples = {sample.name: sample for sample in loaded.samples}
    readings = sorted(
        (reading for reading in loaded.dataset.readings if reading.image in samples),
        key=lambda reading: (reading.image, reading.reader),
    )
    _refuse_uneven(loaded, readings)
    for reading in readings:
        _refuse_misfit(loaded, reading, samples[reading.image])
    tested = set(loaded.roles.members["test"])
    chosen: Images = images or ("test" if any(reading.image in tested for reading in readings) else "all")
    counted = [reading for reading in readings if chosen == "all" or reading.image in tested]
    scored = _table(loaded, counted, chosen)
    if not scored.masks:
        hint = "; --images all takes the others" if chosen == "test" else ""
        raise WsbenchError(f"{loaded.spec.name}: no image that was read has a truth mask{hint}")
    alone = of_marks_alone(
        metrics, masks=scored.predicted_masks is not None, points=scored.predicted_points is not None
    )
    described = loaded.describe()
    return {
        "dataset": {key: described[key] for key in ("name", "settings", "fingerprint", "subset")},
        "images": chosen,
        "counts": _counts(scored, counted),
        "radiologist": metric_results(scored, alone, _draws(loaded, counted)),
    }


def _table(loaded: Loaded, readings: Sequence[Reading], chosen: Images) -> Scored:
    """A table with a row for every reading, whose predictions are the reading's masks and points."""
    names = list(dict.fromkeys(reading.image for reading in readings))
    # People learn nothing from calibrate, so its images count where all images do.
    truth = truth_of(loaded, names, "test" if chosen == "test" else "calibrate")
    image = np.array([names.index(reading.image) for reading in readings], dtype=np.intp)
    rows: dict[int, list[int]] = defaultdict(list)
    for row, of_image in enumerate(image.tolist()):
        rows[of_image].append(row)
    column = {label: number for number, label in enumerate(truth.classes)}
    alone = len(names) == len(readings)
    return Scored(
        classes=truth.classes,
        names=tuple(one.image if alone else f"{one.image} by {one.reader}" for one in readings),
        sizes=truth.sizes[image],
        labels=truth.labels[image],
        known=truth.known[image],
        truth=BoxTable.of([()] * len(readings), truth.classes),
        masks={
            (row, label): mask
            for (of_image, label), mask in truth.masks.items()
            for row in rows[of_image]
            if mask.has_pixels()
        },
        scores=np.full((len(readings), len(truth.classes)), np.nan),
        operating_points=np.full(len(truth.classes), np.nan),
        predicted=BoxTable.of([()] * len(readings), truth.classes),
        predicted_masks=_masks(readings, column),
        predicted_points=_points(readings, column),
    )


def _masks(readings: Sequence[Reading], column: Mapping[str, int]) -> dict[tuple[int, int], Mask] | None:
    if not readings or readings[0].masks is None:
        return None
    return {
        (row, column[mask.label]): mask
        for row, reading in enumerate(readings)
        for mask in reading.masks or ()
    }


def _points(
    readings: Sequence[Reading], column: Mapping[str, int]
) -> dict[tuple[int, int], np.ndarray] | None:
    if not readings or readings[0].points is None:
        return None
    places: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    for row, reading in enumerate(readings):
        for point in reading.points or ():
            places[row, column[point.label]].append((point.x, point.y))
    return {place: np.array(corners) for place, corners in places.items()}


def _draws(loaded: Loaded, readings: Sequence[Reading]) -> Resamples:
    """Draws of the readings, patient by patient."""
    names = list(dict.fromkeys(reading.image for reading in readings))
    draws = resamples(loaded, names)
    image = np.array([names.index(reading.image) for reading in readings], dtype=np.intp)
    return Resamples(draws.counts, draws.unit[image])


def _counts(scored: Scored, readings: Sequence[Reading]) -> dict[str, Any]:
    findings = np.bincount([column for _, column in scored.masks], minlength=len(scored.classes))
    masks, points = scored.predicted_masks, scored.predicted_points
    return {
        "images": len({reading.image for reading in readings}),
        "readings": len(readings),
        "readers": len({reading.reader for reading in readings}),
        "findings": dict(zip(scored.classes, findings.tolist(), strict=True)),
        "masks": None if masks is None else len(masks),
        "points": None if points is None else sum(map(len, points.values())),
    }


def _refuse_uneven(loaded: Loaded, readings: Sequence[Reading]) -> None:
    """Raise WsbenchError if only some readings have masks or points, or if one has a twin."""
    for name in ("masks", "points"):
        if len({getattr(reading, name) is None for reading in readings}) > 1:
            raise WsbenchError(
                f"{loaded.spec.name}: some readings have {name} and others None; a plugin must give an empty "
                f"tuple where a reader gave no {name}"
            )
    seen: set[tuple[str, str]] = set()
    for reading in readings:
        if (reading.image, reading.reader) in seen:
            who = f"{reading.reader} has two readings of {reading.image}"
            raise WsbenchError(f"{loaded.spec.name}: {who}; a plugin must join them")
        seen.add((reading.image, reading.reader))


def _refuse_misfit(loaded: Loaded, reading: Reading, sample: Sample) -> None:
    """Raise WsbenchError if a mask or a point of a reading cannot be of its image."""
    who = f"{loaded.spec.name}: the reading of {reading.image} by {reading.reader}"
    masked = [mask.label for mask in reading.masks or ()]
    labels = {*masked, *(point.label for point in reading.points or ())}
    if unknown := sorted(labels - set(loaded.dataset.classes)):
        raise WsbenchError(f"{who} has the class '{unknown[0]}', which is none of the dataset's")
    if len(set(masked)) < len(masked):
        raise WsbenchError(f"{who} has two masks of a class; a plugin must join them")
    size = f"{sample.width}x{sample.height}"
    for mask in reading.masks or ():
        if (mask.width, mask.height) != (sample.width, sample.height):
            theirs = f"{mask.width}x{mask.height}"
            raise WsbenchError(f"{who} has a mask of {mask.label} of {theirs} pixels; the image has {size}")
    for point in reading.points or ():
        if not (0 <= point.x < sample.width and 0 <= point.y < sample.height):
            place = f"{point.x:g}, {point.y:g}"
            raise WsbenchError(f"{who} has a point of {point.label} at {place}, outside of {size} pixels")
