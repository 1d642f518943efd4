"""Method cam: layers and layouts, every map beside an independent one, weights, and one training for all."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import pytorch_grad_cam
import torch
import torchxrayvision
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

import wsbench
from conftest import refused
from wsbench import cli, testing
from wsbench.contract import plugins
from wsbench.contract.base import RunContext
from wsbench.runs.job import Job
from wsbench.runs.plan import make_plan
from wsbench.runs.runner import execute
from wsbench.torch.maps import kinds, rollout
from wsbench.torch.maps.layers import as_grid
from wsbench.utils.progress import Silent
from wsbench_plugins.methods.cam import CamSettings, _libraries, _network, _prediction, _training

VIT = "timm/vit_tiny_patch16_224"
SIDE = 64


def built(backbone: str, classes: int = 2, **settings: Any) -> tuple[_network.Classifier, CamSettings]:
    """A network whose head, which some libraries start with zeros, reads its features."""
    wanted = CamSettings(backbone=backbone, weights="random", **{"crop": SIDE, **settings})
    network = _network.build(wanted, classes, seed=1).eval()
    torch.manual_seed(2)
    for name, parameter in network.named_parameters():
        if parameter.ndim == 2 and parameter.shape[0] == classes and "head" in name:
            nn.init.normal_(parameter, std=0.1)
    return network, wanted


def images(count: int = 3, side: int = SIDE) -> Tensor:
    return torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("backbone", "layer", "shape", "linear"),
    [
        ("resnet18", "network.layer4", (512, 2, 2), True),
        ("timm/resnet18", "network.layer4", (512, 2, 2), True),
        ("alexnet", "network.avgpool", (256, 6, 6), False),
        ("googlenet", "network.inception5b", (1024, 2, 2), True),
        ("densenet121", "network.features", (1024, 2, 2), True),
        ("mobilenet_v3_small", "network.features", (576, 2, 2), False),
        (VIT, "network.blocks.11.norm1", (192, 4, 4), False),
        ("vit_b_32", "network.encoder.layers.encoder_layer_11.ln_1", (768, 2, 2), False),
        ("swin_t", "network.permute", (768, 2, 2), True),
        ("torchxrayvision/densenet121-res224-all", "network.features", (1024, 2, 2), True),
    ],
)
def test_the_layer_is_the_last_whose_cells_a_score_depends_on(
    backbone: str, layer: str, shape: tuple[int, ...], linear: bool
) -> None:
    network, settings = built(backbone, 3)
    before = network(images())
    assert before.shape == (3, 3)
    explained = _prediction.explain(network, settings)
    hooked = {name for name, module in network.named_modules() if any(map(_is_tap, _hooks(module)))}
    assert hooked == {layer}
    _, grid = kinds.tapped(network, explained.tap, images())
    assert tuple(grid.shape[1:]) == shape
    assert (explained.head is not None) == linear
    assert torch.equal(network(images()), before), "a tap must not change a score"


def _hooks(module: nn.Module) -> Any:
    return module._forward_hooks.values()


def _is_tap(hook: Any) -> bool:
    return "Tap" in getattr(hook, "__qualname__", "")


def test_tokens_are_laid_out_in_rows_without_the_class_token() -> None:
    tokens = torch.tensor([[[9.0, 9.0], [1.0, 5.0], [2.0, 6.0], [3.0, 7.0], [4.0, 8.0]]])
    assert as_grid(tokens, 2).tolist() == [[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]]
    last = torch.arange(12.0).reshape(1, 2, 2, 3)
    assert torch.equal(as_grid(last, 3), last.permute(0, 3, 1, 2))
    assert torch.equal(as_grid(last.permute(0, 3, 1, 2), 3), last.permute(0, 3, 1, 2))


@pytest.mark.parametrize("backbone", ["resnet18", "timm/convnext_atto", VIT])
@pytest.mark.parametrize("output", [0, 1])
def test_gradcam_equals_the_other_librarys(backbone: str, output: int) -> None:
    """Captum's, and its closed form, beside the grad-cam package's."""
    network, settings = built(backbone)
    explained = _prediction.explain(network, settings)
    ours = wsbench.torch.logits_and_maps(explained, images(), settings)[1][:, output].astype(float)
    theirs = pytorch_grad_cam.GradCAM(network, [explained.tap])(
        images(), [ClassifierOutputTarget(output)] * 3
    )
    there = ours.max(axis=(1, 2)) > 0
    assert there.any()
    for one, other in zip(ours[there], theirs[there], strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99


def test_the_closed_form_equals_captums() -> None:
    network, settings = built("resnet18")
    explained = _prediction.explain(network, settings)
    assert explained.head is not None
    _, grid = kinds.tapped(network, explained.tap, images())
    closed = kinds.class_activation(grid, explained.head, 1)
    backward = kinds.gradcam(explained, images().requires_grad_(True), 1)
    assert closed.max() > 0
    assert torch.allclose(closed, backward, rtol=1e-4, atol=1e-7)


def test_the_closed_form_takes_one_pass_for_all_classes() -> None:
    network, settings = built("resnet18", classes=3)
    explained = _prediction.explain(network, settings)
    passes: list[int] = []
    network.register_forward_hook(lambda module, inputs, output: passes.append(len(output)))
    logits, found = wsbench.torch.logits_and_maps(explained, images(), settings)
    assert passes == [3]
    assert torch.equal(logits, network(images()))
    without = dataclasses.replace(explained, head=None)
    _, backward = wsbench.torch.logits_and_maps(without, images(), settings)
    assert found.shape == (3, 3, SIDE, SIDE)
    assert len(passes) > 4
    assert np.abs(found.astype(float) - backward).max() < 0.01


def test_class_activation_by_hand() -> None:
    head = nn.Linear(2, 1)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[4.0, -8.0]]))
    grid = torch.tensor([[[[1.0, 2.0]], [[0.0, 3.0]]]])
    assert kinds.class_activation(grid, head, 0).tolist() == [[[2.0, 0.0]]]


def test_hirescam_and_layercam_are_what_their_papers_say() -> None:
    """Draelos, Carin: sum over channels of gradient x activation; Jiang and others: of its positive part."""
    network, settings = built("resnet18", layer="network.layer3")
    explained = _prediction.explain(network, settings)
    kept: list[Tensor] = []
    hook = explained.tap.register_forward_hook(lambda module, inputs, output: kept.append(output))
    score = network(images().requires_grad_(True))[:, 1].sum()
    hook.remove()
    gradient = torch.autograd.grad(score, kept[0])[0]
    for cam, weights in (("hirescam", gradient), ("layercam", gradient.relu())):
        grids = (weights * kept[0]).sum(dim=1).relu().detach().numpy()
        found = kinds.MAPS[cam](explained, images().requires_grad_(True), 1).numpy()
        for one, grid in zip(found, grids, strict=True):
            resized = cv2.resize(grid, (SIDE, SIDE))
            assert np.allclose(one, (resized - resized.min()) / np.ptp(resized), atol=1e-3), cam


def test_saliency_is_the_size_of_the_gradient() -> None:
    network, settings = built("resnet18")
    grey = images().requires_grad_(True)
    (gradient,) = torch.autograd.grad(network(grey)[:, 1].sum(), grey)
    found = kinds.saliency(_prediction.explain(network, settings), images().requires_grad_(True), 1)
    assert torch.allclose(found, gradient[:, 0].abs(), rtol=1e-3, atol=1e-6)


def test_rollout_by_hand() -> None:
    attention = torch.tensor([[[[0.0, 1.0], [0.5, 0.5]]]])
    once = rollout.rollout([attention])
    assert once.tolist() == [[[0.5, 0.5], [0.25, 0.75]]]
    twice = rollout.rollout([attention, attention])
    assert twice.tolist() == [[[0.375, 0.625], [0.3125, 0.6875]]]
    heads = torch.cat([attention, torch.eye(2).expand(1, 1, 2, 2)], dim=1)
    assert rollout.rollout([heads]).tolist() == [[[0.75, 0.25], [0.125, 0.875]]]


def test_a_rolled_map_is_the_class_tokens_row_or_the_mean_of_all() -> None:
    flow = torch.arange(25.0).reshape(1, 5, 5)
    assert rollout.rolled_map(flow).tolist() == [[[1.0, 2.0], [3.0, 4.0]]]
    assert rollout.rolled_map(torch.arange(16.0).reshape(1, 4, 4)).tolist() == [[[6.0, 7.0], [8.0, 9.0]]]


def test_attention_is_a_share_of_every_token() -> None:
    network, _ = built(VIT)
    attentions = rollout.attentions_of(network, images())
    assert [tuple(attention.shape) for attention in attentions] == [(3, 3, 17, 17)] * 12
    assert torch.allclose(attentions[0].sum(dim=-1), torch.ones(3, 3, 17))


@pytest.mark.parametrize("cam", sorted(set(kinds.MAPS) - {"attention_rollout"}))
def test_every_map_is_of_its_image_and_class_alone(cam: str, capsys: pytest.CaptureFixture[str]) -> None:
    network, settings = built("resnet18", cam=cam, steps=4, crop=32, layer="network.layer2")
    explained = _prediction.explain(network, settings)
    grey = images(3, 32)
    found = wsbench.torch.logits_and_maps(explained, grey, settings)[1][:, 1]
    assert found.shape == (3, 32, 32)
    assert found.min() >= 0
    assert found.max(axis=(1, 2)).tolist() == [1.0] * 3
    alone = wsbench.torch.logits_and_maps(explained, grey[1:2], settings)[1][:, 1]
    assert np.abs(alone[0].astype(float) - found[1]).max() < 0.02
    if cam != "eigencam":
        assert not np.allclose(wsbench.torch.logits_and_maps(explained, grey, settings)[1][:, 0], found)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("backbone", "settings", "words"),
    [
        ("resnt18", {}, "did you mean 'resnet18'?"),
        ("timm/resnt18", {}, "did you mean 'resnet18'?"),
        ("hub/resnet18", {}, "libraries are torchvision, timm, torchxrayvision, not 'hub'"),
        ("resnet18", {"layer": "network.layr4"}, "did you mean 'network.layer4'?"),
        ("resnet18", {"layer": "network.fc"}, "its output has no cells"),
    ],
)
def test_a_wrong_name_is_one_line(backbone: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(wsbench.WsbenchError) as raised:
        network, wanted = built(backbone, **settings)
        _prediction.explain(network, wanted)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("backbone", "cam", "words"),
    [
        ("resnet18", "attention_rollout", "vision transformer"),
        (VIT, "guided_backprop", "needs a backbone with ReLUs"),
    ],
)
def test_a_map_that_a_network_cannot_have_is_said(backbone: str, cam: str, words: str) -> None:
    network, settings = built(backbone, cam=cam)
    explained = _prediction.explain(network, settings)
    with pytest.raises(wsbench.WsbenchError, match=words):
        wsbench.torch.logits_and_maps(explained, images(), settings)[1][:, 0]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "find_spec", lambda name: None)
    network, settings = built("resnet18", cam="layercam")
    with pytest.raises(wsbench.WsbenchError, match=r"pip install 'wsbench\[cam\]'"):
        wsbench.torch.logits_and_maps(_prediction.explain(network, settings), images(), settings)[1][:, 0]


@pytest.mark.parametrize("backbone", ["resnet18", "alexnet", VIT])
def test_a_file_of_weights_of_other_classes_fills_all_but_the_head(backbone: str, tmp_path: Path) -> None:
    first, _ = built(backbone, 5)
    path = tmp_path / "weights.pth"
    torch.save(first.network.state_dict(), path)
    settings = CamSettings(backbone=backbone, weights=str(path), crop=SIDE)
    filled = _network.build(settings, 2, seed=7)
    fresh = _network.build(CamSettings(backbone=backbone, weights="random", crop=SIDE), 2, seed=7)
    saved, others = first.state_dict(), fresh.state_dict()
    kept = [name for name, value in filled.state_dict().items() if value.shape == saved[name].shape]
    assert len(saved) - len(kept) == 2
    for name, value in filled.state_dict().items():
        assert torch.equal(value, (saved if name in kept else others)[name]), name


def test_weights_of_another_network_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(built("alexnet")[0].network.state_dict(), path)
    with pytest.raises(wsbench.WsbenchError, match="do not fit resnet18"):
        _network.build(CamSettings(backbone="resnet18", weights=str(path)), 1, seed=0)


def test_published_weights_are_asked_for_by_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def published(self: Any, name: str, weights: str, classes: int, side: int) -> Any:
        asked.append((name, weights, classes, side))
        return built("timm/resnet18", 1)[0].network.state_dict()

    monkeypatch.setattr(_libraries.Timm, "published", published)
    _network.build(CamSettings(backbone="timm/resnet18", weights="a1_in1k", crop=SIDE), 3, seed=0)
    assert asked == [("resnet18", "a1_in1k", 3, SIDE)]
    with pytest.raises(wsbench.WsbenchError, match=r"has no weights 'IMAGENET' \(known: IMAGENET1K_V1"):
        _network.build(CamSettings(backbone="torchvision/resnet18", weights="IMAGENET"), 3, seed=0)


def test_xray_weights_are_read_and_no_other_pickle_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = torchxrayvision.models.DenseNet(num_classes=18)
    path = tmp_path / "densenet.pt"
    torch.save(saved, path)
    monkeypatch.setattr(torchxrayvision.models, "get_weights", lambda name: str(path))
    settings = CamSettings(backbone="torchxrayvision/densenet121-res224-all", crop=SIDE)
    network = _network.build(settings, 1, seed=0)
    assert torch.equal(network.network.features.conv0.weight, saved.features.conv0.weight)
    assert network.network.classifier.out_features == 1

    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "run",))

    torch.save(Evil(), path, pickle_module=pickle)
    with pytest.raises(wsbench.WsbenchError, match="could not be loaded"):
        _network.build(settings, 1, seed=0)
    assert not (tmp_path / "run").exists()


def test_xray_networks_see_their_own_range() -> None:
    network, _ = built("torchxrayvision/densenet121-res224-all")
    seen: list[Tensor] = []
    network.network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    network(torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1).expand(2, 1, SIDE, SIDE))
    assert seen[0].flatten(1)[:, 0].tolist() == [-1024.0, 1024.0]


def test_one_training_serves_every_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = plugins.find()
    small = {"epochs": 1, "resize": 32, "crop": 32, "batch_size": 16}

    def run(**options: Any) -> wsbench.Record:
        wanted = {**small, **options}
        plan = make_plan(
            found.method("cam"), None, wanted, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path
        )
        return execute(Job(plan, testing.toy(), found))

    first = run()
    trained = sorted(tmp_path.glob("toy/cam/*/fit/best.ckpt"))
    stamps = [path.stat().st_mtime_ns for path in trained]
    second = run(cam="saliency", smoothing=2.0)
    assert [path.stat().st_mtime_ns for path in tmp_path.glob("toy/cam/*/fit/best.ckpt")] == stamps
    assert first.value("auc") == second.value("auc")
    assert first.folder != second.folder


def test_the_command_refuses_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", "-m", "cam", "-d", "phantom", "-o", "cam=gradcam+", "--runs", str(tmp_path)])
    assert stopped.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("backbone", "line"),
    [
        (
            "timm/efficientformer_l1",
            "efficientformer_l1 takes images of 224 pixels; give -o resize=256 -o crop=224",
        ),
        (
            "timm/crossvit_tiny_240",
            "crossvit_tiny_240 takes images of 240 pixels; give -o resize=274 -o crop=240",
        ),
        ("torchvision/vit_b_16", "vit_b_16 takes images of 224 pixels; give -o resize=256 -o crop=224"),
    ],
)
def test_a_backbone_that_cannot_take_the_crop_is_said_before_an_image_is_read(
    backbone: str, line: str, command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsbench.data.dataset.array_of", lambda *_: pytest.fail("an image was read"))
    words = ["--preset", "quick", "-o", f"backbone={backbone}", "-o", "resize=60", "-o", "crop=60"]
    data = ["-d", "phantom", "-D", "images=80", "-D", "size=64"]
    assert refused(command("run", "-m", "cam", *words, *data, "-q", "--no-references")) == line


def test_a_crop_that_fits_passes_and_one_that_is_too_small_says_why() -> None:
    _network.try_out(CamSettings(backbone="timm/crossvit_tiny_240", crop=240), 2)
    _network.try_out(CamSettings(backbone="resnet18", crop=64), 14)
    with pytest.raises(
        wsbench.WsbenchError, match=r"^alexnet takes images of 224 pixels; give -o resize=256"
    ):
        _network.try_out(CamSettings(backbone="torchvision/alexnet", crop=32), 1)


def test_the_learning_rate_rises_over_the_epochs_of_warmup(tmp_path: Path) -> None:
    loaded = testing.toy()
    view = loaded.views.weak(loaded.roles.members["fit"])
    wanted = {"backbone": "resnet18", "weights": "random", "resize": 32, "crop": 32, "batch_size": 16}
    rates: list[float] = []

    class Noting(_training.Training):
        def on_train_batch_start(self, batch: Any, index: int) -> None:
            rates.append(self.optimizers().param_groups[0]["lr"])

    settings = CamSettings(**wanted, epochs=2, warmup=1, learning_rate=0.3)
    network = _network.build(settings, 1, seed=0)
    run = RunContext("toy", "cam", 0, tmp_path, "cpu", Silent())
    images = wsbench.torch.WeakImages(view, 32, 32, nn.Identity())
    loader = wsbench.torch.keyed_loader(images, settings)
    wsbench.torch.train(Noting(network, settings), loader, loader, run, settings)
    steps = len(loader)
    assert steps == 3
    assert rates == pytest.approx([0.075, 0.15, 0.225, 0.3, 0.3, 0.3])


@pytest.mark.parametrize("cam", ["xgradcam", "gradcam_elementwise", "eigengradcam", "segeigencam"])
def test_further_cams_are_what_their_papers_say(cam: str) -> None:
    """On a tiny network, whose activations and gradients are taken here."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 4, 4), nn.Softplus(), nn.Flatten(), nn.Linear(64, 2)).eval()
    nn.init.uniform_(network[3].weight, -0.5, 1.0)
    settings = wsbench.settings.MapSettings(cam=cam, layer="1")
    grey = images(2, 16)
    explained = wsbench.torch.explain(network, settings, 16)
    found = wsbench.torch.logits_and_maps(explained, grey, settings)[1][:, 1].astype(float)
    grid = network[:2](grey).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(network[2:](grid)[:, 1].sum(), grid)
    activation, product = grid.detach(), gradient * grid.detach()
    if cam == "xgradcam":
        shares = product.sum((2, 3), keepdim=True) / activation.sum((2, 3), keepdim=True)
        expected = [(shares * activation).sum(dim=1)]
    elif cam == "gradcam_elementwise":
        expected = [product.relu().sum(dim=1)]
    else:
        of_cells = product if cam == "eigengradcam" else gradient.abs() * activation
        cells = of_cells.flatten(2).transpose(1, 2)
        cells = cells - cells.mean(dim=1, keepdim=True)
        first = torch.linalg.svd(cells, full_matrices=False).Vh[:, 0]
        projection = torch.einsum("nck,nk->nc", cells, first).reshape(2, 4, 4)
        expected = [projection, -projection]  # the sign of a singular vector is arbitrary
    assert found.max(axis=(1, 2)).tolist() == [1.0, 1.0]
    for number, one in enumerate(found):
        distances = []
        for raw in expected:
            resized = cv2.resize(raw[number].detach().relu().numpy(), (16, 16))
            distances.append(np.abs(one - (resized - resized.min()) / np.ptp(resized)).max())
        assert min(distances) < 5e-3
