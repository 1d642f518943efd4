"""``timm:NAME`` or ``timm:NAME.TAG``: networks of timm, with the preprocessing of their data config."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import timm

from wsbench_plugins.methods.pretrained._released import Released

TAGS = {"in1k": "ImageNet-1k", "in12k": "ImageNet-12k", "in21k": "ImageNet-21k", "in22k": "ImageNet-21k"}
"""Parts of timm's tags, and the data that they stand for (its documentation, Results, Pretrained tags)."""


def released(name: str, outputs: int | None = None, channels: int = 3) -> Released:
    """Return the model with the weights of its tag, or with the default weights of the library."""
    asked = {"pretrained": True} if outputs is None else {"num_classes": outputs, "in_chans": channels}
    network, data = timm.create_model(name, **asked), import_module("timm.data")
    published: Any = network.pretrained_cfg
    config = data.resolve_model_data_config(network)
    side, stretched = config["input_size"][-1], config["crop_mode"] == "squash"
    subset = data.infer_imagenet_subset(network)
    names = published.get("label_names") or (data.ImageNetInfo(subset).label_descriptions() if subset else ())
    words = str(published.get("tag", "")).split("_")
    unknown = not set(words) & set(TAGS) or any("laion" in word or "openai" in word for word in words)
    return Released(
        network=network,
        outputs=tuple(names),
        shown_as={
            "side": side,
            "resize": int(side / config["crop_pct"]),
            "fit": "stretch" if stretched else "crop",
            "channels": config["input_size"][0] if outputs is None else channels,
            "mean": tuple(config["mean"]),
            "deviation": tuple(config["std"]),
        },
        trained_on=() if unknown else tuple(dict.fromkeys(TAGS[word] for word in words if word in TAGS)),
    )
