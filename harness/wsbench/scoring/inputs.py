"""The inputs of scoring: predictions by role, bootstrap draws, and what protocol ``paper`` is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.objectives import OBJECTIVE
from wsbench.types import Prediction, Role, ScoredBox

UNCHOSEN_POINT = 0.5
"""The operating point where select was not predicted. A class with this probability is as likely present as
absent."""


@dataclass(frozen=True)
class RolePredictions:
    """Predictions of the images of one role.

    Attributes:
        names: the names of the N images.
        prediction: the predictions of these images, in this order.
    """

    names: tuple[str, ...]
    prediction: Prediction


@dataclass(frozen=True)
class Paper:
    """What protocol ``paper`` is made of.

    Attributes:
        predicted: predictions by role. They come from other weights than those of protocol ``uniform`` where
            the paper chooses its weights otherwise.
        boxes: the boxes of every test image by the method's own rule; None where the harness chooses a rule
            for `objective`.
        operating_point: the operating point of every class, where the boxes come from the method's own rule.
        objective: the objective, one of `OBJECTIVES`, that the harness's rule is chosen for.
    """

    predicted: Mapping[Role, RolePredictions]
    boxes: Sequence[Sequence[ScoredBox]] | None = None
    operating_point: float = UNCHOSEN_POINT
    objective: str = OBJECTIVE


@dataclass(frozen=True)
class Draws:
    """Bootstrap draws of each role that scores depend on, patient by patient where patients are known.

    They depend on the data alone, so that all methods are compared on the same draws.

    Attributes:
        test, select, calibrate: B draws of the images of the role.
    """

    test: Resamples
    select: Resamples
    calibrate: Resamples
