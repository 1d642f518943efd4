"""Poolings of method cam: every function by hand, every map beside its pooling, backbones and training."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch

import wsbench
from wsbench import testing
from wsbench.contract.base import RunContext
from wsbench.utils.progress import Silent
from wsbench_plugins.methods import cam
from wsbench_plugins.methods.cam import CamSettings, _losses, _network, _pooling, _prediction

SIDE = 64
ALL = sorted(_pooling.POOLINGS)
LN3 = math.log(3)


def built(
    pooling: str, backbone: str = "resnet18", **settings: Any
) -> tuple[_network.Classifier, CamSettings]:
    options: dict[str, Any] = {"weights": "random", "resize": SIDE, "crop": SIDE, **settings}
    wanted = CamSettings(backbone=backbone, pooling=pooling, **options)
    return _network.build(wanted, 3, seed=1).eval(), wanted


def made(pooling: str, **weights: list[Any]) -> _pooling.Pooling:
    """A pooling of two channels and one class, with weights and biases by name."""
    result = _pooling.POOLINGS[pooling](2, 1, 2, 1.0)
    with torch.no_grad():
        for name, (weight, bias) in weights.items():
            layer = getattr(result, name)
            layer.weight.copy_(torch.tensor([weight]))
            layer.bias.copy_(torch.tensor([bias]))
    return result


GRID = torch.tensor([[[[1.0, 3.0]], [[2.0, 0.0]]]])
"""One image of two cells: the channels of the first are 1 and 2, those of the second 3 and 0."""


# The functions.


def test_log_sum_exp_by_hand() -> None:
    """Of ln 2 and 0 with r = 1: ln of the mean of 2 and 1; with r = 2, half of ln of the mean of 4 and 1."""
    values = torch.tensor([math.log(2), 0.0])
    assert _pooling.log_sum_exp(values, 1).item() == pytest.approx(math.log(1.5))
    assert _pooling.log_sum_exp(values, 2).item() == pytest.approx(math.log(2.5) / 2)
    assert _pooling.log_sum_exp(values, 1e-3).item() == pytest.approx(values.mean().item(), abs=1e-3)
    assert _pooling.log_sum_exp(1000 * values, 10).item() == pytest.approx(1000 * math.log(2), abs=0.1)


def test_noisy_or_by_hand() -> None:
    """Of probabilities 1/2 and 3/4 none is positive with 1/8: odds 7 to 1."""
    assert _pooling.noisy_or(torch.tensor([0.0, LN3])).item() == pytest.approx(math.log(7))
    assert _pooling.noisy_or(torch.tensor([-80.0, -80.0])).isfinite()
    assert _pooling.noisy_or(torch.full((400,), 50.0)).item() == pytest.approx(20_000)


def test_the_weighted_sum_by_hand() -> None:
    """Weights 3/4 and 1/4 of probabilities 1/2 and 3/4: 9/16, odds 9 to 7."""
    value = _pooling.weighted(torch.tensor([0.0, LN3]), torch.tensor([LN3, 0.0]))
    assert value.item() == pytest.approx(math.log(9 / 7))
    extreme = _pooling.weighted(torch.tensor([-300.0, -300.0]), torch.zeros(2))
    assert extreme.item() == pytest.approx(-300)


# The poolings, with their maps.


def test_wang_s_map_is_the_class_activation_map() -> None:
    """Channels pool to ln of the means of (e, e^3) and of (e^2, 1); the map is 2 f0 - f1, rectified."""
    logits, maps = made("lse", prediction=([2.0, -1.0], 0.5)).logits_and_maps(GRID)
    pooled = math.log((math.e + math.e**3) / 2), math.log((math.e**2 + 1) / 2)
    assert logits.item() == pytest.approx(2 * pooled[0] - pooled[1] + 0.5)
    assert maps.tolist() == [[[[0.0, 6.0]]]]


def test_pcan_s_map_is_what_its_probability_sums() -> None:
    """Diagnoses ln 3 * (f0 - 1) / 2 are 0 and ln 3; attention ln 3 * (f1) / 2 is ln 3 and 0."""
    pooling = made("attention", diagnosis=([LN3 / 2, 0.0], -LN3 / 2), attention=([0.0, LN3 / 2], 0.0))
    logits, maps = pooling.logits_and_maps(GRID)
    assert maps.flatten().tolist() == pytest.approx([3 / 4 * 1 / 2, 1 / 4 * 3 / 4])
    assert logits.sigmoid().item() == pytest.approx(maps.sum().item())


def test_noisy_or_s_map_holds_the_probabilities_of_cells() -> None:
    logits, maps = made("noisy_or", diagnosis=([LN3 / 2, 0.0], -LN3 / 2)).logits_and_maps(GRID)
    assert maps.flatten().tolist() == pytest.approx([1 / 2, 3 / 4])
    assert logits.sigmoid().item() == pytest.approx(7 / 8)


def test_cells_of_noisy_or_begin_by_giving_an_image_one_half() -> None:
    pooling = _pooling.NoisyOr(4, 2, 49, 1.0)
    logits = pooling(torch.zeros(1, 4, 7, 7))
    assert logits.tolist()[0] == pytest.approx([0.0, 0.0], abs=1e-4)


def test_the_gated_attention_of_ilse_by_hand() -> None:
    """One hidden unit, tanh(f0) sigmoid(f1), is the attention's logit."""
    pooling = made("mil_attention", prediction=([2.0, 1.0], 0.5))
    with torch.no_grad():
        for name, weight in (("content", [1.0, 0.0]), ("gate", [0.0, 1.0])):
            layer = getattr(pooling, name)
            layer.weight.zero_()
            layer.bias.zero_()
            layer.weight[0] = torch.tensor(weight)
        pooling.attention.weight.zero_()
        pooling.attention.bias.zero_()
        pooling.attention.weight[0, 0] = 1.0
    logits, maps = pooling.logits_and_maps(GRID)
    scores = [math.tanh(1) / (1 + math.exp(-2)), math.tanh(3) / 2]
    share = math.exp(scores[0]) / (math.exp(scores[0]) + math.exp(scores[1]))
    assert maps.flatten().tolist() == pytest.approx([share, 1 - share])
    mean = [share * 1 + (1 - share) * 3, share * 2]
    assert logits.item() == pytest.approx(2 * mean[0] + mean[1] + 0.5)


