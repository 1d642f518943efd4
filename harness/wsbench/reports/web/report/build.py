"""Puts the sections of a report in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.errors import WsbenchError
from wsbench.reports.plots import Datasets
from wsbench.reports.web import document
from wsbench.reports.web.cases import cases_section
from wsbench.reports.web.document import Section
from wsbench.reports.web.report import breakdown, checks, costs, curves, matrix, opening, provenance, ranking
from wsbench.reports.web.report.subject import Subject, subjects_of
from wsbench.utils.progress import Progress, Silent

if TYPE_CHECKING:
    from wsbench.data.dataset import Loaded

MakeCases = Callable[[Sequence[Record], "Loaded", Plugins, int, bool], Section | None]

STYLE = "report.css"
"""The style of the sections, in the folder ``static``."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a report shows.

    Attributes:
        images: how many test images the list of cases shows; 0 for none.
        pixels: whether anything shows pixels of images.
        figures: whether curves are drawn.
        root: the folder of the dataset; None looks where it is by default.
        progress: shown while the report is made.
        loaded: datasets that are loaded already, by their fingerprints.
        make_cases: makes the section of cases of runs on the same data, as `cases_section` does.
    """

    images: int
    pixels: bool = True
    figures: bool = True
    root: Path | None = None
    progress: Progress = field(default_factory=Silent)
    loaded: Mapping[str, Loaded] = field(default_factory=dict)
    make_cases: MakeCases = cases_section


def page_of(records: Sequence[Record], plugins: Plugins, options: Options, command: str) -> str:
    """The report of some runs, as one HTML document.

    Args:
        records: records of finished runs, of any datasets. Those that share a table share sections.
        plugins: all plugins.
        options: what the report shows.
        command: what to type to make it again.

    Raises:
        WsbenchError: a run is named twice, or runs of one table cannot be compared.
    """
    subjects = subjects_of(records, plugins)
    datasets = Datasets(options.root, options.progress, options.loaded)
    sections: list[Section] = []
    cases: list[Section] = []
    for subject in subjects:
        of_subject = _cases(subject, options, datasets)
        cases += of_subject
        linked = replace(subject, cases=of_subject[0].anchor if of_subject else "")
        sections += _sections(linked, options, datasets)
    sections += [provenance.again(command), *cases]
    styled = [replace(section, styles=(STYLE, *section.styles)) for section in sections]
    return document.page(_title(subjects), styled, lead=_lead(subjects))


def _sections(subject: Subject, options: Options, datasets: Datasets) -> list[Section]:
    figures = curves.figures_of(subject, datasets) if options.figures else curves.Figures()
    parts = [
        opening.section(subject),
        ranking.section(subject),
        matrix.section(subject),
        *figures.sections(subject),
        breakdown.by_class(subject, figures.html(curves.BY_CLASS)),
        breakdown.by_stratum(subject, figures.html(curves.BY_LESION)),
        costs.section(subject, figures.html(curves.COST)),
        checks.section(subject),
        provenance.section(subject),
    ]
    return [part for part in parts if part is not None]


def _cases(subject: Subject, options: Options, datasets: Datasets) -> list[Section]:
    """The list of cases; empty without any, and where the dataset is not at hand, which a line says."""
    in_runs = [record for record in subject.records if record.folder in subject.folders]
    if options.images == 0 or not in_runs:
        return []
    try:
        loaded = datasets.of(in_runs[0], subject.plugins).loaded
        section = options.make_cases(in_runs, loaded, subject.plugins, options.images, options.pixels)
    except WsbenchError as error:
        options.progress.say(f"the list of cases is left out: {error}")
        return []
    if section is None:
        return []
    return [replace(section, anchor=subject.anchor(section.anchor), group=subject.group)]


def _title(subjects: Sequence[Subject]) -> str:
    names = list(dict.fromkeys(subject.first.dataset["name"] for subject in subjects))
    return f"wsbench report: {', '.join(names)}"


def _lead(subjects: Sequence[Subject]) -> str:
    runs = sum(len(subject.records) for subject in subjects)
    rows = sum(len(subject.rows) for subject in subjects)
    words = f"{rows} row{'' if rows == 1 else 's'} from {runs} run{'' if runs == 1 else 's'}"
    if len(subjects) > 1:
        return f"{words}, in {len(subjects)} tables that cannot be compared with each other."
    data = subjects[0].first.dataset
    return f"{words}, tested on {data['images']['test']} images with {data['boxes']['test']} annotated boxes."
