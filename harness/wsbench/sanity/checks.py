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
from wsbench.sanity import randomisation
from wsbench.sanity.similarity import MEASURES, similarities
from wsbench.scoring.bootstrap import Resamples, interval, ratio
from wsbench.types import Sample
from wsbench.utils.devices import check_device
from wsbench.utils.hashing import seed_from
from wsbench.utils.progress import Progress

IMAGES = 50
RANDOM_LABELS = "random-labels"
"""The folder, inside a run's, of the training on permuted labels."""

REFERENCE = "reference"
"""The maps of other images, which belong to every check."""

STAGES = {0.0: "output layer", 0.25: "last quarter", 0.5: "last half", 0.75: "last 3 quarters"}
"""Of the cascade, by the share of layers that are random; all of them are the check of parameters."""


@dataclass(frozen=True)
class Condition:
    """The maps under one randomisation.

    Attributes:
        check: the check it belongs to.
        what: is random, in a few words.
        maps: ``(P, h, w)`` in [0, 1], one a pair of image and class.
    """

    check: str
    what: str
    maps: np.ndarray


@dataclass(frozen=True)
class Subject:
    """A finished run, and the images it is examined on.

    Attributes:
        record, job: the run, the plan it was made by, and its dataset.
        samples: test images that have a class.
        rows, columns: ``(P,)`` of samples and classes: every class that an image has is a pair.
    """

    record: Record
    job: Job
    samples: tuple[Sample, ...]
    rows: np.ndarray
    columns: np.ndarray

    def restored(self) -> Method:
        """The method as it was fitted, a new one at each call, so that none sees another's randomness.

        Raises:
            WsbenchError: its training is gone, or it has no networks.
        """
        assert self.record.folder is not None
        above = self.record.folder.parent
        method = restored(self.job, above, "uniform")
        if method is None:
            raise WsbenchError(f"{self.record.folder}: its training is gone; rerun the command that made it")
        if not method.networks():
            raise WsbenchError(f"{self.job.plan.spec.name} has no networks whose parameters could be random")
        return method

    def maps(self, method: Method, what: str) -> np.ndarray:
        """``(P, h, w)`` maps of the pairs.

        Raises:
            WsbenchError: the method gives boxes and no maps.
        """
        images, parts = self.job.loaded.views.images([sample.name for sample in self.samples]), []
        with self.job.progress.task(f"maps: {what}", len(images)) as advance:
            for shard in images.chunks(store.SHARD):
                heatmaps = method.predict(shard).heatmaps
                if heatmaps is None:
                    raise WsbenchError(
                        f"{self.job.plan.spec.name} gives boxes and no maps that could be compared"
                    )
                parts.append(np.asarray(heatmaps, dtype=np.float16))  # as maps are stored
                advance(len(shard))
        maps: np.ndarray = np.concatenate(parts)[self.rows, self.columns]
        return maps

    def seed(self, part: str) -> int:
        """The seed of one part of the checks of this run."""
        return seed_from(self.record.seed, self.job.loaded.spec.name, self.job.plan.spec.name, "sanity", part)


