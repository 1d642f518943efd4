"""The published settings of classifiers, trained for a step or two at their own size, on the phantom in the
layout of the release that their paper uses. Weights are random, because published ones are not at hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import wsbench
from made_layouts import FOUND, loaded
from wsbench import cli
from wsbench.contract.base import Method, RunContext
from wsbench.data.dataset import Loaded
from wsbench.settings import fill
from wsbench.utils.progress import Silent

EPOCHS = {"epochs": 1}
RANDOM = {"weights": "random", **EPOCHS}


FIT = 8
"""Images that are trained on: one or two batches."""


@dataclass(frozen=True)
class Trained:
    """A method after one epoch, and what it predicts of three test images."""

    method: Method
    data: Loaded
    history: pd.DataFrame
    images: wsbench.ImageView
    prediction: wsbench.Prediction

    @classmethod
    def of(
        cls,
        name: str,
        preset: str,
        options: Mapping[str, Any],
        dataset: str,
        root: Path,
        upstream: Mapping[str, Method] | None = None,
    ) -> Trained:
        data = loaded(dataset, root / dataset)
        spec = FOUND.methods[name]
        settings = fill(spec.settings, {**spec.presets[preset], **options}, name)
        method = spec.build(settings, data.dataset.classes)
        folder = root / f"{name}-{getattr(settings, 'pooling', '')}"
        folder.mkdir()
        run = RunContext(dataset, name, 0, folder, "cpu", Silent(), upstream=dict(upstream or {}))
        fit, select = (data.views.weak(half_with_findings(data, role)) for role in ("fit", "select"))
        method.fit(fit, select, run)
        method.restore(run)
        history = pd.read_csv(folder / "history.csv")
        images = data.views.images(data.roles.members["test"][:3])
        return cls(method, data, history, images, method.predict(images))


def half_with_findings(data: Loaded, role: str) -> list[str]:
    """Names of `FIT` images of a role, half of them with a finding where there are as many."""
    samples = data.samples_of(role)
    groups = [[s.name for s in samples if bool(s.labels) == positive] for positive in (True, False)]
    return sorted(name for group in groups for name in group[: FIT // 2])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the phantoms in three official layouts, as large as the network's input or larger."""
    root = tmp_path_factory.mktemp("releases")
    for source, name, layout, count, size in (
        ("phantom", "tbx11k", "tbx11k", 40, 256),
        ("phantom", "montgomery", "nlm", 80, 512),
        ("phantom14", "nih", "nih", 40, 256),
    ):
        words = ["data", "make", source, str(root / name), "--layout", layout, "-q"]
        with pytest.raises(SystemExit) as end:
            cli.main([*words, "-D", f"images={count}", "-D", f"size={size}"])
        assert end.value.code == 0
    return root


def check_learning(trained: Trained, start: float) -> None:
    """Losses are near what guessing costs, finite, and the network is asked of both classes."""
    losses = trained.history[["fit_loss", "select_loss"]].to_numpy()
    assert len(losses) == EPOCHS["epochs"]
    assert np.isfinite(losses).all()
    assert 0.2 * start < losses[0, 0] < 4 * start
    assert trained.history["select_auc"].between(0, 1).all()


def check_prediction(trained: Trained, classes: int, side: int) -> None:
    """Scores are probabilities. Maps lie in [0, 1] and are not flat, over regions within their images."""
    scores, maps = trained.prediction.scores, trained.prediction.heatmaps
    assert scores.shape == (3, classes)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert maps is not None
    assert maps.shape == (3, classes, side, side)
    assert 0 <= maps.min() < maps.max() == 1
    assert trained.prediction.regions is not None
    for region, (width, height) in zip(
        trained.prediction.regions, trained.images.sizes.tolist(), strict=True
    ):
        assert 0 <= region.x0 < region.x1 <= width
        assert 0 <= region.y0 < region.y1 <= height


def check_logits(network: torch.nn.Module, images: torch.Tensor) -> None:
    """With the statistics of a batch, because those that batch normalisation has collected in a step are not
    yet those of the data: logits are finite, moderate, and not the same for all images."""
    with torch.no_grad():
        logits = network.train()(images)
    network.eval()
    assert logits.isfinite().all()
    assert 1e-4 < logits.std(dim=0).max() < 10
    assert logits.abs().max() < 20


def test_kd_gradcam_at_its_own_size(made: Path) -> None:
    """The student, after its teacher."""
    teacher = Trained.of("kd_teacher", "paper", RANDOM, "tbx11k", made)
    check_learning(teacher, math.log(2))
    trained = Trained.of("kd_student", "paper", RANDOM, "tbx11k", made, {"teacher": teacher.method})
    settings = trained.method.settings
    assert (settings.backbone, settings.crop, settings.batch_size, settings.stages) == (
        "resnet50",
        224,
        64,
        4,
    )
    check_learning(trained, math.log(2))
    check_prediction(trained, 1, 224)
    network = trained.method.networks()["classifier"]
    check_logits(network, torch.rand(4, 3, 224, 224))
    cam = network.logits_and_cam(torch.rand(1, 3, 224, 224), output=1)[1]
    assert cam.shape == (1, 7, 7)
    boxed = trained.data.views.boxed(trained.data.roles.members["calibrate"])
    boxes = trained.method.paper_boxes(trained.images, trained.prediction, boxed)
    assert boxes is not None
    assert len(boxes) == 3
    areas = [(box.x1 - box.x0) * (box.y1 - box.y0) / (256 * 256) for of_image in boxes for box in of_image]
    assert all(0 < area <= 1 for area in areas)


def test_the_saliency_cnn_at_its_own_size(made: Path) -> None:
    trained = Trained.of("saliency_cnn", "paper", EPOCHS, "montgomery", made)
    settings = trained.method.settings
    assert (settings.image_size, settings.read_size, settings.batch_size) == (512, 1024, 4)
    check_learning(trained, math.log(2))
    check_prediction(trained, 1, 512)
    network = trained.method.networks()["classifier"]
    check_logits(network, torch.rand(4, 1, 512, 512))
    assert 0.05 < float(network.mean) < 0.95
    assert 0.05 < float(network.deviation) < 0.5
    maps = trained.method.inner_maps(trained.images.take(0, 1))
    assert [name for name, values in maps.items() if not np.isfinite(values).all() or not values.any()] == []


@pytest.mark.parametrize("pooling", ["mean", "lse"])
def test_cam_at_its_own_size(pooling: str, made: Path) -> None:
    """With ResNet50's own head, and as Wang et al. (2017) pool it."""
    options = {**RANDOM, "pooling": pooling}
    trained = Trained.of("cam", "default", options, "nih", made)
    classes = len(trained.data.dataset.classes)
    assert (trained.method.settings.backbone, trained.method.settings.crop) == ("resnet50", 224)
    assert np.isfinite(trained.history[["fit_loss", "select_loss"]].to_numpy()).all()
    assert classes == 14
    scores, maps = trained.prediction.scores, trained.prediction.heatmaps
    assert scores.shape == (3, 14)
    assert np.isfinite(scores).all()
    network = trained.method.networks()["classifier"]
    check_logits(network, torch.rand(4, 1, 224, 224))
    assert maps is not None
    assert maps.shape == (3, 14, 224, 224)
    assert 0 <= maps.min() < maps.max() == 1
