"""The decision whether the Ladder rule lets a row into a leaderboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from wsbench.contract.records import Record
from wsbench.contract.specs import MetricSpec
from wsbench.reports.ladder import climbs, step
from wsbench.reports.rows import Row, ranked
from wsbench.reports.tabular.sections import table_key


def refusal(
    submitted: Sequence[Record], committed: Iterable[Record], metrics: Mapping[str, MetricSpec]
) -> str | None:
    """The reason why a row does not enter: it does not beat the best committed row by more than noise.

    Args:
        submitted: the records of one row, one for each seed.
        committed: the records of the leaderboard. Only those of the same table count. An earlier version of
            the same row is one of them, because the submission would replace it. A row whose weights may
            have been trained on the release of the test images counts only against another such row, and one
            that has not converged against none.
        metrics: all metrics by name.

    Returns:
        One line with both numbers; None if the row may enter, because it beats the best one or is the first.
    """
    row = Row(tuple(submitted), metrics)
    metric, label = row.ranked_by, row.label("uniform")
    ours = row.estimate(metric)
    if ours is None:
        return f"not submitted: {label} has no {metric} with draws, by which the Ladder rule compares"
    key = table_key(row.first, metrics)
    of_table = ranked((record for record in committed if table_key(record, metrics) == key), metrics)
    fair = [
        rival for rival in of_table if (row.contaminated or not rival.contaminated) and not rival.unconverged
    ]
    rivals = [(rival, estimate) for rival in fair if (estimate := rival.estimate(metric)) is not None]
    if not rivals:
        return None
    best, theirs = max(rivals, key=lambda rival: row.sign * rival[1].mean)
    if climbs(ours, theirs, sign=row.sign):
        return None
    error = step(ours.draws, theirs.draws)
    ahead = "above" if row.sign > 0 else "below"
    return (
        f"not submitted: {metric} {ours.mean:.3f} of {label} is not {ahead} the {theirs.mean:.3f} of "
        f"{best.label('uniform')} by more than one standard error of their difference, {error:.3f}"
    )
