"""What is wrong with a dataset before anybody trains on it: bad files, missing boxes, twins, leaks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from wsbench.contract.problems import Problem
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.types import Sample

SIDES = (32, 96)
"""Of the thumbnails that are compared: first of all pairs, then of those that agree in the first."""

NEAR = 0.92
"""Correlation of two thumbnails' differences between neighbouring pixels, from which they are near-identical.

Measured at both sides on real radiographs and phantoms: recompressed (JPEG 60), halved, brighter by a
fifth, flatter by a fifth or gamma 1.3: 0.978 and more. The most alike of 10,000 distinct phantoms: 0.943
and 0.834; of 336 real radiographs 0.80 at the first. What is cropped or shifted by more than a few
thousandths is not found.
"""

ROWS = 2000
"""Images compared with all others at a time."""

RARE = 0.01
"""A size that fewer than this share of the images have is odd."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        kind: what it is, the same word for all of its kind.
        images: the images it is about.
        what: in words.
        wrong: whether the data should be mended; else it is only good to know.
    """

    kind: str
    images: tuple[str, ...]
    what: str
    wrong: bool = True


@dataclass(frozen=True)
class Audit:
    """A dataset as it lies there.

    Attributes:
        dataset: name and fingerprint; the fingerprint is empty where no roles can be dealt.
        images: per split, images here and, where it is known, in the release.
        roles: per role, images and boxes; empty where no roles can be dealt.
        findings: what was found, the kinds in the order of the checks.
    """

    dataset: Mapping[str, str]
    images: Mapping[str, tuple[int, int | None]]
    roles: Mapping[str, Mapping[str, int]]
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def audit(loaded: Loaded, *, near: bool = True) -> Audit:
    """Look at every image of a dataset. It gives what it finds whatever that is, also where no image is left.

    Args:
        loaded: with its problems, not refused for them (``refuse=False``).
        near: also look for near-identical images, which needs all pixels.
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
        _near_twins(loaded) if near and samples else (),
        _patients(samples),
        () if no_roles else _left_out(loaded),
    ]
    here = Counter(sample.split for sample in samples)
    return Audit(
        dataset={"name": loaded.spec.name, "fingerprint": "" if no_roles else loaded.fingerprint},
        images={split: (count, loaded.entry.release.get(split)) for split, count in sorted(here.items())},
        roles={}
        if no_roles
        else {
            role: {"images": len(members), "boxes": loaded.boxes_of(role)}
            for role, members in loaded.roles.members.items()
        },
        findings=tuple(finding for check in checks for finding in check),
    )


def _of_problem(problem: Problem) -> Finding:
    its_own_file = len(problem.images) == 1 and problem.file.endswith(problem.images[0])
    if its_own_file or not problem.images:
        return Finding(problem.kind, (problem.file,), problem.what, problem.remedy != "none")
    what = f"{problem.file}: {problem.what}"
    return Finding(problem.kind, problem.images, what, problem.remedy != "none")


def _no_roles(loaded: Loaded) -> list[Finding]:
    """Why no run is possible on what is left, if so."""
    if not loaded.samples:
        return [Finding("no roles", (), "no image is left")]
    try:
        _ = loaded.roles
    except WsbenchError as error:
        return [Finding("no roles", (), str(error.__cause__ or error))]
    return []


def _incomplete(loaded: Loaded) -> Iterator[Finding]:
    for split, (here, release) in loaded.missing.items():
        yield Finding("subset", (), f"split {split} has {here} images, the release {release}", wrong=False)


def _odd_sizes(samples: Sequence[Sample]) -> Iterator[Finding]:
    sizes = Counter((sample.width, sample.height) for sample in samples)
    for (width, height), count in sorted(sizes.items()):
        if count < RARE * len(samples):
            names = tuple(s.name for s in samples if (s.width, s.height) == (width, height))
            what = f"{width}x{height}, a size that {count} of {len(samples)} images have"
            yield Finding("odd size", names, what, wrong=False)


