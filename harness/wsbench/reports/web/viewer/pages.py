"""The viewer's page: the report of runs, with all test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.reports.web import document
from wsbench.reports.web.cases.section import served_section
from wsbench.reports.web.cases.table import case_table
from wsbench.reports.web.report.subject import subjects_of
from wsbench.reports.web.viewer.answers import Answers, CaseFiles
from wsbench.runs.rescoring import dataset_of
from wsbench.utils.progress import Progress


def answers_of(records: Sequence[Record], plugins: Plugins, root: Path | None, progress: Progress) -> Answers:
    """Make the page of some runs and all that it can ask for.

    Args:
        records: records of finished runs, of any datasets.
        plugins: all plugins.
        root: the folder of the dataset; None looks where it is by default.
        progress: shown while datasets are loaded.

    Raises:
        WsbenchError: a dataset is not the one that its runs were made on, or no run has predictions.
    """
    files: list[CaseFiles] = []
    sections = []
    known: dict[str, Loaded] = {}
    for subject in subjects_of(records, plugins):
        fingerprint = subject.first.dataset["fingerprint"]
        if fingerprint not in known:
            known[fingerprint] = dataset_of(subject.first, plugins, progress, root)
        table = case_table(subject.records, known[fingerprint], plugins)
        if table is not None:
            section = served_section(table, str(len(files)))
            sections.append(replace(section, anchor=subject.anchor("cases"), group=subject.group))
            files.append(CaseFiles(table, known[fingerprint]))
    if not files:
        raise WsbenchError(
            "none of the runs has predictions in its folder; name folders that `wsbench run` has left"
        )
    return Answers(document.page("wsbench view", sections), files)
