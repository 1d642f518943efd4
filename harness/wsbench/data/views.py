"""Views: what a method may see of a dataset. There are three types: pixels, pixels and labels, and, for what
declares box supervision, pixels, labels and boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from wsbench.types import ORGANS, Box, Sample, WeakSample
from wsbench.utils.sealed import Sealed

ImageArray = Callable[[int, int], np.ndarray]
"""A function of height and width that returns all M images as a ``(M, height, width)`` uint8 memory map."""

OrganArray = Callable[[int], np.ndarray]
"""A function of a size that returns the organ masks of all M images as a ``(M, size, size)`` uint8 memory
map. Bit k belongs to organ k."""


class Pixels:
    """Pixels of N images, as an array that is read when it is indexed.

    ``pixels[3]`` is ``(h, w)`` uint8, ``pixels[[4, 1]]`` is ``(2, h, w)``, and ``pixels[:]`` is ``(N, h,
    w)``.

    Attributes:
        shape: ``(N, h, w)``.
    """

    def __init__(self, array: np.ndarray, rows: np.ndarray) -> None:
        self._array = array
        self._rows = rows
        self.shape = (len(rows), *array.shape[1:])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> np.ndarray:
        """Read the images at an index of the first axis."""
        return np.asarray(self._array[self._rows[index]])


class Masks(Pixels):
    """Organ masks of N images, as an array that is read when it is indexed.

    ``masks[3]`` is ``(5, size, size)`` uint8, 1 inside the organ, and ``masks[:]`` is ``(N, 5, size, size)``.

    Attributes:
        shape: ``(N, 5, size, size)``.
    """

    def __init__(self, array: np.ndarray, rows: np.ndarray) -> None:
        super().__init__(array, rows)
        self.shape = (len(rows), len(ORGANS), *array.shape[1:])

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> np.ndarray:
        packed = super().__getitem__(index)[..., None, :, :]
        return packed >> np.arange(len(ORGANS), dtype=np.uint8)[:, None, None] & 1


@dataclass(frozen=True)
class ImageView:
    """N images without labels: what `Method.predict` receives.

    Attributes:
        classes: the classes of the dataset, in the order of score columns.
        names: the names of the images.
        sizes: ``(N, 2)`` width and height of the original images, in pixels.
    """

    classes: tuple[str, ...]
    names: tuple[str, ...]
    sizes: np.ndarray
    _array: ImageArray
    _organs: OrganArray
    _rows: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    def pixels(self, height: int, width: int) -> Pixels:
        """Return the full images, resized to ``(height, width)`` without keeping their aspect.

        The images are read from a cache on disk, which is made when a size is first used.
        """
        return Pixels(self._array(height, width), self._rows)

    def organs(self, size: int) -> Masks:
        """Return masks of `wsbench.images.ORGANS` over the full images.

        Args:
            size: the side of the masks, in cells.

        Returns:
            ``(N, 5, size, size)`` uint8, 1 inside the organ.

        Raises:
            WsbenchError: the dataset has no masks; the message says how to provide them.
        """
        return Masks(self._organs(size), self._rows)

    def at(self, rows: Sequence[int] | np.ndarray) -> Self:
        """Return a view of the images in these rows, in the order of the rows."""
        rows = np.asarray(rows, dtype=np.intp)
        names = tuple(self.names[row] for row in rows)
        return replace(self, names=names, sizes=self.sizes[rows], _rows=self._rows[rows])

    def take(self, start: int, stop: int) -> Self:
        """Return a view of the images from row ``start`` up to, but not including, row ``stop``."""
        return self.at(np.arange(len(self))[start:stop])

    def chunks(self, size: int) -> Iterator[Self]:
        """Yield views of at most ``size`` consecutive images each."""
        for start in range(0, len(self), size):
            yield self.take(start, start + size)


def with_pixels(view: ImageView, array: ImageArray) -> ImageView:
    """The images of a view with other pixels; names, sizes and organ masks stay.

    Args:
        view: N images.
        array: a function of height and width that returns ``(N, height, width)`` uint8.
    """
    organs, rows = view._organs, view._rows
    own = np.arange(len(view))
    return replace(view, _array=Sealed(array), _organs=Sealed(lambda size: organs(size)[rows]), _rows=own)


@dataclass(frozen=True)
class WeakView(ImageView):
    """N images with image-level labels: what `Method.fit` receives. No field can hold a box.

    Attributes:
        samples: what a method may know of each image, in the order of ``names``.
    """

    samples: tuple[WeakSample, ...] = ()

    @cached_property
    def labels(self) -> np.ndarray:
        """The labels as ``(N, C)`` uint8, 1 where the class is present."""
        present = [[name in sample.labels for name in self.classes] for sample in self.samples]
        return np.array(present, dtype=np.uint8).reshape(len(self), len(self.classes))

    def at(self, rows: Sequence[int] | np.ndarray) -> Self:
        """Return a view of the images in these rows, in the order of the rows."""
        return replace(super().at(rows), samples=tuple(self.samples[row] for row in rows))


@dataclass(frozen=True)
class BoxedView(WeakView):
    """N images of role calibrate with their boxes, for methods that declare box supervision.

    Attributes:
        boxes: the truth boxes of each image, in pixels of the original image.
    """

    boxes: tuple[tuple[Box, ...], ...] = ()

    def at(self, rows: Sequence[int] | np.ndarray) -> Self:
        """Return a view of the images in these rows, in the order of the rows."""
        return replace(super().at(rows), boxes=tuple(self.boxes[row] for row in rows))


@dataclass(frozen=True)
class Views:
    """Makes the views of a dataset.

    Attributes:
        classes: the classes of the dataset.
        samples: all samples, in the order of the memory map's rows.
        array: returns the memory map of all images by size.
        organs: returns the memory map of all organ masks by size.
    """

    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    array: ImageArray
    organs: OrganArray

    def images(self, names: Sequence[str]) -> ImageView:
        """Return a view of pixels alone."""
        rows, _ = self._select(names)
        return ImageView(self.classes, tuple(names), self._sizes(rows), self.array, self.organs, rows)

    def weak(self, names: Sequence[str]) -> WeakView:
        """Return a view of pixels and image labels."""
        rows, samples = self._select(names)
        weak = tuple(sample.weak() for sample in samples)
        return WeakView(self.classes, tuple(names), self._sizes(rows), self.array, self.organs, rows, weak)

    def boxed(self, names: Sequence[str]) -> BoxedView:
        """Return a view of pixels, image labels and boxes."""
        rows, samples = self._select(names)
        weak = tuple(sample.weak() for sample in samples)
        boxes = tuple(sample.boxes for sample in samples)
        sizes = self._sizes(rows)
        return BoxedView(self.classes, tuple(names), sizes, self.array, self.organs, rows, weak, boxes)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {sample.name: row for row, sample in enumerate(self.samples)}

    def _select(self, names: Sequence[str]) -> tuple[np.ndarray, list[Sample]]:
        rows = np.array([self._row_of[name] for name in names], dtype=np.intp)
        return rows, [self.samples[row] for row in rows]

    def _sizes(self, rows: np.ndarray) -> np.ndarray:
        sizes = [(self.samples[row].width, self.samples[row].height) for row in rows]
        return np.array(sizes, dtype=np.int64).reshape(len(rows), 2)
