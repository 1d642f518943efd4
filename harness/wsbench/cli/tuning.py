"""``wsbench tune``."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from wsbench.cli import options, tables
from wsbench.errors import as_line, choose

if TYPE_CHECKING:
    from wsbench.studies.tuning.journal import Journal
    from wsbench.studies.tuning.tuning import Tuning

SETTINGS_WIDTH = 34
"""Characters of the column of settings, so that a row fits into 80 characters."""


def tune(
    method: Annotated[str, typer.Argument(help="Name of the method. `wsbench list` shows all.")],
    dataset: options.Dataset,
    search: Annotated[
        list[str] | None,
        typer.Option(
            "--search",
            "-s",
            metavar="NAME=LOW:HIGH",
            help="A setting to search: NAME=LOW:HIGH, NAME=LOW:HIGH:log, NAME=LOW:HIGH:STEP, NAME=A,B,C, or "
            "NAME alone for the bounds that `wsbench describe METHOD` shows. Repeatable.",
        ),
    ] = None,
    search_file: Annotated[
        Path | None,
        typer.Option(
            "--search-file",
            metavar="FILE",
            help="A file of what to search (YAML). Options replace what it says.",
        ),
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Number of trials in all. [default: 20]")] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            help="What is maximised: labels (macro AUC on select), boxes (the objective of box rules on "
            "calibrate) or both (the mean of the two). [default: both]"
        ),
    ] = None,
    sampler: Annotated[str | None, typer.Option(help="tpe or random. [default: tpe]")] = None,
    pruner: Annotated[
        str | None,
        typer.Option(help="Ends poor trainings early: none, median, halving or hyperband. [default: none]"),
    ] = None,
    monitor: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:max]",
            help="The metric in history.csv that --pruner compares, and :max if high values are good. "
            "[default: select_loss]",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The file for the best settings. By default, best.yaml in the folder of the study."
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Preset of the settings that are not searched, or a file of them.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="NAME=VALUE", help="A setting that stays. Repeatable."),
    ] = None,
    data_option: options.DataOption = None,
    root: options.Root = None,
    cache: options.Cache = None,
    seed: Annotated[int, typer.Option(help="Base seed of every training, and of the search.")] = 0,
    device: options.Device = "auto",
    runs: options.Runs = Path("runs"),
    skip_bad: options.SkipBad = False,
    calibrate_for: options.CalibrateFor = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Search for the settings of a method that do best on the held-out roles.

    Each trial trains with other settings, and is judged on select and calibrate. Test images play no part.
    The best settings are written to a file for `wsbench run --preset FILE`. If you interrupt the command, run
    it again, and it goes on. Type it several times at once, and the processes share the trials.
    """
    from wsbench.settings import parse_options
    from wsbench.studies.tuning import form as forms
    from wsbench.studies.tuning.api import Basis, overridden, plan_tuning
    from wsbench.studies.tuning.journal import quiet_optuna
    from wsbench.studies.tuning.tuning import carry_out
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_file, try_folder

    with quiet_optuna():
        try_folder(runs)
        if out is not None:
            try_file(out)
        changes = _changes(trials, objective, sampler, pruner, monitor)
        base = forms.SearchFile() if search_file is None else forms.read(search_file)
        file = overridden(base, changes)
        plugins, progress = options.find_plugins(plugin), choose_progress(quiet=quiet)
        plugins.method(method)
        searched = {**file.forms(str(search_file)), **forms.parse_words(search or [])}
        loaded = options.loaded(plugins, dataset, data_option, root, progress, skip_bad=skip_bad)
        fixed = parse_options(option or [])
        basis = Basis(loaded, plugins, preset, fixed, seed, device, runs, calibrate_for)
        tuning = plan_tuning(method, file, searched, basis)
        journal = carry_out(tuning)
        given = {"-D": data_option, "--root": root and [root], "--plugin": plugin, "--runs": [runs]}
        _show(tuning, journal, out, given)


def _changes(
    trials: int | None, objective: str | None, sampler: str | None, pruner: str | None, monitor: str | None
) -> dict[str, Any]:
    from wsbench.studies.tuning import form as forms

    words = {"objective": (objective, forms.Objective), "sampler": (sampler, forms.SamplerName)}
    for kind, (word, allowed) in {**words, "pruner": (pruner, forms.PrunerName)}.items():
        if word is not None:
            choose(word, dict.fromkeys(get_args(allowed)), kind)
    changes: dict[str, Any] = {"trials": trials, "objective": objective}
    changes["sampler"] = None if sampler is None else {"name": sampler}
    of_pruner = {} if pruner is None else {"name": pruner}
    if monitor is not None:
        name, colon, mode = monitor.partition(":")
        of_pruner.update(monitor=name, mode=mode if colon else "min")
    changes["pruner"] = of_pruner or None
    return {name: value for name, value in changes.items() if value is not None}


def _show(tuning: Tuning, journal: Journal, out: Path | None, given: Mapping[str, Any]) -> None:
    """Print all trials, the best one, and how to run it; write both as files.

    Args:
        tuning, journal: what was carried out.
        out: the file for the best settings.
        given: the values of options that `wsbench run` needs as well.
    """
    from wsbench.studies.tuning import results

    rows = results.rows_of(tuning, journal)
    table = results.write_trials(tuning, rows)
    tables.show(
        f"{tuning.plan.spec.name} on {tuning.loaded.spec.name}: {len(rows)} trials",
        ["trial", "state", "value", "labels", "boxes", "settings"],
        [_cells(row) for row in rows],
    )
    best, path = results.best_of(rows), out or tuning.folder / results.BEST
    results.write_best(tuning, rows, path)
    print(f"value: {results.objective_words(tuning)}")
    for row in rows:
        if row.problem:
            print(as_line(f"trial {row.number} has failed: {row.problem}"))
    shares = results.importances(tuning, journal, rows)
    if shares:
        print("importance of settings: " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()))
    print(f"best: trial {best.number}, {best.value:.4f}; all trials: {table}")
    words = ["wsbench", "run", "-m", tuning.plan.spec.name, "-d", tuning.loaded.spec.name]
    for option, values in given.items():
        words += [word for value in values or [] for word in (option, str(value)) if value != Path("runs")]
    print(f"now run it: {shlex.join([*words, '--preset', str(path)])}")


def _cells(row: Any) -> list[str]:
    from wsbench.reports.rows import number
    from wsbench.studies.tuning.tuning import settings_words

    settings = "\n".join(textwrap.wrap(settings_words(row.settings), SETTINGS_WIDTH))
    value = "-" if row.value is None else f"{row.value:.4f}"
    return [str(row.number), row.state, value, number(row.labels), number(row.boxes), settings]
