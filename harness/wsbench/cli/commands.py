"""All commands of the command line."""

from __future__ import annotations

from typing import Annotated, cast

import typer

from wsbench import __version__
from wsbench.cli import (
    board,
    comparing,
    curvature,
    data,
    detection,
    listing,
    new_plugin,
    options,
    picturing,
    plugin_checking,
    power,
    reporting,
    rows,
    run_folders,
    running,
    sanity,
    scoring,
    sweeping,
    tuning,
    viewing,
)
from wsbench.cli.plugin_commands import WithPlugins

# Typer has a private copy of click, whose base class of usage errors is only reachable through a subclass. To
# mypy it is that subclass, which has a public name.
UsageError = cast(type[typer.BadParameter], typer.BadParameter.__bases__[0])

app = typer.Typer(
    name="wsbench",
    cls=WithPlugins,
    help="Honest benchmarks for weakly supervised localisation on chest X-rays.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(asked_for: bool) -> None:
    if asked_for:
        print(f"wsbench {__version__}")
        raise typer.Exit


@app.callback(help=app.info.help)
def wsbench(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    plugin: options.PluginFilesOfAll = None,
) -> None:
    """The options of all commands."""


app.command("run")(running.run)
app.command("sweep")(sweeping.sweep)
app.command("tune")(tuning.tune)
app.command("evaluate")(scoring.evaluate)
app.command("export")(scoring.export)
app.command("picture")(picturing.picture)
app.command("report")(reporting.report)
app.command("view")(viewing.view)
app.command("roc")(scoring.roc)
app.command("detection")(detection.detection)
app.command("rows")(rows.rows)
app.command("compare")(comparing.compare)
app.command("strata")(comparing.strata)
app.command("sanity")(sanity.sanity)
app.command("hessian")(curvature.hessian)
app.command("list")(listing.list_)
app.command("describe")(listing.describe)
app.command("new")(new_plugin.new)
app.command("check-plugin")(plugin_checking.check_plugin)
app.add_typer(data.app, name="data")
app.add_typer(run_folders.app, name="runs")
app.command("leaderboard")(board.leaderboard)
app.command("power")(power.power)
