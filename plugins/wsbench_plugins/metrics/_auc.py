"""The area under the ROC curve, which classification and CLARiTY's summary of both tasks share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import wsbench

if TYPE_CHECKING:
    import numpy as np


def auc(scored: wsbench.Scored, resamples: wsbench.Resamples) -> np.ndarray:
    """Area under the ROC curve: the share of (positive, negative) pairs in which the positive scores higher,
    ties counting half; it does not exist for a class that all or no images have.

    Pairs are counted once, unit by unit, as a matrix A; a draw that takes unit p ``w_p`` times has
    ``w A w`` of them.
    """
    import numpy as np

    columns = []
    for label in range(len(scored.classes)):
        positive = scored.labels[:, label]
        units, pairs = _pairs_won(scored.scores[:, label], positive, resamples)
        won = ((resamples.counts[:, units] @ pairs) * resamples.counts).sum(axis=1)
        columns.append(wsbench.ratio(won, resamples.sum(positive) * resamples.sum(~positive)))
    return np.stack(columns, axis=1)


def _pairs_won(
    scores: np.ndarray, positive: np.ndarray, resamples: wsbench.Resamples
) -> tuple[np.ndarray, np.ndarray]:
    """``(P,)`` the units with a positive image, and ``(P, U)`` the pairs each wins against each unit."""
    import numpy as np
    from scipy.sparse import csr_array

    levels, level = np.unique(scores[positive], return_inverse=True)
    below = np.zeros((len(levels) + 1, resamples.counts.shape[1]))
    negatives, of_unit = scores[~positive], resamples.unit[~positive]
    for side in ("left", "right"):  # a negative below a level counts twice a half, one on it once
        np.add.at(below, (np.searchsorted(levels, negatives, side=side), of_unit), 0.5)
    units, unit = np.unique(resamples.unit[positive], return_inverse=True)
    shape = (len(units), len(levels))
    images = csr_array((np.ones(len(unit)), (unit, level)), shape=shape)
    return units, images @ np.cumsum(below, axis=0)[:-1]
