"""``wsbench data check`` and ``wsbench data make``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wsbench.cli import options, tables
from wsbench.errors import WsbenchError, choose

app = typer.Typer(help="Check a dataset's files, or make a dataset.", rich_markup_mode=None)


@app.callback()
def _data() -> None:
    pass


@app.command()
def check(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.")],
    root: options.Root = None,
    data_option: options.DataOption = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Say what is there, how it is dealt into roles, and what is wrong with which file (then exit 1)."""
    from collections import Counter

    from wsbench.catalog import ROLES
    from wsbench.progress import choose_progress

    progress = choose_progress(quiet=quiet)
    loaded = options.loaded(options.found(plugin), dataset, data_option, root, progress, skip_bad=True)
    role_of = {name: role for role, names in loaded.roles.members.items() for name in names}
    counts = Counter((sample.stratum or "all", role_of.get(sample.name, "none")) for sample in loaded.samples)
    roles = [*ROLES, "none"]
    rows = [
        [stratum, *(str(counts[stratum, role]) for role in roles)]
        for stratum in sorted({stratum for stratum, _ in counts})
    ]
    tables.show(f"{dataset}: images by role", ["", *roles], rows, text=1)
    print(f"boxes: {sum(len(sample.boxes) for sample in loaded.samples)}")
    print(f"fingerprint: {loaded.fingerprint}")
    for name, reason in sorted(loaded.roles.left_out.items()):
        print(f"no role: {name}: {reason}")
    for problem in loaded.skipped:
        print(f"problem: {problem.file}: {problem.what}")
    if loaded.skipped:
        raise typer.Exit(1)
    print("no problem with any file")


@app.command()
def make(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset, such as phantom.")],
    folder: Annotated[Path, typer.Argument(help="An empty or new folder.")],
    layout: Annotated[str, typer.Option(help="The dataset whose official layout is written.")],
    root: options.Root = None,
    data_option: options.DataOption = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Write a dataset as another one's official folder."""
    import shutil

    from wsbench.progress import choose_progress

    found = options.found(plugin)
    writers = {name: spec.write for name, spec in found.datasets.items() if spec.write is not None}
    write = choose(layout, writers, "layout")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WsbenchError(f"{folder} exists and is not an empty folder; name another one")
    progress = choose_progress(quiet=quiet)
    loaded = options.loaded(found, dataset, data_option, root, progress)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder.resolve().with_name(f".{folder.resolve().name}.part")
    shutil.rmtree(part, ignore_errors=True)
    write(loaded.dataset, part, progress)
    for inside in part.iterdir():
        inside.rename(folder / inside.name)
    part.rmdir()
    print(f"{len(loaded.samples)} images in {folder}")
