"""The picture of Fig. 5: truth, both maps, both networks' boxes, and the image's mIOU in the corner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import wsbench

from ._choices import Images, image_miou

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE = 512
"""Longest side of a drawn image, in pixels."""
INCHES = 2.2
"""Side of a panel."""
TRUTH, COLOURS = "limegreen", ("red", "deepskyblue")
"""Colours of truth, and of the boxes of teacher and student. Fig. 5 has green, red and blue."""
TITLES = ("ground truth", "teacher's map", "student's map", "teacher's boxes", "student's boxes")


def draw(runs: Sequence[wsbench.finished.FinishedRun], count: int, path: Path) -> int:
    """Draw the first test images with boxes, one in a row.

    Args:
        runs: the teacher's and the student's run.
        count: number of images.
        path: the PNG to write.

    Returns:
        The number of images drawn.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    loaded, images = runs[0].loaded, Images(runs[0])
    names = images.names[:count]
    view = loaded.views.images(names)
    predictions = [run.method().predict(view) for run in runs]
    boxes = [run.record.boxes("paper") for run in runs]
    samples = {sample.name: sample for sample in loaded.samples}
    figure = Figure(figsize=(5 * INCHES, (INCHES + 0.1) * len(names) + 0.2), layout="constrained")
    FigureCanvasAgg(figure)
    for row, (name, line) in enumerate(
        zip(names, figure.subplots(len(names), 5, squeeze=False), strict=True)
    ):
        sample = samples[name]
        scale = SIDE / max(sample.width, sample.height)
        pixels = loaded.dataset.read(sample, round(sample.height * scale), round(sample.width * scale))
        for axes, title in zip(line, TITLES, strict=True):
            _film(axes, pixels, sample.width, sample.height)
            if row == 0:
                axes.set_title(title, fontsize=9)
        for axes in (line[0], line[3], line[4]):
            outline(axes, images.truth[row], TRUTH)
        for number, prediction in enumerate(predictions):
            _map(line[1 + number], prediction, row)
            mine = boxes[number][boxes[number]["image"] == name][["x0", "y0", "x1", "y1"]].to_numpy(float)
            outline(line[3 + number], mine, COLOURS[number])
            _corner(line[3 + number], f"mIOU {image_miou(images.truth[row], mine):.3f}")
    figure.savefig(path, format="png", dpi=110)
    return len(names)


def _film(axes: Axes, pixels: np.ndarray, width: int, height: int) -> None:
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
    axes.set_axis_off()


def _map(axes: Axes, prediction: wsbench.Prediction, row: int) -> None:
    assert prediction.heatmaps is not None and prediction.regions is not None
    limits, where = (axes.get_xlim(), axes.get_ylim()), prediction.regions[row]
    heatmap = prediction.heatmaps[row, 0].astype(np.float32)
    extent = (where.x0, where.x1, where.y1, where.y0)
    axes.imshow(heatmap, cmap="jet", vmin=0, vmax=1, alpha=0.45, extent=extent, interpolation="nearest")
    axes.set(xlim=limits[0], ylim=limits[1])


def outline(axes: Axes, boxes: np.ndarray, colour: str) -> None:
    """Draw ``(n, 4)`` boxes."""
    from matplotlib.patches import Rectangle

    for x0, y0, x1, y1 in boxes.tolist():
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=1.4))


def _corner(axes: Axes, text: str) -> None:
    axes.text(
        0.02, 0.02, text, transform=axes.transAxes, fontsize=8, color="white", va="bottom",
        bbox={"facecolor": "black", "alpha": 0.6, "pad": 1.5, "edgecolor": "none"},
    )  # fmt: skip
