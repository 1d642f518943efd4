"""``wsbench report``, and the report at the end of ``wsbench run``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import options
from wsbench.errors import as_line

if TYPE_CHECKING:
    from wsbench.contract.plugins import Plugins
    from wsbench.contract.records import Record
    from wsbench.data.dataset import Loaded

NAME = "report.html"
"""The file that a run's report is written to, in the folder of the first run of its command."""

MOST_SCORES = 10_000
"""The most class scores, over all images and rows, that a run's report draws curves of: about as many as take
two seconds. `wsbench report` draws any number."""

WithReport = Annotated[
    bool, typer.Option("--report/--no-report", help=f"Write {NAME} into the folder of the first run.")
]


def report(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Folders of finished runs, or records of a leaderboard."),
    ],
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path(NAME),
    images: Annotated[
        int, typer.Option(min=0, help="Number of test images that are shown. 0 leaves out the list of cases.")
    ] = 60,
    no_pixels: Annotated[
        bool,
        typer.Option(
            "--no-pixels",
            help="Show no pixels of images: neither pictures nor heatmaps, only boxes.",
        ),
    ] = False,
    root: options.Root = None,
    cache: options.Cache = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Write a report of runs: tables, curves and cases in one HTML file.

    Runs on other data have tables of their own. Name the image-blind runs, too, to see what they reach.
    """
    from wsbench.reports.web.report import api
    from wsbench.reports.web.report.build import Options
    from wsbench.utils.progress import choose_progress

    plugins = options.find_plugins(plugin)
    progress = choose_progress(quiet=quiet)
    shown = Options(images=images, pixels=not no_pixels, root=root, progress=progress)
    path = api.write(runs, out, plugins, shown)
    print(f"report: {path} ({path.stat().st_size / 1e6:.1f} MB)")


def after_run(records: Sequence[Record], plugins: Plugins, loaded: Loaded) -> None:
    """Write the report of a command's runs, without pictures, and print where it is. A failure is a warning.

    Args:
        records: the records of the command, those of its method first.
        plugins: all plugins.
        loaded: the dataset.
    """
    from wsbench.reports.web.report import api
    from wsbench.reports.web.report.build import Options

    folder = records[0].folder
    if folder is None:
        return
    try:
        scores = len(loaded.roles.members["test"]) * len(loaded.dataset.classes) * len(records)
        # The data of a transfer would have to be loaded again.
        quick = scores <= MOST_SCORES and not any(record.transfer for record in records)
        shown = Options(images=0, figures=quick, loaded={loaded.fingerprint: loaded})
        path = api.write_of(records, folder / NAME, plugins, shown)
    except Exception as error:  # the runs are finished: whatever happens to a page must not cost them
        print(as_line(f"warning: the report was not written: {error}"), file=sys.stderr)
    else:
        print(f"report: {path}")
