"""Pictures of a finished run: image, what lies behind the heatmap, the heatmap, and boxes, per class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from wsbench.reports.rows import label_of
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
"""Longest side at which an image is drawn, in pixels."""
INCHES = 2.6
"""Side of a panel."""
TITLE, LINE = 36, 0.14
"""Characters of a title's line, which are as wide as a panel, and the line's height in inches."""
TRUTH, PREDICTED = "limegreen", "red"


@dataclass(frozen=True)
class Row:
    """One image and class, as one run sees it.

    Attributes:
        run: its method with its preset and changed settings.
        sample: the image.
        label: the class.
        pixels: ``(h, w)`` uint8.
        score: of the class, with its operating point.
        maps: named maps of the class, ``(h, w)`` in [0, 1], with the part of the image they cover.
        boxes: predicted ones, ``(K, 4)`` corners in pixels of the original image.
    """

    run: str
    sample: Sample
    label: str
    pixels: np.ndarray
    score: float
    operating_point: float
    maps: Mapping[str, tuple[np.ndarray, Region]]
    boxes: np.ndarray


def examples(loaded: Loaded, classes: Sequence[str], each: int) -> list[tuple[str, str]]:
    """The first test images by name that have a box of a class, whatever was predicted of them.

    Args:
        loaded: the dataset.
        classes: whose examples.
        each: images a class.

    Returns:
        Pairs of image and class.
    """
    elsewhere = set(loaded.roles.members["calibrate"])
    tested = [sample for sample in loaded.samples_of("test") if sample.name not in elsewhere]
    pairs = []
    for label in classes:
        boxed = [sample.name for sample in tested if any(box.label == label for box in sample.boxes)]
        pairs += [(name, label) for name in boxed[:each]]
    return pairs


def rows(
    record: Record,
    loaded: Loaded,
    plugins: Plugins,
    wanted: Sequence[tuple[str, str]],
    progress: Progress,
    protocol: str = "uniform",
) -> list[Row]:
    """What is drawn of each image and class.

    Args:
        record: of a finished run.
        loaded: its dataset.
        plugins: all that were found.
        wanted: pairs of test image and class.
        progress: where long work is shown.
        protocol: whose heatmaps and boxes.

    Raises:
        WsbenchError: an unknown image or class, a protocol that the run does not have, or a file of it that
            is not what was left there.
    """
    assert record.folder is not None
    choose(protocol, record.protocols, "protocol of this run")
    stored = store.of_protocol(finished(record.folder, "predict").folder, protocol)
    names, prediction = store.read_role(stored, "test", loaded.dataset.classes)
    place = {name: row for row, name in enumerate(names)}
    columns = {label: column for column, label in enumerate(loaded.dataset.classes)}
    chosen = [
        (name, choose(name, place, "test image"), label, choose(label, columns, "class"))
        for name, label in wanted
    ]
    images = list(dict.fromkeys(name for name, _ in wanted))
    inner = _inner_maps(record, loaded, plugins, images, progress, protocol)
    boxes = record.boxes().query("protocol == @protocol")
    points = record.protocols[protocol]["calibration"]["operating_points"]
    samples = {sample.name: sample for sample in loaded.samples}
    result, run = [], label_of(record, protocol)
    for name, row, label, column in chosen:
        sample = samples[name]
        whole = full_image(sample.width, sample.height)
        maps = {what: (values[images.index(name), column], whole) for what, values in inner.items()}
        if prediction.heatmaps is not None:
            region = prediction.regions[row] if prediction.regions else whole
            cells = prediction.heatmaps[row, column].astype(np.float32)
            heatmap = resized_to_grid(cells, prediction.box_grid)
            maps["heatmap"] = (heatmap, region)
        scale = SIDE / max(sample.width, sample.height)
        pixels = loaded.dataset.read(sample, round(sample.height * scale), round(sample.width * scale))
        score = float(prediction.scores[row, column])
        found_boxes = _corners(boxes, name, label)
        point = points[label]
        result.append(Row(run, sample, label, pixels, score, point, maps, found_boxes))
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
        progress.say(f"{job.plan.spec.name}: its training is gone; only heatmaps and boxes are drawn")
        return {}
    return method.inner_maps(loaded.views.images(images))


def _corners(boxes: pd.DataFrame, name: str, label: str) -> np.ndarray:
    mine = boxes[(boxes["image"] == name) & (boxes["class"] == label)]
    corners: np.ndarray = mine[["x0", "y0", "x1", "y1"]].to_numpy(dtype=float)
    return corners


def draw(lines: Sequence[Sequence[Row]], path: Path, *, below: bool = False) -> None:
    """One line of panels an image and class, as PNG: of every run, its maps over the image, then its boxes.

    Truth is green, predictions are red; maps are drawn cell by cell, as boxes were cut from them.

    Args:
        lines: of each image and class, one row a run.
        path: the file.
        below: a line a run, instead; panels of boxes stand below each other.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not lines:
        raise WsbenchError("there is nothing to draw: no test image has a box of the classes")
    names = {row.run: fill(row.run, TITLE) + "\n" if len(line) > 1 else "" for line in lines for row in line}
    shown = [[row] for line in lines for row in line] if below else lines
    widest = max(map(_panels, shown))
    height = INCHES + LINE * (3 + max(name.count("\n") for name in names.values()))
    figure = Figure(figsize=(INCHES * widest, height * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    for line, beside in zip(figure.subplots(len(shown), widest, squeeze=False), shown, strict=True):
        start = widest - _panels(beside)
        for axes in line[:start]:
            axes.set_axis_off()
        for row in beside:
            stop = start + _panels([row])
            _draw_row(line[start:stop], row, names[row.run])
            start = stop
    save(figure, path, dpi=110)


def _panels(line: Sequence[Row]) -> int:
    return sum(len(row.maps) + 1 for row in line)


def _draw_row(line: Sequence[Axes], row: Row, whose: str) -> None:
    width, height = row.sample.width, row.sample.height
    for axes in line:
        axes.imshow(row.pixels, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
        axes.set_axis_off()
        axes.set_anchor("S")  # titles have what is left
    for axes, (what, (values, region)) in zip(line, row.maps.items(), strict=False):
        extent = (region.x0, region.x1, region.y1, region.y0)
        axes.imshow(
            values, cmap="inferno", vmin=0, vmax=1, alpha=0.45, extent=extent, interpolation="nearest"
        )
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_title(whose + what, fontsize=8, parse_math=False)
    for box in row.sample.boxes:
        if box.label == row.label:
            _outline(line[-1], (box.x0, box.y0, box.x1, box.y1), TRUTH)
    for corners in row.boxes:
        _outline(line[-1], corners, PREDICTED)
    sign = "≥" if row.score >= row.operating_point else "<"
    said = f"{whose}{row.label} {row.score:.2f} {sign} {row.operating_point:.2f}"
    line[-1].set_title(f"{Path(row.sample.name).stem}\n{said}", fontsize=8, parse_math=False)


def _outline(axes: Axes, corners: Any, colour: str) -> None:
    from matplotlib.patches import Rectangle

    x0, y0, x1, y1 = corners
    axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=1.4))
