"""Spectral densities of runs beside each other, as Fig. 7 of the KD-Grad-CAM paper shows them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wsbench.reports.figures import save
from wsbench.studies.curvature.measuring import Curvature
from wsbench.studies.curvature.tables import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 4.2, 3.4
"""Size of a panel, in inches."""
COLUMNS = 3
"""Most panels beside each other."""


def draw(curvatures: Sequence[Curvature], path: Path) -> int:
    """Draw the spectral density of each run as PNG, all with the same axes. The density is on a logarithmic
    scale. Ticks below the curve are the largest eigenvalues, where they were measured.

    Args:
        curvatures: of any number of runs.
        path: the file to write.

    Returns:
        The number of panels: the runs whose density was measured.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from wsbench.torch.curvature.density import smoothed

    shown = [each for each in curvatures if each.quadratures]
    if not shown:
        return 0
    across = min(len(shown), COLUMNS)
    down = math.ceil(len(shown) / across)
    figure = Figure(figsize=(WIDTH * across, HEIGHT * down), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    densities = [smoothed(each.quadratures) for each in shown]
    lowest = min(map(_of_one_eigenvalue, shown, densities))
    for axes, each, (grid, density) in zip(panels, shown, densities, strict=False):
        axes.fill_between(grid, np.maximum(density, lowest), lowest, color="C0", alpha=0.4, linewidth=0)
        axes.plot(grid, np.maximum(density, lowest), color="C0", lw=1)
        _ticks(axes, each)
        axes.set_yscale("log")
        axes.set_ylim(bottom=lowest)
        axes.axvline(0, color="grey", lw=0.6, ls=":")
        axes.set_title("\n".join(textwrap.wrap(label(each), 44)), fontsize=9, parse_math=False)
        axes.set(xlabel="eigenvalue", ylabel="density" if axes in panels[::across] else "")
    save(figure, path, dpi=110)
    return len(shown)


def _of_one_eigenvalue(curvature: Curvature, density: tuple[np.ndarray, np.ndarray]) -> float:
    """A hundredth of the height that a single eigenvalue adds to the density of a run, roughly: what lies
    below is no eigenvalue."""
    grid, _ = density
    width = (grid[-1] - grid[0]) / len(curvature.quadratures[0].nodes)
    return float(0.01 / (curvature.results["point"]["parameters"] * width))


def _ticks(axes: Axes, curvature: Curvature) -> None:
    values = curvature.results.get("eigenvalues", {}).get("values", ())
    axes.plot(
        values,
        [0.02] * len(values),
        "|",
        color="C3",
        ms=8,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
    )
