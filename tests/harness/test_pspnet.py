"""Organs found by TorchXRayVision's PSPNet: its own loading code, on weights that are drawn at random."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchxrayvision
from PIL import Image
from torchxrayvision.baseline_models.chestx_det.ptsemseg.pspnet import pspnet

from wsbench import testing
from wsbench.data import segmentation as organs
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.types import ORGANS


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the real file is: of a DataParallel network."""
    torch.manual_seed(0)
    state = pspnet(14).state_dict()
    path = tmp_path_factory.mktemp("weights") / "organs.pth"
    torch.save({f"module.{name}": value for name, value in state.items()}, path)
    return path


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Loaded:
    monkeypatch.setenv("WSBENCH_CACHE", str(tmp_path / "cache"))
    toy = testing.toy()
    return replace(toy, samples=toy.samples[:2])


def test_masks_are_the_networks_and_views_have_them(two: Loaded, weights: Path, tmp_path: Path) -> None:
    assert organs.find_organs(two, two.organs_folder, weights=weights, device="cpu") == 2
    named = tmp_path / organs.WEIGHTS
    named.symlink_to(weights)
    network = torchxrayvision.baseline_models.chestx_det.PSPNet(cache_dir=str(tmp_path))
    sample = two.samples[1]
    levels = torchxrayvision.datasets.normalize(two.dataset.read(sample, 512, 512).astype(np.float32), 255)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logits = network(torch.from_numpy(levels)[None, None].float())[0]
    shares = set()
    for organ in ORGANS:
        expected = (logits[network.targets.index(organs.TARGETS[organ])].sigmoid() >= 0.5).numpy()
        with Image.open(two.organs_folder / organ / f"{sample.name}.png") as mask:
            found = np.asarray(mask)
        assert (found == expected).mean() > 0.999  # a logit of 0 to the last bit may fall either way
        shares.add(float(found.mean()))
    assert len(shares) > 1
    masks = two.views.images([sample.name]).organs(512)[0]
    assert (masks[-1].astype(bool) == found).all()


def test_it_goes_on_where_it_was_killed(two: Loaded, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (sample.name for sample in two.samples)
    asked = []

    def masks(network: object, pixels: np.ndarray) -> np.ndarray:
        asked.append(len(pixels))
        return np.ones((len(pixels), 5, 8, 8), dtype=bool)

    monkeypatch.setattr(organs, "_masks", masks)
    monkeypatch.setattr(organs, "_network", lambda file: torch.nn.Identity())
    folder = two.organs_folder
    for organ in ORGANS:
        (folder / organ).mkdir(parents=True)
        if organ != "heart":
            (folder / organ / f"{first}.png").touch()
        (folder / organ / f"{second}.png").touch()
    with pytest.raises(WsbenchError, match=r"`wsbench data organs` finds them"):
        two.views.images([first]).organs(8)
    assert organs.find_organs(two, folder) == 1
    assert asked == [1]
    assert organs.find_organs(two, folder) == 0


def test_what_is_missing_is_one_line(two: Loaded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(WsbenchError, match="nowhere: no such file"):
        organs.find_organs(two, tmp_path / "out", weights=tmp_path / "nowhere")
    wrong = tmp_path / "wrong.pth"
    torch.save({"module.weight": torch.zeros(1)}, wrong)
    with pytest.raises(
        WsbenchError, match=r"the weights of PSPNet could not be loaded \(RuntimeError: .*--weights"
    ):
        organs.find_organs(two, tmp_path / "out", weights=wrong)
    monkeypatch.setitem(__import__("sys").modules, "torchxrayvision.baseline_models.chestx_det", None)
    with pytest.raises(WsbenchError, match=r"needs TorchXRayVision: pip install 'wsbench\[anatomy\]'"):
        organs.find_organs(two, tmp_path / "out")
