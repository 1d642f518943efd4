"""What protocol `paper` chooses an epoch by, where a paper chooses it on boxes: only the number leaves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wsbench.data.dataset import Loaded
from wsbench.data.views import ImageView
from wsbench.predictions.store import SHARD, joined
from wsbench.runs.scoring_inputs import truth_of
from wsbench.scoring.auc import macro_auc
from wsbench.scoring.calibration import choose_rules, operating_point
from wsbench.types import Prediction

Predict = Callable[[ImageView], Prediction]


def paper_score(predict: Predict, loaded: Loaded, objective: str) -> float:
    """Mean of the macro AUC on select and the objective on calibrate, each class at its best box rule.

    For ``msli`` this is the Unified Detection Proficiency (CLARiTY paper, section 3.8.3).

    Args:
        predict: of the weights that are judged; gives heatmaps.
        loaded: the dataset.
        objective: one of `objectives.OBJECTIVES`.
    """
    roles, views = loaded.roles.members, loaded.views
    labels = views.weak(roles["select"]).labels
    scores = _all(predict, views.images(roles["select"])).scores
    points = [operating_point(labels[:, c].astype(bool), scores[:, c]) for c in range(labels.shape[1])]
    truth = truth_of(loaded, roles["calibrate"], "calibrate")
    choices = choose_rules(_all(predict, views.images(roles["calibrate"])), truth, points, objective)
    reached = [choice.value for choice in choices if choice.value is not None]
    return (macro_auc(labels, scores) + (float(np.mean(reached)) if reached else 0.0)) / 2


def _all(predict: Predict, images: ImageView) -> Prediction:
    return joined([predict(shard) for shard in images.chunks(SHARD)])
