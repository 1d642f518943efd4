"""Attenuation of the beam by each tissue.

Linear attenuation coefficients in 1/cm at 70 keV, about the mean energy of a filtered 120 kV chest beam: mass
coefficients near those NIST tabulates for the ICRU-44 tissues, times usual densities.
"""

from __future__ import annotations

import numpy as np

from ._frame import Array

AIR = 0.0002
LUNG = 0.050
"""Inflated lung, 0.26 g/cm3."""
FAT = 0.176
SOFT = 0.205
"""Muscle, blood and the solid organs, 1.05 g/cm3."""
SPONGY_BONE = 0.31
"""Marrow between trabeculae, 1.2 g/cm3."""
CORTICAL_BONE = 0.48
"""1.85 g/cm3."""


def transmission(integral: Array) -> Array:
    """Beer-Lambert: the share of photons that passes a line integral of attenuation."""
    return np.exp(-integral)
