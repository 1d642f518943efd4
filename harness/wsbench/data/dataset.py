"""Loads a dataset for a run: its samples, roles, fingerprint and views, and how complete it is."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from wsbench.contract.base import Dataset, Source
from wsbench.contract.containment import contained, place_of
from wsbench.contract.problems import Problem
from wsbench.contract.specs import DatasetSpec
from wsbench.data import split_roles
from wsbench.data.by_attribute import one_sided
from wsbench.data.cache import array_of, cache_folder
from wsbench.data.catalog import Entry, root_of
from wsbench.data.contradictions import contradictions
from wsbench.data.fit_all import ALL, OPTION
from wsbench.data.folds import Fold
from wsbench.data.mask_boxes import MEMORY, with_boxes_of_masks
from wsbench.data.nuisances import content_of_nuisances, counts_of_nuisances
from wsbench.data.organs import COMPLETE, Organs
from wsbench.data.readers import Images
from wsbench.data.refusing import counted, refuse_problems, see
from wsbench.data.role_choice import chosen_roles
from wsbench.data.split_files import SplitFile
from wsbench.data.splits import Roles
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
        spec: the dataset's spec.
        settings: the settings that it was loaded with.
        entry: its entry in the catalogue.
        dataset: the dataset as the plugin loaded it.
        samples: the usable samples, sorted by name.
        skipped: the problems for which images were left out.
        progress: shown during long work.
        notes: harmless problems of the files.
        fold: the fold, or the group left out, that is tested; None for the dataset's official splits.
        split: the user's split file, which assigns the roles; None for the dataset's own roles.
        fits_all: whether select and calibrate are trained on, too (`wsbench.data.fit_all`).
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
    split: SplitFile | None = None
    fits_all: bool = False

    def of_fold(self, fold: Fold | None) -> Loaded:
        """Return the same data with the roles of a fold."""
        return replace(self, fold=fold)

    def with_split(self, split: SplitFile) -> Loaded:
        """Return the same data with the roles of a user's split file, and say what is odd about it.

        Raises:
            WsbenchError: the file names an image that does not exist, or one in two roles.
        """
        own = split_roles.fitted(split, self.samples, self.left_out)
        for line in split_roles.warnings_of(own, self.samples):
            self.progress.say(line)
        return replace(self, split=own)

    def fitting_all(self) -> Loaded:
        """Return the same data with the images of select and calibrate in role fit, too.

        Raises:
            WsbenchError: nothing is held out, or a split file says what is.
        """
        if self.split is not None:
            raise WsbenchError(
                f"{OPTION}={ALL}: {self.split.name} says what is trained on; leave out one of the two"
            )
        loaded = replace(self, fits_all=True)
        _ = loaded.roles  # refused before anything is trained
        return loaded

    @cached_property
    def roles(self) -> Roles:
        """The images of the four roles.

        Raises:
            WsbenchError: a role would be empty.
        """
        try:
            return chosen_roles(self.samples, self.entry, self.split, self.fold, fits_all=self.fits_all)
        except WsbenchError as error:
            if not self.skipped:
                raise
            raise WsbenchError(f"{error}; {counted(self.skipped)} left images out{see(self.spec)}") from error

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the images, their truth, the roles and a split file. Scores with equal ones compare."""
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
            more = (*_contents_of_masks(sample), *content_of_nuisances(sample))
            digest.update(json.dumps((*row, *more)).encode() + b"\n")
        if self.split is not None:
            digest.update(f"split {self.split.digest} {self.split.fold}".encode())
        return digest.hexdigest()[:16]

    @cached_property
    def missing(self) -> Mapping[str, tuple[int, int]]:
        """For each incomplete official split, the number of images in this copy and in the release."""
        counts = Counter([*(sample.split for sample in self.samples), *self.dataset.unused.values()])
        return {
            split: (counts[split], released)
            for split, released in self.entry.release.items()
            if counts[split] != released
        }

    @cached_property
    def views(self) -> Views:
        """The views, through which methods and metrics see the data."""

        # The functions below hold single attributes, not this object, which holds every box.
        dataset, samples, progress, folder = self.dataset, self.samples, self.progress, self._cache
        written_masks, catalogue_masks = self.organs_folder, self.entry.organs

        def array(height: int, width: int) -> Any:
            path = folder / f"{height}x{width}.npy"
            return array_of(Images(dataset, (height, width)), samples, path, progress)

        def organs(size: int) -> Any:
            complete_masks = written_masks if (written_masks / COMPLETE).exists() else None
            reader = Organs(dataset, size, catalogue_masks or complete_masks)
            path = folder / f"packed-organs-{reader.key}-{size}.npy"
            return array_of(reader, samples, path, progress)

        # Sealed, because a method holds its views, and the samples in these functions have every box.
        return Views(dataset.classes, samples, Sealed(array), Sealed(organs))

    @property
    def left_out(self) -> frozenset[str]:
        """The names of the images that were left out, as bad or by the dataset's settings."""
        return frozenset(name for problem in self.skipped for name in problem.images).union(
            self.dataset.unused
        )

    @property
    def organs_folder(self) -> Path:
        """The folder to which ``wsbench data organs`` writes masks, beside the image cache."""
        return self._cache / "organs"

    @cached_property
    def _cache(self) -> Path:
        return cache_folder() / self.spec.name / self._pixels_key

    @cached_property
    def _pixels_key(self) -> str:
        contents = [(sample.name, sample.content) for sample in self.samples]
        return hashlib.sha256(json.dumps(contents).encode()).hexdigest()[:16]

    def samples_of(self, role: Role) -> list[Sample]:
        """Return the samples of one role, sorted by name."""
        members = set(self.roles.members[role])
        return [sample for sample in self.samples if sample.name in members]

    @cached_property
    def has_masks(self) -> bool:
        """Whether any sample has a truth mask."""
        return any(sample.masks for sample in self.samples)

    @cached_property
    def has_nuisances(self) -> bool:
        """Whether any sample marks a nuisance."""
        return any(sample.nuisances for sample in self.samples)

    def masks_of(self, role: Role) -> int:
        """Count the masks of a role. Masks of images that are also in calibrate do not count in test."""
        unscored = set(self.roles.members["calibrate"]) if role == "test" else ()
        return sum(len(s.masks) for s in self.samples_of(role) if s.name not in unscored)

    def boxes_of(self, role: Role) -> int:
        """Count the boxes of a role. Boxes of images that are also in calibrate do not count in test."""
        unscored = set(self.roles.members["calibrate"]) if role == "test" else ()
        return sum(len(s.boxes) for s in self.samples_of(role) if s.name not in unscored)

    def describe(self) -> Mapping[str, Any]:
        """Describe the data for a record, as JSON values."""
        split = {} if self.split is None else {"split": self.split.describe()}
        fit = {OPTION: ALL} if self.fits_all else {}
        return {
            "name": self.spec.name,
            "settings": self.settings.model_dump(mode="json"),
            "fingerprint": self.fingerprint,
            "classes": list(self.dataset.classes),
            "images": {role: len(self.roles.members[role]) for role in ROLES},
            "boxes": {role: self.boxes_of(role) for role in ROLES},
            **({"masks": {role: self.masks_of(role) for role in ROLES}} if self.has_masks else {}),
            **({"nuisances": counts_of_nuisances(self.samples_of)} if self.has_nuisances else {}),
            "left_out": dict(self.roles.left_out),
            "skipped": [printable(f"{problem.file}: {words_of(problem.what)}") for problem in self.skipped],
            "subset": {split: list(counts) for split, counts in self.missing.items()},
            "fold": None if self.fold is None else self.fold.describe(),
            **split,
            **fit,
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
        spec: the dataset's spec.
        settings: an instance of its settings model.
        entry: its entry in the catalogue.
        progress: shown during long work.
        root: its folder, if the user named one.
        skip_bad: leave out samples with a problem instead of stopping.
        refuse: False loads the usable samples whatever the problems are, even if none is usable.

    Raises:
        WsbenchError: the folder is not known, a file has a problem, or the data contradict themselves.
    """
    if spec.computed and root is not None:
        raise WsbenchError(f"{spec.name} is computed and has no --root; leave the option out")
    folder = None if spec.computed else root_of(spec.name, entry, root)
    cache = cache_folder() / spec.name
    with contained(f"{spec.name} (plugin {place_of(spec.load)})", "load"):
        dataset = spec.load(settings, Source(folder, cache, progress))
    require_classes(dataset.classes, spec.name)
    checked = contradictions(dataset.samples, dataset.classes)
    problems = (*dataset.problems, *_bad_names(dataset.samples), *checked)
    bad = tuple(problem for problem in problems if problem.remedy != "none")
    notes = tuple(problem for problem in problems if problem.remedy == "none")
    samples = with_boxes_of_masks(_trusted(dataset.samples, bad), cache / MEMORY, progress)
    if refuse:
        refuse_problems(spec, bad, skip_bad=skip_bad)
    if refuse and not samples:
        raise WsbenchError(f"{spec.name}: {folder or 'its settings'}: no image is left{see(spec)}")
    loaded = Loaded(spec, settings, entry, dataset, samples, bad, progress, notes)
    for split, (count, released) in loaded.missing.items():
        progress.say(f"{spec.name}: split {split} has {count} of the release's {released} images: a subset")
    for line in one_sided(samples, dataset.classes):
        progress.say(f"{spec.name}: {line}; a pooled AUC rewards knowing the collection")
    return loaded


def _bad_names(samples: Sequence[Sample]) -> Iterator[Problem]:
    """Find samples whose name or attributes cannot be shown, or whose name leads out of the folder."""
    for sample in samples:
        if fault := fault_of(sample):
            yield Problem(sample.name, fault, "bad name", (sample.name,))


def _contents_of_masks(sample: Sample) -> list[list[tuple[str, str]]]:
    """Return nothing for a sample without masks, so that the fingerprints of data without masks stay."""
    return [[(mask.label, mask.content) for mask in sample.masks]] if sample.masks else []


def _trusted(samples: Sequence[Sample], problems: Sequence[Problem]) -> tuple[Sample, ...]:
    """Return the samples without a problem, sorted by name."""
    doubted = {name for problem in problems for name in problem.images}
    return tuple(sorted((s for s in samples if s.name not in doubted), key=lambda sample: sample.name))
