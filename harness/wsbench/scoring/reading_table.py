"""Readings of many images as columns: what each reader found on each image, and where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from wsbench.geometry.box_table import BoxTable
from wsbench.utils.read_only import make_fields_read_only, read_only


@dataclass(frozen=True)
class ReadingTable:
    """R readings of N images with C classes. Every image has at least two readers.

    Attributes:
        classes: the names of the classes.
        names: the names of the images.
        sizes: ``(N, 2)`` width and height of the images, in pixels.
        readers: the names of the readers.
        image: ``(R,)`` integers, the row of each reading's image.
        reader: ``(R,)`` integers, the row of each reading's reader.
        labels: ``(R, C)`` bool, whether the reader found the class.
        boxes: the boxes of all readings. Their ``image`` is the row of the reading.
    """

    classes: tuple[str, ...]
    names: tuple[str, ...]
    sizes: np.ndarray
    readers: tuple[str, ...]
    image: np.ndarray
    reader: np.ndarray
    labels: np.ndarray
    boxes: BoxTable

    def __post_init__(self) -> None:
        make_fields_read_only(self)

    @cached_property
    def readings_per_image(self) -> np.ndarray:
        """``(N,)`` the number of readers of each image."""
        return read_only(np.bincount(self.image, minlength=len(self.names)))

    @cached_property
    def rows_of_images(self) -> tuple[np.ndarray, ...]:
        """The rows of the readings of each image."""
        order = np.argsort(self.image, kind="stable")
        return tuple(np.split(order, np.cumsum(self.readings_per_image)[:-1]))

    @cached_property
    def _corners(self) -> dict[tuple[int, int], np.ndarray]:
        order = np.lexsort((self.boxes.label, self.boxes.image))
        keys = np.stack([self.boxes.image[order], self.boxes.label[order]], axis=1)
        changes = np.flatnonzero((np.diff(keys, axis=0) != 0).any(axis=1)) + 1
        groups = np.split(order, changes) if len(order) else []
        return {
            (int(self.boxes.image[rows[0]]), int(self.boxes.label[rows[0]])): self.boxes.xyxy[rows]
            for rows in groups
        }

    def corners(self, reading: int, label: int) -> np.ndarray:
        """``(n, 4)`` corners of the boxes of one class in one reading, in pixels."""
        return self._corners.get((reading, label), np.zeros((0, 4)))
