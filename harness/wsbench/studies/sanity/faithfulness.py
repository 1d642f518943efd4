"""Faithfulness: does a class score fall when the pixels are removed that the map points at?

Each measure of `wsbench.studies.sanity.perturbation` is taken of the method's map and of three maps that show
nothing: a blank map, random values, and where boxes of calibrate lie. A score falls whatever is removed, so a
number says something beside theirs alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from wsbench.contract import records
from wsbench.contract.base import Method
from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError
from wsbench.files import checksums
from wsbench.files.writing import json_text, read_json
from wsbench.runs.runner import restored
from wsbench.runs.scoring_inputs import resamples
from wsbench.runs.stages import finished, locked
from wsbench.scoring.bootstrap import Resamples, interval, ratio
from wsbench.studies.sanity.checks import IMAGES, Subject, subject_of
from wsbench.studies.sanity.probe import MAPS, Probe, Question
from wsbench.utils.devices import check_device
from wsbench.utils.hashing import key_of
from wsbench.utils.progress import Progress

VERSION = 1
"""Raised when a value changes, so that values of images that were kept before are not used."""

FILE = "faithfulness.json"
"""The values of every image, in the run's folder: what was measured once is not measured again."""


def measure(
    folder: Path,
    plugins: Plugins,
    progress: Progress,
    question: Question,
    *,
    root: Path | None = None,
    images: int | None = None,
    device: str = "auto",
) -> Record:
    """Measure the faithfulness of a finished run's maps, and write the results into its record.

    The values of each image are kept in the run's folder, so that a run that was stopped goes on, and more
    images or another measure cost what is new.

    Args:
        folder: the folder of the run.
        plugins: all plugins.
        progress: shows long work, and says what it costs once the first image is measured.
        question: the measures, and the size of images.
        root: the dataset's folder.
        images: number of test images that have a class, the first by name; None for 50, or all if fewer.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1`` ...

    Returns:
        The run's record, with the results under ``sanity``.

    Raises:
        WsbenchError: no finished run, more images than there are, or a method that cannot be asked about a
            changed image.
    """
    check_device(device, used=True)
    folder = folder.resolve()
    record = records.load(folder / records.FILE)
    if record.is_external:
        raise WsbenchError(
            f"{folder}: another program predicted, which cannot be asked about a changed image"
        )
    subject = subject_of(record, plugins, progress, root, images or IMAGES, device)
    if images is not None and images > len(subject.samples):
        raise WsbenchError(
            f"--images {images}: the test role has {len(subject.samples)} images with a class; ask for fewer"
        )
    probe = Probe(subject, _method(subject), question)
    with locked(folder, progress.say):
        key = finished(folder, "predict", freed=True).key
        known = _Kept.read(folder / FILE, key_of([key, question.size, VERSION]))
        _measure_all(probe, known, progress)
        sanity = {**_checked_before(folder, key, subject), "faithfulness": _result(probe, known)}
        record = replace(record, sanity=sanity)
        checksums.write_noted(folder / records.SANITY, json_text(sanity))
        records.write(record, folder / records.FILE)
    return record


def _method(subject: Subject) -> Method:
    spec = subject.job.plan.spec
    if not spec.reads_image:
        raise WsbenchError(f"{spec.name} never looks at the image, so no change of it changes a score")
    assert subject.record.folder is not None
    method = restored(subject.job, subject.record.folder.parent, "uniform")
    if method is None:
        raise WsbenchError(f"{subject.record.folder}: its training was deleted; rerun the command")
    return method


@dataclass(frozen=True)
class _Kept:
    """The values of images that were measured, in a file.

    Attributes:
        path: the file.
        key: what they depend on.
        images: by the image's name: its values, and the CPU seconds that each measure took.
    """

    path: Path
    key: str
    images: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, path: Path, key: str) -> _Kept:
        values: dict[str, Any] = {}
        if path.exists():
            if problem := checksums.problem_of(path):
                raise WsbenchError(f"{path.parent}: {problem}; remove {FILE}, and type the command again")
            values = read_json(path)
        return cls(path, key, dict(values["images"]) if values.get("key") == key else {})

    def add(self, name: str, measures: Sequence[str], values: dict[str, Any], seconds: float) -> None:
        """Keep the values of an image, and write the file."""
        own = self.images.setdefault(name, {"values": {}, "seconds": {}})
        for label, of_label in values.items():
            own["values"].setdefault(label, {}).update(of_label)
        own["seconds"].update(dict.fromkeys(measures, round(seconds / len(measures), 4)))
        checksums.write_noted(self.path, json_text({"key": self.key, "images": self.images}))


