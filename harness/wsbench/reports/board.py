"""Rows in the order of their means, with what may be said of that order and how sure each number is."""

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
    """What a table may say of the place of one row.

    Attributes:
        best, worst: the ends of its rank interval, which holds for all rows of the table at once.
        likely_best, likely_worst: the ends of its 95 % interval when this row alone is asked for.
        winner: nothing in the table is better by more than noise.
    """

    best: int
    worst: int
    likely_best: int
    likely_worst: int
    winner: bool

    @property
    def words(self) -> str:
        """The rank interval."""
        return _ends(self.best, self.worst)

    @property
    def likely(self) -> str:
        """The interval of the row alone."""
        return _ends(self.likely_best, self.likely_worst)


@dataclass(frozen=True)
class Board:
    """The rows of one table, in the order of their means.

    Attributes:
        rows: none where nothing is committed yet.
        metrics: by name, what is known of the metrics that tables show.
    """

    rows: tuple[Row, ...]
    metrics: Mapping[str, MetricSpec]
    _known: dict[str, dict[int, Estimate]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, records: Iterable[Record], metrics: Mapping[str, MetricSpec]) -> Board:
        """The rows of some records, which share their key.

        Args:
            records: at least one of each row.
            metrics: by name.
        """
        return cls(tuple(ranked(records, metrics)), metrics)

    @property
    def ranked_by(self) -> str:
        """The measure that ranks."""
        return self.rows[0].ranked_by

    @cached_property
    def standings(self) -> Mapping[int, Standing]:
        """By place in `rows`, what may be said of it; rows whose seeds or draws are missing have none.

        Rows of external programs are each compared with all others, and count in nobody else's rank: a file
        can be made to say anything, and must not move what was trained here. So do rows whose weights may
        have been trained on the release of the test images; they are never winners.
        """
        estimates = self._estimates(self.ranked_by)
        here = [place for place in estimates if not self.rows[place].apart]
        result = dict(zip(here, self._standings([estimates[place] for place in here]), strict=True))
        for place in estimates:
            if self.rows[place].apart:
                beside = sorted([*here, place])
                standings = self._standings([estimates[other] for other in beside])
                standing = standings[beside.index(place)]
                # Nothing is better than a row that knew the test images: that makes no winner of it.
                contaminated = self.rows[place].contaminated
                result[place] = replace(standing, winner=standing.winner and not contaminated)
        return result

    def prior(self, metric: str) -> Prior:
        """What the variances over seeds of a metric are moderated by."""
        estimates = self._estimates(metric)
        return prior_of([estimates[place] for place in estimates if not self.rows[place].apart])

    def interval(self, place: int, metric: str) -> tuple[float, float] | None:
        """The 95 % interval of what a row's method reaches on images like these, over seeds; None where
        seeds or draws are missing.

        Args:
            place: of the row.
            metric: one that is kept draw by draw.
        """
        row, estimate = self.rows[place], self._estimates(metric).get(place)
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

    def _estimates(self, metric: str) -> Mapping[int, Estimate]:
        """By place in `rows`, of those that have one."""
        if metric not in self._known:
            estimates = {place: row.estimate(metric) for place, row in enumerate(self.rows)}
            self._known[metric] = {
                place: estimate for place, estimate in estimates.items() if estimate is not None
            }
        return self._known[metric]


def _ends(best: int, worst: int) -> str:
    return str(best) if best == worst else f"{best} to {worst}"
