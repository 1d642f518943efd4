"""How well a method does on the held-out roles select and calibrate, as one number. There is no test here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wsbench.data.dataset import Loaded
from wsbench.data.views import ImageView
from wsbench.runs.scoring_inputs import truth_of
from wsbench.scoring.auc import macro_auc
from wsbench.scoring.calibration import choose_rules, operating_point
from wsbench.scoring.table import Truth
from wsbench.types import Prediction


@dataclass(frozen=True)
class Reached:
    """What a method reaches on the held-out roles.

    Attributes:
        labels: the macro AUC on select.
        boxes: the objective of box rules on calibrate, each class at its best rule, as a mean over classes;
            None where no class has a truth box there, or where boxes do not count.
    """

    labels: float
    boxes: float | None


@dataclass(frozen=True)
class HeldOut:
    """The roles select and calibrate of a dataset. Images, labels and boxes of no other role are in it.

    Attributes:
        select: the N images of select, without labels.
        labels: ``(N, C)`` the labels of select.
        calibrate: the images of calibrate, without labels; None where boxes do not count.
        truth: what is true of calibrate; None where boxes do not count.
    """

    select: ImageView
    labels: np.ndarray
    calibrate: ImageView | None
    truth: Truth | None

    @classmethod
    def of(cls, loaded: Loaded, *, boxes: bool = True) -> HeldOut:
        """The held-out roles of a dataset.

        Args:
            loaded: the dataset.
            boxes: whether the boxes of calibrate count.
        """
        roles, views = loaded.roles.members, loaded.views
        return cls(
            views.images(roles["select"]),
            views.weak(roles["select"]).labels,
            views.images(roles["calibrate"]) if boxes else None,
            truth_of(loaded, roles["calibrate"], "calibrate") if boxes else None,
        )

    def reached(self, scores: np.ndarray, calibrate: Prediction | None, objective: str) -> Reached:
        """Score what was predicted of the two roles.

        Args:
            scores: ``(N, C)`` those of the images of select.
            calibrate: the prediction of the images of calibrate; None where boxes do not count.
            objective: one of `wsbench.scoring.objectives.OBJECTIVES`.
        """
        auc = macro_auc(self.labels, scores)
        if calibrate is None or self.truth is None:
            return Reached(auc, None)
        columns = range(self.labels.shape[1])
        points = [operating_point(self.labels[:, c].astype(bool), scores[:, c]) for c in columns]
        choices = choose_rules(calibrate, self.truth, points, objective)
        values = [choice.value for choice in choices if choice.value is not None]
        return Reached(auc, float(np.mean(values)) if values else None)