def _measure_all(probe: Probe, known: _Kept, progress: Progress) -> None:
    left = {}
    for row, sample in enumerate(probe.subject.samples):
        seconds = known.images.get(sample.name, {}).get("seconds", {})
        if new := [measure for measure in probe.question.measures if measure not in seconds]:
            left[row] = new
    if not left:
        return
    with progress.task("faithfulness", len(left)) as advance:
        for done, (row, measures) in enumerate(left.items()):
            start, clock = time.process_time(), time.monotonic()
            values = probe.values(row, measures)
            seconds, waited = time.process_time() - start, time.monotonic() - clock
            if done == 0:
                minutes = waited * (len(left) - 1) / 60
                progress.say(
                    f"faithfulness: {seconds:.1f} CPU seconds an image at {probe.question.size} pixels; "
                    f"about {minutes:.1f} minutes for the {len(left) - 1} others"
                )
            known.add(probe.subject.samples[row].name, measures, values, seconds)
            advance()


def _result(probe: Probe, known: _Kept) -> dict[str, Any]:
    subject, measures = probe.subject, probe.question.measures
    names = [subject.samples[row].name for row in subject.rows]
    labels = [subject.job.loaded.dataset.classes[column] for column in subject.columns]
    pairs = [known.images[name]["values"][label] for name, label in zip(names, labels, strict=True)]
    draws = resamples(subject.job.loaded, names)
    spent = [known.images[sample.name]["seconds"] for sample in subject.samples]
    seconds = sum(of_image[measure] for of_image in spent for measure in measures) / len(spent)
    scores = np.array([pair["score"] for pair in pairs])
    return {
        "size": probe.question.size,
        "images": len(subject.samples),
        "maps": len(pairs),
        "constant": sum(pair["constant"] for pair in pairs),
        "cpu_seconds": round(seconds, 2),
        "score": round(float(scores.mean()), 4),
        "measures": {
            name: _rows(values, draws) for measure in measures for name, values in _columns(pairs, measure)
        },
    }


def _columns(pairs: Sequence[Mapping[str, Any]], measure: str) -> list[tuple[str, dict[str, np.ndarray]]]:
    """For each value of a measure, the ``(P,)`` values of every map; NaN for a class without a prior."""
    names = list(pairs[0][measure]["map"])
    missing = dict.fromkeys(names, float("nan"))
    return [
        (name, {which: np.array([p[measure].get(which, missing)[name] for p in pairs]) for which in MAPS})
        for name in names
    ]


def _rows(values: Mapping[str, np.ndarray], draws: Resamples) -> dict[str, Any]:
    """Means with 95 % intervals of every map, and of what the method's map differs by from the others."""
    differences = {f"less_{which}": values["map"] - values[which] for which in MAPS[1:]}
    return {name: _mean(of_pairs, draws) for name, of_pairs in {**values, **differences}.items()}


def _mean(values: np.ndarray, draws: Resamples) -> dict[str, Any]:
    exists = ~np.isnan(values)
    if not exists.any():
        return {"value": None, "interval": None}
    known = np.nan_to_num(values)
    drawn = interval(ratio(draws.sum(known), draws.sum(exists)))
    mean = float(known.sum() / exists.sum())
    return {"value": round(mean, 4), "interval": drawn and [round(bound, 4) for bound in drawn]}


def _checked_before(folder: Path, key: str, subject: Subject) -> dict[str, Any]:
    """The results of the checks by randomisation, which may be of other images."""
    before = records.sanity_of(folder, key)
    empty = {"predict": key, "images": len(subject.samples), "maps": len(subject.rows), "checks": {}}
    return {**empty, **before}
