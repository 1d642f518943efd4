"""`wsbench.run`: the command of the same name for Python programs, with the same checks."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from wsbench.contract import plugins
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError
from wsbench.files.documents import reason_of
from wsbench.files.user_files import expanded
from wsbench.runs.plan import load_dataset, make_plan
from wsbench.runs.runner import execute
from wsbench.scoring.objectives import OBJECTIVE
from wsbench.utils.progress import Progress, Silent
from wsbench.utils.system_errors import try_folder

LONGEST = 60
"""Characters of a value that an error repeats."""


def run(
    method: str,
    dataset: str,
    *,
    preset: str | None = None,
    options: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
    root: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    runs: str | Path = "runs",
    folds: int | None = None,
    calibrate_for: str = OBJECTIVE,
    skip_bad: bool = False,
    plugin_files: str | Path | Iterable[str | Path] = (),
    progress: Progress | None = None,
) -> Record:
    """Fit a method on a dataset, score it under both protocols, and leave a record.

    Called again with the same arguments it goes on where it was, or returns the finished record. Numbers may
    be NumPy's. An installed plugin that cannot be used is a warning, one of ``plugin_files`` an error.

    Args:
        method, dataset: their names.
        preset: of the method's settings; by default the dataset's, where the method has it.
        options, data_options: settings of the method and of the dataset, by name.
        root: the dataset's folder; here and in all paths, a leading ``~`` is the home folder.
        seed: the base seed.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...
        runs: the folder of all runs.
        folds: cross-validate instead of testing on the dataset's own split; the record's metrics are means.
        calibrate_for: what the harness's box rules are chosen for: ``cond_loc_f1@0.25`` or ``msli``.
        skip_bad: leave out images with a problem; the record names them.
        plugin_files: further Python files to find plugins in; one path, or several.
        progress: where long work is shown; nowhere by default.

    Raises:
        WsbenchError: anything the user can mend, an argument of the wrong kind among it.
    """
    arguments = _Arguments.of(
        method=method,
        dataset=dataset,
        preset=preset,
        options={} if options is None else options,
        data_options={} if data_options is None else data_options,
        root=root,
        seed=seed,
        device=device,
        runs=runs,
        folds=folds,
        calibrate_for=calibrate_for,
        skip_bad=skip_bad,
        plugin_files=plugin_files,
        progress=Silent() if progress is None else progress,
    )
    try_folder(arguments.runs)
    found = plugins.find(arguments.plugin_files)
    for broken in found.broken:
        warnings.warn(str(broken), stacklevel=2)
    spec, dataset_spec = found.method(arguments.method), found.dataset(arguments.dataset)
    plan = make_plan(
        spec,
        arguments.preset,
        arguments.options,
        dataset=dataset_spec,
        seed=arguments.seed,
        device=arguments.device,
        runs=arguments.runs,
        calibrate_for=arguments.calibrate_for,
    )
    loaded = load_dataset(
        found,
        arguments.dataset,
        arguments.data_options,
        arguments.progress,
        root=arguments.root,
        skip_bad=arguments.skip_bad,
    )
    if arguments.folds is None:
        return execute(plan, loaded, found, arguments.progress)
    from wsbench.runs.crossvalidation import cross_validate

    return cross_validate(plan, loaded, arguments.folds, found, arguments.progress)


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        raise ValueError("it must be a whole number")
    return value


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str | Path) else value


def _home(value: Any) -> Any:
    return expanded(value) if isinstance(value, str | Path) else value


WholeNumber = Annotated[int, BeforeValidator(_no_truth_value)]
Place = Annotated[Path, BeforeValidator(_home)]


class _Arguments(BaseModel):
    """What `run` was called with, converted as the words of a command line are."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    method: str
    dataset: str
    preset: str | None
    options: dict[str, Any]
    data_options: dict[str, Any]
    root: Place | None
    seed: WholeNumber
    device: str
    runs: Place
    folds: Annotated[WholeNumber, Field(ge=2)] | None
    calibrate_for: str
    skip_bad: bool
    plugin_files: Annotated[tuple[str | Path, ...], BeforeValidator(_several)]
    progress: Progress

    @classmethod
    def of(cls, **values: Any) -> _Arguments:
        """The arguments, or a WsbenchError that names the first wrong one."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            reason, value = reason_of(error).partition(": ")[2], repr(values[name])
            shown = value if len(value) <= LONGEST else f"{value[:LONGEST]}..."
            raise WsbenchError(f"wsbench.run: {name}={shown} is not possible: {reason}") from None
