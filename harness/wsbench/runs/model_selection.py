"""What protocol `paper` chooses an epoch by, where a paper chooses it on boxes: only the number leaves."""

from __future__ import annotations

from collections.abc import Callable

from wsbench.data.dataset import Loaded
from wsbench.data.views import ImageView
from wsbench.predictions.store import SHARD, joined
from wsbench.runs.held_out import HeldOut
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
    held_out = HeldOut.of(loaded)
    assert held_out.calibrate is not None
    scores = _all(predict, held_out.select).scores
    reached = held_out.reached(scores, _all(predict, held_out.calibrate), objective)
    return (reached.labels + (reached.boxes or 0.0)) / 2


def _all(predict: Predict, images: ImageView) -> Prediction:
    return joined([predict(shard) for shard in images.chunks(SHARD)])
