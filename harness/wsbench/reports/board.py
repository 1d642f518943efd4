"""Rows in the order of their means, with rank intervals and the uncertainty of each number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec
from wsbench.reports.rows import Row, ranked
from wsbench.scoring.intervals import of_row
from wsbench.scoring.ranking import rank
from wsbench.scoring.significance import Estimate, Prior, moderate, prior_of


@dataclass(frozen=True)
class Standing:
    """The rank of one row.

    Attributes:
        best, worst: the ends of the rank interval, which holds for all rows of the table simultaneously.
        likely_best, likely_worst: the ends of the 95 % rank interval of this row alone.
        winner: True if no row of the table is better by more than noise.
    """

    best: int
    worst: int
    likely_best: int
    likely_worst: int
    winner: bool

    @property
    def words(self) -> str:
        """The rank interval, as tables show it."""
        return _ends(self.best, self.worst)

    @property
    def likely(self) -> str:
        """The rank interval of the row alone, as tables show it."""
        return _ends(self.likely_best, self.likely_worst)


@dataclass(frozen=True)
class Board:
    """The rows of one table, in the order of their means.

    Attributes:
        rows: the rows; none where no record is committed yet.
        metrics: all metrics by name.
    """

    rows: tuple[Row, ...]
    metrics: Mapping[str, MetricSpec]
    _known: dict[str, dict[int, Estimate]] = field(default_factory=dict, repr=False, compare=False)
    _priors: dict[str, Prior] = field(default_factory=dict, repr=False, compare=False)
    _intervals: dict[tuple[int, str], tuple[float, float] | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of(cls, records: Iterable[Record], metrics: Mapping[str, MetricSpec]) -> Board:
        """The board of some records that share their key.

        Args:
            records: the records of all rows and seeds.
            metrics: all metrics by name.
        """
        return cls(tuple(ranked(records, metrics)), metrics)

    @property
    def ranked_by(self) -> str:
        """The metric that ranks."""
        return self.rows[0].ranked_by

    @cached_property
    def standings(self) -> Mapping[int, Standing]:
        """The rank of each row, by its index in `rows`. Rows with missing seeds or draws have none.

        Each row of an external program is compared with all others, but does not count in the rank of other
        rows: a file of predictions can hold anything, and must not change the ranks of methods trained here.
        The same holds for rows whose weights may have been trained on the release of the test images. They
        never win. Rows that have not converged (`Row.unconverged`) have no rank at all.
        """
        estimates = self._ranked_estimates(self.ranked_by)
        comparable = [index for index in estimates if not self.rows[index].apart]
        result = dict(
            zip(comparable, self._standings([estimates[index] for index in comparable]), strict=True)
        )
        for index in estimates:
            if self.rows[index].apart:
                compared = sorted([*comparable, index])
                standings = self._standings([estimates[position] for position in compared])
                standing = standings[compared.index(index)]
                # Maybe no row is better than one that knew the test images, but that makes no winner of it.
                contaminated = self.rows[index].contaminated
                result[index] = replace(standing, winner=standing.winner and not contaminated)
        return result

    def prior(self, metric: str) -> Prior:
        """The prior by which the variances of a metric over seeds are moderated."""
        if metric not in self._priors:
            estimates = self._ranked_estimates(metric)
            own = [estimates[index] for index in estimates if not self.rows[index].apart]
            self._priors[metric] = prior_of(own)
        return self._priors[metric]

    def interval(self, index: int, metric: str) -> tuple[float, float] | None:
        """The 95 % interval of a method over seeds and over images like these; None where seeds or draws are
        missing.

        Args:
            index: index of the row in `rows`.
            metric: a metric that records keep draw by draw.
        """
        if (index, metric) not in self._intervals:
            self._intervals[index, metric] = self._interval(index, metric)
        return self._intervals[index, metric]

    def _interval(self, index: int, metric: str) -> tuple[float, float] | None:
        row, estimate = self.rows[index], self._estimates(metric).get(index)
        if estimate is None:
            return None
        moderated = moderate(estimate, self.prior(metric))
        return of_row(
            estimate.mean,
            estimate.draws,
            moderated.variance / moderated.seeds,
            moderated.degrees,
            bounded=self.metrics[metric].bounded,
            units=row.units,
        )

    def _standings(self, estimates: Sequence[Estimate]) -> list[Standing]:
        if not estimates:
            return []
        ranking = rank(estimates, higher_is_better=self.rows[0].sign > 0)
        columns = (ranking.best, ranking.worst, ranking.likely_best, ranking.likely_worst, ranking.winner)
        return [
            Standing(int(best), int(worst), int(likely_best), int(likely_worst), bool(winner))
            for best, worst, likely_best, likely_worst, winner in zip(
                *(column.tolist() for column in columns), strict=True
            )
        ]

    def _ranked_estimates(self, metric: str) -> Mapping[int, Estimate]:
        """The estimates of the rows that have one and have converged."""
        known = self._estimates(metric)
        return {index: known[index] for index in known if not self.rows[index].unconverged}

    def _estimates(self, metric: str) -> Mapping[int, Estimate]:
        """The estimates of the rows that have one, by index in `rows`."""
        if metric not in self._known:
            estimates = {index: row.estimate(metric) for index, row in enumerate(self.rows)}
            self._known[metric] = {
                index: estimate for index, estimate in estimates.items() if estimate is not None
            }
        return self._known[metric]


def _ends(best: int, worst: int) -> str:
    return str(best) if best == worst else f"{best} to {worst}"
