"""A plugin file with a dataset without boxes: noise, brighter where the class is present."""

from __future__ import annotations

DATASET = """
import numpy as np
import wsbench

class Unboxed(wsbench.Dataset):
    classes = ("tb",)
    samples = tuple(
        wsbench.Sample(
            f"{i:04d}", 32, 32, "train" if i % 3 else "test", ("tb",) if i % 2 else (), content=str(i)
        )
        for i in range(IMAGES)
    )

    def read(self, sample, height, width):
        noise = np.random.default_rng(int(sample.name)).random((height, width))
        return (noise * 200 + 5 * bool(sample.labels)).astype(np.uint8)

@wsbench.hookimpl
def wsbench_datasets():
    load = lambda settings, source: Unboxed()
    return [wsbench.DatasetSpec("unboxed", "no boxes", wsbench.Settings, load, computed=True)]
"""

METHODS = """
@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("brightness", "mean grey level", Settings, Brightness)]
"""


def unboxed(images: int, method: str) -> str:
    """The file, with a number of images and a class ``Brightness`` that is its method."""
    return f"IMAGES = {images}\n{DATASET}{method}{METHODS}"
