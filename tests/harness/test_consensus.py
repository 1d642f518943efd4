"""Boxes of several readers become one box for each finding: by hand, in any order, with silent readers."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from wsbench.geometry import consensus_boxes

NONE = np.zeros((0, 4))


def boxes(*corners: tuple[float, ...]) -> np.ndarray:
    return np.array(corners, dtype=float)


A, B, C = (0, 0, 10, 10), (0, 0, 10, 8), (0, 2, 10, 10)
"""IoU: A with B and A with C 0.8, B with C 0.6."""
FAR = (50, 50, 60, 70)


@pytest.mark.parametrize(
    ("agree", "expected"),
    [
        (1, [(0, 2 / 3, 10, 28 / 3), FAR]),
        (2, [(0, 2 / 3, 10, 28 / 3)]),
        (3, [(0, 2 / 3, 10, 28 / 3)]),
        (4, []),
    ],
)
def test_the_mean_of_those_who_agree(agree: int, expected: list) -> None:
    by_reader = [boxes(A), boxes(B, FAR), boxes(C)]
    assert np.allclose(consensus_boxes(by_reader, agree=agree), np.reshape(expected, (-1, 4)))


def test_every_two_must_overlap() -> None:
    """A takes B or C; the third stays alone. A with B is as good as A with C: the smaller corners win."""
    found = consensus_boxes([boxes(A), boxes(B), boxes(C)], agree=1, iou=0.7)
    assert found.tolist() == [[0, 0, 10, 9], [0, 2, 10, 10]]
    assert consensus_boxes([boxes(A), boxes(B), boxes(C)], agree=1, iou=0.81).tolist() == [
        list(B), list(A), list(C)
    ]  # fmt: skip
    assert len(consensus_boxes([boxes(A), boxes(B)], agree=2, iou=0.8)) == 1  # the threshold itself counts


def test_two_boxes_of_one_reader_are_two_findings() -> None:
    found = consensus_boxes([boxes(A, B), boxes(A)], agree=1)
    assert found.tolist() == [list(B), list(A)]
    assert consensus_boxes([boxes(A, B)], agree=2).tolist() == []


def test_a_reader_without_a_box_agrees_with_nobody() -> None:
    assert consensus_boxes([boxes(A), NONE, NONE], agree=2).shape == (0, 4)
    assert consensus_boxes([NONE, NONE], agree=1).shape == (0, 4)
    assert consensus_boxes([], agree=1).shape == (0, 4)


def test_the_order_of_readers_does_not_matter() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        starts = generator.integers(0, 20, (3, 4, 2))
        by_reader = list(np.concatenate([starts, starts + generator.integers(8, 30, (3, 4, 2))], axis=2))
        first = consensus_boxes(by_reader, agree=1)
        for order in permutations(by_reader):
            assert np.array_equal(consensus_boxes([boxes[::-1] for boxes in order], agree=1), first)
