"""KD-Grad-CAM with settings that are quick to train, and a view of one image with boxes."""

from __future__ import annotations

import numpy as np

from wsbench.contract import plugins
from wsbench.data.views import BoxedView
from wsbench.types import Box
from wsbench_plugins.methods import kd_gradcam

FOUND = plugins.find()
TINY = {
    "backbone": "resnet18",
    "weights": "random",
    "resize": 40,
    "crop": 32,
    "epochs": 1,
    "batch_size": 16,
    "randaugment_operations": 0,
}


def student(**values: object) -> kd_gradcam.StudentSettings:
    return kd_gradcam.StudentSettings(**{**TINY, **values})


def boxed(*boxes: Box, size: int = 100) -> BoxedView:
    return BoxedView(("tb",), ("a",), np.array([[size, size]]), None, None, np.array([0]), (), (boxes,))
