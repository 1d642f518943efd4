"""The form of ``board.json``: all rows of the leaderboards, for other programs."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, JsonValue

from wsbench import __version__
from wsbench.contract.protocol import PROTOCOL_VERSION
from wsbench.contract.specs import MetricSpec
from wsbench.files import documents
from wsbench.files.documents import FolderName
from wsbench.reports.board import Board
from wsbench.reports.labels import changed_of
from wsbench.reports.rows import Row
from wsbench.reports.tabular.sections import Section
from wsbench.scoring.significance import Estimate

VERSION: Literal[1] = 1
"""Of the form. It is raised when something is renamed or removed; what is new may come without."""

Number = Annotated[float, Field(allow_inf_nan=False)]
Ends = tuple[Number, Number]


class Measure(documents.Document):
    """A metric of a row under one protocol.

    Attributes:
        mean: over seeds; null where a seed is missing or has no value.
        sd: the sample standard deviation over seeds, or over the folds of all seeds; null for a single one.
        seeds: the value of each seed, in the order of the row's ``seeds``.
        interval: 95 %, over seeds, images and thresholds, or of the trained networks where the metric is not
            kept draw by draw; null without one.
        classes: the mean over seeds of each class.
    """

    mean: Number | None
    sd: Number | None
    seeds: list[Number | None]
    interval: Ends | None
    classes: dict[str, Number | None]


class Rank(documents.Document):
    """Which ranks noise leaves open.

    Attributes:
        first, last: the ends of the interval that holds for all rows of the table at once with 95 %.
        alone_first, alone_last: those of the 95 % interval of this row alone.
        winner: whether no row of the table is better by more than noise.
    """

    first: int
    last: int
    alone_first: int
    alone_last: int
    winner: bool


class Estimated(documents.Document):
    """What ranks are computed from: the arguments of `wsbench.scoring.significance.Estimate`.

    Attributes:
        values: the metric that ranks, for each seed.
        draws: its mean over seeds in every bootstrap draw of the test images; null where it does not exist.
        deterministic: whether the seed plays no part.
        trainings: the key of each training; rows that share them were not trained apart.
        edge_variance: what keeps intervals at 0 and 1 from being empty.
    """

    values: list[Number]
    draws: list[Number | None]
    deterministic: bool
    trainings: list[str]
    edge_variance: Number

    @classmethod
    def of(cls, estimate: Estimate) -> Estimated:
        """The form of an estimate."""
        return cls(
            values=estimate.values.tolist(),
            draws=[None if math.isnan(value) else value for value in estimate.draws.tolist()],
            deterministic=estimate.deterministic,
            trainings=list(estimate.trainings),
            edge_variance=estimate.edge_variance,
        )

    def estimate(self) -> Estimate:
        """The estimate."""
        draws = np.array([math.nan if value is None else value for value in self.draws])
        return Estimate(
            np.array(self.values),
            draws,
            deterministic=self.deterministic,
            trainings=tuple(self.trainings),
            edge_variance=self.edge_variance,
        )


class BoardRow(documents.Document):
    """A method with its settings, over its seeds.

    Attributes:
        label: its name, as `wsbench compare` takes it.
        method, preset, changed: its parts; ``changed`` has the settings that differ from the preset's.
        settings: all settings.
        page: address of its page, from the folder of the file.
        seeds, missing: seeds that have records, and planned ones that have none.
        reads_image: false for a method that never looks at the image.
        box_supervision: which part of it sees boxes: ``none``, ``paper`` or ``fit``.
        apart: whether it counts in nobody else's rank.
        converged: false if it has not converged, so that it has no rank; null where its records do not say.
        rank: null where draws or seeds are missing, or where it has not converged.
        estimate: of the metric that ranks; null where draws or seeds are missing.
        protocols: by protocol, the metrics by name.
    """

    label: str
    method: str
    preset: str
    changed: str
    settings: dict[str, JsonValue]
    page: str
    seeds: list[int]
    missing: list[int]
    reads_image: bool
    box_supervision: str
    apart: bool
    converged: bool | None
    rank: Rank | None
    estimate: Estimated | None
    protocols: dict[str, dict[str, Measure]]


class BoardTable(documents.Document):
    """Rows that can be compared: they share their data and the versions of all metrics.

    Attributes:
        data: fingerprint of the data.
        settings: of the dataset.
        classes: its classes.
        images, boxes: how many each role has.
        calibrated_for: what box rules are chosen for.
        ranked_by: the metric that ranks.
        higher_is_better: whether its higher values are better.
        rows: the best mean comes first.
    """

    data: str
    settings: dict[str, JsonValue]
    classes: list[str]
    images: dict[str, int]
    boxes: dict[str, int]
    calibrated_for: str | None
    ranked_by: str
    higher_is_better: bool
    rows: list[BoardRow]


class BoardFile(documents.Document):
    """All leaderboards.

    Attributes:
        version: of this form.
        wsbench: the version of wsbench that wrote the file.
        protocol: the version of its protocol.
        datasets: by name, the tables of every dataset that has records; the one with most records is first.
    """

    version: Literal[1] = VERSION
    wsbench: str = __version__
    protocol: int = PROTOCOL_VERSION
    datasets: dict[FolderName, list[BoardTable]]


def table_of(section: Section, pages: dict[int, str]) -> BoardTable:
    """The form of a section.

    Args:
        section: the section.
        pages: the address of the page of every row, by its number.
    """
    data, board = section.first.dataset, section.board
    return BoardTable(
        data=section.first.key["fingerprint"],
        settings=data["settings"],
        classes=data["classes"],
        images=data["images"],
        boxes=data["boxes"],
        calibrated_for=section.first.key.get("calibrated_for"),
        ranked_by=board.ranked_by,
        higher_is_better=board.rows[0].sign > 0,
        rows=[_row(board, index, pages[index]) for index in range(len(board.rows))],
    )


def _row(board: Board, index: int, page: str) -> BoardRow:
    row = board.rows[index]
    method, estimate, standing = row.first.method, row.estimate(board.ranked_by), board.standings.get(index)
    return BoardRow(
        label=row.label("uniform"),
        method=method["name"],
        preset=method["preset"],
        changed=changed_of(row.first),
        settings=method["settings"],
        page=page,
        seeds=[record.seed for record in row.records],
        missing=row.missing,
        reads_image=method["reads_image"],
        box_supervision=method["box_supervision"],
        apart=row.apart,
        converged=row.converged,
        rank=None
        if standing is None
        else Rank(
            first=standing.best,
            last=standing.worst,
            alone_first=standing.likely_best,
            alone_last=standing.likely_worst,
            winner=standing.winner,
        ),
        estimate=None if estimate is None else Estimated.of(estimate),
        protocols={name: _measures(board, index, name) for name in row.first.protocols},
    )


def _measures(board: Board, index: int, protocol: str) -> dict[str, Measure]:
    row = board.rows[index]
    names = sorted({name for record in row.records for name in record.protocols[protocol]["metrics"]})
    return {name: _measure(board, index, name, protocol) for name in names if name in board.metrics}


def _measure(board: Board, index: int, name: str, protocol: str) -> Measure:
    row, spec = board.rows[index], board.metrics[name]
    return Measure(
        mean=row.average(name, protocol),
        sd=_deviation(row, name, protocol),
        seeds=row.values(name, protocol),
        interval=interval_of(board, index, spec, protocol),
        classes=by_class(row, name, protocol),
    )


def interval_of(board: Board, index: int, spec: MetricSpec, protocol: str) -> Ends | None:
    """The 95 % interval over seeds, images and thresholds where records keep a metric draw by draw; else that
    of the trained networks; None without one."""
    bounds = board.interval(index, spec.name) if protocol == "uniform" and spec.is_kept else None
    return bounds or board.rows[index].of_networks(spec.name, protocol)


def by_class(row: Row, name: str, protocol: str) -> dict[str, float | None]:
    """The mean over seeds of every class of a metric; None where a seed has no value."""
    of_seeds: list[dict[str, Any]] = [
        record.protocols[protocol]["metrics"].get(name, {}).get("per_class", {}) for record in row.records
    ]
    means: dict[str, float | None] = {}
    for label in of_seeds[0]:
        values = [of_seed.get(label) for of_seed in of_seeds]
        known = [value for value in values if value is not None]
        means[label] = sum(known) / len(known) if len(known) == len(values) else None
    return means


def _deviation(row: Row, name: str, protocol: str) -> float | None:
    values = [value for value in row.spread_over(name, protocol) if value is not None]
    return float(np.std(values, ddof=1)) if row.spread(name, protocol) != "-" else None
