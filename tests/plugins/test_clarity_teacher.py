"""CLARiTY's teacher: every published setting, its Grad-CAM against Captum's, its schedule and weights."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam

from wsbench import testing
from wsbench.contract import plugins
from wsbench.errors import WsbenchError
from wsbench_plugins.methods import clarity
from wsbench_plugins.methods.clarity import _images, _module, _teacher

PAPER = {
    "backbone": "convnextv2_base",
    "image_size": 224,
    "epochs": 100,
    "batch_size": 1024,
    "learning_rate": 2.5e-5,
    "weight_decay": 0.05,
    "warmup": 3,
    "head_dropout": 0.1,
    "stochastic_depth": 0.1,
}
SPEC = plugins.find().methods["clarity_teacher"]
ATTO = clarity.TeacherSettings(backbone="convnextv2_atto", weights="random", image_size=64)


@pytest.mark.parametrize(("name", "value"), PAPER.items())
def test_published_settings_are_the_paper_preset(name: str, value: object) -> None:
    """Section 3.12."""
    assert SPEC.presets["paper"] == {}
    assert getattr(clarity.TeacherSettings(), name) == value


def test_what_the_paper_leaves_open_says_so() -> None:
    fields = clarity.TeacherSettings.model_fields
    for name in ("rotation", "crop", "photons", "brightness"):
        assert "not given" in fields[name].description
    for name in ("mean", "standard_deviation", "weights"):
        assert "not " in fields[name].description


@pytest.fixture
def network() -> torch.nn.Module:
    return _teacher.build(ATTO, classes=3, seed=1).eval()


def test_gradcam_is_captums(network: torch.nn.Module) -> None:
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        features = network.forward_features(images)
    logits, cam = _teacher.gradcam(network, features)
    assert torch.allclose(logits, network(images), atol=1e-5)
    witness = LayerGradCam(network, network.stages[-1])
    for label in range(3):
        expected = witness.attribute(images, target=label, relu_attributions=True)[:, 0]
        assert torch.allclose(cam[:, label], expected, atol=1e-6)


def test_maps_run_from_0_to_1_and_constant_ones_are_0() -> None:
    cam = torch.tensor([[[[1.0, 3.0], [2.0, 1.0]], [[4.0, 4.0], [4.0, 4.0]]]])
    scaled = _teacher.scaled(cam)
    assert scaled[0, 0].flatten().tolist() == [0.0, 1.0, 0.5, 0.0]
    assert (scaled[0, 1] == 0).all()


def test_the_schedule_warms_up_and_falls_as_a_cosine() -> None:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = _module.schedule(optimiser, steps=7, warmup=3)
    rates = []
    for _ in range(7):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[4:] == pytest.approx([(1 + np.cos(np.pi * k / 4)) / 2 for k in (1, 2, 3)])


def test_the_rate_moves_with_every_step() -> None:
    """Two epochs of ten steps, the first of them warm-up."""
    settings = clarity.TeacherSettings(epochs=2, warmup=1, learning_rate=1.0)
    module = _module.Module(torch.nn.Linear(1, 1), settings)
    module._trainer = SimpleNamespace(estimated_stepping_batches=20)
    made = module.configure_optimizers()
    optimiser, rates = made["optimizer"], []
    for _ in range(20):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        made["lr_scheduler"]["scheduler"].step()
    assert made["lr_scheduler"]["interval"] == "step"
    assert rates[:11] == pytest.approx([(k + 1) / 11 for k in range(11)])
    assert rates[15] == pytest.approx(0.5)


def test_crops_keep_the_aspect() -> None:
    """A square stays as wide as it is high."""
    settings = ATTO.model_copy(update={"rotation": 0.0, "photons": 0.0, "brightness": 0.0, "crop": 0.5})
    image = torch.zeros(1, 64, 64, dtype=torch.uint8)
    image[:, 28:36, 28:36] = 255
    torch.manual_seed(0)
    for _ in range(10):
        seen = _images.augmentation(settings, 64)(image)[0] > 127
        assert abs(int(seen.any(dim=0).sum()) - int(seen.any(dim=1).sum())) <= 1


def test_poisson_noise_has_the_variance_of_counting() -> None:
    torch.manual_seed(0)
    noisy = _images.PoissonNoise(100.0)(torch.full((200, 200), 128, dtype=torch.uint8)).float()
    counted = 128 / 255 * 100
    assert noisy.mean().item() == pytest.approx(128, abs=0.5)
    assert noisy.std().item() == pytest.approx(np.sqrt(counted) / 100 * 255, rel=0.03)


def test_augmentation_is_drawn_from_torchs_generator_and_keeps_the_form() -> None:
    change = _images.augmentation(ATTO, 32)
    image = torch.randint(0, 256, (1, 32, 32), dtype=torch.uint8)
    torch.manual_seed(3)
    first = change(image)
    torch.manual_seed(3)
    again = change(image)
    other = change(image)
    assert first.shape == image.shape
    assert first.dtype == torch.uint8
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_local_weights_are_loaded_without_their_head(tmp_path) -> None:
    torch.save(_teacher.build(ATTO, classes=1000, seed=5).state_dict(), tmp_path / "weights.pth")
    settings = ATTO.model_copy(update={"weights": str(tmp_path / "weights.pth")})
    loaded, source = _teacher.build(settings, 3, seed=1), _teacher.build(ATTO, 1000, seed=5)
    assert torch.equal(loaded.stem[0].weight, source.stem[0].weight)
    assert loaded.head.fc.out_features == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": "nowhere.pth"}, "the weights nowhere.pth of convnextv2_atto could not be loaded"),
        ({"backbone": "resnet50"}, "backbone 'resnet50' is none of convnextv2_atto"),
    ],
)
def test_mistakes_are_one_line(change: dict, words: str) -> None:
    with pytest.raises(WsbenchError) as error:
        _teacher.build(ATTO.model_copy(update=change), 3, seed=0)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_weights_of_another_backbone_are_refused(tmp_path) -> None:
    other = ATTO.model_copy(update={"backbone": "convnextv2_femto"})
    torch.save(_teacher.build(other, 3, seed=0).state_dict(), tmp_path / "femto.pth")
    settings = ATTO.model_copy(update={"weights": str(tmp_path / "femto.pth")})
    with pytest.raises(WsbenchError) as error:
        _teacher.build(settings, 3, seed=0)
    assert "do not fit convnextv2_atto" in str(error.value)


def test_select_decides_by_auc(tmp_path) -> None:
    """The best epoch is that of the highest macro AUC, not of a loss."""
    import pandas as pd

    from wsbench.runs.job import Job
    from wsbench.runs.plan import make_plan
    from wsbench.runs.runner import fitted

    options = {"epochs": 3, "image_size": 32, "batch_size": 16}
    plan = make_plan(SPEC, "quick", options, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path)
    fitted(Job(plan, testing.toy(), plugins.find()))
    (history,) = tmp_path.rglob("history.csv")
    rows = pd.read_csv(history)
    assert {"fit_loss", "select_auc"} <= set(rows)
    best = torch.load(history.parent / "best.ckpt", weights_only=True)
    assert best["epoch"] == int(rows["select_auc"].idxmax())
