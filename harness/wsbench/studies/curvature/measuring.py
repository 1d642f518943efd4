"""The curvature of finished runs, part by part: a part that was measured is not measured again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from wsbench.contract import records
from wsbench.contract.base import Method
from wsbench.contract.containment import contained
from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError, choose
from wsbench.runs.job import Job
from wsbench.runs.rescoring import dataset_of, plan_of
from wsbench.runs.runner import restored
from wsbench.runs.stages import Checks, locked, stage
from wsbench.studies.curvature.parts import Part
from wsbench.torch import curvature
from wsbench.types import Role
from wsbench.utils.devices import check_device
from wsbench.utils.hashing import key_of, seed_from, source_hash, trained_source
from wsbench.utils.progress import SECONDS_BETWEEN_LINES, Progress

if TYPE_CHECKING:
    from wsbench.torch.curvature.density import Quadrature
    from wsbench.torch.curvature.hessian import Hessian

FOLDER = "hessian"
"""The folder, inside that of a run, with a folder for each part that was measured."""


@dataclass(frozen=True)
class Question:
    """The function whose Hessian is asked for.

    Attributes:
        loss: ``own`` (the method's training loss) or ``cross_entropy``.
        role: the role that the images are of.
        images: the number of images. They are drawn at random, the same ones for every run on the same data.
        precision: ``float32`` or ``float64``.
        batch_size: number of images that are differentiated together. Results do not depend on it.
    """

    loss: str
    role: str
    images: int
    precision: str
    batch_size: int

    def check(self) -> None:
        """Raise WsbenchError if there is no such loss or precision."""
        from wsbench.torch.curvature.hessian import LOSSES, PRECISIONS

        choose(self.loss, LOSSES, "loss")
        choose(self.precision, PRECISIONS, "precision")

    def names(self, members: Mapping[Role, Sequence[str]]) -> tuple[str, ...]:
        """The names of the images.

        Args:
            members: the images of every role.

        Raises:
            WsbenchError: the role is unknown, or has fewer images.
        """
        by_name = {str(role): names for role, names in members.items()}
        of_role = sorted(choose(self.role, by_name, "role"))
        if self.images > len(of_role):
            raise WsbenchError(
                f"--images {self.images}: role {self.role} has {len(of_role)} images; ask for fewer"
            )
        order = np.random.default_rng(seed_from("hessian", "images")).permutation(len(of_role))
        return tuple(of_role[row] for row in order[: self.images])


@dataclass(frozen=True)
class Curvature:
    """What was measured of one run.

    Attributes:
        record: the run.
        question: the function that was differentiated.
        results: what each part's ``measure`` returned, by the name of the part, with the seconds it took.
    """

    record: Record
    question: Question
    results: Mapping[str, Mapping[str, Any]]

    @property
    def quadratures(self) -> list[Quadrature]:
        """The runs of the Lanczos iteration; none where the density was not asked for."""
        from wsbench.torch.curvature.density import Quadrature

        return [
            Quadrature(np.array(result["nodes"]), np.array(result["weights"]))
            for name, result in self.results.items()
            if "nodes" in result
        ]

    @property
    def seconds(self) -> float:
        """How long measuring took, of all parts together."""
        return float(sum(result["cost"]["seconds"] for result in self.results.values()))


@dataclass(frozen=True)
class _Subject:
    """A run, and the function whose Hessian is asked for."""

    record: Record
    job: Job
    question: Question

    @property
    def folder(self) -> Path:
        assert self.record.folder is not None
        return self.record.folder

    @cached_property
    def names(self) -> tuple[str, ...]:
        return self.question.names(self.job.loaded.roles.members)

    @cached_property
    def hessian(self) -> Hessian:
        """The Hessian. The network is restored, and images are read, when a part first needs it."""
        from wsbench.torch.curvature.hessian import Hessian

        spec, above = self.job.plan.spec, self.folder.parent
        method = _restored(self.job, above)
        upstream = {
            name: _restored(job, above.parent / job.plan.spec.name)
            for name, job in self.job.training().upstream().items()
        }
        loss = method.training_loss(upstream)
        if loss is None:
            raise WsbenchError(f"{spec.name} has no training loss of a single network that could be asked")
        images = self.job.loaded.views.weak(self.names)
        return Hessian(
            loss,
            self.question.loss,
            images,
            batch_size=self.question.batch_size,
            precision=self.question.precision,
        )

    def inputs(self) -> Mapping[str, Any]:
        """All that the numbers of every part depend on, as JSON values."""
        return {
            "fit": self.record.training,
            "settings": self.job.plan.after_fit(),
            "loss": self.question.loss,
            "precision": self.question.precision,
            "images": key_of([self.question.role, *self.names]),
            "source": [source_hash(curvature), trained_source(self.job.plan.spec.build)],
        }

    def measured(self, part: Part) -> Mapping[str, Any]:
        """The results of a part, from its folder if it was measured before."""
        inputs = {**self.inputs(), "part": [part.name, asdict(part)]}  # type: ignore[call-overload] # a dataclass
        seed = seed_from("hessian", part.name)

        def work(_: Path) -> Mapping[str, Any]:
            title = f"Hessian of {self.job.plan.spec.name}, seed {self.record.seed}: {part.name}"
            with contained(self.job.plan.who, "training_loss"), _within_memory():
                hessian = self.hessian
                with _shown(self.job.progress, title, part.products, hessian):
                    before = hessian.products
                    result = part.measure(hessian, seed)
            return {**result, "products": hessian.products - before}

        name = f"{FOLDER}/{part.name}-{key_of(inputs)[:8]}"
        return stage(self.folder, name, inputs, work, Checks(say=self.job.progress.say)).facts


def measure(
    folders: Sequence[Path],
    question: Question,
    parts: Sequence[Part],
    plugins: Plugins,
    progress: Progress,
    *,
    root: Path | None = None,
    device: str = "auto",
) -> list[Curvature]:
    """Measure the curvature of finished runs on the same data.

    Results are kept in the folder of each run.

    Args:
        folders: the folders of the runs.
        question: the function whose Hessian is asked for.
        parts: what is measured of it.
        plugins: all plugins.
        progress: shows long work.
        root: the dataset's folder.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1`` ...

    Raises:
        WsbenchError: no finished run, runs on different data, a method without a training loss, or too little
            memory.
    """
    check_device(device, used=True)
    question.check()
    subjects = _subjects(folders, question, plugins, progress, root, device)
    for subject in subjects:
        _ = subject.names  # too many images are refused before anything is measured
    measured = []
    for subject in subjects:
        with locked(subject.folder, progress.say):
            results = {part.name: subject.measured(part) for part in parts}
        measured.append(Curvature(subject.record, question, MappingProxyType(results)))
    return measured


def _subjects(
    folders: Sequence[Path],
    question: Question,
    plugins: Plugins,
    progress: Progress,
    root: Path | None,
    device: str,
) -> list[_Subject]:
    all_records = [records.load(folder.resolve() / records.FILE) for folder in folders]
    for record in all_records:
        if record.is_external:
            raise WsbenchError(
                f"{record.folder}: another program predicted, and left no network whose loss could be asked"
            )
        if _data(record) != _data(all_records[0]):
            raise WsbenchError(f"{record.folder}: has other data than {all_records[0].folder}")
    loaded = dataset_of(all_records[0], plugins, progress, root)
    return [
        _Subject(record, Job(replace(plan_of(record, plugins), device=device), loaded, plugins), question)
        for record in all_records
    ]


def _data(record: Record) -> Sequence[Any]:
    return [record.dataset.get(name) for name in ("name", "fingerprint", "fold")]


def _restored(job: Job, above: Path) -> Method:
    method = restored(job, above, "uniform")
    if method is None:
        raise WsbenchError(
            f"{above}: a training of {job.plan.spec.name} was deleted; rerun the command that made it"
        )
    return method


@contextmanager
def _shown(progress: Progress, title: str, products: int | None, hessian: Hessian) -> Iterator[None]:
    """Show the products of a block: as a task where their number is known, else as lines."""
    if not products:
        hessian.after_product = _lines(progress, title)
        yield
        return
    with progress.task(title, products) as advance:
        hessian.after_product = advance
        yield


def _lines(progress: Progress, title: str) -> Any:
    """A function that counts products, and says how many there were, at most once in ten seconds."""
    count, started = 0, time.monotonic()
    shown = started

    def advance() -> None:
        nonlocal count, shown
        count += 1
        now = time.monotonic()
        if now - shown >= SECONDS_BETWEEN_LINES:
            shown = now
            progress.say(f"{title}: {count} products, {(now - started) / count:.2f} s each")

    return advance


@contextmanager
def _within_memory() -> Iterator[None]:
    import torch

    try:
        yield
    except torch.OutOfMemoryError:
        raise WsbenchError("not enough memory on the GPU; give a smaller --batch, or fewer probes") from None
