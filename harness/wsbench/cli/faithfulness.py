"""The table of ``wsbench sanity --faithfulness``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsbench.cli import tables

if TYPE_CHECKING:
    from wsbench.contract.plugins import Plugins
    from wsbench.contract.records import Record
    from wsbench.utils.progress import Progress

TITLES = {
    "map": "method's map",
    "blank": "blank map",
    "random": "random map",
    "prior": "boxes of calibrate",
    "less_blank": "map less blank",
    "less_random": "map less random",
    "less_prior": "map less boxes",
}


def show_faithfulness(
    run: Path, names: str, size: int, plugins: Plugins, progress: Progress, **values: Any
) -> None:
    """Measure the faithfulness of a run's maps and print it.

    Args:
        run: folder of the run.
        names: the measures, separated by commas.
        size: side in pixels that images are reduced to.
        plugins: all plugins.
        progress: shows long work.
        values: further arguments of `wsbench.studies.sanity.faithfulness.measure`.
    """
    from wsbench.studies.sanity.faithfulness import measure
    from wsbench.studies.sanity.probe import Question

    measures = tuple(dict.fromkeys(name.strip() for name in names.split(",")))
    _show(measure(run, plugins, progress, Question(measures, size), **values))


def _show(record: Record) -> None:
    from wsbench.reports.page_words import FAITHFULNESS_MEASURES

    result = record.sanity["faithfulness"]
    measured = [name for name in FAITHFULNESS_MEASURES if name in result["measures"]]
    cells = []
    for which, title in TITLES.items():
        of_map = [result["measures"][name][which] for name in measured]
        cells.append([title, *map(_value, of_map)])
        cells.append(["  95 %", *map(_interval, of_map)])
    header = ("removed by", *(FAITHFULNESS_MEASURES[name] for name in measured))
    tables.show(f"{record.method['name']}: faithfulness of its maps", header, cells, text=1)
    print()
    print(f"{result['images']} test images of {result['size']} pixels, {result['maps']} maps of classes")
    print(f"constant maps of the method, which order no pixel: {result['constant']}")
    print(f"mean score of unchanged images: {result['score']:.3f}")
    print(f"cost: {result['cpu_seconds']:.1f} CPU seconds an image")
    print("ROAD, least, insertion: higher is better; most, deletion: lower is better")
    print("an interval of a difference that holds 0: a map that shows nothing does as well")


def _value(measurement: Mapping[str, Any]) -> str:
    return "-" if measurement["value"] is None else f"{measurement['value']:.3f}"


def _interval(measurement: Mapping[str, Any]) -> str:
    bounds = measurement["interval"]
    return "" if bounds is None else f"{tables.short(bounds[0])} to {tables.short(bounds[1])}"