@pytest.mark.parametrize("pooling", ALL)
def test_a_pooling_asks_nothing_of_where_cells_lie_and_reaches_every_weight(pooling: str) -> None:
    torch.manual_seed(0)
    layer = _pooling.POOLINGS[pooling](5, 2, 12, 3.0)
    grid = torch.rand(2, 5, 3, 4)
    logits, maps = layer.logits_and_maps(grid)
    assert (logits.shape, maps.shape) == ((2, 2), (2, 2, 3, 4))
    order = torch.randperm(12)
    shuffled, moved = layer.logits_and_maps(grid.flatten(2)[..., order].view_as(grid))
    assert torch.allclose(shuffled, logits, atol=1e-5)
    assert torch.allclose(moved.flatten(2), maps.flatten(2)[..., order], atol=1e-6)
    logits.sum().backward()
    gradients = {name: parameter.grad for name, parameter in layer.named_parameters()}
    invariant = {"attention.bias"}  # a softmax takes it off again
    assert {n for n, g in gradients.items() if g is None or not g.abs().max() > 1e-7} <= invariant


# Backbones.


@pytest.mark.parametrize(
    "backbone",
    [
        "resnet18",
        "densenet121",
        "mobilenet_v3_small",
        "timm/convnext_atto",
        "timm/vit_tiny_patch16_224",
        "timm/swin_tiny_patch4_window7_224",
        "torchxrayvision/densenet121-res224-all",
    ],
)
def test_features_are_those_of_the_network_s_own_head(backbone: str) -> None:
    """Pooled by their mean where the network does so, and always a grid."""
    side = 224 if "swin" in backbone else SIDE
    network, wanted = built("lse", backbone, crop=side, sharpness=1e-4)
    grid = network.network.features(network.normalised(torch.rand(2, 1, side, side)))
    assert grid.ndim == 4
    assert grid.shape[2] == grid.shape[3] > 1
    cells = grid.shape[2] * grid.shape[3]
    assert grid.shape[1] > 100 and cells in (4, 16, 49)
    explained = _prediction.explain(network, wanted)
    logits, maps = _prediction.logits_and_maps(explained, torch.rand(2, 1, side, side), wanted)
    assert (tuple(logits.shape), maps.shape) == ((2, 3), (2, 3, side, side))


