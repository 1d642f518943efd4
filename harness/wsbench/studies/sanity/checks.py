"""Saliency sanity checks: does a map change when what the method learnt is taken away?

Adebayo et al., "Sanity Checks for Saliency Maps" (NeurIPS 2018). A map that stays when parameters are drawn
anew, or when the method learns labels that belong to other images, cannot explain what was learnt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from wsbench.contract import records
from wsbench.contract.base import Method
from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.contract.specs import BoxSupervision
from wsbench.errors import WsbenchError, choose
from wsbench.files import checksums
from wsbench.files.writing import json_text
from wsbench.predictions import store
from wsbench.runs.job import Job
from wsbench.runs.rescoring import dataset_of, plan_of
from wsbench.runs.runner import fitted, restored
from wsbench.runs.scoring_inputs import resamples
from wsbench.runs.stages import finished, locked
from wsbench.scoring.bootstrap import Resamples, interval, ratio
from wsbench.studies.sanity import randomisation
from wsbench.studies.sanity.similarity import MEASURES, similarities
from wsbench.types import Sample
from wsbench.utils.devices import check_device
from wsbench.utils.hashing import seed_from
from wsbench.utils.progress import Progress

IMAGES = 50
RANDOM_LABELS = "random-labels"
"""The folder, inside that of a run, with the training on permuted labels."""

REFERENCE = "reference"
"""Name of the comparison with maps of other images, which belongs to every check."""

STAGES = {0.0: "output layer", 0.25: "last quarter", 0.5: "last half", 0.75: "last 3 quarters"}
"""Titles of the cascade's stages, by the share of layers that are random. Where all are random, the check is
``parameters``."""


@dataclass(frozen=True)
class Condition:
    """The maps under one randomisation.

    Attributes:
        check: name of the check that it belongs to.
        title: what is random, in a few words.
        maps: ``(P, h, w)`` in [0, 1], one for each pair of image and class.
    """

    check: str
    title: str
    maps: np.ndarray


@dataclass(frozen=True)
class Subject:
    """A finished run, and the images it is examined on.

    Attributes:
        record, job: the run, the plan it was made by, and its dataset.
        samples: the test images that have a class.
        rows, columns: ``(P,)`` indices of samples and classes; each class that an image has makes a pair.
    """

    record: Record
    job: Job
    samples: tuple[Sample, ...]
    rows: np.ndarray
    columns: np.ndarray

    def restored(self) -> Method:
        """The method as it was fitted. Each call gives a new one, so that one check does not affect another.

        Raises:
            WsbenchError: the training was deleted, or the method has no networks.
        """
        assert self.record.folder is not None
        above = self.record.folder.parent
        method = restored(self.job, above, "uniform")
        if method is None:
            raise WsbenchError(f"{self.record.folder}: its training was deleted; rerun the command")
        if not method.networks():
            name = self.job.plan.spec.name
            raise WsbenchError(f"{name} has no networks whose parameters could be randomised")
        return method

    def maps(self, method: Method, title: str) -> np.ndarray:
        """The maps of the pairs.

        Args:
            method: the method, after `Method.restore`.
            title: what is random, for the display of progress.

        Returns:
            ``(P, h, w)`` float16 in [0, 1], as maps are stored.

        Raises:
            WsbenchError: the method predicts boxes and no maps.
        """
        images, shards = self.job.loaded.views.images([sample.name for sample in self.samples]), []
        with self.job.progress.task(f"maps: {title}", len(images)) as advance:
            for shard in images.chunks(store.SHARD):
                heatmaps = method.predict(shard).heatmaps
                if heatmaps is None:
                    raise WsbenchError(
                        f"{self.job.plan.spec.name} predicts boxes and no maps that could be compared"
                    )
                shards.append(np.asarray(heatmaps, dtype=np.float16))  # in the precision of stored maps
                advance(len(shard))
        maps: np.ndarray = np.concatenate(shards)[self.rows, self.columns]
        return maps

    def seed(self, name: str) -> int:
        """A seed for one purpose of the checks of this run."""
        return seed_from(self.record.seed, self.job.loaded.spec.name, self.job.plan.spec.name, "sanity", name)


@dataclass(frozen=True)
class Sanity:
    """The result of the checks.

    Attributes:
        record: the run's record, with the results of all checks so far under ``sanity``.
        subject: the run and the images.
        original: the maps of the method as it was trained.
        conditions: the maps of the checks that were made now.
    """

    record: Record
    subject: Subject
    original: Condition
    conditions: Sequence[Condition]


def _cascade(subject: Subject) -> Iterator[Condition]:
    method = subject.restored()
    networks = method.networks()
    image = subject.job.loaded.views.images([subject.samples[0].name])
    depths = randomisation.by_depth(networks, lambda: method.predict(image))
    for added, title in zip(randomisation.stages(depths, STAGES), STAGES.values(), strict=True):
        randomisation.redraw(added, subject.seed("parameters"))
        yield Condition("cascade", title, subject.maps(method, title))


def _parameters(subject: Subject) -> Iterator[Condition]:
    method, title = subject.restored(), "all parameters"
    everything = {name: randomisation.layers(network) for name, network in method.networks().items()}
    randomisation.redraw(everything, subject.seed("parameters"))
    yield Condition("parameters", title, subject.maps(method, title))


def _labels(subject: Subject) -> Iterator[Condition]:
    assert subject.record.folder is not None
    job, title = subject.job, "random labels"
    # Methods that this one builds on learn the same random labels: a teacher would reveal the true ones.
    relabelled = Job(
        replace(job.plan, runs=subject.record.folder / RANDOM_LABELS),
        randomisation.with_random_labels(job.loaded, seed_from(job.plan.seed, title)),
        job.plugins.without_trackers(),
    )
    yield Condition("labels", title, subject.maps(fitted(relabelled), title))


CHECKS: Mapping[str, Callable[[Subject], Iterator[Condition]]] = {
    "cascade": _cascade,
    "parameters": _parameters,
    "labels": _labels,
}
"""The checks in the order of tables. The cascade ends in ``parameters``, which is therefore made with it."""

DEFAULT = ("cascade", "parameters")
"""Checks that need no second training."""


def run_checks(
    folder: Path,
    plugins: Plugins,
    progress: Progress,
    *,
    root: Path | None = None,
    checks: Sequence[str] = DEFAULT,
    images: int = IMAGES,
    device: str = "auto",
) -> Sanity:
    """Compare the maps of a finished run with those of its randomised method.

    The results are written into the run's record. Results of earlier checks on the same images are kept.

    Args:
        folder: the folder of the run.
        plugins: all plugins.
        progress: shows long work.
        root: the dataset's folder.
        checks: names of checks, from `CHECKS`.
        images: number of test images that have a class; the first by name are taken.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1`` ...

    Raises:
        WsbenchError: an unknown check, no finished run, or one whose method cannot be randomised.
    """
    for check in checks:
        choose(check, CHECKS, "check")
    check_device(device, used=True)
    folder = folder.resolve()
    record = records.load(folder / records.FILE)
    subject = subject_of(record, plugins, progress, root, images, device)
    if "labels" in checks and subject.job.plan.spec.box_supervision is BoxSupervision.FIT:
        raise WsbenchError(
            f"{subject.job.plan.spec.name} learns from boxes, which random labels would not change"
        )
    with locked(folder, progress.say):
        key = finished(folder, "predict", freed=True).key
        original = Condition("", "trained", subject.maps(subject.restored(), "trained"))
        draws = resamples(subject.job.loaded, [subject.samples[row].name for row in subject.rows])
        chosen = {*checks, *({"parameters"} if "cascade" in checks else ())}
        conditions: list[Condition] = []
        for name, make in CHECKS.items():
            if name in chosen:
                conditions += make(subject)
        rows = [
            _row(original.maps, condition, draws)
            for condition in [*conditions, _others(original, subject, draws)]
        ]
        record = replace(record, sanity=_noted(records.sanity_of(folder, key), key, subject, rows))
        checksums.write_noted(folder / records.SANITY, json_text(record.sanity))
        records.write(record, folder / records.FILE)
    return Sanity(record, subject, original, conditions)


def rows_of(record: Record) -> list[Mapping[str, Any]]:
    """The results of a record, one for each condition, in the order of `CHECKS` with the reference last."""
    by_check = record.sanity.get("checks", {})
    return [row for check in (*CHECKS, REFERENCE) for row in by_check.get(check, ())]


def subject_of(
    record: Record, plugins: Plugins, progress: Progress, root: Path | None, images: int, device: str
) -> Subject:
    """A finished run with its dataset, and its first test images that have a class.

    Raises:
        WsbenchError: another program predicted, or no test image has a class.
    """
    if record.is_external:
        raise WsbenchError(
            f"{record.folder}: the predictions of another program have no network that could be randomised"
        )
    plan = replace(plan_of(record, plugins), device=device)
    loaded = dataset_of(record, plugins, progress, root)
    samples = [sample for sample in loaded.samples_of("test") if sample.labels][:images]
    if not samples:
        raise WsbenchError(f"{record.folder}: no test image has a class, so there is no map to compare")
    labels = loaded.views.weak([sample.name for sample in samples]).labels
    return Subject(record, Job(plan, loaded, plugins), tuple(samples), *np.nonzero(labels))


def _others(original: Condition, subject: Subject, draws: Resamples) -> Condition:
    """For every map, the method's map of the same class on another patient's image; NaN where there is none.

    These show how alike maps are merely because all chest films are alike.
    """
    generator = np.random.default_rng(subject.seed(REFERENCE))
    maps = np.full(original.maps.shape, np.nan)
    for pair, column in enumerate(subject.columns):
        others = np.flatnonzero((subject.columns == column) & (draws.unit != draws.unit[pair]))
        if len(others):
            maps[pair] = original.maps[generator.choice(others)]
    return Condition(REFERENCE, "another image", maps)


def _row(before: np.ndarray, after: Condition, draws: Resamples) -> dict[str, Any]:
    """Mean similarities over pairs with 95 % intervals, as JSON values; None where no pair has one."""
    values = similarities(before, after.maps)
    exists = ~np.isnan(values)
    row: dict[str, Any] = {"check": after.check, "what": after.title}
    for index, name in enumerate(MEASURES):
        similarity, count = np.nan_to_num(values[:, index]), exists[:, index]
        drawn = interval(ratio(draws.sum(similarity), draws.sum(count)))
        mean = round(float(similarity.sum() / count.sum()), 4) if count.any() else None
        row[name] = {"value": mean, "interval": drawn and [round(bound, 4) for bound in drawn]}
    return {**row, "undefined": int((~exists.all(axis=1)).sum())}


def _noted(
    before: Mapping[str, Any], key: str, subject: Subject, rows: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The new results, and those of other checks on the same images."""
    same_run = {"predict": key, "images": len(subject.samples), "maps": len(subject.rows)}
    same = all(before.get(name) == value for name, value in same_run.items())
    by_check: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_check.setdefault(row["check"], []).append(row)
    kept = {name: before[name] for name in ("faithfulness",) if name in before}
    return {**same_run, "checks": {**(before["checks"] if same else {}), **by_check}, **kept}
