"""Released models made in tests: small networks with random weights whose scores depend on the image."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
import torchxrayvision
from safetensors.torch import save_file
from torch import Tensor, nn

from wsbench_plugins.methods.pretrained import PretrainedSettings, _prediction

TIMM_FILE = {"architecture": "timm/test_resnet", "input": {"side": 64, "resize": 64, "fit": "stretch"}}
"""Options of method `pretrained` for `timm_file`; toy images are not square."""


def seeded(make: Callable[[], nn.Module], spread: float = 0.3) -> nn.Module:
    """A network in evaluation mode; its head, which some libraries start with zeros, reads its features."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = make().eval()
        head = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
        nn.init.normal_(head.weight, std=spread)
    return network


def timm_model(outputs: int, **more: Any) -> nn.Module:
    """timm's smallest ResNet."""
    return seeded(lambda: timm.create_model("test_resnet", num_classes=outputs, **more))


def timm_file(path: Path, outputs: int, **more: Any) -> Path:
    """Its state dict, as a file of torch's or of safetensors."""
    state = timm_model(outputs, **more).state_dict()
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


def torchvision_model(outputs: int = 1000) -> nn.Module:
    """torchvision's smallest network that is quick to make."""
    return seeded(lambda: torchvision.models.shufflenet_v2_x0_5(num_classes=outputs))


def xray_model(name: str = "densenet121-res224-nih") -> nn.Module:
    """A DenseNet as TorchXRayVision publishes it: as a whole, with the outputs of its name."""
    outputs = len(torchxrayvision.models.model_urls[name]["labels"])
    return seeded(lambda: torchxrayvision.models.DenseNet(num_classes=outputs), 3e-5)


def publish_xray(monkeypatch: pytest.MonkeyPatch, folder: Path, network: nn.Module) -> None:
    """TorchXRayVision's download copies a file of that network; all else of its loading is its own."""
    monkeypatch.setenv("HOME", str(folder))
    torch.save(network, folder / "published.pt")

    def download(url: str, filename: str) -> None:
        shutil.copy(folder / "published.pt", filename)

    monkeypatch.setattr(torchxrayvision.utils, "download", download)


def publish_torch(monkeypatch: pytest.MonkeyPatch, folder: Path, network: nn.Module) -> None:
    """torch.hub's download, which torchvision's loading calls, copies a file of that network."""
    monkeypatch.setenv("TORCH_HOME", str(folder))
    torch.save(network.state_dict(), folder / "published.pt")

    def download(url: str, dst: str, *more: Any, **words: Any) -> None:
        shutil.copy(folder / "published.pt", dst)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)


def publish_hub(monkeypatch: pytest.MonkeyPatch, folder: Path, network: nn.Module, **config: Any) -> None:
    """The Hugging Face Hub's download, which timm's loading calls, names a file that timm itself wrote."""
    timm.models.save_for_hf(network, folder, model_config=config, safe_serialization=True)

    def download(*words: Any, **more: Any) -> str:
        return str(folder / (more.get("filename") or words[1]))

    monkeypatch.setattr(timm.models._hub, "hf_hub_download", download)


def loaded(classes: list[str], **options: Any) -> _prediction.Model:
    """A released model as method `pretrained` loads it."""
    return _prediction.load(PretrainedSettings(**options), classes)


@torch.no_grad()
def plain(network: torch.nn.Module, images: Tensor, mean: Any, deviation: Any) -> Tensor:
    """Three channels, less the mean, over the deviation."""
    return network((images.repeat(1, 3, 1, 1) - torch.tensor(mean)[:, None, None]) /
                   torch.tensor(deviation)[:, None, None])  # fmt: skip
