"""Which class of one dataset is which class of another, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from wsbench.errors import WsbenchError

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
"""Names of one finding, with the releases that use them. A test holds it equal to the table of the method
``pretrained``, which may not import it."""


def shared_classes(ours: Sequence[str], theirs: Sequence[str], owner: str) -> Mapping[str, str]:
    """Find the classes that two datasets share.

    Letters and digits count, in either case. An equal name goes before a synonym.

    Args:
        ours: the classes of the dataset that was trained on.
        theirs: the classes of the other dataset.
        owner: the name of the other dataset, for messages.

    Returns:
        For each of our classes that the other dataset has, its name there, in our order.

    Raises:
        WsbenchError: no class is shared, or one may be several of the other's.
    """
    candidates = {name: _same(name, theirs) for name in ours}
    for name, names in candidates.items():
        if len(names) > 1:
            raise WsbenchError(f"{owner}: class {name} may be {' or '.join(names)} there; rename one of them")
    shared = {name: names[0] for name, names in candidates.items() if names}
    if not shared:
        raise WsbenchError(
            f"{owner}: shares no class with what is trained: {_some(theirs)} there, {_some(ours)} here; "
            "test on another dataset"
        )
    if len(set(shared.values())) < len(shared):
        raise WsbenchError(f"{owner}: two classes that are trained are one there; rename one of them")
    return shared


def _same(name: str, theirs: Sequence[str]) -> list[str]:
    """The classes that a class may be."""
    exact = [other for other in theirs if _bare(other) == _bare(name)]
    groups = ({_bare(word) for word in group} for group in SYNONYMS)
    synonyms = next((group for group in groups if _bare(name) in group), set())
    return exact or [other for other in theirs if _bare(other) in synonyms]


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (" ..." if len(listed) > 3 else "")


def _bare(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
