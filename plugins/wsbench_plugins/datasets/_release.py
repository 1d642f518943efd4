"""What official files of several releases have in common: folders that must be there, images with facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import wsbench

from .folders import SIXTEEN_BITS, Described, FolderDataset

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class ReleaseImage(Described):
    """An image as the official files describe it.

    Attributes:
        attributes: further facts about the image, by name.
        stratum: the group by which roles are stratified, besides the labels.
        in_shares: whether its boxes are in shares of the image's width and height, from 0 to 1, instead of
            pixels.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    stratum: str = ""
    in_shares: bool = False


class ReleaseDataset(FolderDataset):
    """The images of a release. All of them are described by `ReleaseImage`."""

    def _sample(self, image: Described, facts: wsbench.images.FileFacts) -> wsbench.Sample:
        assert isinstance(image, ReleaseImage)
        if image.in_shares:
            boxes = tuple(_in_pixels(box, facts.width, facts.height) for box in image.boxes)
            image = replace(image, boxes=boxes)
        sample = super()._sample(image, facts)
        attributes = {name: value for name, value in image.attributes.items() if value}
        return replace(sample, stratum=image.stratum, attributes={**attributes, **sample.attributes})


class OwnRangeDataset(ReleaseDataset):
    """A release of 16-bit images that use different parts of their 65,536 grey levels.

    Where the user chose no grey levels, the smallest value of an image is black and its largest is white, as
    in a DICOM file without a window.
    """

    def read(self, sample: wsbench.Sample, height: int, width: int) -> np.ndarray:
        levels = self._levels or _own_range(self._paths[sample.name])
        return wsbench.images.read_radiograph(self._paths[sample.name], height, width, grey_levels=levels)

    def _fault(self, facts: wsbench.images.FileFacts) -> str:
        return "" if facts.mode in SIXTEEN_BITS and not facts.broken else super()._fault(facts)


def _own_range(path: Path) -> tuple[float, float] | None:
    """The smallest and the largest value of a 16-bit image; None for other images."""
    import numpy as np
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode not in SIXTEEN_BITS:
                return None
            values = np.asarray(image)
    except Exception:  # whatever Pillow's decoders raise: reading the image says it in a line
        return None
    low, high = float(values.min()), float(values.max())
    return low, max(high, low + 1)


def _in_pixels(box: wsbench.Box, width: int, height: int) -> wsbench.Box:
    return wsbench.Box(box.label, box.x0 * width, box.y0 * height, box.x1 * width, box.y1 * height, box.kind)


def require_parts(root: Path, dataset: str, parts: Sequence[str]) -> None:
    """Raise WsbenchError if a folder lacks a file or folder of the release.

    Args:
        root: the folder that the user named.
        dataset: the name of the dataset, for the message.
        parts: names of files and folders in ``root``.
    """
    for part in parts:
        if not (root / part).exists():
            packed = next((f" (unpack {name})" for name in _packed(part) if (root / name).exists()), "")
            raise wsbench.WsbenchError(
                f"{dataset}: {root} has no {part}{packed}; give --root the folder that holds it"
            )


def _packed(part: str) -> Sequence[str]:
    return f"{part}.zip", f"{part}.gz"


def first_folder(root: Path, dataset: str, names: Sequence[str]) -> Path:
    """Find the first of some folders that exists.

    Args:
        root: the folder that the user named.
        dataset: the name of the dataset, for the message.
        names: names of folders in ``root``, the most likely first.

    Raises:
        WsbenchError: there is none of them.
    """
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise wsbench.WsbenchError(
        f"{dataset}: {root} has no folder {' or '.join(names)} of images; make one of them"
    )
