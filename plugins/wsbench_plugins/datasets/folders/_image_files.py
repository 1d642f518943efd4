"""The image files of a folder, found by the names that people give them in tables."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import wsbench

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".dcm", ".dicom")
"""In lower case; files have them in any case."""


class ImageFiles:
    """The images in a folder and in the folders below it.

    Args:
        folder: where names begin.
        files: the paths of the images by their name from there; by default, all of them are searched.
    """

    def __init__(self, folder: Path, files: Mapping[str, Path] | None = None) -> None:
        searched = wsbench.images.image_files(folder, SUFFIXES, deep=True) if files is None else files
        self._files = dict(searched)
        self._by_form: dict[str, list[Path]] = defaultdict(list)
        for name, path in self._files.items():
            for form in _other_forms(name):
                self._by_form[form].append(path)

    def of(self, name: str) -> list[Path]:
        """The files that a name may mean: one, unless there is none, or a short name fits several.

        A name is first taken as it is, then with its suffix in lower case and ``\\`` as ``/``, then as a path
        without its suffix, and then as a file's name in whichever folder.
        """
        path = PurePosixPath(_composed(name).replace("\\", "/"))
        plain = str(path)
        lower = plain.removesuffix(path.suffix) + path.suffix.lower()
        for form in (name, plain, lower):
            if form in self._files:
                return [self._files[form]]
        for form in (plain, lower, path.name, path.name.removesuffix(path.suffix) + path.suffix.lower()):
            if form in self._by_form:
                return self._by_form[form]
        return []

    def __len__(self) -> int:
        return len(self._files)

    def paths(self) -> list[Path]:
        """All files, sorted."""
        return list(self._files.values())


def _composed(name: str) -> str:
    """A name with one character for each letter with its marks. Unicode has two ways, and macOS writes the
    names of files in the other one than tables have."""
    return unicodedata.normalize("NFC", name)


def _other_forms(name: str) -> Iterator[str]:
    path = PurePosixPath(_composed(name))
    yield from dict.fromkeys((str(path), str(path.with_suffix("")), path.name, path.stem))
