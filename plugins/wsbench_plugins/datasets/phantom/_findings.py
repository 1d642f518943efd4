"""The findings of patients of each group. A new finding is a module and a line in one of these tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from ._anatomy import Anatomy
from ._cardiomegaly import draw_cardiomegaly
from ._cavity import draw_cavity
from ._effusion import draw_effusion
from ._fibrosis import draw_fibrosis
from ._finding import Activity, Finding
from ._nodules import draw_calcified_nodules, draw_miliary, draw_soft_nodules
from ._opacities import draw_consolidation, draw_pneumonia
from ._streams import Name, Stream

Group = Literal["healthy", "sick", "tb"]
Findings = tuple[Finding, ...]

_UpperZone = Callable[[Stream, Anatomy, int, Activity], Finding]
_Elsewhere = Callable[[Stream, Anatomy, int], Finding]

_UPPER_ZONE: Mapping[Activity, Mapping[_UpperZone, float]] = MappingProxyType(
    {
        "active": {draw_consolidation: 0.44, draw_cavity: 0.26, draw_soft_nodules: 0.30},
        "obsolete": {draw_fibrosis: 0.55, draw_calcified_nodules: 0.45},
    }
)
_ELSEWHERE: Mapping[_Elsewhere, float] = MappingProxyType(
    {
        draw_cardiomegaly: 0.32,
        draw_pneumonia: 0.38,
        draw_effusion: 0.30,
    }
)


def _no_findings(name: Name, anatomy: Anatomy) -> Findings:
    return ()


def _sick(name: Name, anatomy: Anatomy) -> Findings:
    """One or two findings that are not tuberculosis, of different kinds."""
    plan = Stream((*name, "findings"))
    kinds = [plan.choose(_ELSEWHERE)]
    if plan.chance(0.25):
        kinds.append(plan.choose({kind: weight for kind, weight in _ELSEWHERE.items() if kind not in kinds}))
    return tuple(
        kind(Stream((*name, "finding", number)), anatomy, plan.sign()) for number, kind in enumerate(kinds)
    )


def _tuberculosis(name: Name, anatomy: Anatomy) -> Findings:
    """One to three findings; what comes first is always in the upper zones."""
    plan = Stream((*name, "findings"))
    activity: Activity = "active" if plan.chance(0.8) else "obsolete"
    side = plan.sign()
    if activity == "active" and plan.chance(0.06):
        upper: Findings = (draw_miliary(Stream((*name, "finding", 0)), anatomy, activity),)
    else:
        sides = (side, -side) if plan.chance(0.4) else (side,)
        upper = tuple(
            plan.choose(_UPPER_ZONE[activity])(Stream((*name, "finding", number)), anatomy, where, activity)
            for number, where in enumerate(sides)
        )
    if activity == "obsolete" or not plan.chance(0.1):
        return upper
    return (*upper, draw_effusion(Stream((*name, "finding", len(upper))), anatomy, side, activity))


_GROUPS: Mapping[Group, Callable[[Name, Anatomy], Findings]] = MappingProxyType(
    {"healthy": _no_findings, "sick": _sick, "tb": _tuberculosis}
)


def draw_findings(name: Name, anatomy: Anatomy, group: Group) -> Findings:
    """The findings of a patient of this group."""
    return _GROUPS[group](name, anatomy)
