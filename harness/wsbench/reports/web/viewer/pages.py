"""The viewer's page: the report of runs, with all test images."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.reports.web.cases.section import served_section
from wsbench.reports.web.cases.table import case_table
from wsbench.reports.web.document import Section
from wsbench.reports.web.report.build import Options, page_of
from wsbench.reports.web.report.provenance import shown_folder
from wsbench.reports.web.viewer.answers import Answers, CaseFiles
from wsbench.runs.rescoring import dataset_of
from wsbench.utils.progress import Progress

MOST_SCORES = 100_000
"""The most class scores, over all images and rows, that curves are drawn of: about as many as take twenty
seconds, which somebody who wants to see films waits for."""


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
    known = _datasets_of(records, plugins, root, progress)
    scores = sum(
        len(known[fingerprint].roles.members["test"]) * len(known[fingerprint].dataset.classes)
        for fingerprint in map(_fingerprint_of, records)
    )
    if scores > MOST_SCORES:
        progress.say(
            f"curves of {scores} class scores take long and are left out; `wsbench report` draws them"
        )
    files: list[CaseFiles] = []

    def served(
        of_data: Sequence[Record], loaded: Loaded, plugins: Plugins, images: int, pixels: bool
    ) -> Section | None:
        table = case_table(of_data, loaded, plugins)
        if table is None:
            return None
        files.append(CaseFiles(table, loaded))
        return served_section(table, str(len(files) - 1))

    options = Options(
        images=1,  # whether there are cases at all; all images are listed
        figures=scores <= MOST_SCORES,
        root=root,
        progress=progress,
        loaded=known,
        make_cases=served,
    )
    page = page_of(records, plugins, options, _command(records))
    if not files:
        raise WsbenchError(
            "none of the runs has predictions in its folder; name folders that `wsbench run` has left"
        )
    return Answers(page, files)


def _datasets_of(
    records: Sequence[Record], plugins: Plugins, root: Path | None, progress: Progress
) -> dict[str, Loaded]:
    """The dataset of every run, by its fingerprint."""
    known: dict[str, Loaded] = {}
    for record in records:
        if _fingerprint_of(record) not in known:
            known[_fingerprint_of(record)] = dataset_of(record, plugins, progress, root)
    return known


def _fingerprint_of(record: Record) -> str:
    fingerprint: str = record.dataset["fingerprint"]
    return fingerprint


def _command(records: Sequence[Record]) -> str:
    """What to type to open the page again, in the folder that holds that of all runs."""
    folders = [str(shown_folder(record.folder)) for record in records if record.folder is not None]
    return shlex.join(["wsbench", "view", *dict.fromkeys(folders)])
