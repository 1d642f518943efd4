"""Equations (18) and (19): all losses of a batch, weighted, with the ablations of Table 6 as options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from . import _losses as losses
from ._images import CELLS
from ._network import Logits

if TYPE_CHECKING:
    from ._settings import ClaritySettings

CLASSIFICATION = {
    "wbce": losses.weighted_cross_entropy,
    "mlsm": losses.soft_margin,
    "mlsm_mean": losses.mean_soft_margin,
}
TOKENS = {"oct": losses.orthogonality, "cct": losses.contrast}


@dataclass(frozen=True)
class Targets:
    """The targets of a batch.

    Attributes:
        probabilities: ``(N, C)`` that the classification losses aim at: labels, or the teacher's.
        labels: ``(N, C)`` of 0 and 1.
        regions, distances: ``(N, C, 64, 64)``; None without anatomy.
    """

    probabilities: Tensor
    labels: Tensor
    regions: Tensor | None = None
    distances: Tensor | None = None


def loss(logits: Logits, targets: Targets, settings: ClaritySettings) -> Tensor:
    """The combined loss of a batch (equation 18)."""
    return total(parts(logits, targets, settings))


def total(parts: Mapping[str, Tensor]) -> Tensor:
    """The sum of weighted losses."""
    # Added one after the other, in the order of equations (18) and (19): floats depend on the order.
    first, *others = parts.values()
    for part in others:
        first = first + part
    return first


def parts(logits: Logits, targets: Targets, settings: ClaritySettings) -> dict[str, Tensor]:
    """The weighted losses of equations (18) and (19) by name, without those that the settings leave out."""
    weighted = {"class": settings.alpha_class * _classification(logits.class_token, targets, settings)}
    if settings.segment:
        weighted |= _of_segment(logits, targets, settings)
    if settings.token_loss != "none" and settings.token_layers:
        regularise = TOKENS[settings.token_loss]
        last = logits.tokens[-settings.token_layers :]
        weighted["tokens"] = settings.delta * regularise(last, _positives(targets, settings))
    return weighted


def _of_segment(logits: Logits, targets: Targets, settings: ClaritySettings) -> dict[str, Tensor]:
    """The parts of the CAM loss (equation 19)."""
    weighted = {
        "patch": settings.alpha_patch * _classification(logits.patch, targets, settings),
        "foreground": settings.alpha_foreground * _classification(logits.foreground, targets, settings),
        "background": settings.beta_background
        * losses.background_suppression(logits.background, logits.patch, _positives(targets, settings)),
    }
    heatmaps = functional.interpolate(logits.heatmaps, (CELLS, CELLS), mode="bilinear").float()
    weighted["area"] = settings.beta_area * losses.area(heatmaps)
    if targets.regions is None or targets.distances is None:
        return weighted
    with torch.no_grad():
        printed = settings.region_weights == "as_printed"
        weights = losses.similarity_weights(targets.regions, as_printed=printed)
    near = losses.proximity(heatmaps, targets.distances, weights)
    by_image = settings.confinement == "by_image"
    outside = losses.confinement(heatmaps, targets.regions, weights, by_image=by_image)
    weighted["proximity"] = settings.gamma_proximity * near
    weighted["confinement"] = settings.gamma_confinement * outside
    return weighted


def _classification(logits: Tensor, targets: Targets, settings: ClaritySettings) -> Tensor:
    counted = targets.labels if settings.weigh_by == "labels" else targets.probabilities
    return CLASSIFICATION[settings.classification_loss](logits, targets.probabilities, counted)


def _positives(targets: Targets, settings: ClaritySettings) -> Tensor:
    return targets.labels if settings.positives == "labels" else targets.probabilities
