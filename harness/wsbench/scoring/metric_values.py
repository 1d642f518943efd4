"""Computes the values of a metric in draws, and checks what its plugin returns."""

from __future__ import annotations

import numpy as np

from wsbench.contract.containment import contained, place_of
from wsbench.contract.specs import MetricSpec
from wsbench.errors import WsbenchError
from wsbench.scoring.bootstrap import Resamples, ratio
from wsbench.scoring.table import Scored


def values(spec: MetricSpec, scored: Scored, draws: Resamples) -> np.ndarray:
    """Compute a metric in every draw.

    Args:
        spec: the metric.
        scored: the table of N images.
        draws: B draws of the images.

    Returns:
        ``(B, C)`` values of each class, or ``(B,)`` values; NaN where the metric does not exist.

    Raises:
        WsbenchError: the metric returned something else.
    """
    who = f"metric {spec.name} (plugin {place_of(spec.compute)})"
    with contained(who, "compute"):
        returned = spec.compute(scored, draws)
    try:
        result = np.asarray(returned, dtype=np.float64)
    except (TypeError, ValueError):
        raise WsbenchError(f"{who} gave a {type(returned).__name__} that is no array of numbers") from None
    if result.shape not in ((len(draws),), (len(draws), len(scored.classes))):
        expected = f"({len(draws)},) or ({len(draws)}, {len(scored.classes)})"
        raise WsbenchError(f"{who} gave values of shape {result.shape}, not {expected}")
    if np.isinf(result).any():
        raise WsbenchError(f"{who} gave an infinite value")
    return result


def macro(of_classes: np.ndarray) -> np.ndarray:
    """Compute the mean over the classes that have a value.

    Args:
        of_classes: ``(B, C)`` values of classes. ``(B,)`` values are returned unchanged.

    Returns:
        ``(B,)`` values; NaN where no class has a value.
    """
    if of_classes.ndim == 1:
        return of_classes
    exists = ~np.isnan(of_classes)
    return ratio(np.where(exists, of_classes, 0.0).sum(axis=1), exists.sum(axis=1))


def rarer_units(scored: Scored, draws: Resamples) -> np.ndarray:
    """Count the patients (images where patients are unknown) of each class's rarer label.

    Returns:
        ``(C,)`` the number of patients that have the class, or of those that lack it, whichever is smaller;
        at least 1. A macro value rests on the sum over classes.
    """
    counts = [
        [len(np.unique(draws.unit[labels])), len(np.unique(draws.unit[~labels]))]
        for labels in scored.labels.T
    ]
    rarer: np.ndarray = np.array(counts).min(axis=1).clip(min=1)
    return rarer
