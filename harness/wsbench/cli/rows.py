"""``wsbench rows``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wsbench.cli import options, tables, upstream_tables
from wsbench.errors import WsbenchError


def rows(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="Folders of finished runs on the same data, or files of records.",
        ),
    ],
    repeat_over: options.RepeatOver = None,
    leaderboards: options.Leaderboards = Path("leaderboards"),
    plugin: options.PluginFiles = None,
) -> None:
    """Show finished runs as rows of a table.

    It prints what `wsbench run` printed at their end, for all of them together: means over seeds, intervals,
    ranks, and the difference to what a row builds on. Nothing is trained or scored.
    """
    from wsbench.contract import records
    from wsbench.reports import sides

    plugins = options.find_plugins(plugin)
    repeat = options.repeated(repeat_over, plugins)
    files: list[Path] = []
    for words in runs:
        if not (named := sides.record_files_of(words)):
            raise WsbenchError(f"'{words}': no such run or record; name the folders of finished runs")
        files += named
    files = list(dict.fromkeys(files))
    all_records = [records.load(path) for path in files]
    for record, path in zip(all_records, files, strict=True):
        sides.refuse_other_key(record, path, all_records[0], files[0], plugins.metrics)
    shown = all_records if repeat is None else repeat.collected(all_records)
    sides.refuse_seed_twice(shown, files)
    tables.results(shown, plugins.metrics)
    upstream_tables.show(shown, plugins.metrics, leaderboards)
