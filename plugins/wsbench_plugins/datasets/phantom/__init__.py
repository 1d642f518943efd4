"""The phantom: computed chest radiographs with tuberculosis, other findings or none, and known truth.

Attenuation along parallel rays through an analytic thorax, detector blur, Poisson noise and a clinical tone
curve. Nothing is downloaded, every box is exact, and how strongly a burnt-in token tells the label is a
setting: what a method owes to a shortcut can be measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

import wsbench

from ._computed import Computed
from ._dataset14 import Phantom14, Phantom14Settings
from ._shared_settings import SharedSettings

if TYPE_CHECKING:
    import numpy as np

    from ._case import Case
    from ._findings import Group

CLASS = "tb"
VERSION = 1
"""Raise it when any pixel or box changes: it is in every image's content, so in the fingerprint."""


class PhantomSettings(SharedSettings):
    """Settings of the phantom."""

    images: int = Field(2400, ge=1, description="number of images")
    seed: int = Field(0, ge=0, description="of all that is drawn; image i of a seed never changes")
    size: int = Field(512, ge=64, le=1024, description="side of the original images, in pixels")
    tb: float = Field(0.34, gt=0, lt=1, description="share of images with tuberculosis")
    sick: float = Field(0.33, ge=0, lt=1, description="share with another finding; the rest are healthy")
    val: float = Field(
        0.25, gt=0, lt=1, description="share of the official split `val`; the rest are `train`"
    )
    marker_correlation: float = Field(
        0.0,
        ge=-1,
        le=1,
        description="phi coefficient of the burnt-in token (PORTABLE, arrow) and the label; below 0, images "
        "without tuberculosis have the token",
    )

    @model_validator(mode="after")
    def _shares(self) -> PhantomSettings:
        if self.tb + self.sick > 1:
            raise ValueError("tb + sick must not be more than 1")
        return self


class Phantom(Computed):
    """One class ``tb``.

    Attributes of a sample: ``group`` (tb, sick, health), ``findings``, ``markers`` and, for tb,
    ``activity`` (active, obsolete).
    """

    classes = (CLASS,)

    def lesion_masks(self, sample: wsbench.Sample, size: int) -> list[np.ndarray]:
        """A ``(size, size)`` bool mask for every box of the sample, in their order."""
        return self._masks_of_case(self.case(sample), size)

    def _lesions(self, index: int, label: str, size: int) -> list[np.ndarray]:
        return self._masks_of_case(self._case(index), size)

    def _masks_of_case(self, case: Case, size: int) -> list[np.ndarray]:
        from ._truth import finding_boxes, finding_masks

        pairs = zip(finding_boxes(case), finding_masks(case, size), strict=True)
        return [mask for box, mask in pairs if box.activity is not None]

    def case(self, sample: wsbench.Sample) -> Case:
        """The geometry of a sample."""
        return self._case(int(sample.name.rpartition("/")[2].removeprefix("p").removesuffix(".png")))

    def _case(self, index: int) -> Case:
        from ._case import draw_case
        from ._scanner import Scanner

        settings = self._settings
        case = draw_case(
            settings.seed,
            index,
            self._group(index),
            tb_prevalence=settings.tb,
            marker_correlation=self._marker_correlation(index),
        )
        return Scanner.of(settings).take(case)

    def _group(self, index: int) -> Group:
        draw = self._uniform(index, "group")
        if draw < self._settings.tb:
            return "tb"
        return "sick" if draw < self._settings.tb + self._settings.sick else "healthy"

    def _is_tested(self, index: int) -> bool:
        return bool(self._uniform(index, "split") < self._settings.val)

    def _uniform(self, index: int, purpose: str) -> float:
        return wsbench.seed_from("phantom", self._settings.seed, index, purpose) / 2**63

    def _sample(self, index: int) -> wsbench.Sample:
        from ._truth import finding_boxes

        case, size = self._case(index), self._settings.size
        group = "health" if case.group == "healthy" else case.group
        boxes = tuple(
            wsbench.Box(CLASS, box.x0 * size, box.y0 * size, box.x1 * size, box.y1 * size, box.activity)
            for box in finding_boxes(case)
            if box.activity is not None
        )
        attributes = {
            "group": group,
            "findings": "+".join(finding.name for finding in case.findings),
            "markers": "+".join(marker.kind for marker in case.markers),
            "activity": case.activity or "",
        }
        values = self._settings.model_dump(exclude={"images", "size", "val", *self._settings.UNSEEN})
        return wsbench.Sample(
            name=f"{group}/p{index:06d}.png",
            width=size,
            height=size,
            split="val" if self._is_tested(index) else "train",
            labels=(CLASS,) if case.group == "tb" else (),
            boxes=boxes,
            content=f"phantom {VERSION} {index} {values}",
            stratum=group,
            attributes={name: value for name, value in attributes.items() if value},
            masks=self._masks_of(index, boxes, VERSION),
            nuisances=self._nuisances_of(case),
        )


@wsbench.hookimpl
def wsbench_datasets() -> list[wsbench.DatasetSpec]:
    return [
        wsbench.DatasetSpec(
            name="phantom",
            summary="computed chest radiographs with known truth; nothing to download",
            settings=PhantomSettings,
            load=lambda settings, source: Phantom(settings, source.progress),
            computed=True,
            preset="quick",
        ),
        wsbench.DatasetSpec(
            name="phantom14",
            summary="the same computed thorax with the 14 findings of ChestX-ray14, exact boxes on 8",
            settings=Phantom14Settings,
            load=lambda settings, source: Phantom14(settings, source.progress),
            computed=True,
            preset="quick",
        ),
    ]
