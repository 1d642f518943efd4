"""The folders of each collection's images, readings and masks, and the meaning of file names and readings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import wsbench

CLASS = "tb"
IMAGES, READINGS, MASKS = "CXR_png", "ClinicalReadings", "ManualMask"
SIDES = ("leftMask", "rightMask")
"""Sides of the patient."""


@dataclass(frozen=True)
class Collection:
    """One source of images.

    Attributes:
        name: of its split.
        folder: under the root.
        images: its folder of images.
        pattern: of the images' names; its group ``label`` is 1 for tuberculosis. Without one, every image
            shows tuberculosis and lies anywhere under the folder.
    """

    name: str
    folder: str
    images: str
    pattern: str = ""

    def is_at(self, folder: Path) -> bool:
        """Whether a folder belongs to this collection: at least one image has a name of the collection, or,
        if the collection allows any name, the folder has the collection's name."""
        if not self.pattern:
            return folder.is_dir() and folder.resolve().name == self.folder
        return any(map(self._named, wsbench.images.image_files(folder / self.images, (".png",))))

    def _named(self, name: str) -> bool:
        return re.fullmatch(self.pattern, name) is not None

    def misnamed(self, name: str) -> str:
        """The problem with an image's name; empty if there is none."""
        if not self.pattern or re.fullmatch(self.pattern, name):
            return ""
        return "its name does not end in _0.png (no tuberculosis) or _1.png (tuberculosis)"

    def shows_tuberculosis(self, name: str) -> bool:
        """The label of an image that is not misnamed."""
        match = re.fullmatch(self.pattern, name) if self.pattern else None
        return match is None or match["label"] == "1"

    def reading(self, folder: Path, image: Path) -> Mapping[str, str]:
        """The content of the image's clinical reading; empty if there is none."""
        path = folder / READINGS / f"{image.stem}.txt"
        try:
            return parse_reading(path.read_text(encoding="utf-8-sig", errors="replace"))
        except OSError:
            return {}

    def masks(self, folder: Path, image: Path) -> Sequence[Path]:
        """The mask files of the left and the right lung; none if the collection has no masks."""
        base = folder / MASKS
        return [_mask(base / side, image) for side in SIDES] if base.is_dir() else []


MONTGOMERY = Collection("montgomery", "MontgomerySet", IMAGES, r"MCUCXR_\d+_(?P<label>[01])\.png")
SHENZHEN = Collection("shenzhen", "ChinaSet_AllFiles", IMAGES, r"CHNCXR_\d+_(?P<label>[01])\.png")
BELARUS = Collection("belarus", "Belarus", ".")
COLLECTIONS = (MONTGOMERY, SHENZHEN, BELARUS)


def files_of(collection: Collection, folder: Path) -> dict[str, Path]:
    """The image files of a collection, by the names of their samples."""
    if collection.pattern:
        return wsbench.images.image_files(folder / collection.images, (".png",))
    paths = wsbench.images.image_files(folder, (".png", ".jpg", ".jpeg"), deep=True).values()
    # These images are named by their files, because no table lists them.
    return {f"{collection.name}/{path.relative_to(folder).as_posix()}": path for path in paths}


def _mask(folder: Path, image: Path) -> Path:
    """The mask of an image, which may have its suffix in another case."""
    suffixes = (image.suffix, image.suffix.lower(), image.suffix.upper())
    either = [folder / f"{image.stem}{suffix}" for suffix in suffixes]
    return next((path for path in either if path.is_file()), either[0])


SEX = re.compile(r"\b(female|male|[fm])\b", re.IGNORECASE)
AGE = re.compile(r"\b0*(\d+)\s*(y|mo|month|d)", re.IGNORECASE)


def parse_reading(text: str) -> dict[str, str]:
    """``Patient's Sex: F``, ``Patient's Age: 024Y`` and a report (Montgomery), or ``Male 31yrs`` and a report
    (Shenzhen) -> ``sex`` (F or M), ``age`` in whole years, ``report``. Missing values are left out.

    Args:
        text: the content of a file in ``ClinicalReadings``.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    reading: dict[str, str] = {}
    report = []
    for number, line in enumerate(lines):
        about = number == 0 or line.lower().startswith("patient's")
        sex, age = (SEX.search(line), AGE.search(line)) if about else (None, None)
        if sex:
            reading.setdefault("sex", sex[1][0].upper())
        if age:
            years = age[2].lower() == "y"
            reading.setdefault(
                "age", age[1] if years else "0" if age[2].lower() == "d" else str(int(age[1]) // 12)
            )
        if not (sex or age):
            report.append(line)
    return reading | ({"report": " ".join(report)} if report else {})
