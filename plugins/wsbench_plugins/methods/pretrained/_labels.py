"""Finds the output of a model that stands for a class of a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import wsbench

SYNONYMS: Sequence[tuple[str, ...]] = (
    ("Infiltration", "Infiltrate", "Infiltrates"),  # ChestX-ray14: its labels, its box list; PadChest
    ("Effusion", "Pleural Effusion"),  # ChestX-ray14; CheXpert, MIMIC-CXR, VinDr-CXR
    ("Nodule", "Lung Nodule", "Pulmonary Nodule"),  # ChestX-ray14; CheXmask and reports
    ("Mass", "Lung Mass", "Pulmonary Mass"),  # ChestX-ray14; PadChest
    ("Fibrosis", "Pulmonary Fibrosis"),  # ChestX-ray14; VinDr-CXR, PadChest
    ("Edema", "Oedema", "Pulmonary Edema"),  # ChestX-ray14, CheXpert; British spelling; PadChest
    ("Hernia", "Hiatal Hernia"),  # ChestX-ray14; PadChest, as TorchXRayVision maps it
    ("Lung Opacity", "Opacity", "Airspace Opacity"),  # CheXpert, RSNA; VinDr-CXR; MIMIC-CXR's first labels
    ("Fracture", "Fractures"),  # CheXpert; Open-I, as TorchXRayVision maps it
    ("Tuberculosis", "TB", "Active Tuberculosis"),  # VinDr-CXR, TBX11K
)
"""Names of one finding, with the releases that use them. Names that differ in case, spaces, hyphens and
underscores alone (``Pleural_Thickening``, ``Pleural Thickening``) need no line."""


def outputs_of(
    classes: Sequence[str], outputs: Sequence[str], labels: Mapping[str, str | int], model: str
) -> tuple[int, ...]:
    """Find the output of every class.

    Args:
        classes: the classes of the dataset.
        outputs: the names of the model's outputs. The name of an output that means nothing is empty.
        labels: the outputs that the user chose, by class. They are names or indices.
        model: the name of the model, for messages.

    Returns:
        The index of the output of each class, in the order of the classes.

    Raises:
        WsbenchError: a class has no output or several; the message names all such classes.
    """
    for name in labels:
        if name not in classes:
            raise wsbench.WsbenchError(
                f"labels: '{name}' is no class of this dataset; write '{{CLASS: OUTPUT}}'; "
                f"{wsbench.errors.suggestion(name, classes)}"
            )
    places_of = {name: _places(name, outputs, labels.get(name), model) for name in classes}
    without = [name for name, places in places_of.items() if not places]
    several = [name for name, places in places_of.items() if len(places) > 1]
    for words, names in (("no output is", without), ("several outputs are", several)):
        if names:
            raise wsbench.WsbenchError(
                f"{model}: {words} {', '.join(names)}; give -o labels='{{{names[0]}: OUTPUT}}' by name or "
                "place from 0"
            )
    return tuple(places[0] for places in places_of.values())


def _places(name: str, outputs: Sequence[str], chosen: str | int | None, model: str) -> list[int]:
    """The outputs that a class may be."""
    if chosen is None:
        exact = [place for place, output in enumerate(outputs) if _bare(output) == _bare(name)]
        same = _same(name)
        return exact or [place for place, output in enumerate(outputs) if output and _bare(output) in same]
    if str(chosen) in outputs:
        return [list(outputs).index(str(chosen))]
    if str(chosen).isdecimal():
        if int(chosen) < len(outputs):
            return [int(chosen)]
        raise wsbench.WsbenchError(f"labels: {model} has {len(outputs)} outputs; {chosen} is none of them")
    known = dict.fromkeys(filter(None, outputs))
    raise wsbench.WsbenchError(
        f"labels: {model} has no output '{chosen}'; {wsbench.errors.suggestion(str(chosen), known)}"
    )


def _same(name: str) -> set[str]:
    groups = ({_bare(synonym) for synonym in group} for group in SYNONYMS)
    return next((group for group in groups if _bare(name) in group), {_bare(name)})


def _bare(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
