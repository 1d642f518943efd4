"""``wsbench detection``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsbench.cli import options, tables
from wsbench.errors import choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsbench.contract.plugins import Plugins
    from wsbench.contract.records import Record
    from wsbench.runs.coco_summary import Summary

IMAGES = {"all": "all", "positive": "with a class"}
"""The selections of test images, as tables show them."""

JOINED, APART, BOTH = "joined", "apart", "both"


def detection(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs.")],
    images: Annotated[
        str, typer.Option(help="The test images that count: all, positive (those that have a class) or both.")
    ] = "both",
    classes: Annotated[
        str, typer.Option(help="Classes joined to one (joined), one by one (apart) or both.")
    ] = "both",
    protocol: Annotated[
        str | None,
        typer.Option(help="The protocol whose boxes count. By default paper, where the run has it."),
    ] = None,
    root: options.Root = None,
    cache: options.Cache = None,
    plugin: options.PluginFiles = None,
    quiet: options.Quiet = False,
) -> None:
    """Show AP50 and AP as detection challenges report them.

    They are computed by pycocotools from the boxes of finished runs, on all test images and on those that
    have a class. Nothing is ranked by them.
    """
    from wsbench.contract import records
    from wsbench.runs.detection import protocol_of, summaries_of
    from wsbench.utils.progress import choose_progress

    choose(images, dict.fromkeys((*IMAGES, BOTH)), "choice of --images")
    choose(classes, dict.fromkeys((JOINED, APART, BOTH)), "choice of --classes")
    plugins, progress = options.find_plugins(plugin), choose_progress(quiet=quiet)
    for run in runs:
        record = records.load(run / records.FILE)
        boxes_of = protocol_of(record, protocol)
        summaries = summaries_of(record, boxes_of, plugins, progress, root)
        chosen = [summary for summary in summaries if images in (BOTH, summary.selection)]
        _print(record, boxes_of, [summary for summary in chosen if classes in _choices(summary, record)])
        _print_own(record, plugins)


def _choices(summary: Summary, record: Record) -> tuple[str, ...]:
    """The words of --classes that ask for a summary: of a single class, any."""
    if len(record.dataset["classes"]) == 1:
        return BOTH, JOINED, APART
    return BOTH, APART if summary.label else JOINED


def _print(record: Record, protocol: str, summaries: Sequence[Summary]) -> None:
    from wsbench.reports.labels import label_of
    from wsbench.reports.rows import number

    lines = [
        [
            IMAGES[summary.selection],
            summary.label or "all joined to one",
            str(summary.images),
            str(summary.truths),
            number(summary.ap50),
            number(summary.ap),
        ]
        for summary in summaries
    ]
    title = f"COCO's average precision of {label_of(record, protocol)}, protocol {protocol}"
    tables.show(title, ["test images", "class", "images", "boxes", "AP50", "AP"], lines, text=2)
    print()


def _print_own(record: Record, plugins: Plugins) -> None:
    """Print the measures of wsbench beside, so that none of the former is taken for what ranks."""
    from wsbench.contract.protocol import RANKED_BY
    from wsbench.contract.specs import columns_of

    names = [name for name in columns_of(plugins.metrics, "terminal") if record.value(name) is not None]
    values = [plugins.metrics[name].text(record.value(name)) for name in names]
    headings = [plugins.metrics[name].heading or name for name in names]
    title = f"wsbench's own measures, protocol uniform; rows rank by {RANKED_BY}"
    tables.show(title, headings, [values], text=0)
    print()
