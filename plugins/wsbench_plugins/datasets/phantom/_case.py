"""One image of the phantom, as a small value from which everything else is computed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from ._anatomy import Anatomy, draw_anatomy
from ._detector import Exposure, draw_exposure
from ._finding import Activity
from ._findings import Findings, Group, draw_findings
from ._frame import Pose, draw_pose
from ._markers import Marker, draw_markers, token_present
from ._scanner import PLAIN, Scanner
from ._shutter import Shutter, draw_shutter
from ._streams import Name, Stream
from ._tone import Tone, draw_tone


@dataclass(frozen=True, slots=True)
class Case:
    """All that decides one image.

    Attributes:
        name: (seed, index), from which every part has drawn its numbers.
        group: "healthy", "sick" or "tb"; decides the findings and, where asked for, the token; nothing else.
        anatomy: The patient before any finding.
        findings: In no particular order; empty for the healthy.
        markers: Side letters, words and arrows, the token among them.
        scanner: What the scanner does to every image alike; by default nothing.
    """

    name: Name
    group: Group
    anatomy: Anatomy
    pose: Pose
    exposure: Exposure
    tone: Tone
    shutter: Shutter | None
    findings: Findings
    markers: tuple[Marker, ...]
    scanner: Scanner = PLAIN

    @property
    def patient(self) -> Anatomy:
        """The anatomy as the findings have reshaped it."""
        return reduce(lambda anatomy, finding: finding.reshape(anatomy), self.findings, self.anatomy)

    @property
    def activity(self) -> Activity | None:
        """Activity of the tuberculosis; None without tuberculosis."""
        return next((finding.activity for finding in self.findings if finding.activity), None)

    def stream(self, purpose: str, number: int = 0) -> Stream:
        """The stream of random numbers for one purpose in this image."""
        return Stream((*self.name, purpose, number))


def draw_case(
    seed: int, index: int, group: Group, *, tb_prevalence: float, marker_correlation: float
) -> Case:
    """The case of this number, the same on every machine and in any order.

    Args:
        seed: Of the whole data set.
        index: Of the image.
        group: Its group.
        tb_prevalence: Share of tb cases in the data set, the rate at which tokens occur.
        marker_correlation: Phi coefficient, -1 to 1, of the token and the tb label.
    """
    name = (seed, index)
    anatomy = draw_anatomy(name)
    token = token_present(Stream((*name, "token")), group == "tb", tb_prevalence, marker_correlation)
    return Case(
        name=name,
        group=group,
        anatomy=anatomy,
        pose=draw_pose(Stream((*name, "pose")), anatomy.thorax.height, anatomy.thorax.width),
        exposure=draw_exposure(Stream((*name, "exposure"))),
        tone=draw_tone(Stream((*name, "tone"))),
        shutter=draw_shutter(Stream((*name, "shutter"))),
        findings=draw_findings(name, anatomy, group),
        markers=draw_markers(Stream((*name, "markers")), token),
    )
