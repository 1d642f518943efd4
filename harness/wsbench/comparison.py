"""Which rows differ by more than noise: that of the images they were scored on, and that of their seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from wsbench.resampling import interval

LEVEL = 0.05
"""Of a table: the chance that any two of its rows that do not differ are said to."""


@dataclass(frozen=True)
class Estimate:
    """One metric of one row.

    Attributes:
        values: ``(n,)`` of its seeds.
        draws: ``(B,)`` mean over seeds in each bootstrap draw of the test images; NaN where it does not
            exist. Draw b is the same draw for every row.
    """

    values: np.ndarray
    draws: np.ndarray


def difference(first: Estimate, second: Estimate) -> tuple[float, tuple[float, float] | None]:
    """First less second: of the means, and its 95 % interval over the draws, which both share.

    The interval is that of the test images alone; `p_value` also counts the noise of seeds.
    """
    return float(first.values.mean() - second.values.mean()), interval(first.draws - second.draws)


def p_value(first: Estimate, second: Estimate) -> float:
    """Two-sided p of the difference of two means, on the same draws.

    The variance is that of the difference over the draws, plus those of the means over seeds, where there
    are several. A thousand draws cannot tell a p below 0.002, which many comparisons ask for, so the normal
    law is taken.
    """
    from scipy.stats import norm

    difference = abs(first.values.mean() - second.values.mean())
    both = first.draws - second.draws
    variance = np.nanvar(both, ddof=1) + _of_mean(first.values) + _of_mean(second.values)
    if variance == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * norm.sf(difference / np.sqrt(variance)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment: below a level, all together err with at most that chance."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.maximum.accumulate(np.asarray(p_values)[order] * factors)
    result = np.empty(len(p_values))
    result[order] = np.minimum(adjusted, 1.0)
    return result.tolist()


def ranks(rows: Sequence[Estimate]) -> list[int]:
    """One more than the number of rows that are better by more than noise: rows that are not are tied.

    Every pair of the table is compared, with Holm's correction.
    """
    pairs = list(combinations(range(len(rows)), 2))
    adjusted = holm([p_value(rows[i], rows[j]) for i, j in pairs])
    better = [0] * len(rows)
    for (i, j), p in zip(pairs, adjusted, strict=True):
        if p < LEVEL:
            better[j if rows[i].values.mean() > rows[j].values.mean() else i] += 1
    return [1 + count for count in better]


def _of_mean(values: np.ndarray) -> float:
    return float(np.var(values, ddof=1) / len(values)) if len(values) > 1 else 0.0
