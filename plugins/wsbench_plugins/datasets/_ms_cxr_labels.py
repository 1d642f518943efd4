"""What CheXpert's labeller read in the reports of MIMIC-CXR."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ._ms_cxr_tables import CLASSES
from ._release import require_parts
from .folders import rows

CHEXPERT = "mimic-cxr-2.0.0-chexpert.csv"
POSITIVE = ("1.0", "1")
"""What a cell holds where the report says that a finding is there. Uncertain findings have -1."""


def positive_labels(
    root: Path, studies: Collection[tuple[str, str]]
) -> Mapping[tuple[str, str], Sequence[str]]:
    """The classes that the reports of some studies call present, by the numbers of patient and study.

    Raises:
        WsbenchError: there is no table, or it is not this one.
    """
    require_parts(root, "ms_cxr", (CHEXPERT,))
    headings = ("subject_id", "study_id", *CLASSES)
    keyed = (
        ((cells["subject_id"], cells["study_id"]), cells) for _, cells in rows(root / CHEXPERT, headings, ",")
    )
    return {
        key: [label for label in CLASSES if cells[label] in POSITIVE]
        for key, cells in keyed
        if key in studies
    }
