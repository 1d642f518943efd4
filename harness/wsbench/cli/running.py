"""``wsbench run``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import (
    collection_tables,
    completion,
    options,
    processes,
    reporting,
    tables,
    transferring,
    upstream_tables,
)
from wsbench.cli.submitting import Submission
from wsbench.errors import WsbenchError
from wsbench.utils.ranks import Ranks

if TYPE_CHECKING:
    from wsbench.contract.records import Record
    from wsbench.contract.specs import MetricSpec
    from wsbench.data.folds import Fold
    from wsbench.runs.job import Job
    from wsbench.runs.plan import Plan


def run(
    method: Annotated[
        str,
        typer.Option(
            "--method",
            "-m",
            help="Name of the method. `wsbench list` shows all.",
            autocompletion=completion.methods,
        ),
    ],
    dataset: options.Dataset,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Preset of the method's settings (`wsbench describe METHOD` shows all), or a file that "
            "`wsbench tune` wrote."
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="NAME=VALUE", help="A setting of the method. Repeatable."),
    ] = None,
    data_option: options.DataOption = None,
    root: options.Root = None,
    cache: options.Cache = None,
    seeds: Annotated[str, typer.Option("--seeds", "--seed", help="Base seeds, separated by commas.")] = "0",
    device: options.Device = "auto",
    folds: Annotated[
        str | None,
        typer.Option(
            help="Cross-validate with this number of folds: every image is tested once. An attribute of "
            "images, such as collection, leaves out its values in turn.",
        ),
    ] = None,
    devices: Annotated[
        int, typer.Option(min=1, help="Number of GPUs, or of CPU processes, that train together.")
    ] = 1,
    nodes: Annotated[
        int, typer.Option(min=1, help="Number of machines that train together. Type the command on each.")
    ] = 1,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads of numerical libraries, whose number changes results a little. [default: "
            "OMP_NUM_THREADS, or all cores]",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for another process that works in a folder of the run.")
    ] = False,
    precision: Annotated[
        str | None, typer.Option(help="Precision: 32, bf16 or auto. Same as -o precision=...")
    ] = None,
    test_on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,NAME",
            help="Other datasets whose test images the runs are scored on, too, with their settings: "
            "phantom:tone=1.5,noise=0.1,shenzhen. Repeatable.",
        ),
    ] = None,
    track: options.Track = None,
    runs: options.Runs = Path("runs"),
    refill: Annotated[
        bool, typer.Option("--refill", help="Make again what `wsbench runs clean` has freed of these runs.")
    ] = False,
    skip_bad: options.SkipBad = False,
    references: options.References = True,
    upstream: options.Upstream = True,
    calibrate_for: options.CalibrateFor = None,
    submit: options.Submit = False,
    ladder: options.Ladder = False,
    leaderboards: options.Leaderboards = Path("leaderboards"),
    report: reporting.WithReport = True,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Train a method on a dataset and score it.

    It is scored under both protocols, and a record of the run is written. If you interrupt it, run the same
    command again, and it resumes.
    """
    from wsbench.data.fold_choice import folds_of
    from wsbench.reports import admission
    from wsbench.runs.job import Job
    from wsbench.runs.plan import blind_plans, make_plan
    from wsbench.runs.tracking.choice import parse_trackers
    from wsbench.runs.tracking.trackers import Trackers
    from wsbench.scoring.objectives import OBJECTIVE
    from wsbench.settings import parse_options
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_folder
    from wsbench.utils.threads import use_threads

    try_folder(runs)
    if threads is not None:
        use_threads(threads)
    plugins, planned = options.find_plugins(plugin), list(dict.fromkeys(options.seeds(seeds)))
    trackers = Trackers(parse_trackers(track or [], plugins))
    changes = {**parse_options(option or []), **({} if precision is None else {"precision": precision})}
    spec, dataset_spec = plugins.method(method), plugins.dataset(dataset)
    objective = calibrate_for or OBJECTIVE
    plans = [
        make_plan(
            spec,
            preset,
            changes,
            dataset=dataset_spec,
            seed=seed,
            device=device,
            runs=runs,
            calibrate_for=objective,
        )
        for seed in (planned[:1] if spec.deterministic else planned)
    ]
    built_on = [other for plan in plans for other in plan.all_upstream(plugins)]  # checks what must agree
    others = built_on if upstream else []
    for seed in planned if references else ():
        others += blind_plans(
            plugins, dataset_spec, seed=seed, runs=runs, calibrate_for=objective, other_than=method
        )
    progress = choose_progress(quiet=quiet or Ranks.here().rank > 0)
    submission = Submission(submit, ladder, leaderboards, planned, progress)
    loaded = options.loaded(plugins, dataset, data_option, root, progress, skip_bad=skip_bad)
    parts = folds_of(loaded, folds)
    if parts is not None and max(devices * nodes, Ranks.here().size) > 1:
        raise WsbenchError("--folds trains by one process; leave out --devices, or --folds")
    if submit:
        admission.refuse_subset((loaded.of_fold(parts[0]) if parts else loaded).describe())
    targets = transferring.targets(test_on, plugins, loaded, folds=parts, skip_bad=skip_bad)
    jobs = [
        Job(plan, loaded, plugins, waits=wait, trackers=trackers, refill=refill)
        for plan in (*plans, *_once(others, plans))
    ]
    _say_plan(jobs, parts, dataset)
    with processes.trained_together(jobs, devices, nodes) as first:
        records = _records(jobs, parts, submission) if first else []
    if not first:
        return
    of_method, beside = records[: len(plans)], records[len(plans) :]
    blind = [record for record in beside if not record.method["reads_image"]]
    submission.together(of_method, plugins.metrics, blind)
    transfers = transferring.transfers(jobs[: len(plans)], of_method, targets)
    _show(records, transfers, plugins.metrics, leaderboards)
    if report:
        reporting.after_run([*records, *transfers], plugins, loaded)
    for line in _other_threads(records, threads):
        print(line)
    print(f"record of {method}: {records[0].folder}")