def test_the_features_of_a_resnet_and_of_a_densenet_have_the_own_network_s_mean() -> None:
    """Log-sum-exp with r near 0 is a mean, so the own head on it gives the own logits."""
    grey = torch.rand(2, 1, SIDE, SIDE)
    for backbone, head in (("resnet18", "fc"), ("densenet121", "classifier")):
        own = _network.build(CamSettings(backbone=backbone, weights="random", crop=SIDE), 3, seed=1).eval()
        pooled, _ = built("lse", backbone)
        grid = pooled.network.features(pooled.normalised(grey))
        expected = own(grey)
        found = getattr(own.network, head)(grid.mean(dim=(2, 3)))
        assert torch.allclose(found, expected, atol=1e-5), backbone


@pytest.mark.parametrize(
    ("backbone", "until", "shape"),
    [
        ("resnet18", "layer2", (128, 8, 8)),
        ("resnet18", "layer3", (256, 4, 4)),
        ("mobilenet_v3_small", "3", (24, 8, 8)),
        ("densenet121", "denseblock2", (512, 8, 8)),
    ],
)
def test_features_end_where_they_are_told(backbone: str, until: str, shape: tuple[int, ...]) -> None:
    network, _ = built("average", backbone, until=until)
    assert tuple(network.network.features(torch.rand(1, 3, SIDE, SIDE)).shape[1:]) == shape


def test_a_part_that_is_not_there_is_refused_in_one_line() -> None:
    with pytest.raises(wsbench.WsbenchError, match="unknown part of resnet18 'layr3'; did you mean 'layer3'"):
        built("average", until="layr3")
    with pytest.raises(wsbench.WsbenchError, match="the parts of resnet18 are not known; leave it out"):
        built("average", "timm/resnet18", until="layer3")
    with pytest.raises(ValueError, match="until needs a pooling other than mean"):
        built("mean", until="layer3")


def test_the_average_s_map_is_grad_cam() -> None:
    """A mean and one linear layer: every gradient is the weight over the number of cells."""
    network, wanted = built("average", until="layer3")
    explained, grey = _prediction.explain(network, wanted), torch.rand(2, 1, SIDE, SIDE)
    _, own = _prediction.logits_and_maps(explained, grey, wanted)
    other = wanted.model_copy(update={"own_map": False})
    _, gradcam = _prediction.logits_and_maps(explained, grey, other)
    assert np.allclose(own.astype(float), gradcam.astype(float), atol=2e-3)


def test_a_network_whose_features_are_unknown_is_refused_in_one_line() -> None:
    with pytest.raises(wsbench.WsbenchError, match="the features of googlenet are not known; give a network"):
        built("lse", "googlenet")


@pytest.mark.parametrize("pooling", ALL)
def test_other_maps_can_be_drawn_of_a_pooled_network(pooling: str) -> None:
    network, wanted = built(pooling, own_map=False, cam="gradcam++")
    explained = _prediction.explain(network, wanted)
    _, maps = _prediction.logits_and_maps(explained, torch.rand(1, 1, SIDE, SIDE), wanted)
    own = wanted.model_copy(update={"own_map": True, "cam": "gradcam"})
    _, theirs = _prediction.logits_and_maps(explained, torch.rand(1, 1, SIDE, SIDE), own)
    assert maps.shape == theirs.shape
    assert not np.allclose(maps, theirs, atol=0.01)


