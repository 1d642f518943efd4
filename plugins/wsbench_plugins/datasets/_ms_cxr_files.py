"""The image files of MIMIC-CXR-JPG that a table names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import wsbench

from .folders import SUFFIXES, ImageFiles

IMAGES = "files"
"""The folder of all images of MIMIC-CXR-JPG."""


class StudyFiles(ImageFiles):
    """The images in some folders below a folder. No other folder is listed.

    Args:
        folder: where names begin.
        studies: the folders, relative to it.
    """

    def __init__(self, folder: Path, studies: Iterable[str]) -> None:
        files = {}
        for study in sorted(set(studies)):
            for name, path in wsbench.images.image_files(folder / study, SUFFIXES).items():
                files[f"{study}/{name}"] = path
        super().__init__(folder, files)
