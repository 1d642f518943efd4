"""Pictures of sanity checks: an image, and its maps with more and more of the method randomised."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wsbench.reports.figures import save
from wsbench.reports.pictures import SIDE
from wsbench.studies.sanity.checks import Sanity
from wsbench.studies.sanity.similarity import normalised, varies

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = 4
"""Most images that are drawn."""
INCHES = 1.7
"""Side of a panel, in inches."""


def draw(sanity: Sanity, path: Path) -> int:
    """Draw the first images as PNG, one row each: the image, the trained method's map, the randomised maps.

    Every map is drawn from its lowest to its highest value, as it was compared. A constant map is grey.

    Args:
        sanity: the result of the checks.
        path: the file to write.

    Returns:
        The number of rows.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    conditions = [sanity.original, *sanity.conditions]
    rows = min(ROWS, len(sanity.subject.rows))
    size = (INCHES * (len(conditions) + 1), (INCHES + 0.15) * rows + 0.2)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, len(conditions) + 1, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for axes, condition in zip(panels[0, 1:], conditions, strict=True):
        axes.set_title(condition.title, fontsize=8, parse_math=False)
    for pair, line in enumerate(panels):
        line[0].imshow(_pixels(sanity, pair), cmap="gray", vmin=0, vmax=255)
        line[0].set_title(_named(sanity, pair), fontsize=8, parse_math=False)
        for axes, condition in zip(line[1:], conditions, strict=True):
            _draw_map(axes, condition.maps[pair].astype(np.float64))
    save(figure, path, dpi=110)
    return rows


def _pixels(sanity: Sanity, pair: int) -> np.ndarray:
    sample = sanity.subject.samples[sanity.subject.rows[pair]]
    scale = SIDE / max(sample.width, sample.height)
    return sanity.subject.job.loaded.dataset.read(
        sample, round(sample.height * scale), round(sample.width * scale)
    )


def _named(sanity: Sanity, pair: int) -> str:
    sample = sanity.subject.samples[sanity.subject.rows[pair]]
    label = sanity.subject.job.loaded.dataset.classes[sanity.subject.columns[pair]]
    return f"{Path(sample.name).stem}\n{label}"


def _draw_map(axes: Axes, values: np.ndarray) -> None:
    if varies(values):
        axes.imshow(normalised(values), cmap="inferno", vmin=0, vmax=1, interpolation="nearest")
        return
    axes.imshow(np.full(values.shape, 0.8), cmap="gray", vmin=0, vmax=1)
    axes.text(0.5, 0.5, "constant", fontsize=8, ha="center", va="center", transform=axes.transAxes)
