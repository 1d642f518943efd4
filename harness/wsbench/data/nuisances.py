"""Nuisances: the boxes of what no class may be read from, in fingerprints and in what metrics are handed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from wsbench.types import ROLES, Role, Sample


def content_of_nuisances(sample: Sample) -> list[list[tuple[str, float, float, float, float]]]:
    """Return nothing for a sample without nuisances, so that the fingerprints of data without them stay."""
    boxes = [(box.label, box.x0, box.y0, box.x1, box.y1) for box in sample.nuisances]
    return [boxes] if boxes else []


def counts_of_nuisances(samples_of: Callable[[Role], Iterable[Sample]]) -> dict[str, int]:
    """Count the boxes of nuisances of every role."""
    return {role: sum(len(sample.nuisances) for sample in samples_of(role)) for role in ROLES}


def corners_of_nuisances(
    samples: Iterable[Sample], names: Sequence[str]
) -> dict[tuple[str, int], np.ndarray]:
    """Return the nuisances of some images as `wsbench.metrics.Truth` has them.

    Args:
        samples: all samples of a dataset.
        names: the names of the images.

    Returns:
        ``(M, 4)`` corners in pixels, by the name of the nuisance and the row of the image.
    """
    row_of = {name: row for row, name in enumerate(names)}
    corners: dict[tuple[str, int], list[tuple[float, float, float, float]]] = defaultdict(list)
    for sample in samples:
        if sample.name in row_of:
            for box in sample.nuisances:
                corners[box.label, row_of[sample.name]].append((box.x0, box.y0, box.x1, box.y1))
    return {place: np.array(boxes, dtype=np.float64) for place, boxes in corners.items()}
