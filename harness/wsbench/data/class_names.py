"""Which class of one dataset is which class of another, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from wsbench.errors import WsbenchError
from wsbench.utils.names import letters_and_digits

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
"""Groups of names that mean one finding, with the releases that use them. Names that differ in case, spaces,
hyphens and underscores alone need no line."""


def same_names(name: str, names: Iterable[str]) -> list[str]:
    """Find the names that mean the same finding as a name.

    Letters and digits count, in either case. Names with equal ones go before `SYNONYMS`.

    Args:
        name: the name of a class.
        names: the names among which it is sought, such as the classes of another dataset or the outputs of a
            model. Empty ones mean nothing.

    Returns:
        All names with the same letters and digits. If there is none, all synonyms. The order is that of
        ``names``.
    """
    bare = letters_and_digits(name)
    bare_of = [(other, letters_and_digits(other)) for other in names if other]
    groups = ({letters_and_digits(word) for word in group} for group in SYNONYMS)
    synonyms = next((group for group in groups if bare in group), set())
    exact = [other for other, bare_other in bare_of if bare_other == bare]
    return exact or [other for other, bare_other in bare_of if bare_other in synonyms]


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
    candidates = {name: same_names(name, theirs) for name in ours}
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


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (" ..." if len(listed) > 3 else "")
