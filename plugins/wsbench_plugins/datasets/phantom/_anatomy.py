"""One patient: every organ's measures."""

from __future__ import annotations

from dataclasses import dataclass

from ._abdomen import Gas, draw_gas
from ._airway import Airway, draw_airway
from ._devices import Lead, draw_leads
from ._lungs import Lung, draw_lungs
from ._mediastinum import Heart, draw_heart
from ._ribs import Ribs, draw_ribs
from ._shoulders import Girdle, draw_girdle
from ._spine import Spine, draw_spine
from ._streams import Name, Stream
from ._thorax import Thorax, draw_thorax
from ._torso import Torso, draw_torso
from ._vessels import Hilum, draw_hilum


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The measures of one patient. Pairs are (right, left), as the patient names them.

    Attributes:
        name: Of the streams from which the vessels and textures grow.
    """

    name: Name
    thorax: Thorax
    torso: Torso
    lungs: tuple[Lung, Lung]
    heart: Heart
    hila: tuple[Hilum, Hilum]
    airway: Airway
    ribs: Ribs
    spine: Spine
    girdle: Girdle
    gas: tuple[Gas, ...]
    leads: tuple[Lead, ...]

    def stream(self, purpose: str) -> Stream:
        """The stream of one part of this patient."""
        return Stream((*self.name, purpose))


def draw_anatomy(name: Name) -> Anatomy:
    """A patient; the name decides everything."""

    def stream(purpose: str) -> Stream:
        return Stream((*name, purpose))

    thorax = draw_thorax(stream("thorax"))
    lungs = draw_lungs(stream("lungs"), thorax)
    return Anatomy(
        name=name,
        thorax=thorax,
        torso=draw_torso(stream("torso"), thorax),
        lungs=lungs,
        heart=draw_heart(stream("heart"), thorax),
        hila=(draw_hilum(stream("right hilum"), thorax, -1), draw_hilum(stream("left hilum"), thorax, 1)),
        airway=draw_airway(stream("airway"), thorax),
        ribs=draw_ribs(stream("ribs"), thorax),
        spine=draw_spine(stream("spine")),
        girdle=draw_girdle(stream("girdle")),
        gas=draw_gas(stream("gas"), thorax, lungs[1]),
        leads=draw_leads(stream("leads"), thorax),
    )
