"""The plain small network: its size, its maps by hand, and that a training says whether it has learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import wsbench
from wsbench import testing
from wsbench.contract import plugins
from wsbench_plugins.methods.plain_cnn._network import PlainNetwork, build
from wsbench_plugins.methods.plain_cnn._settings import PlainSettings

SMALL = {"image_size": 32, "widths": [4, 4, 4, 4, 4], "batch_size": 8}


def test_its_size_and_its_grid() -> None:
    network = build(PlainSettings(), classes=14, seed=0)
    convolutions = 9 * (1 * 16 + 16 * 32 + 32 * 64 + 64 * 64 + 64 * 64)
    normalisations, head = 2 * (16 + 32 + 64 + 64 + 64), 14 * 64 + 14
    assert sum(p.numel() for p in network.parameters()) == convolutions + normalisations + head == 98_302
    assert network.featured(torch.zeros(1, 1, 128, 128, dtype=torch.uint8)).shape == (1, 64, 16, 16)


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_maps_weight_features_by_the_last_layer(pooling: str) -> None:
    network = PlainNetwork((1, 1, 1, 1, 2), classes=1, pooling=pooling).eval()
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor([[2.0, -1.0]]))
        network.head.bias.fill_(0.5)
    features = torch.tensor([[[[1.0, 0.0], [3.0, 0.0]], [[0.0, 4.0], [1.0, 1.0]]]])  # (1, 2, 2, 2)
    maps = network.activation_maps(features)
    assert maps.tolist() == [[[[2.0, -4.0], [5.0, -1.0]]]]
    pooled = {"max": (3.0, 4.0), "mean": (1.0, 1.5)}[pooling]
    assert network.classified(features).tolist() == [[2 * pooled[0] - pooled[1] + 0.5]]


def test_weights_depend_on_the_seed_alone() -> None:
    first, again, other = (build(PlainSettings(), 1, seed).head.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    testing.check_method(plugins.find().methods["plain_cnn"], tmp_path, options={**SMALL, "epochs": 2})


def test_a_short_training_says_that_it_is_one(tmp_path: Path) -> None:
    options = {**SMALL, "image_size": 64, "epochs": 1}
    data = {"images": 120, "size": 64}
    record = wsbench.run("plain_cnn", "phantom", options=options, data_options=data, runs=tmp_path)
    signs = {sign["name"]: sign for sign in record.learning}
    assert list(signs) == ["select_auc", "select_auc_rise"]
    assert np.isfinite(signs["select_auc"]["value"])
    assert signs["select_auc_rise"]["value"] is None  # one epoch shows no slope
    assert record.method["reference"]
