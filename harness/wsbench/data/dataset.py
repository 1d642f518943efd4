"""Loads a dataset for a run: samples in order, roles, fingerprint, views, and how complete it is."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from wsbench.contract.base import Dataset, Source
from wsbench.contract.containment import contained, place_of
from wsbench.contract.problems import Problem
from wsbench.contract.specs import DatasetSpec
from wsbench.data.cache import Images, array_of, cache_folder
from wsbench.data.catalog import Entry, root_of
from wsbench.data.contradictions import contradictions
from wsbench.data.folds import Fold, deal_fold
from wsbench.data.organs import COMPLETE, Organs
from wsbench.data.splits import Roles, deal
from wsbench.data.views import Views
from wsbench.errors import WsbenchError, printable, words_of
from wsbench.settings import Settings
from wsbench.types import ROLES, Role, Sample
from wsbench.utils.names import fault_of, require_classes
from wsbench.utils.progress import Progress
from wsbench.utils.sealed import Sealed


@dataclass(frozen=True)
class Loaded:
    """A dataset that is ready for a run.

    Attributes:
        spec, settings, entry: what it was loaded by.
        dataset: as the plugin loaded it.
        samples: sorted by name.
        skipped: why images were left out: their files are bad, or what is said of them contradicts itself.
        notes: what is odd about the files and does no harm.
        fold: the part that is tested in a cross-validation; None for the dataset's own split.
    """

    spec: DatasetSpec
    settings: Settings
    entry: Entry
    dataset: Dataset
    samples: tuple[Sample, ...]
    skipped: tuple[Problem, ...]
    progress: Progress
    notes: tuple[Problem, ...] = ()
    fold: Fold | None = None

    def of_fold(self, fold: Fold | None) -> Loaded:
        """The same data with the roles of a fold."""
        return replace(self, fold=fold)

    @cached_property
    def roles(self) -> Roles:
        """The four roles.

        Raises:
            WsbenchError: a role would be empty.
        """
        try:
            return self._deal()
        except WsbenchError as error:
            if not self.skipped:
                raise
            raise WsbenchError(f"{error}; {_count(self.skipped)} left images out{_see(self.spec)}") from error

    def _deal(self) -> Roles:
        if self.fold is not None:
            return deal_fold(self.samples, self.entry.roles, self.fold, stratified=self.entry.stratified)
        dealt = deal(self.samples, self.entry.roles, stratified=self.entry.stratified)
        if not self.entry.calibrate_is_tested:
            return dealt
        tested = sorted({*dealt.members["test"], *dealt.members["calibrate"]})
        return replace(dealt, members={**dealt.members, "test": tuple(tested)})

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the file list, contents, labels, boxes and roles: what makes two scores comparable."""
        roles_of: dict[str, list[str]] = defaultdict(list)
        for role, names in self.roles.members.items():
            for name in names:
                roles_of[name].append(role)
        digest = hashlib.sha256()
        for sample in self.samples:
            boxes = [(box.label, box.x0, box.y0, box.x1, box.y1) for box in sample.boxes]
            row = (
                sample.name,
                sample.content,
                (sample.width, sample.height),
                sample.labels,
                boxes,
                "+".join(roles_of[sample.name]),
            )
            digest.update(json.dumps(row).encode() + b"\n")
        return digest.hexdigest()[:16]

    @cached_property
    def missing(self) -> Mapping[str, tuple[int, int]]:
        """Per official split that is not complete: images here, images in the release."""
        here = Counter(sample.split for sample in self.samples)
        return {
            split: (here[split], count) for split, count in self.entry.release.items() if here[split] != count
        }

    @cached_property
    def views(self) -> Views:
        """Makes what methods and metrics see."""

        dataset, samples, progress, folder = self.dataset, self.samples, self.progress, self._cache
        found_organs, own_organs = self.found_organs, self.entry.organs

        def array(height: int, width: int) -> Any:
            path = folder / f"{height}x{width}.npy"
            return array_of(Images(dataset, (height, width)), samples, path, progress)

        def organs(size: int) -> Any:
            found = found_organs if (found_organs / COMPLETE).exists() else None
            reader = Organs(dataset, size, own_organs or found)
            path = folder / f"packed-organs-{reader.key}-{size}.npy"
            return array_of(reader, samples, path, progress)

        # Sealed: a method holds its views, and these functions hold every box of the dataset.
        return Views(dataset.classes, samples, Sealed(array), Sealed(organs))

    @property
    def left_out(self) -> frozenset[str]:
        """Names of the images that are skipped."""
        return frozenset(name for problem in self.skipped for name in problem.images)

    @property
    def found_organs(self) -> Path:
        """Where ``wsbench data organs`` leaves masks: beside the image cache."""
        return self._cache / "organs"

    @cached_property
    def _cache(self) -> Path:
        return cache_folder() / self.spec.name / self._pixels_key

    @cached_property
    def _pixels_key(self) -> str:
        contents = [(sample.name, sample.content) for sample in self.samples]
        return hashlib.sha256(json.dumps(contents).encode()).hexdigest()[:16]

    def samples_of(self, role: Role) -> list[Sample]:
        """The samples of one role, sorted by name."""
        members = set(self.roles.members[role])
        return [sample for sample in self.samples if sample.name in members]

    def boxes_of(self, role: Role) -> int:
        """The number of boxes of a role; those of calibrate count for nothing in test."""
        elsewhere = set(self.roles.members["calibrate"]) if role == "test" else ()
        return sum(len(s.boxes) for s in self.samples_of(role) if s.name not in elsewhere)

    def describe(self) -> Mapping[str, Any]:
        """What a record says of the data, as JSON values."""
        return {
            "name": self.spec.name,
            "settings": self.settings.model_dump(mode="json"),
            "fingerprint": self.fingerprint,
            "classes": list(self.dataset.classes),
            "images": {role: len(self.roles.members[role]) for role in ROLES},
            "boxes": {role: self.boxes_of(role) for role in ROLES},
            "left_out": dict(self.roles.left_out),
            "skipped": [printable(f"{problem.file}: {words_of(problem.what)}") for problem in self.skipped],
            "subset": {split: list(counts) for split, counts in self.missing.items()},
            "fold": None if self.fold is None else asdict(self.fold),
        }


