"""Pictures of finished runs: for an image and class, the method's inner maps, its heatmap, and its boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError, choose
from wsbench.geometry.boxes import resized_to_grid
from wsbench.geometry.coordinates import full_image
from wsbench.predictions import store
from wsbench.reports.figures import save
from wsbench.reports.labels import label_of
from wsbench.runs.job import Job
from wsbench.runs.rescoring import plan_of
from wsbench.runs.runner import restored
from wsbench.runs.stages import finished
from wsbench.types import Region, Sample
from wsbench.utils.progress import Progress

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SIDE = 512
"""Longest side of a drawn image, in pixels."""
INCHES = 2.6
"""Side of a panel, in inches."""
TITLE, LINE = 36, 0.14
"""Characters in a line of a title, as wide as a panel, and the height of the line in inches."""
TRUTH, PREDICTED = "limegreen", "red"
NOTHING = (
    "no test image has a box of the classes; name some with --image, or outcomes with --cases tp,fp,fn,tn"
)


@dataclass(frozen=True)
class Drawing:
    """One image and class, as one run predicts it.

    Attributes:
        run: the run's method, with its preset and changed settings.
        sample: the image.
        label: the class.
        pixels: ``(h, w)`` uint8.
        score: the score of the class.
        operating_point: the score from which the class counts as predicted.
        maps: maps of the class by name, ``(h, w)`` in [0, 1], each with the region of the image that it
            covers.
        boxes: ``(K, 4)`` corners of predicted boxes, in pixels of the original image.
    """

    run: str
    sample: Sample
    label: str
    pixels: np.ndarray
    score: float
    operating_point: float
    maps: Mapping[str, tuple[np.ndarray, Region]]
    boxes: np.ndarray


def examples(
    loaded: Loaded, classes: Sequence[str], each: int, others: Sequence[Loaded] = ()
) -> list[tuple[str, str]]:
    """The first test images by name that have a box of a class.

    Args:
        loaded: the dataset.
        classes: the classes.
        each: number of images for each class.
        others: further data, of which the images must be test images, too.

    Returns:
        Pairs of image and class.
    """
    elsewhere = set(loaded.roles.members["calibrate"])
    shared = set(loaded.roles.members["test"]).intersection(
        *(other.roles.members["test"] for other in others)
    )
    tested = [s for s in loaded.samples_of("test") if s.name in shared - elsewhere]
    pairs = []
    for label in classes:
        boxed = [sample.name for sample in tested if any(box.label == label for box in sample.boxes)]
        pairs += [(name, label) for name in boxed[:each]]
    return pairs


def share_images(data: Sequence[Loaded]) -> bool:
    """Whether some test image, by its name, is one of all data."""
    first, *others = (set(loaded.roles.members["test"]) for loaded in data)
    return bool(first.intersection(*others))


def with_names_of_data(columns: Sequence[list[Drawing]], records: Sequence[Record]) -> list[list[Drawing]]:
    """Add the data to the names of runs, where these were made on different data.

    Args:
        columns: the drawings of each run.
        records: the records of the runs.
    """
    data = [record.dataset for record in records]
    if len({described["fingerprint"] for described in data}) == 1:
        return list(columns)
    named = []
    for column, described in zip(columns, data, strict=True):
        own = described["settings"].items()
        differ = [f"{k}={v}" for k, v in own if any(other["settings"].get(k) != v for other in data)]
        words = " ".join([described["name"], *differ])
        named.append([replace(drawing, run=f"{drawing.run} on {words}") for drawing in column])
    return named


def drawings(
    record: Record,
    loaded: Loaded,
    plugins: Plugins,
    pairs: Sequence[tuple[str, str]],
    progress: Progress,
    protocol: str = "uniform",
) -> list[Drawing]:
    """Collect what is drawn of each image and class.

    Args:
        record: the record of a finished run.
        loaded: its dataset.
        plugins: all plugins.
        pairs: pairs of test image and class.
        progress: shows long work.
        protocol: the protocol whose heatmaps and boxes are drawn.

    Raises:
        WsbenchError: an image or class is unknown, the run does not have the protocol, or one of its files
            has changed since it ended.
    """
    assert record.folder is not None
    choose(protocol, record.protocols, "protocol of this run")
    stored = store.of_protocol(finished(record.folder, "predict").folder, protocol)
    if not pairs:
        raise WsbenchError(f"{record.folder}: {NOTHING}")
    names, prediction = store.read_role(stored, "test", loaded.dataset.classes)
    row_of = {name: row for row, name in enumerate(names)}
    columns = {label: column for column, label in enumerate(loaded.dataset.classes)}
    chosen = [
        (name, choose(name, row_of, "test image"), label, choose(label, columns, "class"))
        for name, label in pairs
    ]
    images = list(dict.fromkeys(name for name, _ in pairs))
    inner = _inner_maps(record, loaded, plugins, images, progress, protocol)
    boxes = record.boxes(protocol)
    points = record.protocols[protocol]["calibration"]["operating_points"]
    samples = {sample.name: sample for sample in loaded.samples}
    result, run = [], label_of(record, protocol)
    for name, row, label, column in chosen:
        sample = samples[name]
        full = full_image(sample.width, sample.height)
        maps = {title: (values[images.index(name), column], full) for title, values in inner.items()}
        if prediction.heatmaps is not None:
            region = prediction.regions[row] if prediction.regions else full
            cells = prediction.heatmaps[row, column].astype(np.float32)
            heatmap = resized_to_grid(cells, prediction.box_grid)
            maps["heatmap"] = (heatmap, region)
        scale = SIDE / max(sample.width, sample.height)
        pixels = loaded.dataset.read(sample, round(sample.height * scale), round(sample.width * scale))
        score = float(prediction.scores[row, column])
        found_boxes = _corners(boxes, name, label)
        point = points[label]
        result.append(Drawing(run, sample, label, pixels, score, point, maps, found_boxes))
    return result


def _inner_maps(
    record: Record,
    loaded: Loaded,
    plugins: Plugins,
    images: Sequence[str],
    progress: Progress,
    protocol: str,
) -> Mapping[str, np.ndarray]:
    if record.is_external:
        return {}
    job = Job(plan_of(record, plugins), loaded, plugins)
    assert record.folder is not None
    method = restored(job, record.folder.parent, protocol)
    if method is None:
        progress.say(f"{job.plan.spec.name}: its training was deleted; only heatmaps and boxes are drawn")
        return {}
    return method.inner_maps(loaded.views.images(images))


def _corners(boxes: pd.DataFrame, name: str, label: str) -> np.ndarray:
    mine = boxes[(boxes["image"] == name) & (boxes["class"] == label)]
    corners: np.ndarray = mine[["x0", "y0", "x1", "y1"]].to_numpy(dtype=float)
    return corners


def draw(lines: Sequence[Sequence[Drawing]], path: Path, *, below: bool = False) -> None:
    """Draw one line of panels for each image and class, as PNG: the maps of every run, then its boxes.

    Truth is green, predictions are red. Maps are drawn cell by cell, as boxes were cut from them.

    Args:
        lines: one line for each image and class, with one drawing for each run.
        path: the file to write.
        below: draw a line for each run instead, so that panels of boxes are below each other.

    Raises:
        WsbenchError: there is no line.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not lines:
        raise WsbenchError(f"there is nothing to draw: {NOTHING}")
    names = {row.run: fill(row.run, TITLE) + "\n" if len(line) > 1 else "" for line in lines for row in line}
    grid = [[row] for line in lines for row in line] if below else lines
    widest = max(map(_panels, grid))
    height = INCHES + LINE * (3 + max(name.count("\n") for name in names.values()))
    figure = Figure(figsize=(INCHES * widest, height * len(grid)), layout="constrained")
    FigureCanvasAgg(figure)
    for line, rows in zip(figure.subplots(len(grid), widest, squeeze=False), grid, strict=True):
        start = widest - _panels(rows)
        for axes in line[:start]:
            axes.set_axis_off()
        for row in rows:
            stop = start + _panels([row])
            _draw_row(line[start:stop], row, names[row.run])
            start = stop
    save(figure, path, dpi=110)


