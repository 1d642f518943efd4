"""Papers beside the floor: what papers print, beside boxes that never look at the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from wsbench.reports.floors import Floor, beside, share_above
from wsbench.reports.published import Paper
from wsbench.reports.tabular.form import ABSENT
from wsbench.reports.web import document
from wsbench.reports.web.document import rendered
from wsbench.reports.web.report.bars import Scale
from wsbench.reports.web.site import addresses
from wsbench.reports.web.site.parts import Entry, Heading, Shown, section, table_html

if TYPE_CHECKING:
    from markupsafe import Markup

    from wsbench.reports.web.document import Section as Part

TITLE = "Papers beside the floor"
LEAD = (
    "How far do you get with boxes that never look at the image? They are the same on every radiograph, and "
    "are scored here by each paper's own rule."
)


def page(floors: Sequence[Floor], papers: Mapping[str, Paper]) -> str:
    """The HTML of the page.

    Args:
        floors: what image-blind boxes reach.
        papers: what papers print, by the name of their file.
    """
    parts = [_overview(floors, papers)]
    for name in dict.fromkeys(floor.paper for floor in floors):
        of_paper = [floor for floor in floors if floor.paper == name]
        parts.append(_of_paper(name, of_paper, papers))
    return document.page(TITLE, parts, lead=LEAD, home=addresses.INDEX)


def _overview(floors: Sequence[Floor], papers: Mapping[str, Paper]) -> Part:
    above, lines = share_above(floors, papers)
    header = [
        Heading("Paper", numeric=False),
        Heading("Measure", numeric=False),
        Heading("Best published"),
        Heading("Image-blind"),
        Heading("Ratio"),
        Heading("Image-blind boxes; chosen on", numeric=False),
    ]
    shown = []
    for floor in floors:
        if floor.title:
            best = beside(floor, papers)
            ratio = None if best is None else floor.value / best[0]
            shown.append(
                Shown(
                    (
                        Entry(floor.title),
                        Entry(floor.name),
                        Entry("none") if best is None else Entry(f"{best[0]:.3f}", under=best[1]),
                        Entry(f"{floor.value:.3f}"),
                        Entry(ABSENT if ratio is None else f"{ratio:.2f}"),
                        Entry(floor.boxes, under=floor.chosen_on),
                    ),
                    blind=ratio is not None and ratio > 1,
                )
            )
    words = rendered("site/papers.html", above=above, lines=lines)
    table = table_html("overview-table", "Best published and image-blind numbers", header, shown)
    return section("overview", "Overview", words, table)


def _of_paper(name: str, floors: Sequence[Floor], papers: Mapping[str, Paper]) -> Part:
    bodies = []
    groups = dict.fromkeys((floor.measure, floor.images) for floor in floors)
    for number, (measure, images) in enumerate(groups):
        of_group = [floor for floor in floors if (floor.measure, floor.images) == (measure, images)]
        bodies.append(_measure(f"{addresses.anchor(name)}-{number}", of_group, papers))
    paper = papers.get(name)
    words = paper.citation if paper else "Nothing published can be set beside these numbers."
    cited = rendered("site/cited.html", citation=words)
    title = next((floor.title for floor in floors if floor.title), name)
    return section(f"paper-{addresses.anchor(name)}", title, cited, *bodies)


def _measure(anchor: str, floors: Sequence[Floor], papers: Mapping[str, Paper]) -> Markup:
    """A measure on some images: a line for each kind of image-blind boxes, the best published one dashed."""
    best = beside(floors[0], papers)
    ends = [end for floor in floors for end in (*floor.interval, floor.value)]
    scale = Scale.of([0.0, *ends], None if best is None else best[0])
    header = [
        Heading("Image-blind boxes", numeric=False),
        Heading("Chosen on", numeric=False),
        Heading(floors[0].measure),
        Heading("95 %", numeric=False),
        Heading("Ratio"),
    ]
    lines = []
    for floor in floors:
        low, high = floor.interval
        ratio = ABSENT if best is None else f"{floor.value / best[0]:.2f}"
        bar = scale.bar(floor.value, floor.interval)
        interval = Entry("", f"{low}", f"{low:.3f} to {high:.3f}", bar=bar)
        value = Entry(f"{floor.value:.3f}")
        lines.append(
            Shown(
                (Entry(floor.boxes), Entry(floor.chosen_on), value, interval, Entry(ratio)),
                blind=best is not None and floor.value > best[0],
            )
        )
    words = "nothing is published" if best is None else f"dashed: best published, {best[0]:.3f} ({best[1]})"
    return table_html(anchor, f"{floors[0].measure} on {floors[0].images}; {words}", header, lines)
