"""``wsbench leaderboard``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wsbench.cli import options
from wsbench.errors import WsbenchError


def leaderboard(
    folder: Annotated[Path, typer.Argument(help="Folder with records/ and the pages.")] = Path(
        "leaderboards"
    ),
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing; exit 1 if a page is not what its records say, or a record not what its "
            "predictions say.",
        ),
    ] = False,
    replay: Annotated[
        bool, typer.Option(help="With --check, compute every record's numbers again from its predictions.")
    ] = True,
    recompute: Annotated[
        bool,
        typer.Option(
            "--recompute", help="First bring every record to today's metrics, from its predictions."
        ),
    ] = False,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Render every leaderboard page from the records beside it."""
    from wsbench.reports import leaderboard as pages

    if not folder.is_dir():
        raise WsbenchError(f"{folder} is not a folder; name the one that holds records/")
    if recompute:
        _recompute(folder, plugin or [], quiet=quiet)
    if not check:
        for page in pages.update(folder, options.found(plugin).metrics):
            print(f"wrote {page}")
        return
    if _wrong(folder, plugin or [], replay=replay, quiet=quiet):
        raise typer.Exit(1)


def _wrong(folder: Path, plugin_files: list[Path], *, replay: bool, quiet: bool) -> list[Path]:
    """The pages that are not what their records say, and the records that are not what their predictions
    say."""
    from wsbench.reports import leaderboard as pages

    wrong = pages.stale(folder, options.found(plugin_files).metrics)
    for page in wrong:
        print(f"{page} is not what its records say; run `wsbench leaderboard`")
    if not wrong:
        print("every page is what its records say")
    return wrong + (_replayed(folder, plugin_files, quiet=quiet) if replay else [])


def _recompute(folder: Path, plugin_files: list[Path], *, quiet: bool) -> None:
    from wsbench.runs.recomputing import replay_all
    from wsbench.utils.progress import choose_progress

    result = replay_all(folder, plugin_files, choose_progress(quiet=quiet), update=True)
    for path, lines in result.differences.items():
        print(f"{path}: not recomputed: {lines[0]}")
    for dataset, why in result.missing.items():
        print(f"{dataset}: not recomputed: {why}")
    print(f"{result.equal} records have today's metrics")


def _replayed(folder: Path, plugin_files: list[Path], *, quiet: bool) -> list[Path]:
    """The records that are not what their predictions say."""
    from wsbench.runs.recomputing import replay_all
    from wsbench.utils.progress import choose_progress

    result = replay_all(folder, plugin_files, choose_progress(quiet=quiet))
    for path, lines in result.differences.items():
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        print(f"{path}: {lines[0]}{more}")
    for dataset, why in result.missing.items():
        print(f"{dataset}: not computed again: {why}")
    print(f"{result.equal} records say what their predictions say")
    return list(result.differences)
