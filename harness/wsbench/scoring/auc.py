"""The AUC of image labels as a mean over classes."""

from __future__ import annotations

import numpy as np


def macro_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Compute the mean area under the ROC curve over classes.

    Classes that all images have, or none, do not count.

    Args:
        labels: ``(N, C)`` of 0 and 1.
        scores: ``(N, C)`` floats; any increasing function of probabilities.

    Returns:
        The mean, in [0, 1]; 0.5 if no class counts.
    """
    from sklearn.metrics import roc_auc_score

    columns = [c for c in range(labels.shape[1]) if 0 < labels[:, c].sum() < len(labels)]
    areas = [roc_auc_score(labels[:, c], scores[:, c]) for c in columns]
    return float(np.mean(areas)) if areas else 0.5
