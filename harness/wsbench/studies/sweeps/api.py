"""`wsbench.studies.sweep`: the command of this name for Python programs, same checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wsbench.contract.plugins import Plugins, find
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError
from wsbench.files.locks import Busy, held
from wsbench.files.writing import write_json, write_text
from wsbench.studies.sweeps import curves, pages
from wsbench.studies.sweeps.cells import cells_of, swept
from wsbench.studies.sweeps.driver import Failure, carry_out, work_of
from wsbench.studies.sweeps.engines.choice import EngineChoice
from wsbench.studies.sweeps.form import SweepForm, changed, form_of, read
from wsbench.studies.sweeps.planned import Planned, Planner, refuse_twins
from wsbench.studies.sweeps.results import SweepResults
from wsbench.utils.progress import Progress, Silent
from wsbench.utils.system_errors import try_folder

SWEEPS = "sweeps"
"""In the folder of all runs: a folder for each sweep."""

TABLE, PAGE, CELLS = "results.csv", "results.md", "cells.json"


@dataclass
class Sweep:
    """A sweep whose names and settings have all been checked.

    Attributes:
        name: for its folder.
        form: what its file says.
        plugins: all plugins.
        runs: the folder of all runs.
        progress: where long work is shown.
        plugin_files: files of plugins.
    """

    name: str
    form: SweepForm
    plugins: Plugins
    runs: Path
    progress: Progress
    plugin_files: Sequence[Path] = ()
    planned: list[Planned] = field(init=False)

    def __post_init__(self) -> None:
        cells = cells_of(self.form, self.name)
        self.planned = Planner(self.form, self.plugins, self.runs, self.progress).plan(cells)
        refuse_twins(self.planned)

    @property
    def folder(self) -> Path:
        """Where logs, tables and curves lie."""
        return self.runs / SWEEPS / self.name

    def carry_out(self, choice: EngineChoice) -> list[Failure]:
        """Carry out the cells that are not done, and return those that have failed.

        Raises:
            WsbenchError: another process carries out the sweep, or the engine cannot be used.
        """
        names = swept([run.cell for run in self.planned if not run.cell.reference])
        todo = [run for run in self.planned if run.records() is None]
        if not todo:
            return []
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with held(self.folder / ".lock", self.progress.say):
                work = [
                    work_of(run, run.cell.label(names), self.form, self.folder, self.runs, self.plugin_files)
                    for run in todo
                ]
                engine = choice.engine(self.form, self.folder)
                try:
                    return carry_out(work, engine, self.progress)
                finally:
                    engine.close()
        except Busy as busy:
            raise WsbenchError(f"{self.folder}: {busy.holder} carries out this sweep; wait for it") from None

    def results(self) -> SweepResults:
        """The cells that are finished."""
        finished = [(run.cell, record) for run in self.planned for record in run.records() or ()]
        return SweepResults(tuple(finished), self.plugins.metrics, self.form.baseline)

    def write(self, results: SweepResults) -> list[Path]:
        """Write the table as CSV and markdown, the curves, and the folder of each cell's run."""
        table, page, cells = (self.folder / name for name in (TABLE, PAGE, CELLS))
        write_text(table, results.table().to_csv(index=False, lineterminator="\n"))
        write_text(page, "\n".join(part.markdown() for part in pages.pages(results)))
        write_json(
            cells,
            [
                {"settings": dict(cell.settings), "seed": cell.seed, "record": str(record.folder)}
                for cell, record in results.records
            ],
        )
        return [table, page, *curves.draw_all(results, self.folder)]


def sweep(
    study: str | Path | Mapping[str, Any],
    *,
    runs: str | Path = "runs",
    engine: str | EngineChoice = "local",
    jobs: int | None = None,
    plugin_files: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> SweepResults:
    """Carry out the cells of a sweep that are not done, and return what all of them gave.

    If you call it again with the same arguments, it goes on. Tables and curves are written into
    ``sweeps/NAME`` in the folder of runs.

    Args:
        study: the file of a sweep, or what it would hold: ``methods``, ``datasets``, ``options``, ``seeds``
            and so on (docs/how-to/sweeps.md).
        runs: the folder of all runs.
        engine: what starts the runs: ``local``, ``ray``, ``slurm``, ``submitit`` (jobs as of SLURM, on this
            machine), or an `EngineChoice`, which has further parameters.
        jobs: how many runs at the same time. By default, as many as fit: by cores or GPUs.
        plugin_files: Python files to find further plugins in.
        progress: where to show progress. By default, it is not shown.

    Raises:
        WsbenchError: a name or a value is not valid, or a run has failed. Runs that have not failed are
            finished by then.
    """
    shown = progress or Silent()
    plugins = with_own_datasets(find(plugin_files))
    files = [Path(file) for file in plugin_files]
    choice = engine if isinstance(engine, EngineChoice) else EngineChoice(engine, jobs)
    planned = named_sweep(study, {}, plugins, Path(runs), shown, files)
    if failures := planned.carry_out(choice):
        first = failures[0]
        count = f"{len(failures)} of {len(planned.planned)} cells"
        raise WsbenchError(f"{count} failed; {first.label}: {first.problem}; see {first.log}")
    results = planned.results()
    planned.write(results)
    return results


def named_sweep(
    study: str | Path | Mapping[str, Any],
    changes: Mapping[str, Any],
    plugins: Plugins,
    runs: Path,
    progress: Progress,
    plugin_files: Sequence[Path] = (),
) -> Sweep:
    """A sweep of a file or of values, named after the file or after its methods and datasets.

    Args:
        study: the file, or what it would hold.
        changes: values that replace those of the file, by key, and settings by name.
        plugins: all plugins.
        runs: the folder of all runs.
        progress: where long work is shown.
        plugin_files: files of plugins.

    Raises:
        WsbenchError: a name or a value is not valid.
    """
    try_folder(runs)
    replaced = form_of(changes, "sweep")
    if isinstance(study, Mapping):
        form = changed(form_of(study, "sweep"), replaced)
        name = "-".join([*(form.methods or ("methods",)), *(form.datasets or ("datasets",))])[:80]
    else:
        form, name = changed(read(Path(study)), replaced), Path(study).stem
    return Sweep(name, form, plugins, runs, progress, plugin_files)