def _panels(line: Sequence[Drawing]) -> int:
    return sum(len(row.maps) + 1 for row in line)


def _draw_row(line: Sequence[Axes], row: Drawing, whose: str) -> None:
    width, height = row.sample.width, row.sample.height
    for axes in line:
        axes.imshow(row.pixels, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
        axes.set_axis_off()
        axes.set_anchor("S")  # titles get the room above
    for axes, (title, (values, region)) in zip(line, row.maps.items(), strict=False):
        extent = (region.x0, region.x1, region.y1, region.y0)
        axes.imshow(
            values, cmap="inferno", vmin=0, vmax=1, alpha=0.45, extent=extent, interpolation="nearest"
        )
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_title(whose + title, fontsize=8, parse_math=False)
    for box in row.sample.boxes:
        if box.label == row.label:
            _outline(line[-1], (box.x0, box.y0, box.x1, box.y1), TRUTH)
    for corners in row.boxes:
        _outline(line[-1], corners, PREDICTED)
    sign = "≥" if row.score >= row.operating_point else "<"
    score = f"{whose}{row.label} {row.score:.2f} {sign} {row.operating_point:.2f}"
    line[-1].set_title(f"{Path(row.sample.name).stem}\n{score}", fontsize=8, parse_math=False)


def _outline(axes: Axes, corners: Any, colour: str) -> None:
    from matplotlib.patches import Rectangle

    x0, y0, x1, y1 = corners
    axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=1.4))
