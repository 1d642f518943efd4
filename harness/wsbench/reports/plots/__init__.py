"""Figures of finished runs: numbers with intervals, drawn by Matplotlib, and inline SVG for pages."""

from wsbench.reports.plots.figure_kinds import FIGURES, FigureKind
from wsbench.reports.plots.looks.svg import svg
from wsbench.reports.plots.points import Absent
from wsbench.reports.plots.run_data import Datasets, RunData, run_data, series_of

__all__ = ["FIGURES", "Absent", "Datasets", "FigureKind", "RunData", "run_data", "series_of", "svg"]
