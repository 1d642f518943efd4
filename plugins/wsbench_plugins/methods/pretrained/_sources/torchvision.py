"""``torchvision:NAME`` or ``torchvision:NAME.WEIGHTS``: classifiers of torchvision.models."""

from __future__ import annotations

import torchvision

import wsbench
from wsbench_plugins.methods.pretrained._released import Released

NOT_ALONE = {"SWAG": "Instagram 3.6B"}
"""Parts of weights' names, and what those were trained on besides ImageNet (torchvision's model pages)."""


def released(name: str, outputs: int | None = None, channels: int = 3) -> Released:
    """Return the model with the named weights, or with the default weights of the library."""
    name, _, entry = name.partition(".")
    known = dict.fromkeys(torchvision.models.list_models(module=torchvision.models))
    wsbench.choose(name, known, "model of torchvision")
    enumeration = torchvision.models.get_model_weights(name)
    table = {weights.name: weights for weights in enumeration}
    weights = wsbench.choose(entry, table, f"weights of {name}") if entry else enumeration.DEFAULT
    shown = weights.transforms()
    more = {} if outputs is None else {"num_classes": outputs}
    return Released(
        network=torchvision.models.get_model(name, weights=None if more else weights, **more),
        outputs=tuple(weights.meta["categories"]),
        shown_as={
            "side": shown.crop_size[0],
            "resize": shown.resize_size[0],
            "mean": tuple(shown.mean),
            "deviation": tuple(shown.std),
        },
        trained_on=("ImageNet-1k", *(data for word, data in NOT_ALONE.items() if word in weights.name)),
    )
