"""TBVA-GAN at its own size: preset ``paper`` takes a step on the phantom in TBX11K's layout, and draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from made_layouts import loaded, make
from wsbench.contract.base import RunContext
from wsbench.data.views import WeakView
from wsbench.utils.progress import Silent
from wsbench_plugins.methods import tbva_gan
from wsbench_plugins.methods.tbva_gan import _images, _recogniser

PAPER = {"epochs": 1, "decay": 0, "pairs": 1, "recogniser": {"weights": "random"}}
"""What is not the preset's: how long it trains, and ImageNet's weights."""


def one_of_each(view: WeakView) -> WeakView:
    """A healthy image, and one with active tuberculosis."""
    healthy, active = _images.healthy_and_active(view)
    return view.at(np.array([healthy[0], active[0]]))


def test_the_paper_preset_takes_a_step_at_its_own_size(command, tmp_path: Path) -> None:
    """A changemap, a mask and probabilities come out that a training can begin with."""
    data = loaded("tbx11k", make(command, "tbx11k"))
    fit, select = (one_of_each(data.views.weak(data.roles.members[role])) for role in ("fit", "select"))
    settings = tbva_gan.TranslationSettings(**PAPER)
    upstream = tbva_gan.Vgg16(settings.recogniser, data.dataset.classes)
    upstream.network = _recogniser.build(settings.recogniser, seed=0).eval()
    method = tbva_gan.Translating(settings, data.dataset.classes)
    folder = tmp_path / "run"
    folder.mkdir()
    run = RunContext("tbx11k", "tbva_gan", 0, folder, "cpu", Silent(), upstream={"recogniser": upstream})
    method.fit(fit, select, run)
    method.restore(run)

    history = pd.read_csv(folder / "history.csv").iloc[-1]
    parts = ["gan", "cycle", "identity", "cls", "cam"]
    assert np.isfinite(history[parts].astype(float)).all()
    # The CAM loss is a sum over 256 x 256 pixels of squares below 4, twice, times lambda 2.
    assert 0 < history["cam"] < 2 * 2 * 4 * 256**2
    assert 0 < history["cls"] < 1.5 * 2 * 5
    for name in ("score_tuberculous", "score_made_normal", "score_normal", "score_made_tuberculous"):
        assert 0.05 < history[name] < 0.95, name  # F is untrained: neither sure of anything nor no number
    maps = method.inner_maps(select)
    assert maps["changemap"].shape == (2, 1, 256, 256)
    assert maps["changemap"].max(axis=(1, 2, 3)) == pytest.approx([1, 1])
    assert 0.001 < history["change_tuberculous"] < 0.9
    assert maps["mask"].mean() < 0.95
    assert maps["gradcam"].min() >= 0
    assert set(maps["gradcam"].max(axis=(1, 2, 3))) <= {0.0, 1.0}
    prediction = method.predict(select)
    assert np.isfinite(prediction.heatmaps.astype(float)).all()
    assert {sign.name for sign in method.learning(run)} >= {"score_made_normal", "mask_share", "gradient_cam"}


def test_the_published_recogniser_takes_a_step() -> None:
    torch.manual_seed(0)
    network = _recogniser.build(tbva_gan.RecogniserSettings(weights="random"), seed=0)
    images = torch.rand(2, 1, 224, 224)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(network(images), torch.tensor([0.0, 1.0]))
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2), abs=0.1)
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())
