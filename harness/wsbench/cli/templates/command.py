"""my_plugin: prints a metric of finished runs.

Replace this text by what the command does. Lines that begin with "REPLACE" say what else is yours to change.
How to go on: docs/how-to/command.md of wsbench.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import wsbench


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs.")],
    metric: Annotated[str, typer.Option(help="The metric to print, such as auc.")],
    protocol: Annotated[str, typer.Option(help="The protocol: uniform or paper.")] = "uniform",
) -> None:
    """Print a metric of finished runs.

    REPLACE: this text is the command's help. Parameters are its arguments and options.
    """
    for run in runs:
        record = wsbench.load_record(run)
        value = record.value(metric, protocol)
        if value is None:
            # A mistake of the user: one line that says what is wrong, where, and what to do. Exit code 2.
            raise wsbench.WsbenchError(f"{run} has no {metric} under {protocol}; see `wsbench list`")
        print(f"{record.method['name']} seed {record.seed}: {metric} = {value:.3f}")


@wsbench.hookimpl
def wsbench_commands() -> list[wsbench.CommandSpec]:
    summary = "prints a metric of finished runs"  # REPLACE
    return [wsbench.CommandSpec(name="my_plugin", summary=summary, run=command)]
