"""`wsbench.run` and `wsbench.evaluate`: the commands of these names for Python programs, same checks."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np

from wsbench.contract.plugins import Plugins, find
from wsbench.contract.records import Record
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError, choose
from wsbench.files.user_files import expanded
from wsbench.runs.api_arguments import EvaluateArguments, RunArguments
from wsbench.runs.job import Job
from wsbench.runs.results import Results
from wsbench.runs.runner import execute
from wsbench.scoring.objectives import OBJECTIVE, OBJECTIVES
from wsbench.utils.progress import Progress
from wsbench.utils.system_errors import try_folder

Files = str | Path | Iterable[str | Path]
Predictions = str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]]


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
    device: str = ...,
    runs: str | Path = ...,
    folds: int | None = ...,
    calibrate_for: str = ...,
    skip_bad: bool = ...,
    plugin_files: Files = ...,
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
    device: str = ...,
    runs: str | Path = ...,
    folds: int | None = ...,
    calibrate_for: str = ...,
    skip_bad: bool = ...,
    plugin_files: Files = ...,
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
    device: str = "auto",
    runs: str | Path = "runs",
    folds: int | None = None,
    calibrate_for: str = OBJECTIVE,
    skip_bad: bool = False,
    plugin_files: Files = (),
    progress: Progress | None = None,
) -> Record | Results:
    """Fit a method on a dataset, score it under both protocols, and leave a record.

    Called again with the same arguments it goes on where it was, or returns the finished record. Numbers may
    be NumPy's. An installed plugin that cannot be used is a warning, one of ``plugin_files`` an error.

    Args:
        method, dataset: their names.
        preset: of the method's settings; by default the dataset's, where the method has it.
        options, data_options: settings of the method and of the dataset, by name.
        root: the dataset's folder; here and in all paths, a leading ``~`` is the home folder.
        seed: the base seed.
        seeds: several base seeds, one run each; ``seed`` then plays no part.
        references: also score the methods that never look at the image, for every seed.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...
        runs: the folder of all runs.
        folds: cross-validate instead of testing on the dataset's own split; the record's metrics are means.
        calibrate_for: what the harness's box rules are chosen for: ``cond_loc_f1@0.25`` or ``msli``.
        skip_bad: leave out images with a problem; the record names them.
        plugin_files: further Python files to find plugins in; one path, or several.
        progress: where long work is shown; nowhere by default.

    Returns:
        The record; with ``seeds`` or ``references``, all records, those of the method first.

    Raises:
        WsbenchError: anything the user can mend, an argument of the wrong kind among it.
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
        device=device,
        runs=runs,
        folds=folds,
        calibrate_for=calibrate_for,
        skip_bad=skip_bad,
        plugin_files=plugin_files,
        progress=progress,
    )
    try_folder(arguments.runs)
    plugins = _plugins(arguments.plugin_files)
    plans = arguments.plans(plugins)
    loaded = arguments.loaded(plugins)
    records = [_executed(Job(plan, loaded, plugins), arguments.folds) for plan in plans]
    return records[0] if seeds is None and not references else Results(tuple(records))


def evaluate(
    predictions: Predictions,
    dataset: str,
    *,
    name: str,
    seed: int = 0,
    uses_boxes: bool = False,
    categories: Mapping[str, str] | None = None,
    images: str | Path | None = None,
    data_options: Mapping[str, Any] | None = None,
    root: str | Path | None = None,
    runs: str | Path = "runs",
    calibrate_for: str = OBJECTIVE,
    skip_bad: bool = False,
    plugin_files: Files = (),
    progress: Progress | None = None,
) -> Record:
    """Score predictions that another program made, by the same code as everybody's.

    Args:
        predictions: a file as ``wsbench evaluate --predictions`` takes it, or what it would hold: arrays by
            name (``names (N,)``, ``classes (C,)``, ``scores (N, C)``, ``heatmaps (N, C, h, w)``, all in
            [0, 1], and, where a map covers a part of its image, ``regions (N, 4)``), or a list of COCO
            results (``image_id, category_id, bbox, score``).
        dataset: its name.
        name: what the program is called.
        seed: that the program was run with.
        uses_boxes: whether it was trained on boxes.
        categories: classes by category id, where COCO results do not name them.
        images: a COCO file that names the images of numeric ids.
        data_options: settings of the dataset, by name.
        root: the dataset's folder.
        runs: the folder of all runs.
        calibrate_for: what the harness's box rules are chosen for.
        skip_bad: leave out images with a problem.
        plugin_files: further Python files to find plugins in; one path, or several.
        progress: where long work is shown; nowhere by default.

    Raises:
        WsbenchError: the predictions do not fit the dataset, or an argument is of the wrong kind.
    """
    from wsbench.predictions import external
    from wsbench.runs import rescoring

    arguments = EvaluateArguments.of(
        "evaluate",
        dataset=dataset,
        name=name,
        seed=seed,
        uses_boxes=uses_boxes,
        categories=categories,
        images=images,
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
    plugins = _plugins(arguments.plugin_files)
    loaded = arguments.loaded(plugins)
    with _as_file(predictions) as path:
        read = external.read(
            path,
            arguments.name,
            loaded,
            categories=arguments.categories,
            images=arguments.images,
            uses_boxes=arguments.uses_boxes,
        )
    if read.doubt:
        warnings.warn(read.doubt, stacklevel=2)
    return rescoring.evaluate(
        read,
        loaded,
        plugins,
        arguments.runs,
        seed=arguments.seed,
        calibrate_for=arguments.calibrate_for,
    )


@contextmanager
def _as_file(predictions: Predictions) -> Iterator[Path]:
    """The file of predictions; those that are none yet are written as one, so that both are read alike."""
    if isinstance(predictions, str | Path):
        yield expanded(predictions)
        return
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(predictions, Mapping):
            path = Path(folder) / "predictions.npz"
            arrays = {key: np.asarray(values) for key, values in predictions.items()}
            np.savez(path, **arrays)  # type: ignore[arg-type] # one might be named allow_pickle
        else:
            path = Path(folder) / "predictions.json"
            path.write_text(json.dumps(list(predictions), default=_plain))
        try:
            yield path
        except WsbenchError as error:  # the file is ours: its name says nothing to who handed arrays
            raise WsbenchError(str(error).replace(str(path), "predictions")) from None


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as JSON has them."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise WsbenchError(f"predictions: {type(value).__name__} is no number, text or list; convert it")


def _plugins(files: Iterable[str | Path]) -> Plugins:
    plugins = with_own_datasets(find(files))
    for broken in plugins.broken:
        warnings.warn(str(broken), stacklevel=3)
    return plugins


def _executed(job: Job, folds: int | None) -> Record:
    if folds is None:
        return execute(job)
    from wsbench.runs.crossvalidation import cross_validate

    return cross_validate(job, folds)
