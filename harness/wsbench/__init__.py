"""wsbench: honest benchmarks for weakly supervised localisation on chest X-rays.

This is the public API: what a plugin may import is listed in ``__all__``, and nothing else. Names are
loaded on first use, so importing `wsbench` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsbench.boxes import BoxRule, boxes_of, component_boxes, relative_scores
    from wsbench.classification import Classification, crop_and_augment, three_channels
    from wsbench.devices import torch_device
    from wsbench.door import run
    from wsbench.errors import WsbenchError, choose
    from wsbench.foreign import image_files, read_text
    from wsbench.frames import (
        Region,
        areas,
        centre_crop,
        full_image,
        letterbox,
        over_whole_image,
        xywh_to_xyxy,
        xyxy_to_xywh,
    )
    from wsbench.geometry import one_to_one, pairwise_iou, shared_areas
    from wsbench.hookspecs import hookimpl
    from wsbench.maps import peaked
    from wsbench.priors import FIXED_COUNTS, as_fractions, fixed_boxes, on_every_image
    from wsbench.problems import Problem, one_value_each
    from wsbench.progress import Progress
    from wsbench.radiographs import FileFacts, inspect_files, read_radiograph
    from wsbench.records import Record
    from wsbench.resampling import Resamples, ratio
    from wsbench.scored import BoxTable, Heatmaps, Scored, Truth, overlaps
    from wsbench.seeds import seed_from
    from wsbench.selection import macro_auc
    from wsbench.settings import Settings
    from wsbench.specs import (
        BoxSupervision,
        Dataset,
        DatasetSpec,
        Method,
        MethodSpec,
        MetricSpec,
        Requirement,
        Run,
        Source,
    )
    from wsbench.training import (
        WeakImages,
        autocast,
        best_weights,
        keyed_loader,
        last_weights,
        paper_weights,
        train,
    )
    from wsbench.training_settings import HISTORY, TrainingSettings
    from wsbench.types import ORGANS, Box, Prediction, Sample, ScoredBox, WeakSample
    from wsbench.weak import BoxedView, ImageView, WeakView
    from wsbench.weights import fill_weights, read_weights, weights_misfit

__version__ = "0.1.0"

_HOME = {
    "BoxRule": "boxes",
    "boxes_of": "boxes",
    "component_boxes": "boxes",
    "relative_scores": "boxes",
    "Classification": "classification",
    "crop_and_augment": "classification",
    "three_channels": "classification",
    "WsbenchError": "errors",
    "choose": "errors",
    "image_files": "foreign",
    "read_text": "foreign",
    "Region": "frames",
    "areas": "frames",
    "centre_crop": "frames",
    "letterbox": "frames",
    "full_image": "frames",
    "over_whole_image": "frames",
    "xywh_to_xyxy": "frames",
    "xyxy_to_xywh": "frames",
    "one_to_one": "geometry",
    "pairwise_iou": "geometry",
    "shared_areas": "geometry",
    "hookimpl": "hookspecs",
    "peaked": "maps",
    "FIXED_COUNTS": "priors",
    "as_fractions": "priors",
    "fixed_boxes": "priors",
    "on_every_image": "priors",
    "Problem": "problems",
    "one_value_each": "problems",
    "Progress": "progress",
    "FileFacts": "radiographs",
    "inspect_files": "radiographs",
    "read_radiograph": "radiographs",
    "Record": "records",
    "Resamples": "resampling",
    "ratio": "resampling",
    "run": "door",
    "BoxTable": "scored",
    "Heatmaps": "scored",
    "Scored": "scored",
    "Truth": "scored",
    "overlaps": "scored",
    "seed_from": "seeds",
    "macro_auc": "selection",
    "Settings": "settings",
    "BoxSupervision": "specs",
    "Dataset": "specs",
    "DatasetSpec": "specs",
    "Method": "specs",
    "MethodSpec": "specs",
    "MetricSpec": "specs",
    "Requirement": "specs",
    "Run": "specs",
    "Source": "specs",
    "WeakImages": "training",
    "autocast": "training",
    "best_weights": "training",
    "keyed_loader": "training",
    "last_weights": "training",
    "paper_weights": "training",
    "torch_device": "devices",
    "train": "training",
    "HISTORY": "training_settings",
    "TrainingSettings": "training_settings",
    "ORGANS": "types",
    "Box": "types",
    "Prediction": "types",
    "Sample": "types",
    "ScoredBox": "types",
    "WeakSample": "types",
    "BoxedView": "weak",
    "ImageView": "weak",
    "WeakView": "weak",
    "fill_weights": "weights",
    "read_weights": "weights",
    "weights_misfit": "weights",
}

__all__ = sorted([*_HOME, "__version__"])  # noqa: PLE0605 - one list of names is enough


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'wsbench' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(f"wsbench.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return __all__
