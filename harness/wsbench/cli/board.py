"""``wsbench leaderboard``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import options
from wsbench.errors import WsbenchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsbench.contract.specs import MetricSpec
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
    html: Annotated[
        bool,
        typer.Option("--html", help="Write the leaderboards as a static site, with a page for every row."),
    ] = False,
    form: Annotated[
        str | None,
        typer.Option(
            "--format", help="Write chosen columns of one dataset's table as markdown, csv or latex."
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", "-d", help="With --format, the dataset, where several have records."),
    ] = None,
    protocol: Annotated[str, typer.Option(help="With --format, the protocol: uniform or paper.")] = "uniform",
    columns: Annotated[
        str | None,
        typer.Option(
            help="With --format, the columns, separated by commas. [default: those of the leaderboard page]"
        ),
    ] = None,
    fold_maps: Annotated[
        bool,
        typer.Option(
            "--fold-maps", help="Fold rows that differ from a better one only by options of the map under it."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder of --html, or the file of --format. [default: board, or the terminal]"),
    ] = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Write the leaderboard pages from the records in a folder.

    A page ranks the methods of one dataset; tables/ has all its numbers as CSV. With --check, it only
    verifies pages and records. With --html or --format, it writes these and nothing else.
    """
    from wsbench.cli import board_exports
    from wsbench.reports import leaderboard as pages

    if not folder.is_dir():
        raise WsbenchError(f"{folder} is not a folder; name the one that holds records/")
    sampling = _sampling(sample, changed_since, check=check and replay)
    board_exports.refuse_contradictions(check=check, html=html, form=form, out=out)
    if recompute:
        _recompute(folder, plugin or [], quiet=quiet)
    plugins = options.find_plugins(plugin)
    if html or form is not None:
        choice = board_exports.choice_of(protocol, columns, fold_maps=fold_maps)
        board_exports.export(folder, plugins, choice, form, dataset, out)
    elif check:
        wrong = _stale(folder, plugins.metrics, fold_maps=fold_maps)
        if replay:
            wrong += _replayed(folder, plugin or [], sampling, quiet=quiet)
        if wrong:
            raise typer.Exit(1)
    else:
        for page in pages.update(folder, plugins.metrics, fold_maps=fold_maps):
            print(f"wrote {page}")


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


def _stale(folder: Path, metrics: Mapping[str, MetricSpec], *, fold_maps: bool) -> list[Path]:
    """The pages and tables that do not match their records."""
    from wsbench.reports import leaderboard as pages

    wrong = pages.stale(folder, metrics, fold_maps=fold_maps)
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
