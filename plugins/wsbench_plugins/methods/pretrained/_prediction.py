"""Scores and maps of a released model, for every class of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

import wsbench

from . import _labels, _released
from ._input import Classifier, Input

if TYPE_CHECKING:
    from ._settings import PretrainedSettings

IMAGES_AT_ONCE = 16
"""Images that are predicted together. It changes numbers in their last bits only."""


@dataclass(frozen=True)
class Model:
    """A released model that predicts the classes of a dataset.

    Attributes:
        classifier: maps ``(N, 1, side, side)`` floats in [0, 1] to ``(N, K)`` logits, in evaluation mode.
        shown: what the classifier is shown of an image.
        names: the names of the K outputs.
        places: the index of the output of every class.
        scores: maps ``(N, K)`` logits to scores in [0, 1].
        trained_on: the releases that it was trained on, or ``unknown``.
    """

    classifier: Classifier
    shown: Input
    names: tuple[str, ...]
    places: tuple[int, ...]
    scores: Callable[[Tensor], Tensor]
    trained_on: tuple[str, ...]


def load(settings: PretrainedSettings, classes: Sequence[str]) -> Model:
    """Load the model that the settings name, and try it on a black image.

    Raises:
        WsbenchError: it could not be loaded, cannot take such images, or has no output for a class.
    """
    released = _released.find(settings)
    shown = Input.of(released.shown_as, settings.input)
    classifier = Classifier(released.network, shown).eval()
    count = _outputs(classifier, settings)
    names = settings.outputs or released.outputs or tuple(map(str, range(count)))
    if len(names) != count:
        raise wsbench.WsbenchError(
            f"outputs: {len(names)} names are given; {settings.weights} has {count} outputs"
        )
    places = _labels.outputs_of(classes, names, settings.labels, settings.weights)
    known: dict[str, Any] = {"sigmoid": torch.sigmoid, "softmax": _released.softmax}
    scores = known.get(settings.activation, released.scores)
    if scores is _released.softmax and count == 1:
        raise wsbench.WsbenchError("softmax of one output is 1 for every image; give -o activation=sigmoid")
    assert scores is not None
    trained_on = settings.trained_on or released.trained_on or ("unknown",)
    return Model(classifier, shown, names, places, scores, trained_on)


def _outputs(classifier: Classifier, settings: PretrainedSettings) -> int:
    """Count the outputs of a classifier by trying it on a black image."""
    side = classifier.shown.side
    try:
        with torch.inference_mode():
            return int(classifier(torch.zeros(1, 1, side, side)).shape[1])
    except Exception as error:  # each network has its own way of failing
        reason = " ".join(str(error).split())[: _released.REASON_CHARACTERS]
        raise wsbench.WsbenchError(
            f"{settings.weights} cannot take {classifier.shown.channels} x {side} x {side} images "
            f"({reason}); give another -o input='{{side: ..., channels: ...}}'"
        ) from None


def predict(
    model: Model, explained: wsbench.torch.Explained, images: wsbench.ImageView, settings: PretrainedSettings
) -> wsbench.Prediction:
    """Predict scores, and the maps that the settings name. A map covers what the network is shown."""
    device = next(model.classifier.parameters()).device
    left, right = wsbench.torch.map_reach(explained, settings, model.shown.side)
    scores, maps = [], []
    for chunk in images.chunks(IMAGES_AT_ONCE):
        grey = model.shown.images(chunk).to(device)
        logits, chunk_maps = wsbench.torch.logits_and_maps(explained, grey, settings, model.places)
        scores.append(model.scores(logits)[:, list(model.places)].cpu().numpy())
        maps.append(chunk_maps)
    regions = []
    for width, height in images.sizes.tolist():
        seen = model.shown.region(width, height)
        regions.append(
            wsbench.Region(
                seen.x0 + left * seen.width,
                seen.y0 + left * seen.height,
                seen.x0 + right * seen.width,
                seen.y0 + right * seen.height,
            )
        )
    return wsbench.Prediction(np.concatenate(scores), np.concatenate(maps), regions)
