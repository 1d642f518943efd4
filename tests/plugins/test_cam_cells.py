"""Method cam: where a layer's cells look."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import wsbench
from wsbench.torch.maps import cells as cells_module
from wsbench.torch.maps.cells import Cells, cells_of
from wsbench_plugins.methods.cam import CamSettings, _network, _prediction

SIDE = 64


def explained(backbone: str, side: int = SIDE, **settings: str):
    wanted = CamSettings(backbone=backbone, weights="random", crop=side, resize=side, **settings)
    return _prediction.explain(_network.build(wanted, 1, seed=1).eval(), wanted), wanted


def test_a_window_by_hand() -> None:
    """Three pixels under each of two windows, the first of which begins a pixel outside."""
    pixels = Cells(0.5, 1.0, 4)
    assert pixels.span() == (0.0, 4.0)
    assert pixels.after(3, 2, 1, 1, 2) == Cells(0.5, 2.0, 2)
    assert pixels.after(3, 2, 1, 1, 2).span() == (-0.5, 3.5)
    assert pixels.after(2, 2, 0, 1, 2) == Cells(1.0, 2.0, 2)
    assert pixels.after(2, 1, 0, 2, 2) == Cells(1.5, 1.0, 2)
    assert pixels.after(2, 2, 0, 1, 2).after(2, 2, 0, 1, 1) == Cells(2.0, 4.0, 1)


@pytest.mark.parametrize(
    ("backbone", "layer", "found"),
    [
        ("resnet18", "network.layer3", Cells(0.5, 16.0, 4)),
        ("resnet18", "network.layer1", Cells(0.5, 4.0, 16)),
        ("timm/resnet18", "auto", Cells(0.5, 32.0, 2)),
        ("densenet121", "network.features", Cells(0.5 + 2.0 + 4.0 + 8.0, 32.0, 2)),
        ("googlenet", "network.inception5b", Cells(0.5 + 2.0 + 4.0 + 8.0 + 8.0, 32.0, 2)),
        ("vgg11", "network.features", Cells(16.0, 32.0, 2)),
        ("timm/vit_tiny_patch16_224", "auto", Cells(8.0, 16.0, 4)),
        ("timm/xcit_nano_12_p8_224", "network.blocks.10", Cells(0.5, 8.0, 8)),
    ],
)
def test_cells_of_known_networks(backbone: str, layer: str, found: Cells) -> None:
    seen, _ = explained(backbone, layer=layer)
    assert cells_of(seen.classifier, seen.tap, SIDE) == found


@pytest.mark.parametrize("backbone", ["resnet18", "densenet121"])
def test_cells_are_where_gradients_come_from(backbone: str) -> None:
    """Of one cell in the middle, by the centre of mass of squared gradients over noise; no rounding or border
    decides, so that a shift of half a cell, 8 pixels of 16, would show."""
    layer = {"resnet18": "network.layer3", "densenet121": "network.features.denseblock3"}[backbone]
    seen, _ = explained(backbone, 256, layer=layer)
    cells = cells_of(seen.classifier, seen.tap, 256)
    middle, kept = cells.count // 2, []
    seen.tap.register_forward_hook(lambda module, inputs, output: kept.append(output))
    noise = torch.rand(4, 1, 256, 256, generator=torch.Generator().manual_seed(5)).requires_grad_(True)
    seen.classifier(noise)
    cell = kept[-1][:, :, middle, middle]
    weights = torch.randn(cell.shape, generator=torch.Generator().manual_seed(6))
    (gradient,) = torch.autograd.grad((weights * cell).sum(), noise)
    energy = gradient.square().sum(dim=(0, 1)).double()
    centres = torch.arange(256) + 0.5
    down, across = (float((energy.sum(dim=axis) * centres).sum() / energy.sum()) for axis in (1, 0))
    looked = cells.first + middle * cells.step
    assert abs(down - looked) < 2.5
    assert abs(across - looked) < 2.5


def test_a_grid_that_nothing_explains_is_said() -> None:
    seen, settings = explained("swin_t", cells="centred")
    with pytest.raises(wsbench.WsbenchError, match="use -o cells=stretched"):
        wsbench.torch.map_reach(seen, settings, SIDE)
    same, settings = explained("timm/tf_efficientnet_b0", cells="centred")  # pads by the image's size
    with pytest.raises(wsbench.WsbenchError, match="use -o cells=stretched"):
        wsbench.torch.map_reach(same, settings, SIDE)


def test_maps_of_cells_move_and_maps_of_pixels_stay() -> None:
    seen, stretched = explained("resnet18", layer="network.layer3")
    centred = stretched.model_copy(update={"cells": "centred"})
    assert wsbench.torch.map_reach(seen, stretched, SIDE) == (0.0, 1.0)
    assert wsbench.torch.map_reach(seen, centred, SIDE) == (-7.5 / 64, 56.5 / 64)
    assert wsbench.torch.map_reach(seen, centred.model_copy(update={"cam": "saliency"}), SIDE) == (0.0, 1.0)


def test_what_maps_cover_of_an_image() -> None:
    settings = CamSettings(resize=80, crop=64)
    region = _prediction.covered(160, 320, settings, (-0.125, 0.875))
    found = region.x0, region.y0, region.x1, region.y1
    assert found == (16.0 - 16.0, 32.0 - 32.0, 144.0 - 16.0, 288.0 - 32.0)
    whole = _prediction.covered(160, 320, settings, (0.0, 1.0))
    assert whole == wsbench.geometry.centre_crop(160, 320, resized=80, cropped=64)


def test_networks_of_one_axis_alone_are_not_guessed() -> None:
    network = nn.Conv2d(1, 2, (3, 5), stride=2, padding=(1, 2))
    assert cells_module._after(Cells(0.5, 1.0, 8), network, 4) is None
