"""``wsbench evaluate``, ``wsbench export`` and ``wsbench roc``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import collection_tables, options, tables
from wsbench.cli.submitting import Submission
from wsbench.errors import WsbenchError, choose
from wsbench.utils.names import require_name

if TYPE_CHECKING:
    from wsbench.predictions.external import Prompts

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")]


def evaluate(
    run: Annotated[Path | None, typer.Argument(metavar="RUN", help="Folder of a finished run.")] = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(
            help="Predictions of another program: COCO results (.json), heatmaps (.npz), or answers to "
            "prompts (.jsonl, .csv). Repeatable, one file a seed."
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds",
            "--seed",
            help="Seeds of the prediction files, separated by commas. One file has seed 0.",
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", "-d", help="The dataset that was predicted.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the program. By default, the name of its file.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="A COCO file that maps numeric image ids to names.")
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option(metavar="ID=CLASS", help="The class of a category id. Repeatable.")
    ] = None,
    boxes: Annotated[
        str | None,
        typer.Option(
            metavar="FRAME:ORDER",
            help="The format of the boxes, such as 0-1000:xyxy or letterbox-640x640:cxcywh. By default, "
            "that of COCO, pixels:xywh.",
        ),
    ] = None,
    prompts: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLASS=[PROMPT,...]",
            help="The prompts of a class, or a YAML file of them by class. Repeatable. By default, a class's "
            "name is its prompt.",
        ),
    ] = None,
    join: Annotated[
        str | None,
        typer.Option(
            help="How the boxes of a class's prompts are joined: fuse (weighted boxes fusion, the default) "
            "or keep."
        ),
    ] = None,
    uses_boxes: Annotated[
        bool, typer.Option("--uses-boxes", help="The program was trained on boxes, so tables mark it.")
    ] = False,
    calibrate_for: options.CalibrateFor = None,
    references: options.References = True,
    data_option: options.DataOption = None,
    root: options.Root = None,
    skip_bad: options.SkipBad = False,
    cache: options.Cache = None,
    runs: options.Runs = Path("runs"),
    submit: options.Submit = False,
    ladder: options.Ladder = False,
    leaderboards: options.Leaderboards = Path("leaderboards"),
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Score a run again, or predictions of another program.

    A finished run is scored with the present metrics. No model is needed. Predictions of another program are
    scored by the same code as every method, beside the image-blind methods.
    """
    from wsbench.cli import prompt_tables
    from wsbench.predictions import external
    from wsbench.runs import prompts as prompt_runs
    from wsbench.runs import rescoring
    from wsbench.runs.job import Job
    from wsbench.runs.plan import blind_plans
    from wsbench.runs.runner import execute
    from wsbench.scoring.objectives import OBJECTIVE
    from wsbench.settings import parse_options
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_folder

    try_folder(run or runs)
    plugins, progress = options.find_plugins(plugin), choose_progress(quiet=quiet)
    files, declared = predictions or [], options.seeds(seeds or "0")
    submission = Submission(submit, ladder, leaderboards, () if run else declared, progress)
    if (run is None) == (not files):
        raise WsbenchError("give either the folder of a RUN, or --predictions FILE with --dataset NAME")
    if run is not None:
        if seeds is not None:
            raise WsbenchError(f"--seeds {seeds}: needs --predictions; the record of {run} has its seed")
        scored = [rescoring.rescore(run, plugins, progress, root=root, calibrate_for=calibrate_for)]
        blind = []
    else:
        program = _program(files, declared, name, dataset)
        assert dataset is not None
        loaded = options.loaded(plugins, dataset, data_option, root, progress, skip_bad=skip_bad)
        objective = calibrate_for or OBJECTIVE
        classes = {key: str(value) for key, value in parse_options(category or []).items()}
        stated_prompts = _stated_prompts(prompts, join)
        scored = []
        for file, seed in zip(files, declared, strict=True):
            external_run = external.read_predictions(
                file,
                program,
                loaded,
                categories=classes,
                images=images,
                uses_boxes=uses_boxes,
                boxes=boxes,
                prompts=stated_prompts,
            )
            if external_run.doubt:
                print(f"warning: {file}: {external_run.doubt}", file=sys.stderr)
            scored.append(
                prompt_runs.evaluate(external_run, loaded, plugins, runs, seed=seed, calibrate_for=objective)
            )
        plans = blind_plans(plugins, loaded.spec, runs=runs, calibrate_for=objective) if references else []
        blind = [execute(Job(plan, loaded, plugins)) for plan in plans]
    for record in scored:
        submission.at_once(record)
    submission.together(scored, plugins.metrics)
    tables.results([*scored, *blind], plugins.metrics)
    collection_tables.show(scored, plugins.metrics)
    for record in scored:
        prompt_tables.show(record, plugins.metrics)
        print(f"record: {record.folder}")


