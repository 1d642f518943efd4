"""A finding under the name of its class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import _tissues as tissue
from ._anatomy import Anatomy
from ._finding import Finding, Region
from ._scene import Scene
from ._streams import Stream


@dataclass(frozen=True, slots=True)
class Labelled(Finding):
    """A finding among others in the same patient.

    Attributes:
        label: Its class.
        finding: What it is.
    """

    label: str
    finding: Finding

    @property
    def name(self) -> str:  # type: ignore[override]  # fixed for each other class, of the instance here
        """The class, which is the label of its boxes."""
        return self.label

    def reshape(self, anatomy: Anatomy) -> Anatomy:
        """Reshape the anatomy as the finding does."""
        return self.finding.reshape(anatomy)

    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """The regions of the finding."""
        return self.finding.regions(anatomy)

    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Add the finding, and leave to the next one only the lung that still holds air."""
        before = scene.integral.copy()
        self.finding.add(scene, anatomy, stream)
        filled = np.maximum(scene.integral - before, 0) / (tissue.SOFT - tissue.LUNG)
        np.maximum(scene.lung - filled, 0, out=scene.lung)
