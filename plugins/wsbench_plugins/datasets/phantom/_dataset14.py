"""The phantom with the fourteen classes of ChestX-ray14, as a dataset. Free of heavy imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

import wsbench

from ._classes14 import BOXED, CLASSES
from ._computed import Computed
from ._shared_settings import SharedSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from ._case import Case

VERSION = 1
"""Raise it when any pixel or box changes: it is in every image's content, so in the fingerprint."""


class Phantom14Settings(SharedSettings):
    """Settings of the phantom with 14 findings."""

    images: int = Field(3000, ge=1, description="number of images")
    seed: int = Field(0, ge=0, description="of all that is drawn; image i of a seed never changes")
    size: int = Field(512, ge=64, le=1024, description="side of the original images, in pixels")
    sick: float = Field(0.55, gt=0, lt=1, description="share of images with one to three findings")
    test: float = Field(
        0.25, gt=0, lt=1, description="share of the official split `test`; the rest are `train_val`"
    )
    marker_correlation: float = Field(
        0.0,
        ge=-1,
        le=1,
        description="phi coefficient of the burnt-in token (PORTABLE, arrow) and having any finding; "
        "below 0, images without a finding have the token",
    )


class Phantom14(Computed):
    """Fourteen classes, exact boxes of eight of them. Every image is another patient's.

    Attributes of a sample: ``markers``.
    """

    classes = CLASSES
    boxes_complete = False  # Six classes have no box anywhere.

    def lesion_masks(self, sample: wsbench.Sample, size: int) -> list[np.ndarray]:
        """A ``(size, size)`` bool mask for every box of the sample, in their order."""
        return [mask for label, mask in self._masks(sample, size) if label in BOXED]

    def class_masks(self, sample: wsbench.Sample, size: int) -> Mapping[str, np.ndarray]:
        """A ``(size, size)`` bool mask of every class that is present, boxed or not."""
        masks: dict[str, np.ndarray] = {}
        for label, mask in self._masks(sample, size):
            masks[label] = masks[label] | mask if label in masks else mask
        return masks

    def case(self, sample: wsbench.Sample) -> Case:
        """The geometry of a sample."""
        return self._case(int(sample.name.partition("_")[0]))

    def _lesions(self, index: int, label: str, size: int) -> list[np.ndarray]:
        return [mask for name, mask in self._masks_of_case(self._case(index), size) if name == label]

    def _masks(self, sample: wsbench.Sample, size: int) -> list[tuple[str, np.ndarray]]:
        return self._masks_of_case(self.case(sample), size)

    def _masks_of_case(self, case: Case, size: int) -> list[tuple[str, np.ndarray]]:
        from ._truth import finding_boxes, finding_masks

        pairs = zip(finding_boxes(case), finding_masks(case, size), strict=True)
        return [(box.name, mask) for box, mask in pairs]

    def _case(self, index: int) -> Case:
        from ._case14 import draw_case14
        from ._scanner import Scanner

        case = draw_case14(
            self._settings.seed,
            index,
            sick=self._uniform(index, "group") < self._settings.sick,
            prevalence=self._settings.sick,
            marker_correlation=self._marker_correlation(index),
        )
        return Scanner.of(self._settings).take(case)

    def _is_tested(self, index: int) -> bool:
        return bool(self._uniform(index, "split") < self._settings.test)

    def _uniform(self, index: int, purpose: str) -> float:
        return wsbench.seed_from("phantom14", self._settings.seed, index, purpose) / 2**63

    def _sample(self, index: int) -> wsbench.Sample:
        from ._truth import finding_boxes

        case, size = self._case(index), self._settings.size
        present = {finding.name for finding in case.findings}
        markers = "+".join(marker.kind for marker in case.markers)
        values = self._settings.model_dump(exclude={"images", "size", "test", *self._settings.UNSEEN})
        boxes = tuple(
            wsbench.Box(box.name, box.x0 * size, box.y0 * size, box.x1 * size, box.y1 * size)
            for box in finding_boxes(case)
            if box.name in BOXED
        )
        return wsbench.Sample(
            name=f"{index:08d}_000.png",
            width=size,
            height=size,
            split="test" if self._is_tested(index) else "train_val",
            labels=tuple(label for label in CLASSES if label in present),
            boxes=boxes,
            content=f"phantom14 {VERSION} {index} {values}",
            patient=str(index),
            attributes={"markers": markers} if markers else {},
            masks=self._masks_of(index, boxes, VERSION),
            nuisances=self._nuisances_of(case),
        )
