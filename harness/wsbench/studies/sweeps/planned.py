"""What the cells of a sweep need, and which of them are done."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wsbench.contract import records
from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.runs.job import Job
from wsbench.runs.plan import load_dataset, make_plan
from wsbench.runs.stages import is_done
from wsbench.runs.target import Target
from wsbench.runs.test_on import load_targets, parse_test_on
from wsbench.runs.transfer import folder_of
from wsbench.settings import parse_options
from wsbench.studies.sweeps.cells import Cell
from wsbench.studies.sweeps.form import SweepForm
from wsbench.utils.progress import Progress


@dataclass(frozen=True)
class Planned:
    """A cell, and the run that it is.

    Attributes:
        cell: the cell.
        job: the run.
        targets: other datasets that the run is tested on.
    """

    cell: Cell
    job: Job
    targets: tuple[Target, ...] = ()

    def trainings(self) -> frozenset[Path]:
        """The folders of trainings that the run needs and that are not finished: its own, and those of the
        methods that it builds on. Runs that share one must not make it at the same time."""
        return frozenset(folder for folder, job in _trainings(self.job) if not _is_fitted(job))

    def records(self) -> list[Record] | None:
        """The record of the run, and that of every other dataset; None where the run is not finished, or was
        made from other settings, data or code."""
        own = _record_in(self.job.folder)
        if own is None or not _is_of(own, self.job):
            return None
        others = [_record_in(folder_of(self.job, target)) for target in self.targets]
        finished = [own, *(record for record in others if record is not None)]
        return finished if len(finished) == 1 + len(self.targets) else None


@dataclass
class Planner:
    """Makes runs of cells. A dataset is loaded once for all cells that share it.

    Attributes:
        form: the sweep.
        plugins: all plugins.
        runs: the folder of all runs.
        progress: where long work is shown.
    """

    form: SweepForm
    plugins: Plugins
    runs: Path
    progress: Progress
    _loaded: dict[str, tuple[Loaded, tuple[Target, ...]]] = field(default_factory=dict)

    def plan(self, cells: Sequence[Cell]) -> list[Planned]:
        """The runs of all cells. Every name and setting of all is checked before any run begins.

        Raises:
            WsbenchError: a method, a dataset, a preset or a setting is unknown, or a value is not valid.
        """
        planned = [self._planned(cell) for cell in cells]
        planned = [run for run in planned if not self._repeats(run.cell, cells)]
        return [*self._references(planned), *planned]

    def _repeats(self, cell: Cell, cells: Sequence[Cell]) -> bool:
        """Whether a method that does the same for every seed has an earlier cell with the same settings."""
        if not self.plugins.methods[cell.method].deterministic:
            return False
        same = next(other for other in cells if other.settings == cell.settings)
        return same is not cell

    def _planned(self, cell: Cell) -> Planned:
        plan = make_plan(
            self.plugins.method(cell.method),
            cell.preset,
            _options(cell.options),
            dataset=self.plugins.dataset(cell.dataset),
            seed=cell.seed,
            device=self.form.device,
            runs=self.runs,
            calibrate_for=self.form.calibrate_for,
        )
        loaded, targets = self._dataset(cell)
        return Planned(cell, Job(plan, loaded, self.plugins), () if cell.reference else targets)

    def _dataset(self, cell: Cell) -> tuple[Loaded, tuple[Target, ...]]:
        name = json.dumps([cell.dataset, cell.data_options])
        if name not in self._loaded:
            options = _options(cell.data_options)
            loaded = load_dataset(self.plugins, cell.dataset, options, self.progress, root=self.form.root)
            targets = load_targets(parse_test_on(self.form.test_on), self.plugins, loaded)
            self._loaded[name] = loaded, tuple(targets)
        return self._loaded[name]

    def _references(self, planned: Sequence[Planned]) -> list[Planned]:
        """A cell of every image-blind method on every dataset of a sweep, which come first: other cells look
        at what they leave."""
        if not self.form.references:
            return []
        named = {cell.method for cell in (run.cell for run in planned)}
        blind = [
            name for name, spec in self.plugins.methods.items() if not spec.reads_image and name not in named
        ]
        result: dict[str, Planned] = {}
        for run in planned:
            for name in blind:
                spec = self.plugins.methods[name]
                seed = 0 if spec.deterministic else run.cell.seed
                cell = Cell(name, run.cell.dataset, None, {}, run.cell.data_options, seed, reference=True)
                words = json.dumps([name, cell.dataset, cell.data_options, seed])
                if words not in result:
                    result[words] = self._planned(cell)
        return list(result.values())


def refuse_twins(planned: Sequence[Planned]) -> None:
    """Raise WsbenchError where two cells are one run, as with a setting at its default and without it."""
    folders: dict[Path, Planned] = {}
    for run in planned:
        first = folders.setdefault(run.job.folder, run)
        if first is not run:
            one, other = (" ".join(f"{k}={v}" for k, v in it.cell.settings.items()) for it in (first, run))
            raise WsbenchError(f"two cells are the same run: {one}, and {other}; leave out one of them")


def _options(words: Mapping[str, str]) -> dict[str, Any]:
    return parse_options([f"{name}={value}" for name, value in words.items()])


def _trainings(job: Job) -> Iterator[tuple[Path, Job]]:
    training = job.training()
    yield training.folder, training
    for required in training.upstream().values():
        yield from _trainings(required)


def _is_fitted(training: Job) -> bool:
    return is_done(training.folder, "fit", training.inputs(), refill=True)


def _record_in(folder: Path) -> Record | None:
    try:
        return records.load(folder / records.FILE)
    except (WsbenchError, OSError):
        return None


def _is_of(record: Record, job: Job) -> bool:
    """Whether a record was made from the settings, data and code of a run, as they are now."""
    now = json.loads(json.dumps([job.inputs(), job.key(), job.plan.settings.model_dump(mode="json")]))
    same: bool = now == [record.trained_from, record.key, record.method["settings"]]
    return same
