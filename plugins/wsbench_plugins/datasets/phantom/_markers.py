"""Markers that technicians leave in a picture: side letters, projection, PORTABLE and arrows.

All positions and sizes are fractions of the image side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ._streams import Stream

MarkerKind = Literal["side", "projection", "portable", "arrow", "plate"]
Style = Literal["burnt", "lead", "badge"]

TOKEN: frozenset[MarkerKind] = frozenset({"portable", "arrow"})
"""The markers that can be tied to the label."""


@dataclass(frozen=True, slots=True)
class Marker:
    """One marker.

    Attributes:
        kind: What it tells; "portable" and "arrow" are the token that can be tied to the label, "plate" is
            the name of the scanner.
        text: Its letters; empty for an arrow.
        x, y: Its centre.
        height: Of its letters.
        turn: Radians, clockwise.
        style: White letters with a black rim, grey lead letters, or a white letter on a black disc.
    """

    kind: MarkerKind
    text: str
    x: float
    y: float
    height: float
    turn: float
    style: Style


_Place = tuple[tuple[float, float], tuple[float, float]]

# Places that markers share out among themselves: ranges of x and y, left in the image and then right.
_PLACES = (
    ((0.1, 0.16), (0.045, 0.055)),
    ((0.1, 0.2), (0.1, 0.115)),
    ((0.1, 0.14), (0.16, 0.18)),
    ((0.1, 0.12), (0.88, 0.94)),
    ((0.84, 0.9), (0.045, 0.055)),
    ((0.8, 0.9), (0.1, 0.115)),
    ((0.86, 0.9), (0.16, 0.18)),
    ((0.88, 0.9), (0.88, 0.94)),
)


def draw_markers(stream: Stream, token: bool) -> tuple[Marker, ...]:
    """Side letter and projection as chance has it; the token (PORTABLE, an arrow or both) as told."""
    free = list(_PLACES)
    markers = []
    if stream.chance(0.75):
        markers.append(_side_letter(stream, free))
    if stream.chance(0.2):
        markers.append(
            _word(stream, free, "projection", stream.choose({"AP": 2, "SUPINE": 1, "ERECT": 1, "PA": 1}))
        )
    which = stream.choose({("portable",): 5, ("arrow",): 2, ("portable", "arrow"): 3})
    portable, arrow = _word(stream, free, "portable", "PORTABLE"), _arrow(stream, free)
    if token:
        markers.extend(marker for marker in (portable, arrow) if marker.kind in which)
    return tuple(markers)


def token_present(stream: Stream, is_tb: bool, prevalence: float, correlation: float) -> bool:
    """Equal to the label with probability ``correlation``, otherwise an independent draw of the same rate.

    The phi coefficient of token and label is then ``correlation``. For one below 0, the label's absence takes
    the label's part, and the token has the rate of its absence.
    """
    if correlation < 0:
        return token_present(stream, not is_tb, 1 - prevalence, -correlation)
    independent = stream.chance(prevalence)
    return is_tb if stream.chance(correlation) else independent


def _take(stream: Stream, free: list[_Place]) -> tuple[float, float]:
    across, down = free.pop(stream.integer(0, len(free) - 1))
    return stream.uniform(*across), stream.uniform(*down)


def _side_letter(stream: Stream, free: list[_Place]) -> Marker:
    """L on the right of the image or R on the left; lead letters lie askew, the others stand straight."""
    letter = stream.choose({"L": 3, "R": 2})
    half = [spot for spot in free if (spot[0][0] > 0.5) == (letter == "L")]
    across, down = half[stream.integer(0, len(half) - 1)]
    free.remove((across, down))
    style: Style = stream.choose({"lead": 5, "badge": 2, "burnt": 3})
    turn = stream.around(0, 0.5) if style == "lead" else 0.0
    height = stream.uniform(0.025, 0.032 if style == "badge" else 0.05)
    return Marker("side", letter, stream.uniform(*across), stream.uniform(*down), height, turn, style)


def _word(stream: Stream, free: list[_Place], kind: MarkerKind, text: str) -> Marker:
    x, y = _take(stream, free)
    return Marker(kind, text, x, y, stream.uniform(0.014, 0.02), 0.0, "burnt")


def _arrow(stream: Stream, free: list[_Place]) -> Marker:
    x, y = _take(stream, free)
    return Marker("arrow", "", x, y, stream.uniform(0.035, 0.055), 0.0, "burnt")
