"""Converts line integrals to grey levels, as digital radiography prepares a film for the eye.

The processing is planned on the patient without findings, so that a finding changes no pixel outside itself:
whatever tells the groups apart lies inside the truth's boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ._frame import AnyArray, Array
from ._streams import Stream

_GRID = 64
"""The regional mean is computed on this many cells along the side."""


@dataclass(frozen=True, slots=True)
class Tone:
    """The look a reading room has chosen.

    Attributes:
        compression: Share of the regional mean that is taken away, 0 to 1.
        region: Standard deviation, in cm, of what counts as a region.
        sharpness: Gain of fine detail above 1.
        detail: Standard deviation, in cm, of what counts as fine detail.
        dark, bright: Grey levels, 0 to 1, of the darkest and brightest hundredths of the chest.
        contrast: 0 for a straight curve, 1 for a full S.
    """

    compression: float
    region: float
    sharpness: float
    detail: float
    dark: float
    bright: float
    contrast: float


def draw_tone(stream: Stream) -> Tone:
    """Draw a processing, from a flat, grey film to a crisp one with high contrast."""
    return Tone(
        compression=stream.uniform(0.1, 0.5),
        region=stream.uniform(2.0, 5.0),
        sharpness=stream.uniform(0.3, 1.5),
        detail=stream.uniform(0.25, 0.7),
        dark=stream.around(0.36, 0.26),
        bright=stream.around(0.92, 0.06),
        contrast=stream.uniform(0.0, 0.9),
    )


@dataclass(frozen=True)
class Plan:
    """The processing of one patient: the regional mean, (size, size), and the window of grey levels."""

    region: Array
    low: float
    high: float


def plan(healthy: Array, tone: Tone, field: float) -> Plan:
    """Learn the window from the line integrals of the patient without findings, (size, size)."""
    size = healthy.shape[0]
    cells = min(size, _GRID)
    coarse: AnyArray = cv2.resize(healthy, (cells, cells), interpolation=cv2.INTER_AREA)
    region: AnyArray = cv2.GaussianBlur(coarse, (0, 0), tone.region / field * cells)
    region *= tone.compression
    chest = (coarse - region)[cells // 6 : -cells // 6, cells // 8 : -cells // 8]
    low, high = (float(level) for level in np.quantile(chest, (0.02, 0.97)))
    full: AnyArray = cv2.resize(region, (size, size), interpolation=cv2.INTER_LINEAR)
    return Plan(full, low, high)


def develop(integral: Array, plan: Plan, tone: Tone, field: float) -> Array:
    """Grey levels, (size, size) float32 from 0 to 1; attenuating tissue is bright."""
    sigma = tone.detail / field * integral.shape[0]
    level = integral - plan.region
    if sigma > 0.3:
        smooth = cv2.GaussianBlur(level, (0, 0), sigma)
        level += tone.sharpness * (level - smooth)
    level -= plan.low
    level *= (tone.bright - tone.dark) / (plan.high - plan.low)
    level += tone.dark
    # Where hardly anything stood in the beam the film is black, whatever the window.
    film: Array = _curve(level, tone.contrast) * np.clip(integral * 1.6 - 0.1, 0, 1)
    return film


def _curve(level: Array, contrast: float) -> Array:
    """A straight middle with a soft toe and shoulder, mixed with an S."""
    centred = 2 * level - 1
    square = centred * centred
    soft = 0.5 + 0.5 * centred / np.sqrt(np.sqrt(1 + square * square))
    bent = soft * soft * (3 - 2 * soft)
    return soft + contrast * (bent - soft)
