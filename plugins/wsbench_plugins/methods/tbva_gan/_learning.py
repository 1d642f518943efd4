"""What tells whether a recogniser or a translation has learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

import wsbench

from ._images import healthy_and_active
from ._prediction import changemaps, masks_of

if TYPE_CHECKING:
    from ._recogniser import Recogniser
    from ._settings import ChangemapSettings
    from ._translation import Translator

MAPS = "select_maps.npz"
"""Changemaps and Grad-CAM of some select images, from which masks follow."""
IMAGES = 16
"""So many images with tuberculosis."""
LEAST_AUC = 0.85
"""Of a recogniser or discriminator that knows tuberculosis: as much as the thumbnail of `low_level` has on
the phantom, 0.846. The paper's recogniser has an accuracy of 0.99."""
MOST_LEFT = 0.5
"""Of F, of images made normal: its own border between tuberculosis and none."""
MASK = (0.0005, 0.5)
"""Shares of the image within which a mask marks something, and not everything."""


def of_recogniser(run: wsbench.RunContext, measured: Mapping[str, float]) -> Sequence[wsbench.contract.Sign]:
    """The curve of the AUC on select, and the test of section 4.2."""
    further = [
        wsbench.contract.Sign(name, value) for name, value in measured.items() if name != "held_out_images"
    ]
    return [*wsbench.torch.curve_signs(run, "select_auc", at_least=LEAST_AUC), *further]


def of_translation(
    run: wsbench.RunContext, settings: ChangemapSettings, history: Mapping[str, float]
) -> Sequence[wsbench.contract.Sign]:
    """What translation does to images of select, what the discriminators know, and how hard losses pull.

    A translation that no recogniser guides can only take out what its discriminators know, so theirs must
    be an AUC of `LEAST_AUC`. They judge real images here, that nothing was learnt from.

    Args:
        run: the folder of the training.
        settings: the rule of the mask, and the weights of the losses.
        history: the last epoch.
    """
    sign = wsbench.contract.Sign
    guided = getattr(settings, "cls_weight", 0) > 0
    known = [value for name, value in history.items() if name.startswith("discriminator_auc")]
    others = [
        sign(name, value)
        for name, value in history.items()
        if name.startswith(("change_", "peak_", "gradient_", "discriminator_auc_")) or name in PARTS
    ]
    return [
        sign(
            "score_made_normal",
            history["score_made_normal"],
            at_most=MOST_LEFT,
            reason="images made normal still look tuberculous to the recogniser",
        ),
        sign(
            "discriminator_auc",
            max(known),
            at_least=None if guided else LEAST_AUC,
            reason="its discriminators hardly know tuberculosis",
        ),
        sign("mask_share", mask_share(run, settings), *MASK, "the mask is empty, or most of the image"),
        *others,
    ]


PARTS = ("gan", "cycle", "identity", "cls", "cam", "domain", "wasserstein", "penalty", "domain_real")
"""Weighted parts of losses, in histories."""


def keep_maps(
    network: Translator,
    recogniser: Recogniser,
    select: wsbench.WeakView,
    settings: ChangemapSettings,
    run: wsbench.RunContext,
) -> None:
    """Write changemaps and Grad-CAM of the first images with tuberculosis. The rule of the mask may change
    after the training, so masks are made of them when they are asked for."""
    device = wsbench.torch.torch_device(run.device)
    _, active = healthy_and_active(select, settings.recogniser.active)
    changed, attention = changemaps(
        network.eval().to(device), recogniser.eval().to(device), select.at(active[:IMAGES]), settings
    )
    unfinished = run.folder / f"{MAPS}.part"
    with unfinished.open("wb") as file:
        np.savez_compressed(file, changed=changed.astype(np.float16), attention=attention.astype(np.float16))
    unfinished.replace(run.folder / MAPS)


def mask_share(run: wsbench.RunContext, settings: ChangemapSettings) -> float:
    """The mean share of an image with tuberculosis that lies in its mask."""
    with np.load(run.folder / MAPS) as kept:
        changed, attention = (kept[name].astype(np.float32) for name in ("changed", "attention"))
    return float(masks_of(changed, attention, settings).mean())
