"""Writes the report of finished runs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from wsbench.contract import records
from wsbench.contract.plugins import Plugins, find
from wsbench.contract.records import Record
from wsbench.data.kinds import with_own_datasets
from wsbench.errors import WsbenchError
from wsbench.files.user_files import expanded
from wsbench.files.writing import write_text
from wsbench.reports import sides
from wsbench.reports.web.report.build import Options, page_of
from wsbench.reports.web.report.provenance import shown_folder
from wsbench.utils.progress import Progress, Silent
from wsbench.utils.system_errors import try_file

IMAGES = 60
"""How many test images a report shows by default."""

EXAMPLE = "runs/DATASET/*/*"
"""How several runs are named, for messages."""


def report(
    runs: str | Path | Iterable[str | Path],
    out: str | Path = "report.html",
    *,
    images: int = IMAGES,
    pixels: bool = True,
    root: str | Path | None = None,
    plugin_files: Iterable[str | Path] = (),
    progress: Progress | None = None,
) -> Path:
    """Write a report of finished runs: one HTML file that asks no other file for anything.

    Runs on other data have tables of their own. The same runs make the same file, byte for byte.

    Args:
        runs: folders of finished runs, or records of a leaderboard, with ``*`` and ``?`` for several. A
            leading ``~`` is the home folder.
        out: the file to write.
        images: how many test images the list of cases shows; 0 leaves them out.
        pixels: False leaves out all that shows pixels of images: pictures and heatmaps.
        root: the folder of the dataset, whose images are shown.
        plugin_files: Python files to find further plugins in.
        progress: where to show progress. By default, it is not shown.

    Returns:
        The path of the file.

    Raises:
        WsbenchError: a run is not there, is not finished, or is named twice; or the file cannot be written.
    """
    words = [runs] if isinstance(runs, str | Path) else list(runs)
    folder = None if root is None else expanded(root)
    options = Options(images=images, pixels=pixels, root=folder, progress=progress or Silent())
    return write(words, expanded(out), with_own_datasets(find(plugin_files)), options)


def write(words: Sequence[str | Path], out: Path, plugins: Plugins, options: Options) -> Path:
    """Write a report, as `report` does.

    Args:
        words: the runs.
        out: the file to write.
        plugins: all plugins.
        options: what the report shows.
    """
    try_file(out)
    return write_of(records_of(words), out, plugins, options)


def write_of(of_runs: Sequence[Record], out: Path, plugins: Plugins, options: Options) -> Path:
    """Write the report of records that were read already.

    Args:
        of_runs: records of finished runs.
        out: the file to write.
        plugins: all plugins.
        options: what the report shows.
    """
    write_text(out, page_of(of_runs, plugins, options, command_for(of_runs, out, options)))
    return out


def command_for(of_runs: Sequence[Record], out: Path, options: Options) -> str:
    """What to type to make a report again, in the folder that holds that of all runs."""
    folders = [str(shown_folder(record.folder)) for record in of_runs if record.folder is not None]
    words = ["wsbench", "report", *dict.fromkeys(folders), "--out", out.name]
    words += [] if options.images == IMAGES else ["--images", str(options.images)]
    words += [] if options.pixels else ["--no-pixels"]
    return shlex.join(words)


def records_of(words: Sequence[str | Path]) -> list[Record]:
    """The records of the runs that some words name, each once.

    Args:
        words: folders of finished runs or files of records, with ``*`` and ``?`` for several.

    Raises:
        WsbenchError: a word names no run, or a run is not finished.
    """
    files = []
    for word in words:
        of_word = sides.record_files_of(str(expanded(word)))
        if not of_word:
            raise WsbenchError(f"{word}: no such run; name folders of finished runs, such as {EXAMPLE}")
        files += of_word
    if not files:
        raise WsbenchError(f"a report needs a run; name folders of finished runs, such as {EXAMPLE}")
    return [_record(file) for file in {file.resolve(): file for file in files}.values()]


def _record(file: Path) -> Record:
    folder = file.parent
    if not file.exists() and any((folder / trace).exists() for trace in ("fit", ".lock")):
        raise WsbenchError(f"{folder}: this run is not finished; rerun the command that made it")
    return records.load(file)
