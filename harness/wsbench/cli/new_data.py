"""``wsbench data new``: the lines of datasets.yaml that make a folder a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wsbench.cli import options
from wsbench.errors import WsbenchError, choose, printable


def new(
    folder: Annotated[Path, typer.Argument(help="A folder of images with their annotations.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset. By default, it is that of the folder.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Kind of dataset. By default, the one that finds most images is taken.")
    ] = None,
    plugin: options.PluginFiles = None,
) -> None:
    """Make a dataset of a folder of your own.

    It looks at the folder, adds an entry to ./datasets.yaml, and prints what it guessed and why. No
    other line of the file is changed.
    """
    from wsbench.data import new_entry
    from wsbench.files.user_files import expanded

    plugins = options.find_plugins(plugin)
    folder = expanded(folder)
    if not folder.is_dir():
        raise WsbenchError(f"{folder} is not a folder; give the folder of images and annotations")
    if kind is not None:
        choose(kind, plugins.kinds, "kind of dataset")
    known = new_entry.guesses(plugins, folder)
    if kind is not None:
        known = {name: guess for name, guess in known.items() if name == kind}
    if not known:
        kinds = kind or ", ".join(sorted(plugins.kinds))
        raise WsbenchError(
            f"{folder}: no annotations of a known kind ({kinds}) whose images lie there; write its lines "
            "into datasets.yaml yourself, see docs/how-to/own-data.md"
        )
    chosen, guess = next(iter(known.items()))
    file, lines = new_entry.add(plugins, name or new_entry.name_of(folder), folder, chosen, guess.keys)
    dataset = lines.partition(":")[0]
    print(f"added to {file}:\n\n{lines}\nguessed:")
    others = [
        f"{other} would find {guess.images} images (--kind {other})" for other, guess in [*known.items()][1:]
    ]
    for reason in [f"{chosen}: {guess.images} images are described", *others, *guess.reasons]:
        print(f"- {printable(reason)}")
    print(f"\nnext: wsbench data check {dataset}")