@dataclass(frozen=True)
class Sanity:
    """What was measured.

    Attributes:
        record: the run's, with the results of all checks so far under ``sanity``.
        subject: the run and the images.
        original: the method's own maps.
        conditions: those of the checks just made.
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
    for added, what in zip(randomisation.stages(depths, STAGES), STAGES.values(), strict=True):
        randomisation.redraw(added, subject.seed("parameters"))
        yield Condition("cascade", what, subject.maps(method, what))


def _parameters(subject: Subject) -> Iterator[Condition]:
    method, what = subject.restored(), "all parameters"
    everything = {name: randomisation.layers(network) for name, network in method.networks().items()}
    randomisation.redraw(everything, subject.seed("parameters"))
    yield Condition("parameters", what, subject.maps(method, what))


def _labels(subject: Subject) -> Iterator[Condition]:
    assert subject.record.folder is not None
    job, title = subject.job, "random labels"
    # Methods that this one builds on learn the same random labels: a teacher would give the true ones away.
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
"""In the order of tables; the cascade ends in ``parameters``, which is made with it."""

DEFAULT = ("cascade", "parameters")
"""Checks that need no second training."""


def measure(
    folder: Path,
    plugins: Plugins,
    progress: Progress,
    *,
    root: Path | None = None,
    checks: Sequence[str] = DEFAULT,
    images: int = IMAGES,
    device: str = "auto",
) -> Sanity:
    """Compare a finished run's maps with those of its randomised method, and note it in the run's folder.

    Results of other checks on as many images stay.

    Args:
        folder: of the run.
        plugins: all that were found.
        progress: where long work is shown.
        root: the dataset's folder.
        checks: of `CHECKS`.
        images: how many test images that have a class, the first by name.
        device: a ``--device`` word.

    Raises:
        WsbenchError: an unknown check, no finished run, or one whose method cannot be randomised.
    """
    for check in checks:
        choose(check, CHECKS, "check")
    check_device(device, used=True)
    folder = folder.resolve()
    record = records.load(folder / records.FILE)
    subject = _subject(record, plugins, progress, root, images, device)
    if "labels" in checks and subject.job.plan.spec.box_supervision is BoxSupervision.FIT:
        raise WsbenchError(
            f"{subject.job.plan.spec.name} learns from boxes, which random labels would not change"
        )
    with locked(folder, progress.say):
        key = finished(folder, "predict").key
        original = Condition("", "trained", subject.maps(subject.restored(), "trained"))
        draws = resamples(subject.job.loaded, [subject.samples[row].name for row in subject.rows])
        wanted = {*checks, *({"parameters"} if "cascade" in checks else ())}
        made = [condition for name, make in CHECKS.items() if name in wanted for condition in make(subject)]
        rows = [
            _row(original.maps, condition, draws) for condition in [*made, _others(original, subject, draws)]
        ]
        record = replace(record, sanity=_noted(records.sanity_of(folder, key), key, subject, rows))
        checksums.write_noted(folder / records.SANITY, json_text(record.sanity))
        records.write(record, folder / records.FILE)
    return Sanity(record, subject, original, made)


def rows_of(record: Record) -> list[Mapping[str, Any]]:
    """One row a condition, in the order of `CHECKS`, the reference last; none where nothing was measured."""
    found = record.sanity.get("checks", {})
    return [row for check in (*CHECKS, REFERENCE) for row in found.get(check, ())]


def _subject(
    record: Record, plugins: Plugins, progress: Progress, root: Path | None, images: int, device: str
) -> Subject:
    if record.is_external:
        raise WsbenchError(f"{record.folder}: predictions of another program; there is no model to randomise")
    plan = replace(plan_of(record, plugins), device=device)
    loaded = dataset_of(record, plugins, progress, root)
    samples = [sample for sample in loaded.samples_of("test") if sample.labels][:images]
    if not samples:
        raise WsbenchError(f"{record.folder}: no test image has a class, so no map says anything")
    labels = loaded.views.weak([sample.name for sample in samples]).labels
    return Subject(record, Job(plan, loaded, plugins), tuple(samples), *np.nonzero(labels))


def _others(original: Condition, subject: Subject, draws: Resamples) -> Condition:
    """Beside every map the same method's map of the same class on another patient's image: what maps have in
    common because all chest films are alike. Nothing where there is no such image."""
    generator = np.random.default_rng(subject.seed(REFERENCE))
    maps = np.full(original.maps.shape, np.nan)
    for pair, column in enumerate(subject.columns):
        others = np.flatnonzero((subject.columns == column) & (draws.unit != draws.unit[pair]))
        if len(others):
            maps[pair] = original.maps[generator.choice(others)]
    return Condition(REFERENCE, "another image", maps)


def _row(before: np.ndarray, after: Condition, draws: Resamples) -> dict[str, Any]:
    """Means over pairs with 95 % intervals, as JSON values; None where no pair has a similarity."""
    values = similarities(before, after.maps)
    there = ~np.isnan(values)
    row: dict[str, Any] = {"check": after.check, "what": after.what}
    for index, name in enumerate(MEASURES):
        kept, count = np.nan_to_num(values[:, index]), there[:, index]
        drawn = interval(ratio(draws.sum(kept), draws.sum(count)))
        mean = round(float(kept.sum() / count.sum()), 4) if count.any() else None
        row[name] = {"value": mean, "interval": drawn and [round(bound, 4) for bound in drawn]}
    return {**row, "undefined": int((~there.all(axis=1)).sum())}


def _noted(
    before: Mapping[str, Any], key: str, subject: Subject, rows: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The new results laid over those of other checks on the same images."""
    of_whom = {"predict": key, "images": len(subject.samples), "maps": len(subject.rows)}
    same = all(before.get(name) == value for name, value in of_whom.items())
    by_check: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_check.setdefault(row["check"], []).append(row)
    return {**of_whom, "checks": {**(before["checks"] if same else {}), **by_check}}
