"""One image of the phantom with fourteen classes: the same thorax, other findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ._airspace import draw_lobar, draw_pneumonias
from ._anatomy import Anatomy, draw_anatomy
from ._atelectasis import draw_atelectasis
from ._cardiomegaly import draw_cardiomegaly
from ._case import Case
from ._detector import draw_exposure
from ._edema import draw_edema
from ._effusion import draw_effusion
from ._emphysema import draw_emphysema
from ._finding import Finding
from ._frame import draw_pose
from ._hernia import draw_hernia
from ._labelled import Labelled
from ._markers import draw_markers, token_present
from ._mass import draw_mass, draw_nodule
from ._pneumothorax import draw_pneumothorax
from ._reticular import draw_fibroses, draw_infiltration
from ._shutter import draw_shutter
from ._streams import Name, Stream
from ._thickening import draw_thickening
from ._together import draw_classes
from ._tone import draw_tone

_Draw = Callable[[Stream, Anatomy, tuple[int, ...]], tuple[Finding, ...]]
"""Draws the findings of a class, given the patient and the sides that are free, the likelier one first."""


def _large_heart(stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]) -> tuple[Finding, ...]:
    return (draw_cardiomegaly(stream, anatomy, sides[0]),)


def _effusions(stream: Stream, anatomy: Anatomy, sides: tuple[int, ...]) -> tuple[Finding, ...]:
    chosen = sides if stream.chance(0.3) else sides[:1]
    return tuple(draw_effusion(stream, anatomy, side) for side in chosen)


# In the order in which they are added. Air comes first: it takes lung away from all others.
_DRAW: Mapping[str, _Draw] = MappingProxyType(
    {
        "Pneumothorax": draw_pneumothorax,
        "Emphysema": draw_emphysema,
        "Cardiomegaly": _large_heart,
        "Pleural_Thickening": draw_thickening,
        "Hernia": draw_hernia,
        "Mass": draw_mass,
        "Nodule": draw_nodule,
        "Effusion": _effusions,
        "Atelectasis": draw_atelectasis,
        "Consolidation": draw_lobar,
        "Pneumonia": draw_pneumonias,
        "Edema": draw_edema,
        "Fibrosis": draw_fibroses,
        "Infiltration": draw_infiltration,
    }
)


def draw_case14(seed: int, index: int, *, sick: bool, prevalence: float, marker_correlation: float) -> Case:
    """The case of this number, the same on every machine and in any order.

    Args:
        seed: Of the whole data set.
        index: Of the image.
        sick: Whether the patient has findings; decides them and, where asked for, the token; nothing else.
        prevalence: Share of patients with findings, the rate at which tokens occur.
        marker_correlation: Phi coefficient, -1 to 1, of the token and having a finding.
    """
    name: Name = ("fourteen", seed, index)
    anatomy = draw_anatomy(name)
    token = token_present(Stream((*name, "token")), sick, prevalence, marker_correlation)
    return Case(
        name=name,
        group="sick" if sick else "healthy",
        anatomy=anatomy,
        pose=draw_pose(Stream((*name, "pose")), anatomy.thorax.height, anatomy.thorax.width),
        exposure=draw_exposure(Stream((*name, "exposure"))),
        tone=draw_tone(Stream((*name, "tone"))),
        shutter=draw_shutter(Stream((*name, "shutter"))),
        findings=_findings(name, anatomy) if sick else (),
        markers=draw_markers(Stream((*name, "markers")), token),
    )


def _findings(name: Name, anatomy: Anatomy) -> tuple[Finding, ...]:
    plan = Stream((*name, "findings"))
    classes = draw_classes(plan)
    return findings_of(name, anatomy, classes, plan.sign())


def findings_of(name: Name, anatomy: Anatomy, classes: tuple[str, ...], side: int) -> tuple[Finding, ...]:
    """Findings of these classes, most of them on one side; a lung with air beside it holds no other."""
    findings: list[Finding] = []
    for label in (label for label in _DRAW if label in classes):
        stream = Stream((*name, "finding", label))
        sides: tuple[int, ...]
        if "Pneumothorax" in classes:
            sides = (-side,) if label == "Pneumothorax" else (side,)
        else:
            sides = (side, -side) if stream.chance(0.75) else (-side, side)
        findings.extend(Labelled(None, label, finding) for finding in _DRAW[label](stream, anatomy, sides))
    return tuple(findings)
