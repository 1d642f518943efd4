"""Tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsbench.records import Record

SHOWN = {
    "uniform": ("ap25", "ap50", "miou", "boxes_per_image", "healthy_with_box", "auc"),
    "paper": ("miou", "ap25", "accuracy", "auc", "sensitivity", "specificity"),
}
HEADINGS = {
    "boxes_per_image": "boxes an image",
    "healthy_with_box": "healthy with box",
    "sensitivity": "sens.",
    "specificity": "spec.",
}
TITLES = {
    "uniform": "protocol uniform: boxes by the harness",
    "paper": "protocol paper: every method's own boxes",
}


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = False) -> None:
    """Print one table on the standard output."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for position, heading in enumerate(header):
        justify = "right" if numbers and position else "left"
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=numbers and not position)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    Console().print(table)


def results(records: Sequence[Record]) -> None:
    """The main metrics of some runs on the same data, best first, under both protocols."""
    from wsbench import leaderboard

    rows = leaderboard.ranked(records)
    for protocol, metrics in SHOWN.items():
        here = [row for row in rows if protocol in row.first.protocols]
        header = ["method", *(HEADINGS.get(metric, metric) for metric in metrics)]
        cells = []
        for row in here:
            cells.append([row.label(protocol), *(row.mean(metric, protocol) for metric in metrics)])
            if len(row.records) > 1:
                seeds = f"  ± over {len(row.records)} seeds"
                cells.append([seeds, *(row.spread(metric, protocol) for metric in metrics)])
        show(TITLES[protocol], header, cells, numbers=True)
        print()
    data = records[0].dataset
    print(f"{data['name']}: {data['images']['test']} test images, {data['boxes']['test']} boxes on them")
    for split, (here, release) in data["subset"].items():
        print(f"a subset: split {split} has {here} of the release's {release} images; compare with nothing")
    print(f"{leaderboard.BLIND} never looks at the image   {leaderboard.BOXED} uses annotated boxes")
