"""``wsbench leaderboard``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import options
from wsbench.errors import WsbenchError

if TYPE_CHECKING:
    from wsbench.runs.record_samples import Sampling


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
    sample: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="With --check, recompute so many records, at least one of every method and dataset. Another "
            "source gives another choice. [default: all records]",
        ),
    ] = None,
    changed_since: Annotated[
        str | None,
        typer.Option(
            metavar="COMMIT",
            help="With --sample, recompute every record that differs from this git commit as well.",
        ),
    ] = None,
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
    sampling = _sampling(sample, changed_since, check=check and replay)
    if recompute:
        _recompute(folder, plugin or [], quiet=quiet)
    if not check:
        for page in pages.update(folder, options.find_plugins(plugin).metrics):
            print(f"wrote {page}")
        return
    wrong = _stale(folder, plugin or [])
    if replay:
        wrong += _replayed(folder, plugin or [], sampling, quiet=quiet)
    if wrong:
        raise typer.Exit(1)


def _sampling(sample: int | None, changed_since: str | None, *, check: bool) -> Sampling | None:
    """What the options say of the records that are recomputed."""
    from wsbench.runs.record_samples import Sampling

    if sample is None:
        if changed_since is not None:
            raise WsbenchError("--changed-since adds records to those of --sample; give that, too")
        return None
    if not check:
        raise WsbenchError("--sample chooses what --check recomputes; give --check, and no --no-replay")
    return Sampling(sample, changed_since)


def _stale(folder: Path, plugin_files: list[Path]) -> list[Path]:
    """The pages that do not match their records."""
    from wsbench.reports import leaderboard as pages

    wrong = pages.stale(folder, options.find_plugins(plugin_files).metrics)
    for page in wrong:
        print(f"{page} does not match its records; run `wsbench leaderboard`")
    if not wrong:
        print("every page matches its records")
    return wrong


def _recompute(folder: Path, plugin_files: list[Path], *, quiet: bool) -> None:
    from wsbench.runs.recomputing import replay_all
    from wsbench.utils.progress import choose_progress

    result = replay_all(folder, plugin_files, choose_progress(quiet=quiet), update=True)
    for path, lines in result.differences.items():
        print(f"{path}: not recomputed: {lines[0]}")
    for dataset, why in result.missing.items():
        print(f"{dataset}: not recomputed: {why}")
    print(f"{result.equal} records have the present metrics")


def _replayed(
    folder: Path, plugin_files: list[Path], sampling: Sampling | None, *, quiet: bool
) -> list[Path]:
    """The records that do not match their predictions."""
    from wsbench.runs.recomputing import replay_all
    from wsbench.utils.progress import choose_progress

    result = replay_all(folder, plugin_files, choose_progress(quiet=quiet), sampling=sampling)
    for path, lines in result.differences.items():
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        print(f"{path}: {lines[0]}{more}")
    for dataset, why in result.missing.items():
        print(f"{dataset}: not recomputed: {why}")
    print(f"{result.equal} records match their predictions")
    if sampling is not None:
        print(f"a sample: {result.chosen} of {result.records} records were recomputed")
    return list(result.differences)