def _without_boxes(samples: Sequence[Sample]) -> Iterator[Finding]:
    """Classes of which some images have boxes and others none."""
    positive: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        for label in sample.labels:
            positive[label].append(sample)
    for label, inside in sorted(positive.items()):
        bare = [s.name for s in inside if not any(box.label == label for box in s.boxes)]
        if bare and len(bare) < len(inside):
            what = f"{len(bare)} of {len(inside)} images with {label} have no box of it"
            yield Finding("no box", tuple(bare), what, wrong=False)


def _twins(samples: Sequence[Sample]) -> Iterator[Finding]:
    """Images whose files are the same to the byte."""
    by_content: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.content:
            by_content[sample.content].append(sample)
    for group in by_content.values():
        if len(group) > 1:
            yield _group("identical", group)


def _near_twins(loaded: Loaded) -> Iterator[Finding]:
    try:
        yield from _near_identical(loaded)
    except WsbenchError as error:
        yield Finding("not compared", (), str(error))


def _near_identical(loaded: Loaded) -> Iterator[Finding]:
    samples = loaded.samples
    small, large = SIDES
    thumbnails = loaded.views.images([sample.name for sample in samples]).pixels(small, small)
    with loaded.progress.task("comparing images", len(samples)) as advance:
        pairs = near_pairs(thumbnails[:], advance)
    for one, other in ((samples[first], samples[second]) for first, second in pairs):
        same_patient = one.patient is not None and one.patient == other.patient
        identical = one.content != "" and one.content == other.content
        if same_patient or identical:
            continue
        first, second = _features(np.stack([loaded.dataset.read(s, large, large) for s in (one, other)]))
        if first @ second >= NEAR:
            yield _group("near-identical", [one, other])


def near_pairs(thumbnails: np.ndarray, advance: Any = lambda count: None) -> list[tuple[int, int]]:
    """Pairs of rows of ``(N, h, w)`` uint8 images that are near-identical, the lower row first.

    Args:
        thumbnails: small images.
        advance: told of every image that has been compared.
    """
    features = _features(thumbnails)
    pairs = []
    for start in range(0, len(features), ROWS):
        alike = features[start : start + ROWS] @ features[start:].T >= NEAR
        rows, columns = np.nonzero(np.triu(alike, k=1))
        pairs += list(zip((rows + start).tolist(), (columns + start).tolist(), strict=True))
        advance(len(alike))
    return pairs


def _features(images: np.ndarray) -> np.ndarray:
    """``(N, h, w)`` images -> ``(N, K)`` unit vectors of the differences between neighbouring pixels; 0 for
    an image without any. Their products are correlations."""
    pixels = images.astype(np.float32)
    parts = [np.diff(pixels, axis=axis).reshape(len(pixels), -1) for axis in (1, 2)]
    features = np.concatenate(parts, axis=1)
    features -= features.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    unit: np.ndarray = np.divide(features, norms, out=features, where=norms > 0)
    return unit


def _patients(samples: Sequence[Sample]) -> Iterator[Finding]:
    by_patient: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.patient is not None:
            by_patient[sample.patient].append(sample)
    for patient, group in sorted(by_patient.items()):
        splits = sorted({sample.split for sample in group})
        if len(splits) > 1:
            names = tuple(sample.name for sample in group)
            yield Finding("patient in several splits", names, f"patient {patient}: {', '.join(splits)}")


def _left_out(loaded: Loaded) -> Iterator[Finding]:
    for name, reason in sorted(loaded.roles.left_out.items()):
        yield Finding("no role", (name,), f"{reason}, so it has no role here", wrong=False)


def _group(kind: str, group: Iterable[Sample]) -> Finding:
    members = sorted(group, key=lambda sample: sample.name)
    splits = sorted({sample.split for sample in members})
    labels = {sample.labels for sample in members}
    what = f"in splits {' and '.join(splits)}" if len(splits) > 1 else f"inside split {splits[0]}"
    what += "; with different labels" if len(labels) > 1 else ""
    crossing = " across splits" if len(splits) > 1 else ""
    return Finding(kind + crossing, tuple(sample.name for sample in members), what)
