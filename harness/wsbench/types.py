"""What travels between the rooms: samples, boxes and predictions. Frozen, and free of heavy imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

ORGANS = ("left_lung", "right_lung", "heart", "mediastinum", "diaphragm")
"""In the order of the second axis of every array of masks; left and right are the patient's."""

Role = Literal["fit", "select", "calibrate", "test"]
ROLES: tuple[Role, ...] = ("fit", "select", "calibrate", "test")


@dataclass(frozen=True, slots=True)
class Region:
    """The rectangle of the original image, in its pixels, that an array covers.

    It may stick out of the image (a letterboxed input does).
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """In pixels of the original image."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """In pixels of the original image."""
        return self.y1 - self.y0

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """``x0, y0, x1, y1``."""
        return self.x0, self.y0, self.x1, self.y1


@dataclass(frozen=True, slots=True)
class Box:
    """One truth box.

    Attributes:
        label: the class it marks.
        x0, y0, x1, y1: half-open, in pixels of the original image.
        kind: what the annotators called it, finer than the class; empty where they did not.
    """

    label: str
    x0: float
    y0: float
    x1: float
    y1: float
    kind: str = ""


@dataclass(frozen=True, slots=True)
class WeakSample:
    """What a method may know of a training image: no field of it can hold a box.

    Attributes:
        name: unique in its dataset.
        labels: the classes that are present.
        attributes: further image-level words (group, activity ...), never a position.
    """

    name: str
    labels: tuple[str, ...]
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything the harness knows of one image.

    Attributes:
        name: unique in its dataset; roles are dealt from it, so it must not depend on the machine.
        width, height: of the original image, in pixels; boxes are in this frame.
        split: the name of the official split it belongs to.
        labels: the classes that are present.
        boxes: truth boxes.
        content: hash of the pixels' source; equal hashes are duplicates and share a role.
        stratum: what roles are stratified by besides the labels (a folder, a diagnosis).
        patient: samples of one patient share a role; None where patients are unknown.
        attributes: further image-level words, visible to methods.
        annotated_size: width and height of the image that was annotated, where a table says so; None takes it
            for this one. Boxes of an image of another size are refused.
    """

    name: str
    width: int
    height: int
    split: str
    labels: tuple[str, ...]
    boxes: tuple[Box, ...] = ()
    content: str = ""
    stratum: str = ""
    patient: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    annotated_size: tuple[int, int] | None = None

    def weak(self) -> WeakSample:
        """This sample with everything but image-level words left behind."""
        return WeakSample(self.name, self.labels, self.attributes)


@dataclass(frozen=True, slots=True)
class ScoredBox:
    """One predicted box: half-open, in pixels of the original image, with a score that ranks it."""

    label: str
    x0: float
    y0: float
    x1: float
    y1: float
    score: float


@dataclass(frozen=True)
class Prediction:
    """What a method says of a batch of N images and C classes (in the order of ``view.classes``).

    Attributes:
        scores: ``(N, C)`` floats in [0, 1], higher means more likely present.
        heatmaps: ``(N, C, h, w)`` floats in [0, 1], higher means more likely there; None for a
            method that gives boxes and no map.
        regions: per image, the rectangle of the original image that its heatmap covers; None where
            that is the whole image.
        box_grid: rows and columns to which maps are resized bilinearly before boxes are cut from them: the
            same as giving maps of that size, which would need more room; None cuts them from the maps' cells.
        boxes: per image, boxes by the method's own rule. Of a method that has no map they are scored as
            they are under every protocol; with a map, under protocol ``paper``.
    """

    scores: np.ndarray
    heatmaps: np.ndarray | None = None
    regions: Sequence[Region] | None = None
    boxes: Sequence[Sequence[ScoredBox]] | None = None
    box_grid: tuple[int, int] | None = None
