"""``torchxrayvision:NAME``: TorchXRayVision's classifiers, with their own operating points."""

from __future__ import annotations

import contextlib
import io
from functools import partial

import torch
import torchxrayvision as xrv

import wsbench
from wsbench_plugins.methods.pretrained._released import Released
from wsbench_plugins.methods.pretrained._xray import network_of, normalised, read_pickled, releases_of


def released(name: str, outputs: int | None = None, channels: int = 1) -> Released:
    """Return a model whose images go from -1024 to 1024. Its scores are scaled by its operating points."""
    known = {model: entry for model, entry in xrv.models.model_urls.items() if "-res" in model}
    entry = wsbench.choose(name, known, "model of TorchXRayVision")
    count, side = outputs or len(entry["labels"]), entry["input_resolution"]
    network = network_of(name, count)
    if outputs is None:
        with contextlib.redirect_stdout(io.StringIO()):  # advice that an error of ours gives in its own words
            path = xrv.models.get_weights(name)
        network.load_state_dict(read_pickled(path))
    return Released(
        network,
        outputs=tuple(entry["labels"]),
        shown_as={"side": side, "channels": 1, "low": -1024.0, "high": 1024.0},
        scores=partial(normalised, torch.tensor(entry["op_threshs"])) if outputs is None else None,
        trained_on=releases_of(name),
    )
