"""A figure of Matplotlib that shows in a notebook in the colours of the page. Importing this is slow."""

from __future__ import annotations

from matplotlib.figure import Figure

from wsbench.reports.plots.looks.svg import svg


class Drawing(Figure):
    """A figure of Matplotlib. It belongs to no window and to no state of pyplot."""

    def _repr_html_(self) -> str:
        return svg(self)
