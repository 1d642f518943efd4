"""Renders the picture of a case."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ._case import Case
from ._detector import count_photons, expected_photons, glare_of, measured_integral
from ._frame import AnyArray, Array, Grid
from ._scene import Scene, build_scene
from ._shutter import close
from ._stamp import burn
from ._tone import develop, plan

_FINEST = 256
"""Smaller pictures are computed on a raster of at least this many pixels a side, and averaged."""


def render(case: Case, size: int) -> NDArray[np.uint8]:
    """The radiograph, (size, size), for any size from 64 to 1024."""
    healthy, shown = line_integrals(case, size)
    field, exposure = case.pose.field, case.exposure
    # Glare and processing are those of the patient without findings: a finding changes nothing elsewhere.
    expected = expected_photons(shown, glare_of(healthy, exposure, field), exposure, field)
    counts = count_photons(case.scanner.exposed(expected), case.stream("noise", size))
    measured = measured_integral(counts, exposure, field)
    picture = develop(measured, plan(healthy, case.tone, field), case.tone, field)
    picture = case.scanner.shown(picture, case.stream("grain", size))
    if case.shutter is not None:
        picture = close(picture, case.shutter)
    picture = burn(picture, case.markers)
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def line_integrals(case: Case, size: int) -> tuple[Array, Array]:
    """Attenuation along the ray of each pixel, (size, size), of the patient without and with findings.

    The reshaping that findings do to organs is in both.
    """
    patient = case.patient
    scene = build_scene(raster(case, size), patient)
    healthy = _seen(scene, size)
    if not case.findings:
        return healthy, healthy
    for number, finding in enumerate(case.findings):
        finding.add(scene, patient, case.stream("texture", number))
    return healthy, _seen(scene, size)


def raster(case: Case, size: int) -> Grid:
    """The raster on which a picture of this size is computed."""
    fine = _oversampling(size) * size
    return Grid(case.pose, round(fine * case.pose.reach / case.pose.field))


def _oversampling(size: int) -> int:
    return max(1, -(-_FINEST // size))


def _seen(scene: Scene, size: int) -> Array:
    fine = _oversampling(size) * size
    seen = scene.grid.to_detector(scene.integral, fine)
    if fine == size:
        return seen
    shrunk: AnyArray = cv2.resize(seen, (size, size), interpolation=cv2.INTER_AREA)
    return shrunk
