"""Domes of the diaphragm that a finding has moved, and what hangs on them."""

from __future__ import annotations

from dataclasses import replace

from ._abdomen import Gas
from ._anatomy import Anatomy
from ._lungs import Lung

_LEAST_FALL = 0.9
"""cm by which even a flat diaphragm falls towards the ribs."""


def move_domes(anatomy: Anatomy, right: float, left: float) -> Anatomy:
    """Lower the tops of the domes by these cm, or raise them where negative.

    The diaphragm stays fastened to the ribs, so a lowered dome is flatter and a raised one steeper. Heart and
    gas go along with it.
    """
    both = (right + left) / 2
    lungs = (
        _moved(anatomy.lungs[0], right, 0.8 * both),
        _moved(anatomy.lungs[1], left, 0.8 * both),
    )
    heart = replace(anatomy.heart, y=anatomy.heart.y + 0.4 * both)
    return replace(anatomy, lungs=lungs, heart=heart, gas=tuple(_carried(gas, left) for gas in anatomy.gas))


def _moved(lung: Lung, drop: float, middle: float) -> Lung:
    return replace(
        lung,
        dome=lung.dome + drop,
        dome_middle=lung.dome_middle + middle,
        fall_lateral=max(lung.fall_lateral - drop, _LEAST_FALL),
    )


def _carried(gas: Gas, drop: float) -> Gas:
    """Stomach and colon lie under the left dome."""
    level = None if gas.level is None else gas.level + drop
    return Gas(replace(gas.solid, y=gas.solid.y + drop), level)
