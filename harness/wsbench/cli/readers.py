"""``wsbench data readers``: people as rows, beside the methods and in no order with them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import marks, options, tables
from wsbench.errors import choose

if TYPE_CHECKING:
    from wsbench.contract.specs import MetricSpec
    from wsbench.reports.readers import ReaderStudy

SAME = 0.25
"""`wsbench.geometry.consensus.SAME_FINDING`, which is not imported for help."""


def readers(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.")],
    images: Annotated[
        str | None,
        typer.Option(
            help="Which images count: test or all. By default, the test images if two readers read any of "
            "them, else all."
        ),
    ] = None,
    iou: Annotated[
        float,
        typer.Option(min=0.01, max=1.0, help="The IoU from which boxes of two readers are of one finding."),
    ] = SAME,
    root: options.Root = None,
    cache: options.Cache = None,
    data_option: options.DataOption = None,
    skip_bad: options.SkipBad = False,
    json: Annotated[Path | None, typer.Option(help="Also write all numbers to this file.")] = None,
    submit: Annotated[
        bool, typer.Option("--submit", help="Show them, unranked, on the dataset's leaderboard page.")
    ] = False,
    leaderboards: options.Leaderboards = Path("leaderboards"),
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Compare the readers of a dataset with each other, or with the dataset's truth masks.

    Each reader's boxes are scored against what more than half of the image's other readers agree on, by the
    metrics that boxes alone decide. The agreement of readers is measured, too. Where readers drew masks or
    set points, these are scored against the dataset's truth masks. People are no method: they have no rank.
    """
    from wsbench.files.writing import write_json
    from wsbench.reports import readers as reports
    from wsbench.runs.marks_study import has_marks
    from wsbench.runs.reader_study import IMAGES, study
    from wsbench.utils.progress import choose_progress
    from wsbench.utils.system_errors import try_file

    chosen = None if images is None else choose(images, IMAGES, "images")
    if json is not None:
        try_file(json)
    plugins, progress = options.find_plugins(plugin), choose_progress(quiet=quiet)
    loaded = options.loaded(plugins, dataset, data_option, root, progress, skip_bad=skip_bad)
    if has_marks(loaded):
        marks.compare(loaded, plugins.metrics, chosen, json, leaderboards if submit else None)
        return
    result = reports.checked(study(loaded, plugins.metrics, chosen, iou))
    if json is not None:
        write_json(json, result.model_dump(mode="json"))
    path = reports.add(result, leaderboards) if submit else None
    _print(result, plugins.metrics)
    if path is not None:
        print(marks.WRITTEN.format(path))


def _print(study: ReaderStudy, metrics: Mapping[str, MetricSpec]) -> None:
    from wsbench.reports.readers import ROW, in_order
    from wsbench.scoring.agreement import SUMMARIES

    names = in_order(study, metrics)
    title = f"{study.dataset.name}: each reader against the consensus of the others"
    rows = [[name, *study.radiologist[name].cells] for name in names]
    tables.show(title, ["measure of boxes alone", ROW, "95 %"], rows, text=1)
    print()
    rows = [[SUMMARIES[name], *measured.cells] for name, measured in study.agreement.items()]
    tables.show(
        f"{study.dataset.name}: how far readers agree", ["between readers", "value", "95 %"], rows, text=1
    )
    print()
    of_pages = [name for name in names if metrics[name].columns]
    header = ["reader", "images", "boxes", *of_pages]
    rows = [
        [name, str(one.readings), str(one.boxes), *(_cell(one.metrics[metric]) for metric in of_pages)]
        for name, one in study.readers.items()
    ]
    tables.show(f"{study.dataset.name}: reader by reader", header, rows, text=1)
    for line in (f"read: {study.which}", study.undecided_line, NO_METHOD):
        if line:
            print(textwrap.fill(line, 79))


NO_METHOD = (
    "People are no method and have no rank. They give no scores, so measures that need an order of boxes or "
    "a class score, such as the one that ranks, do not exist for them."
)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
