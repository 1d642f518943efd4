"""``hf:OWNER/NAME``: a model of the Hugging Face Hub that timm can load."""

from __future__ import annotations

from dataclasses import replace

import wsbench
from wsbench_plugins.methods.pretrained._released import Released

from . import timm


def released(name: str, outputs: int | None = None, channels: int = 3) -> Released:
    """Return the model of a repository that holds timm's ``config.json`` and the weights."""
    if outputs is not None or name.count("/") != 1:
        raise wsbench.WsbenchError(
            f"hf:{name}: give -o weights=hf:OWNER/NAME; the hub holds the architecture"
        )
    model = timm.released(f"hf_hub:{name}")
    # A tag stays with a model that somebody trained further, and says nothing of that.
    return model if name.startswith("timm/") else replace(model, trained_on=())
