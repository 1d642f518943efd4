"""What is fixed in TBX11K's release: splits, groups, categories and the names of its files."""

from __future__ import annotations

SPLITS = ("train", "val")
"""The test split has no public labels."""

GROUPS = ("tb", "sick", "health")

KINDS = {1: "active", 2: "obsolete", 3: "uncertain"}
"""The kind of a box by the id of its category."""

CATEGORIES = {1: "ActiveTuberculosis", 2: "ObsoletePulmonaryTuberculosis", 3: "PulmonaryTuberculosis"}
"""The release's names of its categories. No box of train and val has the third one."""


def json_name(split: str) -> str:
    """The COCO file of a split, inside the dataset's folder."""
    return f"annotations/json/TBX11K_{split}.json"
