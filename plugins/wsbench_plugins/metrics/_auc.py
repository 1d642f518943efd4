"""The area under the ROC curve, which the metrics ``auc`` and ``udp`` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import wsbench

if TYPE_CHECKING:
    import numpy as np


def auc(scored: wsbench.metrics.Scored, resamples: wsbench.metrics.Resamples) -> np.ndarray:
    """``(B, C)`` area under the ROC curve: the share of pairs of an image with and an image without the
    class in which the first has the higher score. Ties count half. It does not exist for a class that all or
    no images have."""
    import numpy as np

    columns = []
    for label in range(len(scored.classes)):
        positive, scores = scored.labels[:, label], scored.scores[:, label]
        above, below = (_by_score(scores, kind) for kind in (positive, ~positive))
        levels, ranked = scores[above], scores[below]
        first, last = (np.searchsorted(ranked, levels, side=side) for side in ("left", "right"))
        won = resamples.cumulative_counts(below, first)
        if (first != last).any():
            won = (won + resamples.cumulative_counts(below, last)) / 2
        pairs = np.einsum("bk,bk->b", resamples.counts_at(above), won)
        columns.append(wsbench.metrics.ratio(pairs, resamples.sum(positive) * resamples.sum(~positive)))
    return np.stack(columns, axis=1)


def _by_score(scores: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """The images of a kind, lowest score first."""
    import numpy as np

    images = np.flatnonzero(kind)
    return images[np.argsort(scores[images])]
