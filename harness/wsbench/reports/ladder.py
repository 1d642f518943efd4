"""The Ladder: a leaderboard that moves only by more than its own noise (Blum and Hardt 2015).

"The Ladder: a reliable leaderboard for machine learning competitions", its mechanism without parameters: a
submission counts where it beats the best before it by more than one standard error of their paired
difference. There, losses are means over images and that error is ``s / sqrt(n)``; measures here are no such
means, and it is the spread of the difference over bootstrap draws of the test images. Seeds are no part of
it: what the rule guards is the reuse of test images.
"""

from __future__ import annotations

import numpy as np

from wsbench.scoring.significance import Estimate


def step(submitted: np.ndarray, best: np.ndarray) -> float:
    """By how much a submission must beat the best: the standard error of their difference.

    Args:
        submitted, best: ``(B,)`` a measure in the same draws of the test images; NaN where it does not exist.

    Returns:
        The sample standard deviation over the draws in which both exist; infinite where those are fewer than
        two, which tell nothing.
    """
    differences = np.asarray(submitted) - np.asarray(best)
    there = differences[~np.isnan(differences)]
    return float(np.std(there, ddof=1)) if len(there) > 1 else float("inf")


def climbs(submitted: Estimate, best: Estimate, *, sign: int = 1) -> bool:
    """Whether a submission's mean beats the best one's by more than the `step`.

    Args:
        submitted, best: of one measure.
        sign: -1 where less of the measure is better.
    """
    ahead = sign * (submitted.values.mean() - best.values.mean())
    return bool(ahead > step(submitted.draws, best.draws))
