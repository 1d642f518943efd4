"""Samples, boxes and predictions: the frozen values that all modules exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

    from wsbench.geometry.masks import Mask

ORGANS = ("left_lung", "right_lung", "heart", "mediastinum", "diaphragm")
"""The organs in the order of the second axis of every array of masks. Left and right are the patient's."""

Role = Literal["fit", "select", "calibrate", "test"]
ROLES: tuple[Role, ...] = ("fit", "select", "calibrate", "test")


@dataclass(frozen=True, slots=True)
class Region:
    """The rectangle of the original image that an array covers. It may stick out of the image, as the region
    of a letterboxed input does.

    Attributes:
        x0, y0, x1, y1: half-open corners, in pixels of the original image.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """The width in pixels of the original image."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """The height in pixels of the original image."""
        return self.y1 - self.y0

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """The corners ``x0, y0, x1, y1`` in pixels of the original image."""
        return self.x0, self.y0, self.x1, self.y1


@dataclass(frozen=True, slots=True)
class Box:
    """A box that annotators drew.

    Attributes:
        label: the class that the box marks.
        x0, y0, x1, y1: half-open corners, in pixels of the original image.
        kind: the annotators' finer name of the finding; empty where they gave none.
    """

    label: str
    x0: float
    y0: float
    x1: float
    y1: float
    kind: str = ""


@dataclass(frozen=True, slots=True)
class WeakSample:
    """What a method may know of a training image. No field can hold a box.

    Attributes:
        name: the image's name, unique in its dataset.
        labels: the classes that are present in the image.
        attributes: further facts about the image by name (group, sex ...), never a position.
    """

    name: str
    labels: tuple[str, ...]
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything that the harness knows of one image.

    Attributes:
        name: the image's name, unique in its dataset. Roles are assigned by it, so it must not depend on the
            machine.
        width, height: size of the original image, in pixels. Boxes are in this frame.
        split: the official split that the image belongs to.
        labels: the classes that are present in the image.
        boxes: the truth boxes.
        content: hash of the image file. Images with equal hashes are duplicates and share a role.
        stratum: a further group (a folder, a diagnosis) by which roles are stratified, besides the labels.
        patient: the patient's name. Images of one patient share a role. None where patients are unknown.
        attributes: further facts about the image by name, visible to methods. ``collection`` is the hospital
            or release that it is from, by which class scores are shown.
        annotated_size: width and height of the image that was annotated, where the dataset says so. Boxes of
            an image of another size are refused. None means that it was annotated at this size.
        masks: the truth masks, at most one of a class. A class with a mask and without a box on the image
            gets the boxes of its mask.
        nuisances: boxes of what no class may be read from, such as a burnt-in marker. ``label`` is the name
            of the nuisance and no class. Metrics see them, methods do not.
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
    masks: tuple[Mask, ...] = ()
    nuisances: tuple[Box, ...] = ()

    def weak(self) -> WeakSample:
        """Return what a method may know of this sample: its name, labels and attributes."""
        return WeakSample(self.name, self.labels, self.attributes)


@dataclass(frozen=True, slots=True)
class Point:
    """A point that a reader set on a finding.

    Attributes:
        label: the class that the point marks.
        x, y: the place, in pixels of the original image from its upper left corner. Pixel ``(0, 0)`` reaches
            from 0 to 1.
    """

    label: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reader saw on one image, apart from all other readers. It is no truth.

    Readings with boxes are compared with each other. Readings with masks or points are compared with the
    truth masks of the dataset, which must be of other people.

    Attributes:
        reader: the reader's pseudonym, the same on all images.
        image: the name of the image's sample.
        labels: the classes that the reader found present, each once; empty where the reader saw nothing.
        boxes: the reader's boxes, of classes among ``labels``. A class of ``labels`` may have none.
        masks: the reader's masks, at most one of a class; None where readers drew no masks.
        points: the points that the reader set, any number of a class; None where readers set none.
    """

    reader: str
    image: str
    labels: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()
    masks: tuple[Mask, ...] | None = None
    points: tuple[Point, ...] | None = None


@dataclass(frozen=True, slots=True)
class ScoredBox:
    """A predicted box.

    Attributes:
        label: the class that the box marks.
        x0, y0, x1, y1: half-open corners, in pixels of the original image.
        score: any finite number; boxes are ranked by it, the highest first.
    """

    label: str
    x0: float
    y0: float
    x1: float
    y1: float
    score: float


@dataclass(frozen=True)
class Prediction:
    """What a method predicts for N images and C classes, in the order of ``view.classes``.

    A prediction has heatmaps, boxes, or both.

    Attributes:
        scores: ``(N, C)`` floats in [0, 1]; a higher score means that the class is more likely present.
        heatmaps: ``(N, C, h, w)`` floats in [0, 1]; a higher value means that the finding is more likely at
            this position. None for a method that predicts boxes alone.
        regions: for each image, the rectangle of the original image that its heatmaps cover, in pixels. None
            where they cover the full image.
        boxes: for each image, boxes by the method's own rule. With heatmaps they count under protocol
            ``paper`` alone, without heatmaps under every protocol.
        box_grid: rows and columns to which heatmaps are resized bilinearly before boxes are cut from them.
            The boxes are the same as with heatmaps of that size, which would need more space on disk. None
            cuts boxes from the cells of the heatmaps.
    """

    scores: np.ndarray
    heatmaps: np.ndarray | None = None
    regions: Sequence[Region] | None = None
    boxes: Sequence[Sequence[ScoredBox]] | None = None
    box_grid: tuple[int, int] | None = None
