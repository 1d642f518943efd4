"""`wsbench.studies.tune`: the command of this name for Python programs, same checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsbench.contract.plugins import Plugins, find
from wsbench.data.dataset import Loaded
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError
from wsbench.files import documents
from wsbench.runs.plan import laid_over, load_dataset, make_plan
from wsbench.scoring.objectives import OBJECTIVE
from wsbench.studies.tuning import results
from wsbench.studies.tuning.form import Form, SearchFile, form_of, parse_words
from wsbench.studies.tuning.journal import Journal, quiet_optuna
from wsbench.studies.tuning.space import space_of
from wsbench.studies.tuning.tuning import Tuning, carry_out
from wsbench.utils.progress import Progress, Silent
from wsbench.utils.system_errors import try_folder

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class TuningResults:
    """The trials of a tuning, and its best settings.

    Attributes:
        trials: a line for each trial, as in ``trials.csv``.
        settings: the best settings, by name.
        value: the objective of the best trial. It is too good, because it is the best of many.
        preset: the file with the best settings, for ``wsbench.run(preset=...)``.
    """

    trials: DataFrame
    settings: Mapping[str, Any]
    value: float
    preset: Path


@dataclass(frozen=True)
class Basis:
    """What stays the same in every trial.

    Attributes:
        loaded: the dataset.
        plugins: all plugins.
        preset: the preset of the method, or a file of one; None is the dataset's.
        options: settings that are fixed, by name.
        seed: the base seed of every training, and of the search.
        device: where to train.
        runs: the folder of all runs.
        calibrate_for: the objective of box rules; None is the file's, or the usual one.
    """

    loaded: Loaded
    plugins: Plugins
    preset: str | None
    options: Mapping[str, Any]
    seed: int
    device: str
    runs: Path
    calibrate_for: str | None


def plan_tuning(method: str, file: SearchFile, forms: Mapping[str, Form], basis: Basis) -> Tuning:
    """A tuning whose names and bounds have all been checked.

    Args:
        method: its name.
        file: objective, sampler, pruner, trials and fixed settings.
        forms: what is searched, by the name of a setting.
        basis: what stays.

    Raises:
        WsbenchError: a name, a value or a bound is not valid.
    """
    if file.method not in (None, method):
        raise WsbenchError(f"the search file is for {file.method}; type `wsbench tune {file.method}`")
    spec = basis.plugins.method(method)
    fixed = {**file.settings, **basis.options}
    plan = make_plan(
        spec,
        basis.preset,
        fixed,
        dataset=basis.loaded.spec,
        seed=basis.seed,
        device=basis.device,
        runs=basis.runs,
        calibrate_for=basis.calibrate_for or file.calibrate_for or OBJECTIVE,
    )
    tuning = Tuning(plan, fixed, space_of(forms, spec), file, basis.loaded, basis.plugins)
    tuning.check()
    return tuning


def tune(
    method: str,
    dataset: str,
    search: Mapping[str, Any] | Sequence[str],
    *,
    search_file: Mapping[str, Any] | None = None,
    preset: str | None = None,
    options: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
    seed: int = 0,
    root: str | Path | None = None,
    device: str = "auto",
    runs: str | Path = "runs",
    plugin_files: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> TuningResults:
    """Search for the settings of a method that do best on the roles select and calibrate.

    If you call it again with the same arguments, it goes on. Test images play no part.

    Args:
        method, dataset: their names.
        search: what to search: the words of ``--search``, such as ``["rate=1e-4:1e-2:log"]``, or by the name
            of a setting a list of values, a mapping with ``low``, ``high``, ``log`` and ``step``, or None for
            the bounds of the method's own model.
        search_file: what a search file may hold besides (docs/how-to/tune.md): ``trials``, ``objective``,
            ``sampler``, ``pruner``, ``calibrate_for`` and ``settings``.
        preset, options, data_options, root, device, runs, plugin_files: as for `wsbench.run`.
        seed: the base seed of every training, and of the search.
        progress: where to show progress. By default, it is not shown.

    Raises:
        WsbenchError: a name or a value is not valid, Optuna is not installed, or no trial has a value.
    """
    folder = Path(runs)
    try_folder(folder)
    shown = progress or Silent()
    plugins = with_own_datasets(find([Path(file) for file in plugin_files]))
    file = documents.checked(SearchFile, dict(search_file or {}), "search_file")
    plugins.method(method)
    loaded = load_dataset(plugins, dataset, data_options or {}, shown, root=root)
    basis = Basis(loaded, plugins, preset, options or {}, seed, device, folder, None)
    with quiet_optuna():
        tuning = plan_tuning(method, file, {**file.forms("search_file"), **_forms(search)}, basis)
        return _written(tuning, carry_out(tuning))


def overridden(file: SearchFile, changes: Mapping[str, Any]) -> SearchFile:
    """A search file with other values laid over it."""
    return documents.checked(SearchFile, laid_over(file.model_dump(), changes), "wsbench tune")


def _forms(search: Mapping[str, Any] | Sequence[str]) -> dict[str, Form]:
    if isinstance(search, Mapping):
        return {name: form_of(value, f"search: {name}") for name, value in search.items()}
    return parse_words(search)


def _written(tuning: Tuning, journal: Journal) -> TuningResults:
    """The results, which also lie as files in the folder of the study."""
    import pandas as pd

    rows = results.rows_of(tuning, journal)
    table, best = results.write_trials(tuning, rows), results.best_of(rows)
    preset = tuning.folder / results.BEST
    file = results.write_best(tuning, rows, preset)
    return TuningResults(pd.read_csv(table), file.settings, float(best.value or 0.0), preset)
