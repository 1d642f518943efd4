"""Signs of learning that methods report: the curve that a training was watched by, and what each part of a
loss contributes to its gradient."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from wsbench.contract.base import RunContext
from wsbench.contract.learning import Sign
from wsbench.settings import HISTORY

LEAST_EPOCHS = 3
"""Epochs behind a slope, where the training has as many."""

RISE = 0.02
"""The most that an AUC on select may still rise within a quarter of the training. Epochs of a finished
training differ by about 0.01, and a smaller limit is crossed by that noise alone:
`benchmarks/gate_simulation.py` says how often."""


def curve_signs(
    run: RunContext,
    metric: str,
    *,
    mode: Literal["min", "max"] = "max",
    at_least: float | None = None,
    at_most: float | None = None,
    rise: float | None = RISE,
) -> list[Sign]:
    """Make signs of a metric that a training by `wsbench.torch.train` logged in every epoch.

    The first sign is its best value. The second is what it still gained at the end: the slope of a straight
    line through the last quarter of the epochs (at least 3), times a quarter of the epochs. A schedule that
    lowers the learning rate to 0 flattens every curve, so a small gain does not prove that more epochs would
    not help; the reference rows of a leaderboard show that.

    Args:
        run: the run that was trained.
        metric: a column of ``history.csv``, such as ``select_auc``.
        mode: whether high or low values are good.
        at_least, at_most: the limits of the best value; None without one.
        rise: the most that it may still gain within a quarter of the epochs; None without a limit. The
            default is for an AUC.

    Returns:
        The signs ``metric`` and ``metric_rise`` (``metric_fall`` for low values); none where the training
        left no such column.
    """
    values = _column(run, metric)
    if not len(values):
        return []
    sign = 1 if mode == "max" else -1
    best = sign * max((sign * value for value in values if math.isfinite(value)), default=math.nan)
    gain = gain_at_end(values) * sign
    direction = "rise" if mode == "max" else "fall"
    return [
        Sign(metric, float(best), at_least, at_most, "it has hardly learnt"),
        Sign(f"{metric}_{direction}", gain, None, rise, "it is not flat, or its epochs are too few to tell"),
    ]


def gain_at_end(values: np.ndarray) -> float:
    """How much a curve still rises at its end.

    Args:
        values: ``(E,)``, one for each epoch.

    Returns:
        The slope of a least-squares line through the last quarter of the epochs, but at least through
        `LEAST_EPOCHS` of them, times a quarter of the epochs; NaN for a single epoch.
    """
    quarter = math.ceil(len(values) / 4)
    last = values[-max(quarter + 1, LEAST_EPOCHS) :]
    if len(last) < 2 or not np.isfinite(last).all():
        return math.nan
    slope, _ = np.polyfit(np.arange(len(last)), last, 1)
    return float(slope) * quarter


def gradient_norms(parts: Mapping[str, Tensor], parameters: Iterable[Tensor]) -> dict[str, float]:
    """The Euclidean norm of the gradient of each part of a loss.

    A part whose norm is far below that of the others does not pull. It takes one backward pass for each part,
    so call it on one batch of an epoch. No ``.grad`` is changed, and the graph is kept.

    Args:
        parts: the weighted parts of the loss, scalars.
        parameters: the parameters that are learnt.

    Returns:
        The norm by part; 0 for one that no parameter reaches.
    """
    learnt = [parameter for parameter in parameters if parameter.requires_grad]
    norms = {}
    for name, part in parts.items():
        gradients = (
            torch.autograd.grad(part, learnt, retain_graph=True, allow_unused=True)
            if part.requires_grad
            else ()
        )
        lengths = [
            torch.linalg.vector_norm(gradient.float()) for gradient in gradients if gradient is not None
        ]
        norms[name] = float(torch.stack(lengths).norm()) if lengths else 0.0
    return norms


def _column(run: RunContext, name: str) -> np.ndarray:
    import pandas as pd

    path = run.folder / HISTORY
    if not path.exists():
        return np.array([])
    table = pd.read_csv(path)
    return table[name].to_numpy(dtype=np.float64) if name in table else np.array([])
