"""What figures read of a finished run. Everything is loaded when a figure first asks for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wsbench.contract.plugins import Plugins
from wsbench.contract.records import Record, load_record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.geometry.box_table import BoxTable
from wsbench.reports.labels import label_of
from wsbench.reports.rows import row_key
from wsbench.runs.crossvalidation import FOLD
from wsbench.runs.plan import load_dataset
from wsbench.runs.rescoring import dataset_as_described, dataset_of
from wsbench.runs.scoring_inputs import resamples, truth_of
from wsbench.runs.target import target_of
from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.table import Scored, Truth
from wsbench.utils.progress import Progress, Silent

if TYPE_CHECKING:
    import pandas as pd

PROTOCOL = "uniform"
"""The protocol whose boxes and thresholds figures show. It is the one that ranks."""


@dataclass(frozen=True)
class TestImages:
    """The test images of a dataset.

    Attributes:
        truth: what is true of them.
        draws: their thousand bootstrap draws, those of the records.
        of_run: the dataset; None of a transfer.
    """

    truth: Truth
    draws: Resamples
    of_run: Loaded | None = None

    @property
    def loaded(self) -> Loaded:
        """The dataset, with the roles of the run.

        Raises:
            WsbenchError: the run is of a transfer, whose classes are those of another dataset.
        """
        if self.of_run is None:
            raise WsbenchError("the run was tested on another dataset than it was trained on")
        return self.of_run


@dataclass(frozen=True)
class Datasets:
    """The datasets of several runs. Each is loaded once, when the first run asks for it.

    Attributes:
        root: the folder of the files; None looks where `wsbench run` does.
        progress: where long work is shown.
        known: datasets that are loaded already, by their fingerprints.
    """

    root: Path | None = None
    progress: Progress = field(default_factory=Silent)
    known: Mapping[str, Loaded] = field(default_factory=dict)
    _loaded: dict[str, TestImages | WsbenchError] = field(default_factory=dict, repr=False, compare=False)

    def of(self, record: Record, plugins: Plugins) -> TestImages:
        """The test images of a run.

        Raises:
            WsbenchError: the dataset is not at hand, is another one than that of the run, or the record sums
                up several runs.
        """
        key = json.dumps([record.dataset, record.transfer], sort_keys=True, default=str)
        if key not in self._loaded:
            try:
                self._loaded[key] = self._load(record, plugins)
            except WsbenchError as error:
                self._loaded[key] = error
        images = self._loaded[key]
        if isinstance(images, WsbenchError):
            raise images
        return images

    def _load(self, record: Record, plugins: Plugins) -> TestImages:
        if record.transfer:
            return self._target(record, plugins)
        loaded = None if record.dataset.get("folds") else self.known.get(record.dataset["fingerprint"])
        loaded = loaded or dataset_of(record, plugins, self.progress, self.root)
        names = loaded.roles.members["test"]
        return TestImages(truth_of(loaded, names, "test"), resamples(loaded, names), loaded)

    def _target(self, record: Record, plugins: Plugins) -> TestImages:
        """The test images of a transfer. `root` is the folder of the dataset that was tested on."""
        data, trained_on = record.dataset, record.transfer["trained_on"]
        root = self.root if trained_on["name"] == data["name"] else None
        source = dataset_as_described(trained_on, plugins, self.progress, root, record.folder)
        skip_bad = bool(data["skipped"])
        loaded = load_dataset(
            plugins, data["name"], data["settings"], self.progress, root=self.root, skip_bad=skip_bad
        )
        if loaded.fingerprint != data["fingerprint"]:
            raise WsbenchError(
                f"{record.folder}: was tested on data {data['fingerprint']}, here is {loaded.fingerprint}; "
                "give the folder it was tested on"
            )
        target = target_of(loaded, source)
        return TestImages(target.truth, target.draws())


@dataclass(frozen=True)
class RunData:
    """A finished run, as figures read it.

    Attributes:
        record: its record. ``record.folder`` is the run's folder.
        plugins: all plugins; the run's dataset must be among them for figures that need truth boxes.
        datasets: the datasets that several runs share.
    """

    record: Record
    plugins: Plugins
    datasets: Datasets = field(default_factory=Datasets)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the run's dataset."""
        return tuple(self.record.dataset["classes"])

    @property
    def images(self) -> TestImages:
        """The test images.

        Raises:
            WsbenchError: as `Datasets.of`.
        """
        return self.datasets.of(self.record, self.plugins)

    @cached_property
    def scores_table(self) -> pd.DataFrame:
        """The class scores and labels of the test images, as the run left them.

        Raises:
            WsbenchError: they were deleted, or the record was not read from a run's folder.
        """
        return self.record.scores()

    @cached_property
    def labels(self) -> np.ndarray:
        """``(N, C)`` bool, which classes are present on the test images."""
        columns = [self.scores_table[f"label {name}"] for name in self.classes]
        return np.stack(columns, axis=1).astype(bool)

    @cached_property
    def scores(self) -> np.ndarray:
        """``(N, C)`` class scores of the test images, in [0, 1]."""
        columns = np.stack([self.scores_table[f"score {name}"] for name in self.classes], axis=1)
        # Scores have single precision. What reads CSV files may miss a double by its last bit, and a score
        # that equals its operating point would then be below it.
        return columns.astype(np.float32).astype(np.float64)

    @property
    def folds(self) -> list[np.ndarray]:
        """The rows of `labels` and `scores` of each fold of a cross-validation; all rows of other runs."""
        if FOLD not in self.scores_table:
            return [np.arange(len(self.scores_table))]
        return [np.asarray(rows) for rows in self.scores_table.groupby(FOLD).indices.values()]

    @property
    def operating_points(self) -> np.ndarray:
        """``(C,)`` scores from which classes are predicted positive; NaN where the record has none."""
        points = self.record.protocols[PROTOCOL].get("calibration", {}).get("operating_points", {})
        return np.array([points.get(name, np.nan) for name in self.classes], dtype=np.float64)

    @cached_property
    def table(self) -> Scored:
        """The table of predictions and truth that metrics are computed from, without heatmaps.

        Raises:
            WsbenchError: as `images` and `scores_table`, or the files are of other images.
        """
        truth = self.images.truth
        names = self.scores_table["image"].tolist()
        if names != list(truth.names):
            raise WsbenchError(
                f"{self.record.folder}: scores are of other images than the dataset's test role"
            )
        scored = Scored(
            classes=truth.classes,
            names=truth.names,
            sizes=truth.sizes,
            labels=truth.labels,
            known=truth.known,
            truth=truth.truth,
            scores=self.scores,
            operating_points=self.operating_points,
            predicted=BoxTable.of([], truth.classes),
        )
        return scored.with_boxes(self._boxes(truth))

    def _boxes(self, truth: Truth) -> BoxTable:
        rows = self.record.boxes(PROTOCOL)
        image_of = {name: row for row, name in enumerate(truth.names)}
        label_index = {name: column for column, name in enumerate(truth.classes)}
        return BoxTable(
            rows["image"].map(image_of).to_numpy(dtype=np.intp),
            rows["class"].map(label_index).to_numpy(dtype=np.intp),
            rows[["x0", "y0", "x1", "y1"]].to_numpy(dtype=np.float64).reshape(-1, 4),
            rows["score"].to_numpy(dtype=np.float64),
        )

    @property
    def draws(self) -> Resamples | None:
        """The bootstrap draws of the test images; None where the dataset is not at hand, because the images
        of a patient are drawn together and nothing else knows the patients."""
        try:
            images = self.images
        except WsbenchError:
            return None
        same = len(images.truth.names) == len(self.labels)
        return images.draws if same else None


