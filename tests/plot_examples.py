"""Finished runs that figures are drawn of: three seeds of a method without a network, on a small phantom."""

from __future__ import annotations

from pathlib import Path

import wsbench
from external_examples import GUESS, SMALL
from wsbench.contract import plugins
from wsbench.data.kinds import with_own_datasets
from wsbench.reports.plots import Datasets, RunData, run_data


def finished_runs(folder: Path, seeds: int = 2) -> list[RunData]:
    """Runs of the method `guess` with several seeds, as figures read them."""
    file = folder / "guess.py"
    file.write_text(GUESS)
    options = {"data_options": SMALL, "runs": folder / "runs", "plugin_files": [file], "device": "cpu"}
    records = wsbench.run("guess", "phantom", seeds=list(range(seeds)), **options)
    found, datasets = with_own_datasets(plugins.find([file])), Datasets()
    return [run_data(record.folder, found, datasets) for record in records]


def without_dataset(run: RunData) -> RunData:
    """The same run where no plugin has its dataset."""
    found = plugins.find()
    found.datasets.clear()
    return RunData(run.record, found)
