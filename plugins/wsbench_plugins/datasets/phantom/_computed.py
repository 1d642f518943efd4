"""The common base of both phantoms: cases are drawn one by one, and images are rendered from them."""

from __future__ import annotations

import functools
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import wsbench

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from ._case import Case


class Computed(wsbench.Dataset):
    """Images that are rendered from geometry.

    Args:
        settings: of the phantom; they have ``images`` and ``seed``.
        progress: shown while cases are drawn; None draws none, which is enough for reading.
    """

    read_holds_lock = True

    def __init__(self, settings: Any, progress: wsbench.Progress | None = None) -> None:
        self._settings = settings
        self.samples = ()
        if progress is not None:
            with progress.task("drawing the phantom's cases", settings.images) as advance:
                samples = []
                for index in range(settings.images):
                    samples.append(self._sample(index))
                    advance()
            self.samples = tuple(samples)

    def __reduce__(self) -> tuple[Any, ...]:
        # A process that only reads needs no samples: they come with the call.
        return type(self), (self._settings,)

    @abstractmethod
    def case(self, sample: wsbench.Sample) -> Case:
        """The geometry of a sample."""

    @abstractmethod
    def _sample(self, index: int) -> wsbench.Sample:
        """A sample by its number."""

    def read(self, sample: wsbench.Sample, height: int, width: int) -> np.ndarray:
        import cv2

        from ._render import render

        image = render(self.case(sample), max(height, width, 64))
        if image.shape == (height, width):
            return image
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)

    @abstractmethod
    def _is_tested(self, index: int) -> bool:
        """Whether an image is in the official split that is tested."""

    def _marker_correlation(self, index: int) -> float:
        """The phi coefficient of token and label in the split of an image."""
        tested = self._settings.tested_marker_correlation
        if tested is None or not self._is_tested(index):
            return float(self._settings.marker_correlation)
        return float(tested)

    def _nuisances_of(self, case: Case) -> tuple[wsbench.Box, ...]:
        """The boxes of the token, if the setting asks for them."""
        if not self._settings.nuisances:
            return ()
        from ._truth import token_boxes

        return token_boxes(case, self._settings.size)

    @abstractmethod
    def _lesions(self, index: int, label: str, size: int) -> list[np.ndarray]:
        """A ``(size, size)`` bool mask of every boxed lesion of a class."""

    def _masks_of(
        self, index: int, boxes: Sequence[wsbench.Box], version: int
    ) -> tuple[wsbench.geometry.Mask, ...]:
        """The truth masks of a sample: one of every class that has boxes, if the setting asks for them."""
        if not self._settings.masks:
            return ()
        size = self._settings.size
        content = f"phantom {version} {index} {size}"  # the other settings are in the sample's own
        return tuple(
            wsbench.geometry.Mask.computed(
                label, size, size, content, functools.partial(self._union, index, label)
            )
            for label in dict.fromkeys(box.label for box in boxes)
        )

    def _union(self, index: int, label: str) -> np.ndarray:
        import numpy as np

        union: np.ndarray = np.any(self._lesions(index, label, self._settings.size), axis=0)
        return union

    def organ_masks(self, sample: wsbench.Sample, size: int) -> Mapping[str, np.ndarray]:
        """``(size, size)`` bool masks of the organs, by name."""
        from ._organs import organ_masks

        return organ_masks(self.case(sample), size)
