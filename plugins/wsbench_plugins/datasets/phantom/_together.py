"""The choice of findings, out of fourteen, that occur together in one patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ._streams import Stream

_FIRST: Mapping[str, float] = MappingProxyType(
    {
        "Atelectasis": 6.0,
        "Cardiomegaly": 5.0,
        "Consolidation": 5.0,
        "Edema": 5.0,
        "Effusion": 4.5,
        "Emphysema": 7.5,
        "Fibrosis": 6.5,
        "Hernia": 5.0,
        "Infiltration": 8.0,
        "Mass": 6.5,
        "Nodule": 7.0,
        "Pleural_Thickening": 6.5,
        "Pneumonia": 5.0,
        "Pneumothorax": 8.0,
    }
)
"""Weights of the finding that brings a patient to the film."""

_COUNTS: Mapping[int, float] = MappingProxyType({1: 0.52, 2: 0.33, 3: 0.15})

_OFTEN: Mapping[frozenset[str], float] = MappingProxyType(
    {
        frozenset({"Atelectasis", "Effusion"}): 8.0,
        frozenset({"Atelectasis", "Infiltration"}): 3.0,
        frozenset({"Cardiomegaly", "Edema"}): 7.0,
        frozenset({"Cardiomegaly", "Effusion"}): 6.0,
        frozenset({"Consolidation", "Effusion"}): 3.0,
        frozenset({"Consolidation", "Pneumonia"}): 7.0,
        frozenset({"Edema", "Effusion"}): 6.0,
        frozenset({"Edema", "Pneumonia"}): 2.0,
        frozenset({"Effusion", "Mass"}): 2.0,
        frozenset({"Effusion", "Pneumonia"}): 3.0,
        frozenset({"Emphysema", "Nodule"}): 2.0,
        frozenset({"Emphysema", "Pneumothorax"}): 5.0,
        frozenset({"Fibrosis", "Pleural_Thickening"}): 5.0,
        frozenset({"Infiltration", "Nodule"}): 3.0,
        frozenset({"Infiltration", "Pneumonia"}): 3.0,
        frozenset({"Mass", "Nodule"}): 5.0,
    }
)
"""The factor by which two findings occur together more often than by chance; 1 for all other pairs."""

_NEVER = frozenset(
    {
        # What one does to the heart or the diaphragm, the other undoes.
        frozenset({"Atelectasis", "Emphysema"}),
        frozenset({"Cardiomegaly", "Emphysema"}),
        frozenset({"Edema", "Emphysema"}),
        frozenset({"Emphysema", "Fibrosis"}),
        # Air above the fluid would make its surface level; edema takes both lungs.
        frozenset({"Effusion", "Pneumothorax"}),
        frozenset({"Edema", "Pneumothorax"}),
    }
)


def draw_classes(stream: Stream) -> tuple[str, ...]:
    """One to three classes that can meet."""
    count = stream.choose(_COUNTS)
    chosen = [stream.choose(_FIRST)]
    while len(chosen) < count:
        chosen.append(stream.choose({name: _weight(name, chosen) for name in _FIRST}))
    return tuple(chosen)


def _weight(name: str, chosen: Sequence[str]) -> float:
    pairs = [frozenset({name, other}) for other in chosen]
    if name in chosen or not _NEVER.isdisjoint(pairs):
        return 0.0
    weight = 1.0
    for pair in pairs:
        weight *= _OFTEN.get(pair, 1.0)
    return weight
