"""`wsbench.run` and `wsbench.evaluate`: the commands of these names for Python programs, same checks."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, overload

from wsbench.contract.records import Record
from wsbench.data.fold_choice import folds_of
from wsbench.errors import choose
from wsbench.runs.api_arguments import EvaluateArguments, RunArguments
from wsbench.runs.api_predictions import Predictions, as_file
from wsbench.runs.crossvalidation import executed
from wsbench.runs.job import Job
from wsbench.runs.results import Results
from wsbench.runs.tracking.trackers import Trackers
from wsbench.runs.transfer import transfer
from wsbench.scoring.objectives import OBJECTIVE, OBJECTIVES
from wsbench.utils.progress import Progress
from wsbench.utils.system_errors import try_folder

Files = str | Path | Iterable[str | Path]
Others = str | Sequence[str | Mapping[str, Any]]
Tracking = str | Iterable[str] | Mapping[str, Mapping[str, Any]]


@overload
def run(
    method: str,
    dataset: str,
    *,
    preset: str | None = ...,
    options: Mapping[str, Any] | None = ...,
    data_options: Mapping[str, Any] | None = ...,
    root: str | Path | None = ...,
    seed: int = ...,
    seeds: None = ...,
    references: Literal[False] = ...,
    upstream: Literal[False] = ...,
    device: str = ...,
    runs: str | Path = ...,
    folds: int | str | None = ...,
    test_on: None = ...,
    calibrate_for: str = ...,
    skip_bad: bool = ...,
    plugin_files: Files = ...,
    track: Tracking = ...,
    progress: Progress | None = ...,
) -> Record: ...


@overload
def run(
    method: str,
    dataset: str,
    *,
    preset: str | None = ...,
    options: Mapping[str, Any] | None = ...,
    data_options: Mapping[str, Any] | None = ...,
    root: str | Path | None = ...,
    seed: int = ...,
    seeds: Sequence[int] | None = ...,
    references: bool = ...,
    upstream: bool = ...,
    device: str = ...,
    runs: str | Path = ...,
    folds: int | str | None = ...,
    test_on: Others | None = ...,
    calibrate_for: str = ...,
    skip_bad: bool = ...,
    plugin_files: Files = ...,
    track: Tracking = ...,
    progress: Progress | None = ...,
) -> Record | Results: ...


def run(
    method: str,
    dataset: str,
    *,
    preset: str | None = None,
    options: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
    root: str | Path | None = None,
    seed: int = 0,
    seeds: Sequence[int] | None = None,
    references: bool = False,
    upstream: bool = False,
    device: str = "auto",
    runs: str | Path = "runs",
    folds: int | str | None = None,
    test_on: Others | None = None,
    calibrate_for: str = OBJECTIVE,
    skip_bad: bool = False,
    plugin_files: Files = (),
    track: Tracking = (),
    progress: Progress | None = None,
) -> Record | Results:
    """Train a method on a dataset and score it under both protocols.

    If you call it again with the same arguments, it resumes, or returns the finished record. It warns of an
    installed plugin that cannot be used.

    Args:
        method: the name of the method.
        dataset: the name of the dataset.
        preset: the preset of the method's settings, or a file that ``wsbench tune`` wrote. By default it is
            the preset that the dataset names, if the method has it, and the method's first one otherwise.
        options: settings of the method by name. They take precedence over the preset.
        data_options: settings of the dataset by name.
        root: the folder of the dataset. A leading ``~`` in any path is the home folder.
        seed: the base seed.
        seeds: several base seeds. Each is a run of its own, and ``seed`` is ignored.
        references: whether to score the image-blind methods, too.
        upstream: whether to score the methods that it builds on, such as a student's teacher, too.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...
        runs: the folder of all runs.
        folds: the number of folds of a cross-validation, or an attribute of images (``"collection"``) whose
            values are left out in turn. The record then has means over folds. By default, the dataset's own
            test split is tested.
        test_on: other datasets whose test images the finished runs are scored on, too: names, names with
            settings (``"phantom:tone=1.5"``), or mappings with ``dataset``, ``data_options`` and ``root``.
        calibrate_for: the metric that box rules maximise on the calibrate role: ``cond_loc_f1@0.25`` or
            ``msli``.
        skip_bad: whether to leave out images with a problem. The record names them.
        plugin_files: one or several Python files to find further plugins in.
        track: trackers that follow the runs: names, names with settings (``"mlflow:experiment=lungs"``), or
            a mapping of names to settings by name.
        progress: where to show progress. By default, it is not shown.

    Returns:
        The record. With ``seeds``, ``references``, ``upstream`` or ``test_on`` it is a sequence of records,
        those of the method first, and what is lost elsewhere is its ``drops``.

    Raises:
        WsbenchError: a mistake that you can fix, such as an unknown name, an argument of the wrong type, or a
            file of ``plugin_files`` that cannot be used.
    """
    arguments = RunArguments.of(
        "run",
        method=method,
        dataset=dataset,
        preset=preset,
        options=options,
        data_options=data_options,
        root=root,
        seed=seed,
        seeds=seeds,
        references=references,
        upstream=upstream,
        device=device,
        runs=runs,
        folds=folds,
        test_on=test_on,
        calibrate_for=calibrate_for,
        skip_bad=skip_bad,
        plugin_files=plugin_files,
        track=track,
        progress=progress,
    )
    try_folder(arguments.runs)
    plugins = arguments.plugins()
    trackers = Trackers(arguments.trackers(plugins))
    plans = arguments.plans(plugins)
    loaded = arguments.loaded(plugins)
    targets = arguments.targets(plugins, loaded)
    parts = folds_of(loaded, arguments.folds)
    jobs = [Job(plan, loaded, plugins, trackers=trackers) for plan in plans]
    records = [executed(job, parts) for job in jobs]
    if seeds is None and not references and not upstream and test_on is None:
        return records[0]
    of_method = zip(jobs, records, strict=True) if targets else ()
    there = [
        transfer(job, record, target)
        for job, record in of_method
        if job.plan.spec.name == arguments.method
        for target in targets
    ]
    return Results.of(records, there, plugins.metrics)


def evaluate(
    predictions: Predictions,
    dataset: str,
    *,
    name: str,
    seed: int = 0,
    uses_boxes: bool = False,
    categories: Mapping[str, str] | None = None,
    images: str | Path | None = None,
    boxes: str | None = None,
    prompts: Mapping[str, str | Sequence[str]] | None = None,
    join: str = "fuse",
    data_options: Mapping[str, Any] | None = None,
    root: str | Path | None = None,
    runs: str | Path = "runs",
    calibrate_for: str = OBJECTIVE,
    skip_bad: bool = False,
    plugin_files: Files = (),
    progress: Progress | None = None,
) -> Record:
    """Score the predictions of another program by the same code as every method.

    Args:
        predictions: a file as ``wsbench evaluate --predictions`` takes it, or what it would hold: arrays by
            name (``names (N,)``, ``classes (C,)``, ``scores (N, C)``, ``heatmaps (N, C, h, w)``, all in
            [0, 1], and, where a map covers a part of its image, ``regions (N, 4)``), or a list of COCO
            results (``image_id, category_id, bbox, score``).
        dataset: the name of the dataset.
        name: the name of the program, for tables.
        seed: the seed that the program was run with.
        uses_boxes: whether the program was trained on boxes. Tables mark it then.
        categories: the class of each category id, if COCO results do not name classes.
        images: a COCO file that maps numeric image ids to names.
        boxes: the format of the boxes, such as ``0-1000:xyxy``, as ``wsbench evaluate --boxes`` takes it. By
            default, boxes are COCO's: x, y, width, height in pixels of the original image.
        prompts: the prompts of each class, where the file holds answers to prompts (JSON Lines or CSV), or
            where ``classes`` of its heatmaps are prompts. The record has their spread.
        join: how the boxes of a class's prompts are joined: ``fuse`` or ``keep``.
        data_options: settings of the dataset by name.
        root: the folder of the dataset.
        runs: the folder of all runs.
        calibrate_for: the metric that box rules maximise on the calibrate role.
        skip_bad: whether to leave out images with a problem.
        plugin_files: one or several Python files to find further plugins in.
        progress: where to show progress. By default, it is not shown.

    Raises:
        WsbenchError: the predictions do not fit the dataset, or an argument is of the wrong type.
    """
    from wsbench.predictions import external
    from wsbench.runs import prompts as prompt_runs

    arguments = EvaluateArguments.of(
        "evaluate",
        dataset=dataset,
        name=name,
        seed=seed,
        uses_boxes=uses_boxes,
        categories=categories,
        images=images,
        boxes=boxes,
        prompts=prompts,
        join=join,
        data_options=data_options,
        root=root,
        runs=runs,
        calibrate_for=calibrate_for,
        skip_bad=skip_bad,
        plugin_files=plugin_files,
        progress=progress,
    )
    choose(arguments.calibrate_for, OBJECTIVES, "objective of calibration")
    try_folder(arguments.runs)
    plugins = arguments.plugins()
    loaded = arguments.loaded(plugins)
    with as_file(predictions) as path:
        read = external.read_predictions(
            path,
            arguments.name,
            loaded,
            categories=arguments.categories,
            images=arguments.images,
            uses_boxes=arguments.uses_boxes,
            boxes=arguments.boxes,
            prompts=external.Prompts(arguments.prompts, arguments.join) if prompts is not None else None,
        )
    if read.doubt:
        warnings.warn(read.doubt, stacklevel=2)
    return prompt_runs.evaluate(
        read,
        loaded,
        plugins,
        arguments.runs,
        seed=arguments.seed,
        calibrate_for=arguments.calibrate_for,
    )
