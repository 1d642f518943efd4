"""Looks up images by their names, also in the shorter forms in which other programs write them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath


class ImageNames:
    """The names of a dataset's images.

    Args:
        names: the names of all images, each once.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._by_form: dict[str, set[str]] = defaultdict(set)
        for name in self._names:
            path = PurePosixPath(name)
            for form in (path.name, path.stem, str(path.with_suffix(""))):
                self._by_form[form].add(name)

    def __contains__(self, name: object) -> bool:
        """Return whether this is the full name of an image."""
        return name in self._names

    def full(self, word: str) -> str:
        """Return the full name of the image that a word stands for.

        The word may be a full name, a file name, or either without its suffix. A word that fits no image, or
        more than one, is returned unchanged.
        """
        fitting = self._by_form.get(word, set()) if word not in self._names else {word}
        return next(iter(fitting)) if len(fitting) == 1 else word
