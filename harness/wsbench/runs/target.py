"""The test images of another dataset, as a transfer sees them. Nothing of its other roles is in here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wsbench.data.class_names import shared_classes
from wsbench.data.dataset import Loaded
from wsbench.data.nuisances import content_of_nuisances
from wsbench.data.views import ImageView
from wsbench.errors import WsbenchError
from wsbench.runs.scoring_inputs import truth_of
from wsbench.scoring.bootstrap import DRAWS, Resamples
from wsbench.scoring.table import Truth
from wsbench.types import Role, Sample
from wsbench.utils.hashing import seed_from

TRAINED: Sequence[Role] = ("fit", "select", "calibrate")
"""The roles of the dataset that is trained on from which anything is learnt or chosen."""


@dataclass(frozen=True)
class Target:
    """The test role of another dataset. Nothing can be chosen by its other roles, because it lacks them.

    Attributes:
        name: the name of the dataset.
        words: the name with the settings that differ from the defaults, for tables.
        description: what a record says of the dataset, as `Loaded.describe`, of its test role alone.
        releases: names of the releases that its images are from.
        classes: for each shared class, in the order of the dataset that is trained on, its name there.
        untested: classes that are trained and that it lacks.
        untrained: its classes that are not trained. Images that have these alone count as images without
            a finding.
        images: pixels of the test images, with the classes of the dataset that is trained on.
        truth: what is true of them, of the shared classes by their names in the dataset that is trained on.
        samples: the same images, with shared labels and boxes.
        fingerprint: a hash of all this; no other role of the dataset can change it.
    """

    name: str
    words: str
    description: Mapping[str, Any]
    releases: tuple[str, ...]
    classes: Mapping[str, str]
    untested: tuple[str, ...]
    untrained: tuple[str, ...]
    images: ImageView
    truth: Truth
    samples: Mapping[str, Sample]
    fingerprint: str

    def draws(self) -> Resamples:
        """A thousand draws of its images, patient by patient where patients are known."""
        units = [self.samples[name].patient or f"image {name}" for name in self.truth.names]
        return Resamples.draw(units, DRAWS, seed_from("bootstrap", "transfer", self.fingerprint))


def target_of(other: Loaded, source: Loaded) -> Target:
    """The test role of a dataset, for what is trained on another one.

    Args:
        other: the dataset to test on.
        source: the dataset that is trained on.

    Raises:
        WsbenchError: they share no class, or test images of the one are trained on.
    """
    tested = other.samples_of("test")
    _refuse_trained(other, tested, source)
    classes = shared_classes(source.dataset.classes, other.dataset.classes, other.spec.name)
    names = tuple(other.roles.members["test"])
    truth = _renamed_truth(truth_of(other, names, "test"), classes)
    # Of the test samples alone: pixels of other roles are neither read nor within reach.
    images = replace(
        replace(other, samples=tuple(tested)).views.images(names), classes=source.dataset.classes
    )
    samples = {sample.name: _renamed(sample, classes) for sample in tested}
    return Target(
        name=other.spec.name,
        words=words_of(other, source),
        description=_description(other, truth),
        releases=other.spec.releases or (other.spec.name,),
        classes=classes,
        untested=tuple(name for name in source.dataset.classes if name not in classes),
        untrained=tuple(name for name in other.dataset.classes if name not in classes.values()),
        images=images,
        truth=truth,
        samples=samples,
        fingerprint=_fingerprint(truth, samples),
    )


def words_of(loaded: Loaded, source: Loaded | None = None) -> str:
    """The name of a dataset with the settings that differ from those of ``source``, where that is the same
    dataset, else from their defaults."""
    same = source is not None and source.spec.name == loaded.spec.name
    usual = source.settings if source is not None and same else loaded.spec.settings()
    # Settings at their defaults may be left out of a dump (`Dataset` plugins keep old fingerprints that way).
    defaults, settings = (
        {name: getattr(model, name) for name in type(loaded.settings).model_fields}
        for model in (usual, loaded.settings)
    )
    changed = [f"{name}={value}" for name, value in settings.items() if value != defaults.get(name)]
    return " ".join([loaded.spec.name, *changed])


def _refuse_trained(other: Loaded, tested: Collection[Sample], source: Loaded) -> None:
    """Raise WsbenchError if test images of a dataset have the content of images that are trained on."""
    own_test = set(source.roles.members["test"])
    trained = {name for role in TRAINED for name in source.roles.members[role]} - own_test
    contents = {sample.content for sample in source.samples if sample.name in trained} - {""}
    if known := sum(sample.content in contents for sample in tested):
        raise WsbenchError(
            f"{other.spec.name}: {known} of its {len(tested)} test images are among those that "
            f"{source.spec.name} trains on; test on another dataset, or leave them out of training"
        )


def _description(other: Loaded, truth: Truth) -> Mapping[str, Any]:
    described = other.describe()
    return {
        **described,
        "classes": list(truth.classes),
        "images": {"test": len(truth.names)},
        "boxes": {"test": len(truth.truth)},
        "left_out": {},
    }


def _renamed(sample: Sample, classes: Mapping[str, str]) -> Sample:
    """A sample with its shared labels and boxes alone, by the names of the dataset that is trained on."""
    ours = {theirs: name for name, theirs in classes.items()}
    return replace(
        sample,
        labels=tuple(ours[label] for label in sample.labels if label in ours),
        boxes=tuple(replace(box, label=ours[box.label]) for box in sample.boxes if box.label in ours),
    )


def _renamed_truth(truth: Truth, classes: Mapping[str, str]) -> Truth:
    columns = [truth.classes.index(theirs) for theirs in classes.values()]
    return replace(with_columns(truth, columns), classes=tuple(classes))


def with_columns(truth: Truth, columns: Sequence[int]) -> Truth:
    """What is true of some classes, in the order of their columns."""
    place = np.full(len(truth.classes), -1)
    place[list(columns)] = np.arange(len(columns))
    boxes = truth.truth.where(place[truth.truth.label] >= 0)
    return Truth(
        classes=tuple(truth.classes[column] for column in columns),
        names=truth.names,
        sizes=truth.sizes,
        labels=truth.labels[:, columns],
        known=truth.known[:, columns],
        truth=replace(boxes, label=place[boxes.label]),
        nuisances=truth.nuisances,
    )


def _fingerprint(truth: Truth, samples: Mapping[str, Sample]) -> str:
    digest = hashlib.sha256(json.dumps(truth.classes).encode())
    for name, known in zip(truth.names, truth.known.tolist(), strict=True):
        sample = samples[name]
        boxes = [(box.label, box.kind, box.x0, box.y0, box.x1, box.y1) for box in sample.boxes]
        size, patient = (sample.width, sample.height), sample.patient
        attributes = sorted(sample.attributes.items())
        row = (name, sample.content, size, patient, sample.labels, boxes, known, attributes)
        digest.update(json.dumps((*row, *content_of_nuisances(sample))).encode() + b"\n")
    return digest.hexdigest()[:16]
