"""Chooses test images by how well a run's boxes cover the truth: the best, the middle and the worst."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import choose
from wsbench.geometry.iou import pairwise_iou
from wsbench.reports.cases import parse_words


def _middle(count: int, each: int) -> int:
    """Where ``each`` of ``count`` places around the middle begin."""
    return max(0, (count - each) // 2)


STARTS: Mapping[str, Callable[[int, int], int]] = {
    "best": lambda count, each: 0,
    "median": _middle,
    "worst": lambda count, each: max(0, count - each),
}
"""By word, the first of ``each`` places that it names among ``count``, from the best to the worst."""


def parse_places(words: str) -> list[str]:
    """Read ``best,median,worst``; see `wsbench.reports.cases.parse_words`."""
    return parse_words(words, STARTS, "--overlap", "place")


def overlap(truth: np.ndarray, predicted: np.ndarray) -> float:
    """The mean over truth boxes of the IoU with the predicted box that covers each best.

    Args:
        truth: ``(G, 4)`` corners, G at least 1.
        predicted: ``(P, 4)`` corners; without any, the overlap is 0.
    """
    if not len(predicted):
        return 0.0
    return float(pairwise_iou(truth, predicted).max(axis=1).mean())


def places(overlaps: np.ndarray, words: Sequence[str], each: int) -> list[int]:
    """The rows of images that are best, in the middle and worst. Equal overlaps stay in their order.

    Args:
        overlaps: ``(N,)``, of the images.
        words: of `STARTS`.
        each: number of images for each word.

    Returns:
        Rows, none of them twice.
    """
    order = np.argsort(-overlaps, kind="stable")
    rows: list[int] = []
    for word in words:
        start = STARTS[word](len(order), each)
        rows += order[start : start + each].tolist()
    return list(dict.fromkeys(rows))


def by_overlap(
    record: Record,
    loaded: Loaded,
    classes: Sequence[str],
    words: Sequence[str],
    each: int,
    protocol: str = "uniform",
) -> list[tuple[str, str]]:
    """Choose test images with boxes by the overlap of a run's boxes with them.

    Args:
        record: the record of a finished run.
        loaded: its dataset.
        classes: the classes.
        words: of `STARTS`.
        each: number of images of each class and word.
        protocol: the protocol whose boxes count.

    Returns:
        Pairs of image and class.
    """
    choose(protocol, record.protocols, "protocol of this run")
    predicted = {
        key: group[["x0", "y0", "x1", "y1"]].to_numpy(dtype=float)
        for key, group in record.boxes(protocol).groupby(["image", "class"])
    }
    pairs = []
    for label in classes:
        names, overlaps = [], []
        for sample in loaded.samples_of("test"):
            truth = [(box.x0, box.y0, box.x1, box.y1) for box in sample.boxes if box.label == label]
            if truth:
                names.append(sample.name)
                ours = predicted.get((sample.name, label), np.zeros((0, 4)))
                overlaps.append(overlap(np.array(truth, dtype=float), ours))
        pairs += [(names[row], label) for row in places(np.array(overlaps), words, each)]
    return pairs
