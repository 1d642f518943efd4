"""95 % intervals from bootstrap draws: of one network, and what draws cannot show at the edge of a range."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

NORMAL = 1.959963984540054
"""97.5 % quantile of the normal law."""

TAIL = 0.025

Transform = Callable[[np.ndarray], np.ndarray]


def of_draws(value: float, draws: np.ndarray, *, bounded: bool, units: int) -> tuple[float, float] | None:
    """The 95 % interval of a value, by the normal law with the bootstrap's bias taken out; of a value in
    [0, 1] through the logit.

    A percentile interval covers 88 to 93 % for average precision and AUC on a few hundred images, this one 93
    to 97 % (docs/statistics.md). At the edge of the range, where every draw is equal, it is the interval of
    Clopper and Pearson.

    Args:
        value: of the sample.
        draws: ``(B,)``; draws in which the quantity does not exist (NaN) are left out.
        bounded: whether values lie in [0, 1]; those of a metric that says so and is not are taken as they
            are.
        units: the number of patients (of images where patients are unknown) that were drawn from.

    Returns:
        None if no draw has a value.
    """
    usable = draws[~np.isnan(draws)]
    if len(usable) == 0:
        return None
    if not bounded or not (0.0 <= value <= 1.0 and usable.min() >= 0.0 and usable.max() <= 1.0):
        bias, spread = usable.mean() - value, usable.std(ddof=1) if len(usable) > 1 else 0.0
        return float(value - bias - NORMAL * spread), float(value - bias + NORMAL * spread)
    if value in (0.0, 1.0):
        return at_edge(value, units)
    logits, centre = on_logit_scale(usable, value, units)
    middle = 2 * centre - logits.mean()
    spread = logits.std(ddof=1) if len(logits) > 1 else 0.0
    low, high = _expit(np.array([middle - NORMAL * spread, middle + NORMAL * spread]))
    return float(low), float(high)


def on_logit_scale(draws: np.ndarray, value: float, units: int) -> tuple[np.ndarray, float]:
    """Logits of ``(B,)`` draws and of their sample's value, which lies inside (0, 1).

    Draws at 0 or 1 have no logit; they are moved inside by half of what one unit of ``units`` can change, or
    by half the value's own distance from the edge, if that is less.
    """
    margin = min(0.5 / units, value / 2, (1 - value) / 2)
    return _logit(np.clip(draws, margin, 1 - margin)), float(_logit(np.array(value)))


def at_edge(value: float, units: int) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share of ``units`` that is 0 or 1 there."""
    reach = TAIL ** (1 / max(units, 1))
    return (0.0, 1 - reach) if value == 0.0 else (reach, 1.0)


def edge_variance(value: float, units: int) -> float:
    """The variance that stands in for that of draws which are all equal, as at 0 and 1 they are.

    It is that of a normal law with the length of Clopper and Pearson's interval, so that no row is ranked as
    if it were known for sure. 0 away from the edges.
    """
    if value not in (0.0, 1.0):
        return 0.0
    low, high = at_edge(value, units)
    return ((high - low) / NORMAL) ** 2


def of_row(
    mean: float,
    draws: np.ndarray,
    seed_variance_of_mean: float,
    degrees: float,
    *,
    bounded: bool,
    units: int,
) -> tuple[float, float]:
    """The 95 % interval of what a method reaches on images like these, over its seeds: the mean over seeds,
    give or take the noise of the images, of the thresholds and of the seeds.

    Where the interval on the scale of the values stays inside their range, it goes through the logit; where
    not, it is cut there.

    Args:
        mean: over seeds.
        draws: ``(B,)`` mean over seeds in every draw.
        seed_variance_of_mean: moderated (`wsbench.significance.moderate`), divided by the number of seeds.
        degrees: of freedom that it is known with.
        bounded: whether values lie in [0, 1].
        units: the number of patients that were drawn from.
    """
    usable = draws[~np.isnan(draws)]
    variance = float(np.var(usable, ddof=1)) + edge_variance(mean, units)
    ends = _student(2 * mean - usable.mean(), variance, seed_variance_of_mean, degrees)
    if not bounded:
        return ends
    if mean in (0.0, 1.0) or ends[0] <= 0.0 or ends[1] >= 1.0:
        # Near an edge the logit of a mean is no straight line over the spread of seeds.
        return max(ends[0], 0.0), min(ends[1], 1.0)
    logits, centre = on_logit_scale(usable, mean, units)
    slope = 1 / (mean * (1 - mean))
    spread = float(np.var(logits, ddof=1))
    low, high = _student(2 * centre - logits.mean(), spread, seed_variance_of_mean * slope**2, degrees)
    return float(_expit(np.array(low))), float(_expit(np.array(high)))


def _student(middle: float, variance: float, seed_variance: float, degrees: float) -> tuple[float, float]:
    """The ends of an interval by Student's law, with Satterthwaite's degrees of freedom.

    Args:
        middle: of the interval.
        variance: with infinite degrees of freedom.
        seed_variance: with ``degrees``.
        degrees: of freedom.
    """
    from scipy.stats import t

    total = variance + seed_variance
    freedom = degrees * total**2 / seed_variance**2 if seed_variance > 0 else np.inf
    reach = float(t.ppf(1 - TAIL, freedom) * np.sqrt(total))
    return float(middle - reach), float(middle + reach)


def _logit(values: np.ndarray) -> np.ndarray:
    return np.log(values / (1 - values))


def _expit(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))
