"""Dataset -> what a method may see. The types form a ladder: pixels, then labels, then (declared) boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from wsbench.types import ORGANS, Box, Sample, WeakSample

ImageArray = Callable[[int, int], np.ndarray]
"""``(height, width)`` -> all images of the dataset as one ``(M, height, width)`` uint8 memory map."""

OrganArray = Callable[[int], np.ndarray]
"""``size`` -> the organ masks of all images as one ``(M, size, size)`` uint8 memory map, bit k organ k's."""


class Pixels:
    """Some images of the memory map, as an array that is read when it is indexed.

    ``pixels[3]`` is ``(h, w)``, ``pixels[[4, 1]]`` is ``(2, h, w)``, ``pixels[:]`` is everything; uint8.
    """

    def __init__(self, array: np.ndarray, rows: np.ndarray) -> None:
        self._array = array
        self._rows = rows
        self.shape = (len(rows), *array.shape[1:])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> np.ndarray:
        """The images of an index of the first axis."""
        return np.asarray(self._array[self._rows[index]])


class Masks(Pixels):
    """Organ masks of some images, as an array that is read when it is indexed.

    ``masks[3]`` is ``(5, size, size)``, ``masks[:]`` is ``(N, 5, size, size)``; uint8, 1 inside.
    """

    def __init__(self, array: np.ndarray, rows: np.ndarray) -> None:
        super().__init__(array, rows)
        self.shape = (len(rows), len(ORGANS), *array.shape[1:])

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> np.ndarray:
        packed = super().__getitem__(index)[..., None, :, :]
        return packed >> np.arange(len(ORGANS), dtype=np.uint8)[:, None, None] & 1


@dataclass(frozen=True)
class ImageView:
    """Images without any label: what `Method.predict` receives.

    Attributes:
        classes: the dataset's classes, in the order of score columns.
        names: of the N images.
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
        """The whole images, resized to ``(height, width)`` without keeping the aspect."""
        return Pixels(self._array(height, width), self._rows)

    def organs(self, size: int) -> Masks:
        """Masks of `wsbench.images.ORGANS` over the whole images: ``(N, 5, size, size)`` uint8, 1 inside.

        Raises:
            WsbenchError: they are not known of this dataset; the message says how to give them.
        """
        return Masks(self._organs(size), self._rows)

    def at(self, rows: Sequence[int] | np.ndarray) -> Self:
        """The images of these rows, in their order."""
        rows = np.asarray(rows, dtype=np.intp)
        names = tuple(self.names[row] for row in rows)
        return replace(self, names=names, sizes=self.sizes[rows], _rows=self._rows[rows])

    def take(self, start: int, stop: int) -> Self:
        """The images from ``start`` to before ``stop``."""
        return self.at(np.arange(len(self))[start:stop])

    def chunks(self, size: int) -> Iterator[Self]:
        """The images in runs of at most ``size``."""
        for start in range(0, len(self), size):
            yield self.take(start, start + size)


@dataclass(frozen=True)
class WeakView(ImageView):
    """Images with image-level labels: what `Method.fit` receives. No field of it can hold a box.

    Attributes:
        samples: of the N images, in the order of ``names``.
    """

    samples: tuple[WeakSample, ...] = ()

    @cached_property
    def labels(self) -> np.ndarray:
        """``(N, C)`` uint8, 1 where the class is present."""
        present = [[name in sample.labels for name in self.classes] for sample in self.samples]
        return np.array(present, dtype=np.uint8).reshape(len(self), len(self.classes))

    def at(self, rows: Sequence[int] | np.ndarray) -> Self:
        """The images of these rows, in their order."""
        return replace(super().at(rows), samples=tuple(self.samples[row] for row in rows))


@dataclass(frozen=True)
class BoxedView(WeakView):
    """Images with their boxes: only for what declares box supervision, and only of the calibrate role.

    Attributes:
        boxes: per image, in pixels of the original image.
    """

    boxes: tuple[tuple[Box, ...], ...] = ()

    def at(self, rows: Sequence[int] | np.ndarray) -> Self:
        """The images of these rows, in their order."""
        return replace(super().at(rows), boxes=tuple(self.boxes[row] for row in rows))


@dataclass(frozen=True)
class Views:
    """Makes the views of one dataset.

    Attributes:
        classes: the dataset's classes.
        samples: all its samples, in the order of the memory map's rows.
        array: the memory map by size.
        organs: that of the organ masks.
    """

    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    array: ImageArray
    organs: OrganArray

    def images(self, names: Sequence[str]) -> ImageView:
        """Pixels alone."""
        rows, _ = self._select(names)
        return ImageView(self.classes, tuple(names), self._sizes(rows), self.array, self.organs, rows)

    def weak(self, names: Sequence[str]) -> WeakView:
        """Pixels and image labels."""
        rows, samples = self._select(names)
        weak = tuple(sample.weak() for sample in samples)
        return WeakView(self.classes, tuple(names), self._sizes(rows), self.array, self.organs, rows, weak)

    def boxed(self, names: Sequence[str]) -> BoxedView:
        """Pixels, image labels and boxes."""
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
