"""What a scanner does to every image alike, whoever is in it: the shift between two hospitals, of known size.

The anatomy, the findings and their boxes never change. Numbers are drawn from streams of the image's own, so
that image i does not depend on the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ._frame import Array
from ._markers import TOKEN, Marker
from ._shared_settings import Markers, SharedSettings
from ._streams import Stream

if TYPE_CHECKING:
    from ._case import Case

_NOISE_SIDE = 512
"""Side, in pixels, of the image that ``noise`` is given for. Fewer and larger pixels average over grain."""

_NAME = "XR-2"
"""What the scanner's plate says."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """The style of one scanner. The default changes nothing, to the last bit.

    Attributes:
        tone: Gamma of the grey levels.
        noise: Standard deviation of grain in an image of 512 pixels a side, as a share of white.
        exposure: Stops above the planned exposure.
        markers: Whether markers stay as drawn, are left out, lose the token alone, or are joined by the
            scanner's plate.
        token_scale: Size of the token, times the usual.
    """

    tone: float = 1.0
    noise: float = 0.0
    exposure: float = 0.0
    markers: Markers = "drawn"
    token_scale: float = 1.0

    @classmethod
    def of(cls, settings: SharedSettings) -> Scanner:
        """The scanner that settings describe."""
        return cls(settings.tone, settings.noise, settings.exposure, settings.markers, settings.token_scale)

    def take(self, case: Case) -> Case:
        """The same patient on this scanner."""
        return replace(case, scanner=self, markers=self._markers(case))

    def _markers(self, case: Case) -> tuple[Marker, ...]:
        if self.markers == "none":
            return ()
        if self.markers == "tokenless":
            return tuple(marker for marker in case.markers if marker.kind not in TOKEN)
        markers = case.markers
        if self.token_scale != 1:
            markers = tuple(
                _enlarged(marker, self.token_scale) if marker.kind in TOKEN else marker for marker in markers
            )
        return (*markers, _plate(case.stream("plate"))) if self.markers == "plate" else markers

    def exposed(self, photons: Array) -> Array:
        """Photons that reach the detector, (size, size); the film is developed as if exposed as planned."""
        return photons * np.float32(2**self.exposure) if self.exposure else photons

    def shown(self, picture: Array, grain: Stream) -> Array:
        """Grey levels 0 to 1, (size, size), as this scanner shows them."""
        if self.noise:
            picture = picture + np.float32(self.noise * len(picture) / _NOISE_SIDE) * grain.normals(
                *picture.shape
            )
        if self.tone == 1:
            return picture
        shown: Array = np.clip(picture, 0, 1) ** np.float32(self.tone)
        return shown


PLAIN = Scanner()
"""The scanner that changes nothing."""


def _enlarged(marker: Marker, scale: float) -> Marker:
    """A marker that many times as large, moved as little as keeps all of it in the image."""
    from ._stamp import marker_box

    marker = replace(marker, height=scale * marker.height)
    x0, y0, x1, y1 = marker_box(marker)
    right, down = max(-x0, 0) - max(x1 - 1, 0), max(-y0, 0) - max(y1 - 1, 0)
    return replace(marker, x=marker.x + right, y=marker.y + down)


def _plate(stream: Stream) -> Marker:
    """At the neck, above the lungs, where no other marker lies."""
    return Marker("plate", _NAME, stream.uniform(0.46, 0.54), 0.04, 0.03, 0.0, "burnt")
