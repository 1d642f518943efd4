"""Finished runs, for commands of plugins: the record, the data, and the trained method with other settings.

The public names are listed here alone. The module is imported when one of them is first used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsbench.contract.base import Method
from wsbench.contract.plugins import Plugins, find
from wsbench.contract.records import Record, load_record
from wsbench.data.dataset import Loaded
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError, choose
from wsbench.files.user_files import expanded
from wsbench.runs.compared_means import ComparedMean, compare_means
from wsbench.runs.job import Job
from wsbench.runs.rescoring import dataset_of, plan_of
from wsbench.runs.runner import restored
from wsbench.runs.scoring_inputs import resamples
from wsbench.scoring.bootstrap import Resamples
from wsbench.settings import fill
from wsbench.utils.progress import Progress, Silent, choose_progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from wsbench.reports.notebook import Cases, Ranking

__all__ = ["ComparedMean", "FinishedRun", "compare_means", "figure", "open_runs", "progress", "ranking"]


@dataclass(frozen=True)
class FinishedRun:
    """A run that has a record, with its dataset.

    Attributes:
        record: the record. ``record.folder`` is the run's folder.
        loaded: the dataset, with the roles of the run.
        plugins: all plugins.
    """

    record: Record
    loaded: Loaded
    plugins: Plugins

    def method(self, **settings: Any) -> Method:
        """The trained method, restored from the run's training.

        Args:
            settings: settings that training does not depend on, in place of those of the run.

        Raises:
            WsbenchError: training depends on one of the settings, the training was deleted, or a file of it
                is not what was left there.
        """
        assert self.record.folder is not None
        plan = plan_of(self.record, self.plugins)
        trained = plan.trained().settings
        filled = fill(plan.spec.settings, {**self.record.method["settings"], **settings}, plan.spec.name)
        plan = replace(plan, settings=filled)
        if plan.trained().settings != trained:
            raise WsbenchError(
                f"{plan.spec.name}: training depends on {', '.join(settings)}; make another run"
            )
        method = restored(
            Job(plan, self.loaded, self.plugins), self.record.folder.resolve().parent, "uniform"
        )
        if method is None:
            raise WsbenchError(
                f"{self.record.folder}: its training was deleted; rerun the command that made it"
            )
        return method

    def cases(
        self,
        *labels: str,
        outcomes: str = "fn,fp",
        each: int = 3,
        protocol: str = "uniform",
    ) -> Cases:
        """Choose the worst test images. In a notebook they show with their truth, boxes and maps.

        Args:
            labels: classes; by default all of them.
            outcomes: of ``tp,fp,fn,tn``, joined by commas.
            each: the most images of each class and outcome.
            protocol: whose operating points and boxes count.

        Raises:
            WsbenchError: a class or an outcome is unknown, or no image has any of the outcomes.
        """
        from wsbench.reports.cases import parse_outcomes
        from wsbench.reports.notebook import Cases

        classes = labels or tuple(self.loaded.dataset.classes)
        for name in classes:
            choose(name, dict.fromkeys(self.loaded.dataset.classes), "class")
        chosen = parse_outcomes(outcomes)
        return Cases.of(self.record, self.loaded, self.plugins, classes, chosen, each, protocol)

    def test_draws(self) -> Resamples:
        """The thousand draws of the test images, in the order of ``loaded.roles.members["test"]``. Those of
        records are the same ones."""
        return resamples(self.loaded, self.loaded.roles.members["test"])


def open_runs(
    folders: Iterable[str | Path],
    *,
    root: str | Path | None = None,
    plugin_files: Iterable[str | Path] = (),
    progress: Progress | None = None,
) -> list[FinishedRun]:
    """Open finished runs on the same data.

    Args:
        folders: the folders of the runs.
        root: the dataset's folder.
        plugin_files: files to find further plugins in.
        progress: where to show progress. By default, it is not shown.

    Raises:
        WsbenchError: a folder has no record of a run of this kind, the runs have different data, or the
            dataset is not the one they were made on.
    """
    plugins = with_own_datasets(find(plugin_files))
    records = [load_record(folder) for folder in folders]
    for record in records:
        if record.is_external:
            raise WsbenchError(
                f"{record.folder}: another program made these predictions; name a run of a method"
            )
        if record.key != records[0].key:
            raise WsbenchError(
                f"{record.folder}: has other data, or another version, than {records[0].folder}"
            )
    folder = None if root is None else Path(root)
    loaded = dataset_of(records[0], plugins, progress or Silent(), folder)
    return [FinishedRun(record, loaded, plugins) for record in records]


def figure(
    runs: Record | Iterable[Record],
    name: str,
    *,
    root: str | Path | None = None,
    plugin_files: Iterable[str | Path] = (),
) -> Figure:
    """Draw a figure of finished runs, as a report shows it.

    In a notebook the figure shows itself. ``figure.savefig("froc.pdf")`` writes it to a file.

    Args:
        runs: one record or several. Those that differ in their seed alone are one line, with its seeds.
        name: ``precision_recall``, ``froc``, ``roc``, ``calibration``, ``losses``, ``thresholds``,
            ``by_class``, ``by_size``, ``places`` or ``cost``.
        root: the dataset's folder, for figures that compare boxes with the truth.
        plugin_files: files to find further plugins in, such as that of the dataset.

    Raises:
        WsbenchError: the name is unknown, or the runs have not left what the figure needs.
    """
    from wsbench.reports.plots import FIGURES, Datasets, RunData

    kind = choose(name, FIGURES, "figure")
    records = [runs] if isinstance(runs, Record) else list(runs)
    plugins = with_own_datasets(find(plugin_files))
    datasets = Datasets(None if root is None else expanded(root))
    data = [RunData(record, plugins, datasets) for record in records]
    drawn = kind.draw(data)
    if drawn is None:
        raise WsbenchError(f"figure {name}: {kind.absence(data)}")
    return drawn


def ranking(records: Iterable[Record], *, plugin_files: Iterable[str | Path] = ()) -> Ranking:
    """Rank finished runs as a leaderboard does. The result shows as a table in a notebook, and its
    ``table()`` is a pandas table.

    Args:
        records: of runs that were tested on the same images. Those that differ in their seed alone are one
            row.
        plugin_files: files to find further plugins in, whose metrics tables show, too.

    Raises:
        WsbenchError: there is no record, or two of them do not share a table.
    """
    from wsbench.reports.notebook import Ranking

    return Ranking.of(records, find(plugin_files).metrics)


def progress(*, quiet: bool = False) -> Progress:
    """Where a command shows long work: a bar in a terminal, lines elsewhere, nothing if ``quiet``."""
    return choose_progress(quiet=quiet)