def test_a_map_beside_the_pooling_s_own_must_be_asked_for() -> None:
    with pytest.raises(ValueError, match="pooling=lse has a map of its own; give own_map=false"):
        CamSettings(pooling="lse", cam="layercam")


@pytest.mark.parametrize("saved_side", [SIDE, 96])
def test_a_self_supervised_transformer_starts_from_a_local_file(saved_side: int, tmp_path: Path) -> None:
    """A state dict without a head, as DINO's release is one; positions of another grid are resampled."""
    torch.manual_seed(5)
    backbone = timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=saved_side)
    path = tmp_path / "dino.pth"
    torch.save(backbone.state_dict(), path)
    for pooling in ("mean", "attention"):
        network, _ = built(pooling, "timm/vit_tiny_patch16_224", weights=str(path))
        inner = network.network if pooling == "mean" else network.network.features.network
        assert torch.equal(inner.blocks[3].attn.qkv.weight, backbone.blocks[3].attn.qkv.weight)
        assert inner.pos_embed.shape == (1, 17, 192)
        assert torch.equal(inner.pos_embed[:, 0], backbone.pos_embed[:, 0]), "the class token's"
        same = torch.equal(inner.pos_embed, backbone.pos_embed) if saved_side == SIDE else False
        assert same == (saved_side == SIDE)
    network, wanted = built("mean", "timm/vit_tiny_patch16_224", weights=str(path), cam="attention_rollout")
    explained = _prediction.explain(network, wanted)
    _, maps = _prediction.logits_and_maps(explained, torch.rand(1, 1, SIDE, SIDE), wanted)
    assert maps.max() == 1


# Training.


def test_balanced_weights_by_hand() -> None:
    """One of four labels is positive: it weighs 4 / 2, and the others 4 / 6 each."""
    labels = torch.tensor([[1, 0], [0, 0]], dtype=torch.uint8)
    weights = _losses.balanced(labels)
    assert weights.tolist() == pytest.approx([2 / 3, 2.0])
    logits = torch.tensor([[LN3, 0.0], [0.0, 0.0]])
    expected = (2 * math.log(4 / 3) + 3 * 2 / 3 * math.log(2)) / 4
    assert _losses.cross_entropy(logits, labels.float(), weights).item() == pytest.approx(expected)
    assert _losses.balanced(torch.zeros(3, 2)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("pooling", ALL)
def test_a_pooled_classifier_trains_and_is_restored(pooling: str, tmp_path: Path) -> None:
    loaded = testing.toy()
    views = {role: loaded.views.weak(loaded.roles.members[role]) for role in ("fit", "select")}
    wanted = CamSettings(
        backbone="resnet18", weights="random", resize=32, crop=32, epochs=1, batch_size=16, pooling=pooling,
        class_weights="balanced", cells="centred",
    )  # fmt: skip
    run = RunContext("toy", "cam", 0, tmp_path, "cpu", Silent())
    method = cam.Cam(wanted, ("spot",))
    method.fit(views["fit"], views["select"], run)
    method.restore(run)
    share = views["fit"].labels.mean()
    weights = method.explained.classifier.class_weights
    assert weights.tolist() == pytest.approx([1 / (2 * (1 - share)), 1 / (2 * share)], rel=1e-4)
    prediction = method.predict(loaded.views.images(loaded.roles.members["select"]).take(0, 4))
    assert prediction.heatmaps.shape == (4, 1, 32, 32)
    assert np.isfinite(prediction.scores).all()
    loss = method.training_loss({})
    batch = loss.batch(views["select"])
    assert loss.own(*batch).item() != pytest.approx(loss.cross_entropy(*batch).item(), rel=1e-3)
