"""``wsbench sweep``."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wsbench.cli import options, tables
from wsbench.errors import WsbenchError, as_line, printable

if TYPE_CHECKING:
    from wsbench.studies.sweeps.api import Sweep
    from wsbench.studies.sweeps.driver import Failure
    from wsbench.studies.sweeps.planned import Planned

LISTS = "Values that are separated by commas multiply; [1,2] is a single one."


def sweep(
    file: Annotated[
        Path | None, typer.Argument(help="The file of the sweep (YAML). Options replace what it says.")
    ] = None,
    methods: Annotated[
        str | None, typer.Option("--method", "-m", help="Names of methods, separated by commas.")
    ] = None,
    datasets: Annotated[
        str | None, typer.Option("--dataset", "-d", help="Names of datasets, separated by commas.")
    ] = None,
    presets: Annotated[str | None, typer.Option("--preset", help="Presets, separated by commas.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", "-o", metavar="NAME=VALUE,VALUE", help=f"A setting of the method. {LISTS} Repeatable."
        ),
    ] = None,
    data_option: Annotated[
        list[str] | None,
        typer.Option(
            "--data-option",
            "-D",
            metavar="NAME=VALUE,VALUE",
            help=f"A setting of the dataset. {LISTS} Repeatable.",
        ),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option("--seeds", "--seed", help="Base seeds, separated by commas.")
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="The setting that all others are compared with; method=NAME and data.NAME=VALUE, too. "
            "Repeatable.",
        ),
    ] = None,
    test_on: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME,NAME", help="Other datasets that runs are scored on, too. As for `run`."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the cells, which are done, and an estimate of time.")
    ] = False,
    engine: Annotated[
        str,
        typer.Option(
            help="What starts the runs: local (processes), ray, slurm, or submitit (jobs as of SLURM, here)."
        ),
    ] = "local",
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Runs at the same time. By default, as many as fit.")
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads of each run. They change numbers a little. [default: 1]"),
    ] = None,
    cells_per_gpu: Annotated[int, typer.Option(min=1, help="Runs that share a GPU.")] = 1,
    address: Annotated[str | None, typer.Option(help="Address of a Ray cluster, or auto.")] = None,
    engine_option: Annotated[
        list[str] | None,
        typer.Option(
            "--engine-option",
            "-E",
            metavar="NAME=VALUE",
            help="A parameter of sbatch: time=240 (minutes), partition=gpu, account=... Repeatable.",
        ),
    ] = None,
    root: options.Root = None,
    cache: options.Cache = None,
    device: Annotated[str | None, typer.Option(help="Device: auto, cpu, cuda ... [default: auto]")] = None,
    runs: options.Runs = Path("runs"),
    references: Annotated[
        bool | None,
        typer.Option(
            "--references/--no-references", help="Also run the image-blind methods. [default: references]"
        ),
    ] = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Run every combination of methods, datasets, settings and seeds.

    Each is an ordinary run in its own folder. What is done is not done again: if you interrupt the sweep, or
    runs have failed, run the same command again. A table and curves are written at the end.
    """
    from wsbench.settings import parse_options
    from wsbench.studies.sweeps.api import named_sweep
    from wsbench.studies.sweeps.engines.choice import EngineChoice
    from wsbench.utils.progress import choose_progress

    changes = _changes(
        methods=options.words(methods),
        datasets=options.words(datasets),
        presets=options.words(presets),
        options=_lists(option),
        data_options=_lists(data_option),
        seeds=None if seeds is None else options.seeds(seeds),
        baseline=parse_options(baseline) if baseline else None,
        test_on=test_on,
        threads=threads,
        root=None if root is None else str(root),
        device=device,
        references=references,
    )
    if file is None and not (methods and datasets):
        raise WsbenchError("name the file of a sweep, or give --method and --dataset")
    plugins, progress = options.find_plugins(plugin), choose_progress(quiet=quiet)
    study = named_sweep(file or {}, changes, plugins, runs, progress, plugin or [])
    choice = EngineChoice(engine, jobs, address, parse_options(engine_option or []), cells_per_gpu)
    if dry_run:
        _show_cells(study, jobs)
        return
    failures = study.carry_out(choice)
    _show_results(study)
    if failures:
        _show_failures(failures, len(study.planned))
        raise typer.Exit(1)


def _changes(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _lists(words: Sequence[str] | None) -> dict[str, Any] | None:
    """Values by name. Values between commas are several; brackets hold one together."""
    from wsbench.settings import parse_options
    from wsbench.utils.words import split_values

    if not words:
        return None
    values = {}
    for word in words:
        name, equals, value = word.partition("=")
        parts = [parse_options([f"{name}{equals}{part}"]) for part in split_values(value)]
        if name in values:
            raise WsbenchError(f"option '{name}' is given twice; write its values with commas")
        values[name] = [part[name] for part in parts]
    return values


def _show_cells(study: Sweep, jobs: int | None) -> None:
    """Print every cell, whether it is done, and how long the others may take."""
    from wsbench.studies.sweeps.cells import swept

    names = swept([run.cell for run in study.planned if not run.cell.reference]) or ["method"]
    seconds: dict[str, list[float]] = defaultdict(list)
    lines, left = [], []
    for run in study.planned:
        records = run.records()
        if records:
            seconds[run.cell.method].append(_seconds(records[0].stages))
        else:
            left.append(run)
        settings = [run.cell.settings.get(name, "") for name in names]
        if run.cell.reference:
            settings[0] = run.cell.method
        lines.append([*settings, str(run.cell.seed), "done" if records else "to do"])
    tables.show(f"{study.name}: {len(lines)} cells", [*names, "seed", "state"], lines)
    print(f"{len(lines) - len(left)} are done, {len(left)} are to do. {_estimate(left, seconds, jobs or 1)}")


def _seconds(stages: Any) -> float:
    return float(sum(stage.get("seconds", 0.0) for stage in stages.values()))


def _estimate(left: Sequence[Planned], seconds: dict[str, list[float]], jobs: int) -> str:
    """How long the rest may take, from the cells of the same method that are done."""
    known = [statistics.median(seconds[run.cell.method]) for run in left if seconds[run.cell.method]]
    if not left:
        return "Nothing is left to run."
    if not known:
        return "How long they take is not known before one of them is done."
    missing = len(left) - len(known)
    minutes = sum(known) / jobs / 60
    unknown = f", without {missing} cells of methods of which none is done" if missing else ""
    return f"They take about {minutes:.0f} minutes with {jobs} at a time{unknown}."


def _show_results(study: Sweep) -> None:
    """Print the tables, and write them and the curves."""
    from wsbench.reports.labels import BLIND
    from wsbench.studies.sweeps import pages

    results = study.results()
    if not results.records:
        return
    for page in pages.pages(results):
        tables.show(page.title, page.header, page.rows, text=page.settings)
        print()
    blind = any(cell.reference for cell, _ in results.records)
    print(f"{BLIND} never looks at the image   n: seeds" if blind else "n: seeds")
    if results.baseline:
        words = " ".join(f"{name}={value}" for name, value in results.baseline.items())
        print(printable(f"differences are to {words}; p is corrected for all rows of a table (Holm)"))
    for path in study.write(results):
        print(f"wrote {path}")


def _show_failures(failures: Sequence[Failure], count: int) -> None:
    print(f"{len(failures)} of {count} cells have failed:")
    for failure in failures:
        print(f"  {as_line(f'{failure.label}: {failure.problem}; see {failure.log}')}")
    print("run the same command again to go on")