def load(
    spec: DatasetSpec,
    settings: Settings,
    entry: Entry,
    progress: Progress,
    *,
    root: Path | None = None,
    skip_bad: bool = False,
    refuse: bool = True,
) -> Loaded:
    """Load a dataset.

    Args:
        spec: of the dataset.
        settings: an instance of its settings model.
        entry: its entry in the catalogue.
        progress: where long work is shown.
        root: its folder, if the user gave one.
        skip_bad: leave out samples with a problem instead of stopping.
        refuse: False loads what is sound whatever else is there, were it nothing: to say what is wrong.

    Raises:
        WsbenchError: no folder, a problem with a file, or two things said of one image that cannot both be
            true.
    """
    if spec.computed and root is not None:
        raise WsbenchError(f"{spec.name} is computed; it has no --root")
    folder = None if spec.computed else root_of(spec.name, entry, root)
    cache = cache_folder() / spec.name
    with contained(f"{spec.name} (plugin {place_of(spec.load)})", "load"):
        dataset = spec.load(settings, Source(folder, cache, progress))
    require_classes(dataset.classes, spec.name)
    checked = contradictions(dataset.samples, dataset.classes)
    problems = (*dataset.problems, *_bad_names(dataset.samples), *checked)
    bad = tuple(problem for problem in problems if problem.remedy != "none")
    notes = tuple(problem for problem in problems if problem.remedy == "none")
    samples = _trusted(dataset.samples, bad)
    if refuse:
        _refuse(spec, bad, skip_bad=skip_bad)
    if refuse and not samples:
        raise WsbenchError(f"{spec.name}: {folder or 'its settings'}: no image is left{_see(spec)}")
    loaded = Loaded(spec, settings, entry, dataset, samples, bad, progress, notes)
    for split, (here, count) in loaded.missing.items():
        progress.say(f"{spec.name}: split {split} has {here} of the release's {count} images: a subset")
    return loaded


def _bad_names(samples: Sequence[Sample]) -> Iterator[Problem]:
    """The samples whose names, or those of their boxes and attributes, cannot be printed as names."""
    for sample in samples:
        if fault := fault_of(sample):
            yield Problem(sample.name, fault, "bad name", (sample.name,))


def _trusted(samples: Sequence[Sample], problems: Sequence[Problem]) -> tuple[Sample, ...]:
    """The samples that no problem is about, sorted by name."""
    doubted = {name for problem in problems for name in problem.images}
    return tuple(sorted((s for s in samples if s.name not in doubted), key=lambda sample: sample.name))


def _refuse(spec: DatasetSpec, problems: Sequence[Problem], *, skip_bad: bool) -> None:
    """Raise WsbenchError, naming the first, if there are problems that leaving out images does not mend, or,
    unless they are left out, any."""
    refused = [problem for problem in problems if problem.remedy == "mend"] or ([] if skip_bad else problems)
    if not refused:
        return
    first, more = refused[0], len(problems) - 1
    others = f" (and {more} more{_see(spec)})" if more else ""
    remedy = "--skip-bad is no remedy" if first.remedy == "mend" else "or leave it out with --skip-bad"
    raise WsbenchError(f"{spec.name}: {first.file}: {first.what}{others}; fix it, {remedy}")


def _see(spec: DatasetSpec) -> str:
    return f", see `wsbench data check {spec.name}`"


def _count(problems: Sequence[Problem]) -> str:
    return f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
