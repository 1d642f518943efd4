"""The picture of Figures 3 to 5: Grad-CAM and its red area, changemap, histograms, and mask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import wsbench

from ._mask import LEVELS, MaskRule, shares_of_levels, threshold

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES = 2.2
"""Side of a panel."""
TRUTH, PREDICTED = "deepskyblue", "red"
"""Colours of boxes, as in Figures 3 and 4, and of the lines of either region's histogram."""
TITLES = ("film and truth", "Grad-CAM, its red area", "changemap", "histograms", "mask and boxes")


def draw(
    run: wsbench.finished.FinishedRun,
    names: Sequence[str],
    maps: Sequence[np.ndarray],
    rule: MaskRule,
    path: Path,
) -> None:
    """Draw images with tuberculosis, one in a row.

    Args:
        run: a run of a translation.
        names: N names of its images.
        maps: uint8 levels of changemaps, Grad-CAM in [0, 1] and masks, each ``(N, h, w)``.
        rule: how a mask was made.
        path: the PNG to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    samples = {sample.name: sample for sample in run.loaded.samples}
    figure = Figure(figsize=(5 * INCHES, (INCHES + 0.1) * len(names) + 0.2), layout="constrained")
    FigureCanvasAgg(figure)
    lines = figure.subplots(len(names), len(TITLES), squeeze=False)
    for name, line, picture, attention, mask in zip(names, lines, *maps, strict=True):
        sample = samples[name]
        pixels = run.loaded.dataset.read(sample, *picture.shape)
        scale = picture.shape[1] / sample.width, picture.shape[0] / sample.height
        truth = np.array([[box.x0, box.y0, box.x1, box.y1] for box in sample.boxes]) * np.array(scale * 2)
        for axes in (*line[:3], line[4]):
            axes.set_axis_off()
        line[0].imshow(pixels, cmap="gray", vmin=0, vmax=LEVELS - 1)
        line[1].imshow(attention, cmap="jet", vmin=0, vmax=1)
        line[1].contour(attention >= rule.region, levels=[0.5], colors="white", linewidths=0.8)
        line[2].imshow(picture, cmap="gray", vmin=0, vmax=LEVELS - 1)
        _histograms(line[3], picture, attention, inside(truth, picture.shape), rule)
        line[4].imshow(mask, cmap="gray", vmin=0, vmax=1)
        for axes in (line[0], line[2], line[4]):
            _outline(axes, truth, TRUTH)
        _outline(line[4], _rectangles(mask), PREDICTED)
    for axes, title in zip(lines[0], TITLES, strict=True):
        axes.set_title(title, fontsize=9)
    figure.savefig(path, format="png", dpi=110)


def inside(boxes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """``(h, w)`` bool: the pixels of ``(n, 4)`` boxes."""
    covered = np.zeros(shape, dtype=bool)
    for x0, y0, x1, y1 in np.rint(boxes).astype(int):
        covered[y0:y1, x0:x1] = True
    return covered


def _histograms(
    axes: Axes, picture: np.ndarray, attention: np.ndarray, truth: np.ndarray, rule: MaskRule
) -> None:
    """Fig. 5: levels where Grad-CAM is red, and in the truth; the lowest bin is no candidate, and drawn
    hollow."""
    for region, colour, label in (
        (attention >= rule.region, PREDICTED, "Grad-CAM's red area"),
        (truth, TRUTH, "truth"),
    ):
        shares = shares_of_levels(picture, region, rule.bins)
        axes.stairs(shares[1:], np.linspace(0, LEVELS, rule.bins + 1)[1:], color=colour, label=label)
    lowest = threshold(picture, attention, rule.region, rule.bins, rule.share)
    if lowest is not None:
        axes.axvline(lowest, color="black", linestyle=":", linewidth=1, label="threshold")
    axes.tick_params(labelsize=6)
    axes.set_xlim(0, LEVELS)
    axes.legend(fontsize=6, frameon=False)


def _rectangles(mask: np.ndarray) -> np.ndarray:
    return wsbench.geometry.component_boxes(np.asarray(mask * (LEVELS - 1), dtype=np.uint8), 0.5)


def _outline(axes: Axes, boxes: np.ndarray, colour: str) -> None:
    from matplotlib.patches import Rectangle

    for x0, y0, x1, y1 in boxes.tolist():
        axes.add_patch(
            Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=1.2)
        )
