"""An enlarged heart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ._anatomy import Anatomy
from ._finding import Finding, Region
from ._mediastinum import heart_solids
from ._scene import Scene
from ._streams import Stream


@dataclass(frozen=True, slots=True)
class Cardiomegaly(Finding):
    """A heart wider than half of the chest.

    Attributes:
        ratio: Cardiothoracic ratio, the heart's width over that of the chest.
    """

    name: ClassVar[str] = "cardiomegaly"
    ratio: float

    def reshape(self, anatomy: Anatomy) -> Anatomy:
        """Widen the heart; it grows in height by a third as much."""
        heart = anatomy.heart
        width = 2 * anatomy.thorax.width * self.ratio
        height = heart.height * (1 + (width / heart.width - 1) / 3)
        return replace(anatomy, heart=replace(heart, width=width, height=height))

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """Ventricles and atrium above the diaphragm, without the base and the great vessels."""
        lowest = max(lung.dome for lung in anatomy.lungs) + 1.2
        outlines = (solid.outline() for solid in heart_solids(anatomy.thorax, anatomy.heart)[:2])
        return (tuple(_cut(outline, lowest) for outline in outlines),)

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Nothing: the reshaped heart is all there is."""


def _cut(outline: np.ndarray, lowest: float) -> np.ndarray:
    return np.stack([outline[:, 0], np.minimum(outline[:, 1], lowest)], axis=1)


def draw_cardiomegaly(stream: Stream, anatomy: Anatomy, side: int) -> Cardiomegaly:
    """Ratio 0.56 to 0.70, whatever the patient; a heart has no side."""
    return Cardiomegaly(None, stream.uniform(0.56, 0.70))
