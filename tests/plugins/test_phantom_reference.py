"""Two pictures as numbers, so that no change and no other machine alters the phantom unnoticed.

If one is meant to change, raise the phantom's ``VERSION`` and write the new numbers here.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from wsbench_plugins.datasets.phantom._case import draw_case
from wsbench_plugins.datasets.phantom._render import render
from wsbench_plugins.datasets.phantom._truth import finding_boxes

THUMBNAILS = {
    "sick": (
        [
            [0, 6, 56, 114, 121, 78, 30, 9],
            [78, 117, 134, 156, 162, 135, 134, 102],
            [103, 134, 87, 135, 154, 85, 125, 94],
            [52, 113, 89, 126, 148, 88, 103, 65],
            [39, 110, 125, 128, 176, 108, 96, 58],
            [32, 103, 136, 163, 182, 129, 87, 53],
            [30, 134, 184, 212, 214, 179, 143, 51],
            [26, 114, 155, 185, 188, 169, 128, 47],
        ],
        [("pneumonia", 0.1643, 0.4522, 0.4526, 0.7366)],
    ),
    "tb": (
        [
            [0, 6, 56, 114, 121, 78, 30, 9],
            [78, 117, 142, 163, 162, 139, 134, 102],
            [103, 134, 108, 139, 155, 113, 133, 94],
            [52, 113, 86, 126, 148, 92, 103, 65],
            [39, 103, 91, 124, 176, 108, 96, 58],
            [32, 95, 119, 161, 182, 129, 87, 53],
            [30, 134, 184, 212, 214, 179, 143, 51],
            [26, 114, 155, 185, 188, 169, 128, 47],
        ],
        [("cavity", 0.5651, 0.1591, 0.8291, 0.4582), ("cavity", 0.2133, 0.1609, 0.4531, 0.4136)],
    ),
}
"""Means over an 8 x 8 grid of the picture at 128, and the boxes, of case 4 of seed 17."""


@pytest.mark.parametrize("group", THUMBNAILS)
def test_the_phantom_is_as_it_was(group):
    means, boxes = THUMBNAILS[group]
    case = draw_case(17, 4, group, tb_prevalence=0.34, marker_correlation=0.0)
    picture = cv2.resize(render(case, 128).astype(np.float32), (8, 8), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(picture, means, atol=2)
    found = finding_boxes(case)
    assert [box.name for box in found] == [name for name, *_ in boxes]
    corners = [(box.x0, box.y0, box.x1, box.y1) for box in found]
    np.testing.assert_allclose(corners, [box[1:] for box in boxes], atol=2e-3)
