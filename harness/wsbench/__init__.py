"""wsbench: honest benchmarks for weakly supervised localisation on chest X-rays.

This is the public API: what a plugin may import is listed in ``__all__``, and nothing else. Names are
loaded on first use, so importing `wsbench` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsbench.contract.base import Dataset, Method, Run, Source
    from wsbench.contract.hookspecs import hookimpl
    from wsbench.contract.problems import Problem, one_value_each
    from wsbench.contract.records import Record
    from wsbench.contract.specs import (
        TABLES,
        BoxSupervision,
        CommandSpec,
        DatasetSpec,
        MethodSpec,
        MetricSpec,
        Requirement,
    )
    from wsbench.data.images import FileFacts, inspect_files, read_radiograph
    from wsbench.data.views import BoxedView, ImageView, WeakView
    from wsbench.errors import WsbenchError, choose
    from wsbench.files.user_files import image_files, read_text
    from wsbench.geometry.box_table import BoxTable, overlaps
    from wsbench.geometry.boxes import BoxRule, boxes_of, component_boxes, relative_scores
    from wsbench.geometry.coordinates import (
        areas,
        centre_crop,
        full_image,
        letterbox,
        over_whole_image,
        xywh_to_xyxy,
        xyxy_to_xywh,
    )
    from wsbench.geometry.heatmaps import peaked
    from wsbench.geometry.iou import one_to_one, pairwise_iou, shared_areas
    from wsbench.runs.api import run
    from wsbench.runs.model_selection import macro_auc
    from wsbench.scoring.bootstrap import Resamples, ratio
    from wsbench.scoring.priors import FIXED_COUNTS, as_fractions, fixed_boxes, on_every_image
    from wsbench.scoring.table import Heatmaps, Scored, Truth
    from wsbench.settings import HISTORY, Settings, TrainingSettings
    from wsbench.torch.classifier import Classification, crop_and_augment, three_channels
    from wsbench.torch.trainer import (
        WeakImages,
        autocast,
        best_weights,
        keyed_loader,
        last_weights,
        paper_weights,
        train,
    )
    from wsbench.torch.weights import fill_weights, read_weights, weights_misfit
    from wsbench.types import ORGANS, Box, Prediction, Region, Sample, ScoredBox, WeakSample
    from wsbench.utils.devices import torch_device
    from wsbench.utils.hashing import seed_from
    from wsbench.utils.progress import Progress

__version__ = "0.1.0"

_HOME = {
    "BoxRule": "geometry.boxes",
    "boxes_of": "geometry.boxes",
    "component_boxes": "geometry.boxes",
    "relative_scores": "geometry.boxes",
    "Classification": "torch.classifier",
    "crop_and_augment": "torch.classifier",
    "three_channels": "torch.classifier",
    "WsbenchError": "errors",
    "choose": "errors",
    "image_files": "files.user_files",
    "read_text": "files.user_files",
    "Region": "types",
    "areas": "geometry.coordinates",
    "centre_crop": "geometry.coordinates",
    "letterbox": "geometry.coordinates",
    "full_image": "geometry.coordinates",
    "over_whole_image": "geometry.coordinates",
    "xywh_to_xyxy": "geometry.coordinates",
    "xyxy_to_xywh": "geometry.coordinates",
    "one_to_one": "geometry.iou",
    "pairwise_iou": "geometry.iou",
    "shared_areas": "geometry.iou",
    "hookimpl": "contract.hookspecs",
    "peaked": "geometry.heatmaps",
    "FIXED_COUNTS": "scoring.priors",
    "as_fractions": "scoring.priors",
    "fixed_boxes": "scoring.priors",
    "on_every_image": "scoring.priors",
    "Problem": "contract.problems",
    "one_value_each": "contract.problems",
    "Progress": "utils.progress",
    "FileFacts": "data.images",
    "inspect_files": "data.images",
    "read_radiograph": "data.images",
    "Record": "contract.records",
    "Resamples": "scoring.bootstrap",
    "ratio": "scoring.bootstrap",
    "run": "runs.api",
    "BoxTable": "geometry.box_table",
    "Heatmaps": "scoring.table",
    "Scored": "scoring.table",
    "Truth": "scoring.table",
    "overlaps": "geometry.box_table",
    "seed_from": "utils.hashing",
    "macro_auc": "runs.model_selection",
    "Settings": "settings",
    "BoxSupervision": "contract.specs",
    "TABLES": "contract.specs",
    "CommandSpec": "contract.specs",
    "Dataset": "contract.base",
    "DatasetSpec": "contract.specs",
    "Method": "contract.base",
    "MethodSpec": "contract.specs",
    "MetricSpec": "contract.specs",
    "Requirement": "contract.specs",
    "Run": "contract.base",
    "Source": "contract.base",
    "WeakImages": "torch.trainer",
    "autocast": "torch.trainer",
    "best_weights": "torch.trainer",
    "keyed_loader": "torch.trainer",
    "last_weights": "torch.trainer",
    "paper_weights": "torch.trainer",
    "torch_device": "utils.devices",
    "train": "torch.trainer",
    "HISTORY": "settings",
    "TrainingSettings": "settings",
    "ORGANS": "types",
    "Box": "types",
    "Prediction": "types",
    "Sample": "types",
    "ScoredBox": "types",
    "WeakSample": "types",
    "BoxedView": "data.views",
    "ImageView": "data.views",
    "WeakView": "data.views",
    "fill_weights": "torch.weights",
    "read_weights": "torch.weights",
    "weights_misfit": "torch.weights",
}

__all__ = sorted([*_HOME, "__version__"])  # noqa: PLE0605 - one list of names is enough


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'wsbench' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(f"wsbench.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return __all__
