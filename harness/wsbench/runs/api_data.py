"""`wsbench.load_dataset`: the data of a run, for Python programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wsbench.data.dataset import Loaded
from wsbench.runs.api_arguments import DataArguments
from wsbench.utils.progress import Progress


def load_dataset(
    dataset: str,
    *,
    data_options: Mapping[str, Any] | None = None,
    root: str | Path | None = None,
    skip_bad: bool = False,
    plugin_files: str | Path | Iterable[str | Path] = (),
    progress: Progress | None = None,
) -> Loaded:
    """Load a dataset as a run sees it.

    ``.roles.members["test"]`` has the names of a role's images, ``.samples`` every image with its labels and
    boxes, and ``.views.images(names)`` reads pixels.

    Args:
        dataset: the name of the dataset.
        data_options: settings of the dataset by name.
        root: the folder of the dataset.
        skip_bad: whether to leave out images with a problem.
        plugin_files: one or several Python files to find further plugins in.
        progress: where to show progress. By default, it is not shown.

    Raises:
        WsbenchError: the dataset is unknown, a file has a problem, or an argument is of the wrong type.
    """
    arguments = DataArguments.of(
        "load_dataset",
        dataset=dataset,
        data_options=data_options,
        root=root,
        skip_bad=skip_bad,
        plugin_files=plugin_files,
        progress=progress,
    )
    return arguments.loaded(arguments.plugins())
