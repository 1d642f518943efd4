"""Options that several commands share, and the search for plugins."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import completion
from wsbench.contract.plugins import VARIABLE as PLUGINS_VARIABLE
from wsbench.errors import WsbenchError, as_line
from wsbench.files.writing import CACHE_VARIABLE

if TYPE_CHECKING:
    from wsbench.contract.plugins import Plugins
    from wsbench.data.dataset import Loaded
    from wsbench.reports import repeated as repeated_rows
    from wsbench.utils.progress import Progress

Dataset = Annotated[
    str,
    typer.Option(
        "--dataset",
        "-d",
        help="Name of the dataset. `wsbench list` shows all.",
        autocompletion=completion.datasets,
    ),
]
Root = Annotated[Path | None, typer.Option(help="Folder of the dataset.")]


def _use_cache(folder: Path | None) -> Path | None:
    if folder is not None:
        os.environ[CACHE_VARIABLE] = str(folder)  # for worker processes, too
    return folder


Cache = Annotated[
    Path | None,
    typer.Option(
        callback=_use_cache,
        is_eager=True,
        help=f"Folder that keeps images as they are read. By default, ${CACHE_VARIABLE} or your cache "
        f"folder.",
    ),
]
DataOption = Annotated[
    list[str] | None,
    typer.Option(
        "--data-option",
        "-D",
        metavar="NAME=VALUE",
        help="A setting of the dataset, or its roles: split=FILE for your own, leave_out=COLLECTION to test "
        "on one and train on the others, fit=all to train on select and calibrate, too. Repeatable.",
    ),
]
PluginFiles = Annotated[
    list[Path] | None, typer.Option("--plugin", help="A Python file with plugins. Repeatable.")
]


def _use_plugins(files: list[Path] | None) -> list[Path] | None:
    """Let every command, and worker processes, find the plugins of some files."""
    if files:
        others = [word for word in os.environ.get(PLUGINS_VARIABLE, "").split(os.pathsep) if word]
        named = [str(file.absolute() if file.suffix == ".py" else file) for file in files]
        os.environ[PLUGINS_VARIABLE] = os.pathsep.join(dict.fromkeys([*others, *named]))
    return files


PluginFilesOfAll = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        callback=_use_plugins,
        is_eager=True,
        help="A Python file with plugins, for any command. Repeatable.",
    ),
]
Device = Annotated[str, typer.Option(help="Device: auto, cpu, cuda, cuda:1 ...")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out images with a problem. The record names them.")
]
Runs = Annotated[Path, typer.Option(help="Folder of all runs.")]
Leaderboards = Annotated[Path, typer.Option(help="Folder of all leaderboards.")]
Submit = Annotated[bool, typer.Option("--submit", help="Copy the records into the leaderboards folder.")]
Ladder = Annotated[
    bool,
    typer.Option(
        "--ladder",
        help="With --submit: submit only if the row beats the best one by more than one standard error.",
    ),
]
CalibrateFor = Annotated[
    str | None,
    typer.Option(
        help="The metric that box rules maximise on the calibrate role: cond_loc_f1@0.25 (default) or msli."
    ),
]
References = Annotated[
    bool, typer.Option(help="Also score every image-blind method, which never looks at the image.")
]
RepeatOver = Annotated[
    str | None,
    typer.Option(
        metavar="SETTING",
        help="The setting that rows repeat over instead of base seeds, such as head_seed of kd_student. Runs "
        "that differ in it alone are one row.",
    ),
]
Upstream = Annotated[
    bool,
    typer.Option(
        help="Also score the methods that it builds on, such as a student's teacher, and show the difference."
    ),
]
Track = Annotated[
    list[str] | None,
    typer.Option(
        "--track",
        metavar="NAME,NAME",
        help="Trackers that follow the runs, with their settings, as in NAME:setting=value,NAME. `wsbench "
        "list` shows all. Repeatable.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Do not show progress.")]


def find_plugins(files: list[Path] | None) -> Plugins:
    """Find all plugins and the datasets of the user's datasets.yaml, and print a warning for each that cannot
    be used."""
    from wsbench.contract import plugins
    from wsbench.data.kinds import with_own_datasets

    result = with_own_datasets(plugins.find(files or []))
    for name in sorted(built_in_commands() & result.commands.keys()):
        origin = result.origins["command", name]
        result.broken.append(plugins.BrokenPlugin(origin, f"command '{name}' is wsbench's own; rename it"))
        del result.commands[name]
    for broken in result.broken:
        print(as_line(f"warning: {broken}"), file=sys.stderr)
    for reason in result.refused.values():
        print(as_line(f"warning: {reason}"), file=sys.stderr)
    return result


def repeated(setting: str | None, plugins: Plugins) -> repeated_rows.RepeatOver | None:
    """What ``--repeat-over`` says; None without it.

    Raises:
        WsbenchError: no method has such a setting.
    """
    from wsbench.reports import repeated as repeated_rows

    return None if setting is None else repeated_rows.RepeatOver(setting, plugins.methods)


def built_in_commands() -> set[str]:
    """The names of the commands that no plugin adds."""
    from wsbench.cli.commands import app

    groups = {group.name for group in app.registered_groups}
    return {name for name in {command.name for command in app.registered_commands} | groups if name}


def loaded(
    plugins: Plugins,
    dataset: str,
    data_option: list[str] | None,
    root: Path | None,
    progress: Progress,
    *,
    skip_bad: bool = False,
    refuse: bool = True,
) -> Loaded:
    """Load the dataset that the options of a command name."""
    from wsbench.runs.plan import load_dataset
    from wsbench.settings import parse_options

    values = parse_options(data_option or [])
    return load_dataset(plugins, dataset, values, progress, root=root, skip_bad=skip_bad, refuse=refuse)


def seeds(words: str) -> list[int]:
    """Parse base seeds that are separated by commas."""
    try:
        return [int(word) for word in words.split(",")]
    except ValueError:
        raise WsbenchError(
            f"--seeds {words}: must be whole numbers separated by commas, such as 0,1,42"
        ) from None


def words(text: str | None) -> list[str] | None:
    """Split names that are separated by commas; None stays None."""
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]
