"""The explorer of cases: test images with their truth and what every method predicts of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsbench.contract.plugins import Plugins
    from wsbench.contract.records import Record
    from wsbench.data.dataset import Loaded
    from wsbench.reports.web.document import Section


def cases_section(
    runs: Sequence[Record], loaded: Loaded, plugins: Plugins, images: int, pixels: bool
) -> Section | None:
    """The section of a page that shows test images.

    Args:
        runs: records of finished runs of one dataset. Of several seeds of a row, the first is shown.
        loaded: the dataset.
        plugins: all plugins.
        images: how many images get a picture. Half of them are the worst, the others are spread over classes
            and outcomes. Further images are listed with their boxes and scores alone.
        pixels: False embeds neither an image nor a heatmap: boxes are drawn over an empty frame. Names of
            images stay.

    Returns:
        The section; None where no run has predictions of these images.

    Raises:
        WsbenchError: a file of a run is not what it left there, or an image cannot be read.
    """
    from wsbench.reports.web.cases.section import section_of
    from wsbench.reports.web.cases.table import case_table

    table = case_table(runs, loaded, plugins)
    return None if table is None else section_of(table, loaded, images, pixels=pixels)
