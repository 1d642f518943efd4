"""What each row costs: to predict an image, and to train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsbench.reports import costs
from wsbench.reports.web.document import Section, rendered
from wsbench.reports.web.report.subject import Subject

if TYPE_CHECKING:
    from markupsafe import Markup


def section(subject: Subject, figures: Markup | str = "") -> Section | None:
    """The table of costs; None where nothing was measured.

    Args:
        subject: the rows.
        figures: HTML of figures, which stand above the table.
    """
    header, lines = costs.table(subject.rows)
    if not lines:
        return None
    body = rendered(
        "report/plain.html",
        note="Of predicting one image, with its heatmap, and of training. Times and memory are those of the "
        "machine that is named; medians over seeds.",
        tables=[("Cost of each row", header, lines, 2)],
        figures=figures,
    )
    return Section(subject.anchor("cost"), "Cost", body, group=subject.group)
