"""The truth of an image: boxes and masks of its findings, and boxes of its markers."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

import wsbench

from ._case import Case
from ._finding import Activity, Region
from ._frame import Pose
from ._markers import TOKEN, MarkerKind
from ._stamp import marker_box

Mask = NDArray[np.bool_]

_FINER = 4
"""Masks are filled on a raster this many times finer than they are wanted."""


@dataclass(frozen=True, slots=True)
class FindingBox:
    """The rectangle around one region of a finding, in fractions of the image side.

    Attributes:
        name: The finding's name, such as "cavity".
        activity: "active" or "obsolete" for tuberculosis, None for anything else.
    """

    name: str
    activity: Activity | None
    x0: float
    y0: float
    x1: float
    y1: float


def finding_boxes(case: Case) -> tuple[FindingBox, ...]:
    """All boxes of the case, finding by finding."""
    return tuple(
        FindingBox(name, activity, *_bounds(region, case.pose)) for name, activity, region in _regions(case)
    )


def finding_masks(case: Case, size: int) -> tuple[Mask, ...]:
    """One (size, size) mask per box, in the same order."""
    return tuple(_filled(region, case.pose, size) for _, _, region in _regions(case))


@dataclass(frozen=True, slots=True)
class MarkerBox:
    """The rectangle around one marker, in fractions of the image side."""

    kind: MarkerKind
    text: str
    x0: float
    y0: float
    x1: float
    y1: float


def marker_boxes(case: Case) -> tuple[MarkerBox, ...]:
    """All markers of the case; "portable" and "arrow" are the token."""
    return tuple(MarkerBox(marker.kind, marker.text, *marker_box(marker)) for marker in case.markers)


def token_boxes(case: Case, size: int) -> tuple[wsbench.Box, ...]:
    """The boxes of the token within the image, named by their kind, in pixels of an image of this size."""
    boxes = [(box.kind, np.clip([box.x0, box.y0, box.x1, box.y1], 0, 1)) for box in marker_boxes(case)]
    return tuple(wsbench.Box(kind, *(size * corners).tolist()) for kind, corners in boxes if kind in TOKEN)


def _regions(case: Case) -> list[tuple[str, Activity | None, Region]]:
    patient = case.patient
    return [
        (finding.name, finding.activity, region)
        for finding in case.findings
        for region in finding.regions(patient)
    ]


def _bounds(region: Region, pose: Pose) -> tuple[float, float, float, float]:
    corners = np.clip(pose.to_fractions(np.concatenate(region)), 0, 1)
    x0, y0 = corners.min(axis=0)
    x1, y1 = corners.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _filled(region: Region, pose: Pose, size: int) -> Mask:
    """A pixel belongs to the region if more than half of it does."""
    fine = np.zeros((_FINER * size, _FINER * size), np.uint8)
    for polygon in region:
        corners = np.rint(pose.to_fractions(polygon) * _FINER * size - 0.5).astype(np.int32)
        cv2.fillPoly(fine, [corners], 255)
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA) > 127
