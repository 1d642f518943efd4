"""The Ladder rule: a submission must beat the best one by more than noise.

Blum and Hardt, "The Ladder: a reliable leaderboard for machine learning competitions" (2015), the mechanism
without parameters: a submission enters if it beats the best one so far by more than one standard error of
their paired difference. In the paper losses are means over images, and that error is ``s / sqrt(n)``. The
metrics here are no means over images, so it is the standard deviation of the difference over bootstrap draws
of the test images. Variation over seeds is left out, because the rule guards against the reuse of test
images.
"""

from __future__ import annotations

import numpy as np

from wsbench.scoring.significance import Estimate


def step(submitted: np.ndarray, best: np.ndarray) -> float:
    """The standard error of the difference between a submission and the best one.

    Args:
        submitted: ``(B,)`` values of a metric in B draws of the test images; NaN where it does not exist.
        best: ``(B,)`` values of the best submission in the same draws.

    Returns:
        The sample standard deviation over the draws in which both exist; infinite for fewer than two draws.
    """
    differences = np.asarray(submitted) - np.asarray(best)
    there = differences[~np.isnan(differences)]
    return float(np.std(there, ddof=1)) if len(there) > 1 else float("inf")


def climbs(submitted: Estimate, best: Estimate, *, sign: int = 1) -> bool:
    """Whether the mean of a submission beats that of the best one by more than the `step`.

    Args:
        submitted: the submission's estimate of a metric.
        best: the best submission's estimate of the metric.
        sign: 1 if higher values are better, -1 if lower ones are.
    """
    ahead = sign * (submitted.values.mean() - best.values.mean())
    return bool(ahead > step(submitted.draws, best.draws))