def run_data(folder: str | Path, plugins: Plugins, datasets: Datasets | None = None) -> RunData:
    """Open a finished run for figures.

    Args:
        folder: the run's folder.
        plugins: all plugins.
        datasets: of further runs, so that runs on the same data load it once.

    Raises:
        WsbenchError: no finished run lies there.
    """
    return RunData(load_record(folder), plugins, datasets or Datasets())


@dataclass(frozen=True)
class Series:
    """The runs that a figure shows as one line: a method with its settings, over its seeds.

    Attributes:
        label: what the legend says.
        runs: one for each seed.
    """

    label: str
    runs: tuple[RunData, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the runs' dataset."""
        return self.runs[0].classes


def series_of(runs: Sequence[RunData]) -> list[Series]:
    """Group runs that differ in their seed alone, in the order in which they are given."""
    groups: dict[tuple[str, str, str], list[RunData]] = {}
    for run in runs:
        data = run.record.dataset
        groups.setdefault((row_key(run.record), data["name"], data["fingerprint"]), []).append(run)
    several = len({key[1:] for key in groups}) > 1
    return [
        Series(
            label_of(group[0].record, PROTOCOL)
            + (f" on {group[0].record.dataset['name']}" if several else ""),
            tuple(group),
        )
        for group in groups.values()
    ]
