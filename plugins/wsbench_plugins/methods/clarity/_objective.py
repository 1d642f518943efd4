"""Equations (18) and (19): all losses of a batch, weighted, with the ablations of Table 6 as options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from . import _losses as losses
from ._images import CELLS
from ._network import Logits

if TYPE_CHECKING:
    from . import ClaritySettings

CLASSIFICATION = {"wbce": losses.weighted_cross_entropy, "mlsm": losses.soft_margin}
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
    classify = CLASSIFICATION[settings.classification_loss]
    total = settings.alpha_class * classify(logits.class_token, targets.probabilities)
    if settings.segment:
        total = total + _of_segment(logits, targets, settings)
    if settings.token_loss != "none" and settings.token_layers:
        regularise = TOKENS[settings.token_loss]
        total = total + settings.delta * regularise(logits.tokens[-settings.token_layers :], targets.labels)
    return total


def _of_segment(logits: Logits, targets: Targets, settings: ClaritySettings) -> Tensor:
    """The CAM loss (equation 19)."""
    classify = CLASSIFICATION[settings.classification_loss]
    total = settings.alpha_patch * classify(logits.patch, targets.probabilities)
    total = total + settings.alpha_foreground * classify(logits.foreground, targets.probabilities)
    total = total + settings.beta_background * losses.background_suppression(
        logits.background, logits.patch, targets.labels
    )
    heatmaps = functional.interpolate(logits.heatmaps, (CELLS, CELLS), mode="bilinear").float()
    total = total + settings.beta_area * losses.area(heatmaps)
    if targets.regions is None or targets.distances is None:
        return total
    with torch.no_grad():
        weights = losses.similarity_weights(targets.regions)
    total = total + settings.gamma_proximity * losses.proximity(heatmaps, targets.distances, weights)
    return total + settings.gamma_confinement * losses.confinement(heatmaps, targets.regions, weights)
