"""The differences of all pairs of rows of a table, as its ranks judge them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from wsbench.reports.board import Board
from wsbench.reports.rows import Row
from wsbench.scoring.compared import Difference, difference
from wsbench.scoring.significance import LEVEL, Estimate, Prior, holm, p_of


@dataclass(frozen=True)
class Pair:
    """Two rows of a table.

    Attributes:
        difference: the difference of the first row to the second one.
        p: the p of the difference, corrected by Holm's method over all pairs that are compared with it.
    """

    difference: Difference
    p: float

    @property
    def is_shown(self) -> bool:
        """Whether the rows differ by more than noise."""
        return self.p < LEVEL


def pairs_of(board: Board, metric: str, rows: Collection[int] | None = None) -> dict[tuple[int, int], Pair]:
    """Compare every two rows of a table in a metric.

    The corrections are those of the ranks (`Board.standings`): all pairs of rows that are ranked together are
    one family. A row that counts in nobody else's rank is compared with all of these, and is in a family of
    its own with them; so is one without a rank. Two such rows are not compared with each other.

    Args:
        board: the table.
        metric: a metric that records keep draw by draw.
        rows: the indices in ``board.rows`` of the rows whose pairs are returned; None for all. The
            corrections are for all rows of the table in any case.

    Returns:
        By the indices of both rows in ``board.rows``, the smaller one first. Rows without an estimate are
        missing.
    """
    estimates = {index: row.estimate(metric) for index, row in enumerate(board.rows)}
    known = {index: estimate for index, estimate in estimates.items() if estimate is not None}
    wanted = set(known) if rows is None else set(rows)
    prior = board.prior(metric)
    together = [index for index in known if not _alone(board.rows[index])]
    families = [(together, list(combinations(together, 2)))]
    for alone in (index for index in known if _alone(board.rows[index])):
        family = sorted([*together, alone])
        families.append((family, [both for both in combinations(family, 2) if alone in both]))
    result: dict[tuple[int, int], Pair] = {}
    for family, pairs in families:
        returned = [both for both in pairs if wanted.issuperset(both)]
        if returned:
            adjusted = _adjusted(known, family, prior)
            for both in returned:
                first, second = (known[index] for index in both)
                result[both] = Pair(difference(metric, first, second, prior), adjusted[both])
    return result


def _alone(row: Row) -> bool:
    return row.apart or bool(row.unconverged)


def _adjusted(
    estimates: Mapping[int, Estimate], family: Sequence[int], prior: Prior
) -> dict[tuple[int, int], float]:
    """The corrected p of every pair of a family."""
    pairs = list(combinations(family, 2))
    values = [p_of(estimates[first], estimates[second], prior) for first, second in pairs]
    return dict(zip(pairs, holm(values).tolist(), strict=True))
