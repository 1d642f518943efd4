"""What tells whether CLARiTY has learnt: its foreground on select, and the pull of each part of its loss."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor

import wsbench

from ._images import CELLS, normalised
from ._regions import dilated, regions
from ._settings import LEAST_AUC

if TYPE_CHECKING:
    from ._network import Clarity
    from ._settings import ClaritySettings
    from ._training import Student

FILE = "learning.json"
"""What `measure` leaves in the run's folder."""

LEAST_SHARE, MOST_SHARE = 0.005, 0.9
"""Limits of the mean share of the image that is foreground. Below, no map has anything to show; above, it
confines nothing."""

BATCH = 16
"""Images of the batch that gradients are taken of."""


def measure(student: Student, batch: Any, select: wsbench.WeakView, run: wsbench.RunContext) -> None:
    """Write what `signs` reads, of the weights that the student has now.

    Args:
        student: after its training, with the weights of the best epoch.
        batch: a batch of its training.
        select: images whose foreground is measured.
        run: its folder.
    """
    device = wsbench.torch.torch_device(run.device)
    settings, network = student.settings, student.eval().to(device).network
    values: dict[str, Any] = {}
    if settings.segment:
        values |= foreground_facts(network, select, settings)
    losses = student.parts(move_data_to_device(batch, device))
    values["loss"] = {name: float(part.detach()) for name, part in losses.items()}
    values["gradient"] = wsbench.torch.gradient_norms(losses, network.parameters())
    unfinished = run.folder / f"{FILE}.part"
    unfinished.write_text(json.dumps(values, indent=1), encoding="utf-8")
    unfinished.replace(run.folder / FILE)


def foreground_facts(
    network: Clarity, select: wsbench.WeakView, settings: ClaritySettings
) -> dict[str, dict[str, float]]:
    """By class, the share of the image that is foreground, and with anatomy that of its region and the
    overlap (IoU) of both; means over images."""
    facts: dict[str, list[np.ndarray]] = {}
    for images in select.chunks(BATCH):
        foreground = foreground_of(network, images, settings)
        values = {"share": foreground.mean(axis=(2, 3))}
        if settings.anatomy == "organs":
            of_image = [regions_of(masks, select.classes, settings) for masks in images.organs(CELLS)[:]]
            true = np.stack(of_image)
            values["region_share"] = true.mean(axis=(2, 3))
            values["region_iou"] = overlap(foreground >= 0.5, true)
        for name, value in values.items():
            facts.setdefault(name, []).append(value)
    return {name: by_class(select.classes, np.concatenate(parts)) for name, parts in facts.items()}


def foreground_of(network: Clarity, images: wsbench.ImageView, settings: ClaritySettings) -> np.ndarray:
    """``S_f`` of a few images, ``(N, C, 64, 64)``: every cell has the value of the patch that holds it."""
    size, device = settings.image_size, network.positions.device
    grey = torch.from_numpy(images.pixels(size, size)[:])[:, None].to(device)
    with torch.inference_mode(), wsbench.torch.autocast(settings, device):
        heatmaps = network(normalised(grey, settings)).heatmaps
    foreground = network.segment.foreground(heatmaps).float()
    return torch.nn.functional.interpolate(foreground, (CELLS, CELLS)).cpu().numpy()


def regions_of(masks: np.ndarray, classes: Sequence[str], settings: ClaritySettings) -> np.ndarray:
    """``(5, 64, 64)`` organ masks -> ``(C, 64, 64)`` bool, where each class can lie."""
    organs = dict(zip(wsbench.images.ORGANS, masks.astype(bool), strict=True))
    return dilated(regions(organs, classes), settings.region_margin * CELLS)


def overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """IoU of masks ``(N, C, H, W)``, ``(N, C)``; 1 where both are empty."""
    both, either = (first & second).sum(axis=(2, 3)), (first | second).sum(axis=(2, 3))
    return np.where(either > 0, both / np.maximum(either, 1), 1.0)


def by_class(classes: Sequence[str], values: np.ndarray) -> dict[str, float]:
    """Means over images of ``(N, C)`` values, by class."""
    return {name: float(value) for name, value in zip(classes, values.mean(axis=0), strict=True)}


def signs(run: wsbench.RunContext) -> list[wsbench.contract.Sign]:
    """The signs of a finished training: its curve, its foreground, its losses and their gradients."""
    curve = wsbench.torch.curve_signs(run, "select_auc", at_least=LEAST_AUC)
    path = Path(run.folder) / FILE
    if not path.exists():
        return curve
    facts: Mapping[str, Mapping[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    return [
        *curve,
        *_foreground_signs(facts),
        *(_sign(kind, name, value) for kind in ("loss", "gradient") for name, value in facts[kind].items()),
    ]


def _foreground_signs(facts: Mapping[str, Mapping[str, float]]) -> list[wsbench.contract.Sign]:
    if "share" not in facts:
        return []
    kinds = [kind for kind in ("share", "region_share", "region_iou") if kind in facts]
    means = {kind: float(np.mean(list(facts[kind].values()))) for kind in kinds}
    share = wsbench.contract.Sign(
        "foreground", means.pop("share"), LEAST_SHARE, MOST_SHARE, "the foreground confines nothing or all"
    )
    others = [wsbench.contract.Sign(f"foreground_{kind}", value) for kind, value in means.items()]
    return [share, *others, *(_sign("foreground", name, value) for name, value in facts["share"].items())]


def _sign(kind: str, name: str, value: float) -> wsbench.contract.Sign:
    return wsbench.contract.Sign(f"{kind}_{word(name)}", value)


def word(name: str) -> str:
    """A class's name as a part of another name: what is neither letter nor digit becomes ``_``."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def shares(foreground: Tensor) -> Tensor:
    """``(N, C, n, n)`` -> ``(N, C)`` share of the cells that are foreground."""
    return foreground.mean(dim=(2, 3))
