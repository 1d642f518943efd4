"""The names of a dataset's images, also in the shorter forms in which other programs write them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath


class ImageNames:
    """The names of a dataset's images, to be looked up by what a file of predictions calls them.

    Args:
        names: of all images, each once.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._by_form: dict[str, set[str]] = defaultdict(set)
        for name in self._names:
            path = PurePosixPath(name)
            for form in (path.name, path.stem, str(path.with_suffix(""))):
                self._by_form[form].add(name)

    def __contains__(self, name: object) -> bool:
        """Whether it is an image's name, in full."""
        return name in self._names

    def full(self, word: str) -> str:
        """The image of that name, or the only one whose file name, or whose name without its suffix, it is;
        what fits none, or more than one, as it was."""
        fitting = self._by_form.get(word, set()) if word not in self._names else {word}
        return next(iter(fitting)) if len(fitting) == 1 else word