def export(
    run: RunFolder,
    format: Annotated[
        str,
        typer.Option(
            help="coco writes boxes, npz writes heatmaps, results writes boxes with the dataset's official "
            "ids, as a challenge takes them."
        ),
    ] = "coco",
    out: Annotated[
        Path | None, typer.Option(help="The file to write. By default, predictions.json or .npz.")
    ] = None,
    protocol: Annotated[
        str, typer.Option(help="The protocol whose boxes are written: uniform or paper.")
    ] = "uniform",
    root: options.Root = None,
    cache: options.Cache = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Write a run's predictions for other programs.

    `wsbench evaluate --predictions FILE` gives the same numbers for them.
    """
    from wsbench.contract import records
    from wsbench.runs import export as files
    from wsbench.runs.export_results import results
    from wsbench.runs.rescoring import dataset_of
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_file

    plugins, progress = options.find_plugins(plugin), choose_progress(quiet=quiet)
    suffix = choose(format, {"coco": "json", "npz": "npz", "results": "json"}, "format")
    path = out or Path(f"predictions.{suffix}")
    try_file(path)
    record = records.load(run / records.FILE)
    loaded = dataset_of(record, plugins, progress, root)
    if suffix == "npz":
        print(f"{files.arrays(record, loaded, path)} heatmaps in {path}")
    else:
        write = results if format == "results" else files.coco
        print(f"{write(record, loaded, path, protocol)} boxes in {path}")


def roc(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Finished runs, on any data.")],
    out: Annotated[Path, typer.Option(help="The picture to write.")] = Path("roc.png"),
    label: Annotated[list[str] | None, typer.Option("--class", help="Name of a class. Repeatable.")] = None,
) -> None:
    """Draw the ROC curves of runs.

    For a cross-validation, the curves of its folds are drawn, too.
    """
    from wsbench.contract import records
    from wsbench.reports.roc import draw
    from wsbench.utils.system_errors import try_file

    try_file(out)
    finished = [records.load(run / records.FILE) for run in runs]
    known = dict.fromkeys(name for record in finished for name in record.dataset["classes"])
    for class_name in label or ():
        choose(class_name, known, "class")
    draw(finished, label or list(known), out)
    print(f"{len(finished)} run{'' if len(finished) == 1 else 's'} in {out}")


def _stated_prompts(words: list[str] | None, join: str | None) -> Prompts | None:
    """What ``--prompts`` and ``--join`` say; None where neither is given."""
    from wsbench.predictions.external import Prompts
    from wsbench.predictions.prompts import read_prompts

    if not words and join is None:
        return None
    return Prompts(read_prompts(words or []), join or "fuse")


def _program(files: Sequence[Path], seeds: Sequence[int], name: str | None, dataset: str | None) -> str:
    """The name of the program whose predictions the files hold, one of each seed.

    Raises:
        WsbenchError: the dataset is not given, or a name for several files; or seeds do not match the files.
    """
    from wsbench.predictions.external import check_seeds

    if dataset is None:
        raise WsbenchError("give the dataset that was predicted with --dataset")
    check_seeds(files, seeds)
    if name is None and len(files) > 1:
        raise WsbenchError(f"{len(files)} files of predictions need the name of their program; give --name")
    program = name or files[0].stem
    require_name(program, "--name")
    return program
