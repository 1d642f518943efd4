"""Radiographs as JPEG files for pages."""

from __future__ import annotations

import io

from wsbench.data.dataset import Loaded
from wsbench.types import Sample

EMBEDDED_SIDE, EMBEDDED_QUALITY = 480, 78
"""Longest side, in pixels, and JPEG quality of a picture inside a page: 10 to 25 KB."""

SERVED_SIDE, SERVED_QUALITY = 1600, 90
"""The same of a picture that is read when it is looked at."""


def jpeg(loaded: Loaded, sample: Sample, side: int, quality: int) -> bytes:
    """Read an image of a dataset as a grey JPEG file. It is never enlarged.

    Args:
        loaded: the dataset.
        sample: one of its samples.
        side: the longest side of the picture, in pixels.
        quality: of the JPEG file, from 1 to 95.

    Raises:
        WsbenchError: the image cannot be read.
    """
    from PIL import Image

    scale = min(1.0, side / max(sample.width, sample.height))
    shape = max(1, round(sample.height * scale)), max(1, round(sample.width * scale))
    file = io.BytesIO()
    Image.fromarray(loaded.dataset.read(sample, *shape)).save(
        file, "JPEG", quality=quality, optimize=True, progressive=True
    )
    return file.getvalue()
