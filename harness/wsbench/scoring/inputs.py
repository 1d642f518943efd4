"""What scoring is handed: predictions by role, bootstrap draws, and what protocol ``paper`` is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wsbench.scoring.bootstrap import Resamples
from wsbench.scoring.objectives import OBJECTIVE
from wsbench.types import Prediction, Role, ScoredBox

UNCHOSEN_POINT = 0.5
"""The operating point of a program that has no predictions of select: a probability more likely than not."""


@dataclass(frozen=True)
class RolePredictions:
    """What was predicted of the images of one role.

    Attributes:
        names: of the N images.
        prediction: of these images, in this order.
    """

    names: tuple[str, ...]
    prediction: Prediction


@dataclass(frozen=True)
class Paper:
    """What protocol ``paper`` is made of.

    Attributes:
        predicted: by role; by other weights than protocol ``uniform``, where a paper chooses others.
        boxes: of every test image, by the method's own rule; None where `objective` chooses a rule.
        operating_point: of every class, where the method's own rule makes the boxes.
        objective: what a paper chooses a rule of the harness's kind for; one of `OBJECTIVES`.
    """

    predicted: Mapping[Role, RolePredictions]
    boxes: Sequence[Sequence[ScoredBox]] | None = None
    operating_point: float = UNCHOSEN_POINT
    objective: str = OBJECTIVE


@dataclass(frozen=True)
class Draws:
    """A thousand bootstrap draws of each role that scores depend on, patient by patient where patients are
    known. They are a function of the data alone, so that any two methods are compared on the same draws."""

    test: Resamples
    select: Resamples
    calibrate: Resamples
