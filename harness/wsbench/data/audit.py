"""Checks a dataset before anybody trains on it: bad files, missing boxes, duplicate images, leaks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wsbench.contract.problems import Problem
from wsbench.data.by_attribute import one_sided
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.types import Sample

THUMBNAIL_SIDES = (32, 96)
"""Sides in pixels of the thumbnails that are compared: the first for all pairs of images, the second for
pairs that agree in the first."""

MIN_CORRELATION = 0.92
"""Two images are near-identical if their thumbnails' differences between neighbouring pixels correlate by
this.

Copies of real radiographs and phantoms that were recompressed (JPEG 60), halved, brightened or flattened by a
fifth, or changed by gamma 1.3 reach 0.978 and more at both sides. The most similar of 10,000 distinct
phantoms reach 0.943 at the first side and 0.834 at the second, the most similar of 336 real radiographs 0.80
at the first. Copies that are cropped or shifted by more than a few thousandths are not detected.
"""

BATCH_IMAGES = 2000
"""Images that are compared with all others in one matrix product."""

RARE_SIZE_SHARE = 0.01
"""An image size is odd if fewer than this share of the images have it."""


@dataclass(frozen=True)
class AuditProblem:
    """A problem that an audit found.

    Attributes:
        kind: the kind of problem, the same word for all of its kind.
        images: the names of the images that have the problem.
        description: the problem in words.
        wrong: whether the data should be fixed; otherwise the problem is harmless and good to know.
    """

    kind: str
    images: tuple[str, ...]
    description: str
    wrong: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return JSON values, under the names that reports have always had."""
        return {"kind": self.kind, "images": self.images, "what": self.description, "wrong": self.wrong}


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Attributes:
        dataset: name and fingerprint. The fingerprint is empty where no roles can be assigned.
        images: for each split, the number of images in this copy and, where it is known, in the release.
        roles: for each role, the numbers of images and boxes; empty where no roles can be assigned.
        problems: all problems, their kinds in the order of the checks.
    """

    dataset: Mapping[str, str]
    images: Mapping[str, tuple[int, int | None]]
    roles: Mapping[str, Mapping[str, int]]
    problems: tuple[AuditProblem, ...]

    def as_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "dataset": dict(self.dataset),
            "images": dict(self.images),
            "roles": {role: dict(counts) for role, counts in self.roles.items()},
            "findings": [problem.as_json() for problem in self.problems],
        }


def audit(loaded: Loaded, *, near_identical: bool = True) -> Audit:
    """Check every image of a dataset. The audit also works where no image is usable.

    Args:
        loaded: the dataset, loaded with ``refuse=False``.
        near_identical: whether to look for near-identical images too, which reads all pixels.
    """
    samples = loaded.samples
    no_roles = _no_roles(loaded)
    checks = [
        map(_of_problem, (*loaded.skipped, *loaded.notes)),
        no_roles,
        _incomplete(loaded),
        _odd_sizes(samples),
        _without_boxes(samples),
        _twins(samples),
        _near_twins(loaded) if near_identical and samples else (),
        _patients(samples),
        _one_label(loaded),
        () if no_roles else _left_out(loaded),
    ]
    counts = Counter(sample.split for sample in samples)
    return Audit(
        dataset={"name": loaded.spec.name, "fingerprint": "" if no_roles else loaded.fingerprint},
        images={split: (count, loaded.entry.release.get(split)) for split, count in sorted(counts.items())},
        roles={}
        if no_roles
        else {
            role: {"images": len(members), "boxes": loaded.boxes_of(role)}
            for role, members in loaded.roles.members.items()
        },
        problems=tuple(problem for check in checks for problem in check),
    )


def _of_problem(problem: Problem) -> AuditProblem:
    wrong = problem.remedy != "none"
    its_own_file = len(problem.images) == 1 and problem.file.endswith(problem.images[0])
    if its_own_file or not problem.images:
        return AuditProblem(problem.kind, (problem.file,), problem.what, wrong)
    return AuditProblem(problem.kind, problem.images, f"{problem.file}: {problem.what}", wrong)


def _no_roles(loaded: Loaded) -> list[AuditProblem]:
    """Say why roles cannot be assigned to the usable images, if so."""
    if not loaded.samples:
        return [AuditProblem("no roles", (), "no image is left")]
    try:
        _ = loaded.roles
    except WsbenchError as error:
        return [AuditProblem("no roles", (), str(error.__cause__ or error))]
    return []


def _incomplete(loaded: Loaded) -> Iterator[AuditProblem]:
    for split, (count, release) in loaded.missing.items():
        description = f"split {split} has {count} images, the release {release}"
        yield AuditProblem("subset", (), description, wrong=False)


def _odd_sizes(samples: Sequence[Sample]) -> Iterator[AuditProblem]:
    sizes = Counter((sample.width, sample.height) for sample in samples)
    for (width, height), count in sorted(sizes.items()):
        if count < RARE_SIZE_SHARE * len(samples):
            names = tuple(s.name for s in samples if (s.width, s.height) == (width, height))
            description = f"{width}x{height}, a size that {count} of {len(samples)} images have"
            yield AuditProblem("odd size", names, description, wrong=False)


def _without_boxes(samples: Sequence[Sample]) -> Iterator[AuditProblem]:
    """Find classes of which some images have boxes and others none."""
    samples_of: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        for label in sample.labels:
            samples_of[label].append(sample)
    for label, positive in sorted(samples_of.items()):
        bare = [s.name for s in positive if not any(box.label == label for box in s.boxes)]
        if bare and len(bare) < len(positive):
            description = f"{len(bare)} of {len(positive)} images with {label} have no box of it"
            yield AuditProblem("no box", tuple(bare), description, wrong=False)


def _twins(samples: Sequence[Sample]) -> Iterator[AuditProblem]:
    """Find images whose files have the same bytes."""
    by_content: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.content:
            by_content[sample.content].append(sample)
    for group in by_content.values():
        if len(group) > 1:
            yield _group("identical", group)


def _near_twins(loaded: Loaded) -> Iterator[AuditProblem]:
    try:
        yield from _near_identical(loaded)
    except WsbenchError as error:
        yield AuditProblem("not compared", (), str(error))


def _near_identical(loaded: Loaded) -> Iterator[AuditProblem]:
    samples = loaded.samples
    small, large = THUMBNAIL_SIDES
    thumbnails = loaded.views.images([sample.name for sample in samples]).pixels(small, small)
    with loaded.progress.task("comparing images", len(samples)) as advance:
        pairs = near_pairs(thumbnails[:], advance)
    for row, other_row in pairs:
        left, right = samples[row], samples[other_row]
        same_patient = left.patient is not None and left.patient == right.patient
        identical = left.content != "" and left.content == right.content
        if same_patient or identical:
            continue
        first, second = _features(np.stack([loaded.dataset.read(s, large, large) for s in (left, right)]))
        if first @ second >= MIN_CORRELATION:
            yield _group("near-identical", [left, right])


def near_pairs(thumbnails: np.ndarray, advance: Any = lambda count: None) -> list[tuple[int, int]]:
    """Find near-identical images.

    Args:
        thumbnails: ``(N, h, w)`` uint8, small images.
        advance: called with the number of images that were compared since the last call.

    Returns:
        Pairs of rows, the lower row first.
    """
    features = _features(thumbnails)
    pairs = []
    for start in range(0, len(features), BATCH_IMAGES):
        alike = features[start : start + BATCH_IMAGES] @ features[start:].T >= MIN_CORRELATION
        rows, columns = np.nonzero(np.triu(alike, k=1))
        pairs += list(zip((rows + start).tolist(), (columns + start).tolist(), strict=True))
        advance(len(alike))
    return pairs


def _features(images: np.ndarray) -> np.ndarray:
    """Compute unit vectors of the differences between neighbouring pixels, whose products are correlations.

    Args:
        images: ``(N, h, w)`` uint8.

    Returns:
        ``(N, K)`` float32; 0 for an image whose pixels are all equal.
    """
    pixels = images.astype(np.float32)
    differences = [np.diff(pixels, axis=axis).reshape(len(pixels), -1) for axis in (1, 2)]
    features = np.concatenate(differences, axis=1)
    features -= features.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    unit: np.ndarray = np.divide(features, norms, out=features, where=norms > 0)
    return unit


def _patients(samples: Sequence[Sample]) -> Iterator[AuditProblem]:
    by_patient: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.patient is not None:
            by_patient[sample.patient].append(sample)
    for patient, group in sorted(by_patient.items()):
        splits = sorted({sample.split for sample in group})
        if len(splits) > 1:
            names = tuple(sample.name for sample in group)
            yield AuditProblem("patient in several splits", names, f"patient {patient}: {', '.join(splits)}")


def _one_label(loaded: Loaded) -> Iterator[AuditProblem]:
    """Find collections all of whose images have the same label."""
    for line in one_sided(loaded.samples, loaded.dataset.classes):
        yield AuditProblem("collection of one label", (), line, wrong=False)


def _left_out(loaded: Loaded) -> Iterator[AuditProblem]:
    for name, reason in sorted(loaded.roles.left_out.items()):
        yield AuditProblem("no role", (name,), f"{reason}, so it has no role here", wrong=False)


def _group(kind: str, group: Iterable[Sample]) -> AuditProblem:
    members = sorted(group, key=lambda sample: sample.name)
    splits = sorted({sample.split for sample in members})
    labels = {sample.labels for sample in members}
    description = f"in splits {' and '.join(splits)}" if len(splits) > 1 else f"inside split {splits[0]}"
    description += "; with different labels" if len(labels) > 1 else ""
    crossing = " across splits" if len(splits) > 1 else ""
    return AuditProblem(kind + crossing, tuple(sample.name for sample in members), description)
