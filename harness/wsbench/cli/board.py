"""``wsbench leaderboard``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wsbench.cli import options
from wsbench.errors import WsbenchError


def leaderboard(
    folder: Annotated[Path, typer.Argument(help="Folder that holds records/ and the pages.")] = Path(
        "leaderboards"
    ),
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing. Exit with 1 if a page does not match its records, or a record does not "
            "match its predictions.",
        ),
    ] = False,
    replay: Annotated[
        bool,
        typer.Option(help="With --check, also recompute the numbers of every record from its predictions."),
    ] = True,
    recompute: Annotated[
        bool,
        typer.Option(
            "--recompute", help="First update every record to the present metrics, from its predictions."
        ),
    ] = False,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Write the leaderboard pages from the records in a folder.

    A page ranks the methods of one dataset. With --check, it only verifies pages and records.
    """
    from wsbench.reports import leaderboard as pages

    if not folder.is_dir():
        raise WsbenchError(f"{folder} is not a folder; name the one that holds records/")
    if recompute:
        _recompute(folder, plugin or [], quiet=quiet)
    if not check:
        for page in pages.update(folder, options.find_plugins(plugin).metrics):
            print(f"wrote {page}")
        return
    if _wrong(folder, plugin or [], replay=replay, quiet=quiet):
        raise typer.Exit(1)


def _wrong(folder: Path, plugin_files: list[Path], *, replay: bool, quiet: bool) -> list[Path]:
    """The pages that do not match their records, and the records that do not match their predictions."""
    from wsbench.reports import leaderboard as pages

    wrong = pages.stale(folder, options.find_plugins(plugin_files).metrics)
    for page in wrong:
        print(f"{page} does not match its records; run `wsbench leaderboard`")
    if not wrong:
        print("every page matches its records")
    return wrong + (_replayed(folder, plugin_files, quiet=quiet) if replay else [])


def _recompute(folder: Path, plugin_files: list[Path], *, quiet: bool) -> None:
    from wsbench.runs.recomputing import replay_all
    from wsbench.utils.progress import choose_progress

    result = replay_all(folder, plugin_files, choose_progress(quiet=quiet), update=True)
    for path, lines in result.differences.items():
        print(f"{path}: not recomputed: {lines[0]}")
    for dataset, why in result.missing.items():
        print(f"{dataset}: not recomputed: {why}")
    print(f"{result.equal} records have the present metrics")


def _replayed(folder: Path, plugin_files: list[Path], *, quiet: bool) -> list[Path]:
    """The records that do not match their predictions."""
    from wsbench.runs.recomputing import replay_all
    from wsbench.utils.progress import choose_progress

    result = replay_all(folder, plugin_files, choose_progress(quiet=quiet))
    for path, lines in result.differences.items():
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        print(f"{path}: {lines[0]}{more}")
    for dataset, why in result.missing.items():
        print(f"{dataset}: not recomputed: {why}")
    print(f"{result.equal} records match their predictions")
    return list(result.differences)
