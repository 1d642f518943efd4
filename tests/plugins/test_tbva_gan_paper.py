"""TBVA-GAN and what it is compared with at their own size: presets ``paper`` take a step on the phantom in
TBX11K's layout, and draw."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

from made_layouts import FOUND, Command, loaded, make
from wsbench.contract.base import RunContext
from wsbench.data.views import WeakView
from wsbench.settings import fill
from wsbench.utils.progress import Silent
from wsbench_plugins.methods import tbva_gan
from wsbench_plugins.methods.tbva_gan import _images, _recogniser

PAPER = {"epochs": 1, "decay": 0, "pairs": 1, "recogniser": {"weights": "random"}}
"""What is not the preset's: how long it trains, and ImageNet's weights."""


def one_of_each(view: WeakView) -> WeakView:
    """A healthy image, and one with active tuberculosis."""
    healthy, active = _images.healthy_and_active(view)
    return view.at(np.array([healthy[0], active[0]]))


class Stepped(NamedTuple):
    """A translation of preset ``paper`` after one step, and two images that it was asked of."""

    method: tbva_gan.Translating
    run: RunContext
    select: WeakView
    history: pd.Series

    @classmethod
    def of(cls, name: str, root: Path) -> Stepped:
        """Train a translation for a step, with an untrained recogniser, on the phantom as TBX11K."""
        data = loaded("tbx11k", root)
        fit, select = (one_of_each(data.views.weak(data.roles.members[role])) for role in ("fit", "select"))
        spec = FOUND.methods[name]
        method = spec.build(
            fill(spec.settings, {**spec.presets["paper"], **PAPER}, name), data.dataset.classes
        )
        recogniser = method.settings.recogniser
        upstream = tbva_gan.Vgg16(recogniser, data.dataset.classes)
        upstream.network = _recogniser.build(recogniser, seed=0).eval()
        folder = root.parent / name
        folder.mkdir()
        run = RunContext("tbx11k", name, 0, folder, "cpu", Silent(), upstream={"recogniser": upstream})
        method.fit(fit, select, run)
        method.restore(run)
        return cls(method, run, select, pd.read_csv(folder / "history.csv").iloc[-1])

    def check(self) -> None:
        """Scores, changemap, mask, Grad-CAM and heatmap are numbers that a training can begin with."""
        for name in ("score_tuberculous", "score_made_normal", "score_normal", "score_made_tuberculous"):
            assert 0.05 < self.history[name] < 0.95, name  # F is untrained: sure of nothing, and a number
        maps = self.method.inner_maps(self.select)
        assert maps["changemap"].shape == (2, 1, 256, 256)
        assert maps["changemap"].max(axis=(1, 2, 3)) == pytest.approx([1, 1])
        assert 0.001 < self.history["change_tuberculous"] < 0.9
        assert maps["mask"].mean() < 0.95
        assert maps["gradcam"].min() >= 0
        assert set(maps["gradcam"].max(axis=(1, 2, 3))) <= {0.0, 1.0}
        prediction = self.method.predict(self.select)
        assert np.isfinite(prediction.heatmaps.astype(float)).all()
        assert {sign.name for sign in self.method.learning(self.run)} >= {"score_made_normal", "mask_share"}


def test_tbva_gan_takes_a_step_at_its_own_size(command: Command) -> None:
    stepped = Stepped.of("tbva_gan", make(command, "tbx11k"))
    stepped.check()
    history = stepped.history
    assert np.isfinite(history[["gan", "cycle", "identity", "cls", "cam"]].astype(float)).all()
    # The CAM loss is a sum over 256 x 256 pixels of squares below 4, twice, times lambda 2.
    assert 0 < history["cam"] < 2 * 2 * 4 * 256**2
    assert 0 < history["cls"] < 1.5 * 2 * 5
    assert "gradient_cam" in {sign.name for sign in stepped.method.learning(stepped.run)}


def test_a_cyclegan_takes_a_step_at_its_own_size(command: Command) -> None:
    stepped = Stepped.of("ant_gan", make(command, "tbx11k"))
    stepped.check()
    # Least squares: the answers of discriminators of first weights lie between -1 and 1.
    assert 0 < stepped.history["gan"] < 2 * 4
    assert 0 < stepped.history["discriminators"] < 4 * 4
    # Means over pixels whose values differ by at most 2, both ways, times CycleGAN's weights 10 and 5.
    assert 0 < stepped.history["cycle"] < 10 * 2 * 2
    assert 0 < stepped.history["identity"] < 5 * 2 * 2
    assert not {"cls", "cam"} & set(stepped.history.index)


@pytest.mark.parametrize("name", ["mdva_gan", "fixed_point_gan"])
def test_a_stargan_takes_a_step_at_its_own_size(name: str, command: Command) -> None:
    stepped = Stepped.of(name, make(command, "tbx11k"))
    stepped.check()
    history = stepped.history
    # The critic knows no domain yet, and the norm of its gradient is near 0 where 1 is wanted.
    assert np.isfinite([history["gan"], history["wasserstein"]]).all()
    assert 0 < history["penalty"] < 10
    assert history["domain"] == pytest.approx(math.log(2), rel=0.5)
    assert 0 < history["cycle"] < 10 * 2 * 2
    assert ("identity" in history.index) == (name == "fixed_point_gan")


def test_the_published_recogniser_takes_a_step() -> None:
    torch.manual_seed(0)
    network = _recogniser.build(tbva_gan.RecogniserSettings(weights="random"), seed=0)
    images = torch.rand(2, 1, 224, 224)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(network(images), torch.tensor([0.0, 1.0]))
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2), abs=0.1)
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())
