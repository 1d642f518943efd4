"""Training losses of the built-in methods: those that training computed on select, differentiated twice."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch

import wsbench
from wsbench import testing
from wsbench.contract import plugins
from wsbench.data.views import WeakView
from wsbench.runs.job import Job
from wsbench.runs.plan import make_plan
from wsbench.runs.runner import fitted
from wsbench.torch.curvature.hessian import Hessian

FOUND = plugins.find()
SMALL = {"epochs": 2, "batch_size": 16, "precision": "32"}
RESNET = {"backbone": "resnet18", "weights": "random", "resize": 40, "crop": 32, "stages": 2, **SMALL}
CAM = {"weights": "random", "resize": 40, "crop": 32, **SMALL}
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "teacher": ("kd_teacher", RESNET),
    "student": ("kd_student", {**RESNET, "alpha": 0.3, "temperature": 3.0, "channels_last": True}),
    "cam": ("cam", {"backbone": "resnet18", **CAM}),
    "transformer": ("cam", {"backbone": "timm/vit_tiny_patch16_224", **CAM}),
    "small": (
        "saliency_cnn",
        {
            "image_size": 64,
            "read_size": 64,
            "widths": (4, 4, 4, 4, 4),
            "class_weights": "balanced",
            **SMALL,
        },
    ),
}


@pytest.fixture(scope="module", params=METHODS)
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[wsbench.torch.NetworkLoss, WeakView, float]:
    """The loss of a method that learnt a little, the images of select, and their loss in the best epoch."""
    name, options = METHODS[request.param]
    loaded, folder = testing.toy(), tmp_path_factory.mktemp("runs")
    spec = FOUND.methods[name]
    plan = make_plan(spec, None, options, dataset=testing.TOY, seed=0, device="cpu", runs=folder)
    job = Job(plan, loaded, FOUND)
    method = fitted(job)
    upstream = {needed: fitted(required) for needed, required in job.training().upstream().items()}
    loss = method.training_loss(upstream)
    assert loss is not None
    losses = losses_of(job.training().folder / "fit")
    return loss, loaded.views.weak(loaded.roles.members["select"]), min(losses)


def losses_of(fit: Path) -> list[float]:
    with (fit / "history.csv").open(encoding="utf-8") as file:
        return [float(row["select_loss"]) for row in csv.DictReader(file)]


def test_it_is_what_training_computed(
    trained: tuple[wsbench.torch.NetworkLoss, WeakView, float],
) -> None:
    """In another size of batches, and with its own name alone."""
    loss, select, noted = trained
    value, _ = Hessian(loss, "own", select, batch_size=4, precision="float32").loss_and_gradient()
    assert value == pytest.approx(noted, rel=1e-4)
    other, _ = Hessian(loss, "cross_entropy", select, batch_size=4, precision="float32").loss_and_gradient()
    distilled = len(loss.batch(select)) == 3
    balanced = getattr(loss.network, "class_weights", None) is not None
    assert (other != pytest.approx(noted, rel=1e-3)) == (distilled or balanced)


def test_its_products_are_those_of_torchs_double_backward(
    trained: tuple[wsbench.torch.NetworkLoss, WeakView, float],
) -> None:
    loss, select, _ = trained
    images = select.take(0, 3)
    hessian = Hessian(loss, "own", images, batch_size=2, precision="float64")
    vector = torch.randn(hessian.dimension, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    product = hessian.product(vector)
    parameters = [parameter for parameter in loss.network.parameters() if parameter.requires_grad]
    batch = [tensor.double() if tensor.is_floating_point() else tensor for tensor in loss.batch(images)]
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        gradients = torch.autograd.grad(loss.own(*batch), parameters, create_graph=True)
        along = sum(
            (part * piece.view_as(part)).sum()
            for part, piece in zip(gradients, vector.split([p.numel() for p in parameters]), strict=True)
        )
        expected = torch.autograd.grad(along, parameters)
    flat = torch.cat([part.flatten() for part in expected])
    assert (product - flat).norm() <= 1e-6 * flat.norm()
    assert flat.norm() > 0