def _say_plan(jobs: Sequence[Job], folds: Sequence[Fold] | None, dataset: str) -> None:
    """Say before long work what is done, what is left, and how long it may take."""
    from wsbench.runs import forecast

    for line in forecast.lines(forecast.forecasts(jobs, folds), dataset):
        jobs[0].progress.say(line)


def _other_threads(records: Sequence[Record], threads: int | None) -> Iterator[str]:
    """Lines that say which runs were trained before, with another number of threads than is asked for now."""
    trained: dict[tuple[str, int], list[str]] = {}
    for record in records:
        before = record.provenance.get("threads") if record.provenance.get("device") == "cpu" else None
        if before is not None and threads is not None and before != threads:
            trained.setdefault((record.method["name"], before), []).append(str(record.seed))
    for (name, before), seeds in trained.items():
        which = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}"
        yield (
            f"{name} ({which}) was trained with --threads {before} before and is not trained again; "
            "to train it anew, name another folder with --runs"
        )


def _show(
    records: Sequence[Record],
    transfers: Sequence[Record],
    metrics: Mapping[str, MetricSpec],
    leaderboards: Path,
) -> None:
    """Print the tables of finished runs, and of what they reach on other datasets."""
    tables.results(records, metrics)
    upstream_tables.show(records, metrics, leaderboards)
    collection_tables.show(records, metrics)
    transferring.show_transfer(transfers, metrics)
    collection_tables.show(transfers, metrics)


def _records(jobs: Sequence[Job], folds: Sequence[Fold] | None, submission: Submission) -> list[Record]:
    from wsbench.runs.crossvalidation import executed

    records = []
    for job in jobs:
        records.append(executed(job, folds))
        submission.at_once(records[-1])
    return records


def _once(others: Sequence[Plan], plans: Sequence[Plan]) -> list[Plan]:
    """The plans among some that differ from each other and from those of the command's method."""
    different: list[Plan] = []
    for plan in others:
        if plan not in (*plans, *different):
            different.append(plan)
    return different
