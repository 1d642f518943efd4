"""The AUC of image labels as a mean over classes."""

from __future__ import annotations

import numpy as np


def macro_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean AUC over the classes that some and not all images have; 0.5 if there is none.

    Args:
        labels: ``(N, C)`` of 0 and 1.
        scores: ``(N, C)``; any increasing function of probabilities.
    """
    from sklearn.metrics import roc_auc_score

    columns = [c for c in range(labels.shape[1]) if 0 < labels[:, c].sum() < len(labels)]
    areas = [roc_auc_score(labels[:, c], scores[:, c]) for c in columns]
    return float(np.mean(areas)) if areas else 0.5
