"""The interface of findings: a change of one patient, with the region of the image that holds all of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from ._anatomy import Anatomy
from ._frame import Points
from ._scene import Scene
from ._streams import Stream

Activity = Literal["active", "obsolete"]

Region = tuple[Points, ...]
"""Polygons in cm whose union holds all that one box of a finding shows."""


@dataclass(frozen=True, slots=True)
class Finding(ABC):
    """One finding in one patient. A subclass is a frozen dataclass of its measures, in cm.

    Attributes:
        activity: Of tuberculosis; None where the finding is of another kind.
    """

    name: ClassVar[str]
    activity: Activity | None

    def reshape(self, anatomy: Anatomy) -> Anatomy:
        """The patient whose organs the finding has pulled or enlarged; most leave them alone."""
        return anatomy

    @abstractmethod
    def regions(self, anatomy: Anatomy) -> tuple[Region, ...]:
        """One region per box, given the reshaped patient."""

    @abstractmethod
    def add(self, scene: Scene, anatomy: Anatomy, stream: Stream) -> None:
        """Add the finding to the scene's line integrals, within its regions but for a soft edge."""
