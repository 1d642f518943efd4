"""The images and classes that the ids of COCO results stand for.

Ids are named by files of the user, or by the dataset's own annotation files: programs that read a release's
COCO files write its numeric ids into their results.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wsbench.data.dataset import Loaded
from wsbench.data.image_names import ImageNames
from wsbench.errors import WsbenchError
from wsbench.predictions.file_checks import listed_once

if TYPE_CHECKING:
    from wsbench.predictions.coco import CocoImage

Id = int | str


def names_by_id(
    listings: Sequence[tuple[Path, Sequence[CocoImage]]], known: Container[str]
) -> dict[str, str]:
    """Return the image that each id names in all files.

    Ids are compared as text, because some programs write numbers as text. An image may be in several files,
    with the same id.

    Args:
        listings: files and the images that they list.
        known: the names of the dataset's images, which results may use instead of ids.

    Raises:
        WsbenchError: a file lists an image twice, an id names two images, or an image has two ids.
    """
    names: dict[str, str] = {}
    ids: dict[str, str] = {}
    for path, images in listings:
        for image in images:
            number, name = str(image.id), image.file_name
            other = names.setdefault(number, number if number in known else name)
            if other != name:
                raise WsbenchError(
                    f"{path}: id {number} names two images, {other} and {name}; "
                    "give every image an id of its own"
                )
            if (other := ids.setdefault(name, number)) != number:
                raise WsbenchError(
                    f"{path}: image {name} is listed twice, as id {other} and as id {number}; give it one id"
                )
        listed_once(path, [image.file_name for image in images], "image")
    return names


class OfficialIds:
    """The official ids of a dataset's test images and classes.

    Ids are those of the annotation files that list a test image. Other files may give the same ids to other
    images: every split of TBX11K counts from 1.

    Args:
        path: the file of predictions, for messages.
        loaded: the dataset.
        names: the names of its images, in all forms.
    """

    def __init__(self, path: Path, loaded: Loaded, names: ImageNames) -> None:
        self._path, self._names = path, names
        tested = set(loaded.roles.members["test"])
        files = loaded.dataset.official_images
        self._files = {file: by_id for file, by_id in files.items() if not tested.isdisjoint(by_id.values())}
        self._by_text: dict[str, dict[str, str]] = {}
        for file, by_id in self._files.items():
            for number, name in by_id.items():
                self._by_text.setdefault(str(number), {})[file] = name
        self._categories = loaded.dataset.official_classes
        self._classes = {str(category): name for category, name in loaded.dataset.official_classes.items()}
        self._own_classes, self._unused = loaded.dataset.classes, loaded.dataset.unused

    def images(self, ids: Iterable[Id]) -> dict[str, str]:
        """Return the names of the images of numeric ids, by the ids as text.

        Args:
            ids: the image ids of all results. Some may be names, which are not in the result.

        Raises:
            WsbenchError: some ids are numbers and some are names; an id is unknown, or means two images.
        """
        if not self._by_text:
            return {}
        different = list(dict.fromkeys(ids))
        self._refuse_mixed("image_ids", different, self._is_image_name)
        numbers = [number for number in different if not self._is_image_name(number)]
        return {str(number): self._image(number) for number in numbers}

    def image_numbers(self) -> dict[str, Id]:
        """Return the official ids of images by their names. An id that means two images is left out."""
        return {
            name: number
            for by_id in self._files.values()
            for number, name in by_id.items()
            if set(self._by_text[str(number)].values()) == {name}
        }

    def categories(self) -> dict[str, Id]:
        """Return the first official id of every class that has one."""
        first: dict[str, Id] = {}
        for category, name in self._categories.items():
            if name is not None and category != name:
                first.setdefault(name, category)
        return first

    def classes(self, ids: Iterable[Id]) -> Mapping[str, str | None]:
        """Return the classes of official categories by their ids and names as text; None for a category
        that the dataset does not use.

        Args:
            ids: the category ids of all results.

        Raises:
            WsbenchError: some ids are numbers and some are names.
        """
        if self._classes:
            self._refuse_mixed("category_ids", list(dict.fromkeys(ids)), _is_word)
        return {**self._classes, **{name: name for name in self._own_classes}}

    def key(self, images: Mapping[str, str], categories: Iterable[str]) -> bytes:
        """Return what the predictions depend on besides their file: empty where nothing official was used.

        Args:
            images: the official ids that were used, with the names of their images.
            categories: the categories of all results, as text.
        """
        used = {word: self._classes[word] for word in categories if word in self._classes}
        used = {word: name for word, name in used.items() if word != name}
        parts = (sorted(images.items()), sorted(used.items(), key=str), sorted(self._unused))
        return repr(parts).encode() if any(parts) else b""

    def _is_image_name(self, image: Id) -> bool:
        """Whether an id is to be read as a name: it is one, in full or short, or no official id.

        Raises:
            WsbenchError: it is the short name of one image and the official id of another.
        """
        if isinstance(image, int):
            return False
        by_id, full = self._by_text.get(image), self._names.full(image)
        if by_id is None or image in self._names:
            return True
        if full in self._names and set(by_id.values()) != {full}:
            raise WsbenchError(
                f"{self._path}: image_id '{image}' is the official id of {next(iter(by_id.values()))} and a "
                f"short name of {full}; write ids as numbers, or names in full"
            )
        return False

    def _image(self, number: Id) -> str:
        by_file = self._by_text.get(str(number), {})
        if not by_file:
            raise WsbenchError(
                f"{self._path}: image_id {number} is no id of {' or '.join(self._files)}; give --images, a "
                "COCO file that names it"
            )
        if len(set(by_file.values())) > 1:
            (file, name), (other_file, other), *_ = by_file.items()
            raise WsbenchError(
                f"{self._path}: image_id {number} is {name} in {file} and {other} in {other_file}; name the "
                "file that you mean with --images"
            )
        return next(iter(by_file.values()))

    def _refuse_mixed(self, noun: str, ids: list[Id], is_name: Callable[[Id], bool]) -> None:
        """Raise WsbenchError if some ids are numbers and some are names. They come from two programs or two
        files, and one image may be in the results twice."""
        names = [value for value in ids if is_name(value)]
        numbers = [value for value in ids if not is_name(value)]
        if names and numbers:
            raise WsbenchError(
                f"{self._path}: {noun} are numbers, such as {numbers[0]}, and names, such as '{names[0]}'; "
                "write all as numbers or all as names"
            )


def _is_word(category: Id) -> bool:
    return isinstance(category, str) and not category.isdigit()
