"""TBVA-GAN: every published value, every formula by hand, CycleGAN's sizes, and Grad-CAM."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torchvision.models import vgg16

from wsbench.contract import plugins
from wsbench.errors import WsbenchError
from wsbench.settings import fill
from wsbench.studies.tuning import form
from wsbench.torch.flops import FlopCounter
from wsbench_plugins.methods import tbva_gan
from wsbench_plugins.methods.tbva_gan import (
    _losses,
    _measuring,
    _networks,
    _prediction,
    _recogniser,
)

FOUND = plugins.find()
VGG = {"image_size": 32, "filters": 4, "blocks": 3, "hidden": 0, "weights": "random", "epochs": 1}


def recogniser(**values: object) -> _recogniser.Recogniser:
    return _recogniser.build(tbva_gan.RecogniserSettings(**{**VGG, **values}), seed=1).eval()


# The published settings (sections 4 to 4.5), and CycleGAN's where the paper builds on it.


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("tbva_gan", "cls_weight", 1.5),
        ("tbva_gan", "cam_weight", 2.0),
        ("tbva_gan", "cycle_weight", 1.0),
        ("tbva_gan", "identity_weight", 1.0),
        ("tbva_gan", "cam_norm", "sum"),
        ("tbva_gan", "peak_share", 0.97),
        ("tbva_gan", "erosion", 2),
        ("tbva_gan", "dilation", 5),
        ("tbva_gan", "changemap", "generated"),
        ("tbva_gan", "tuberculosis", "image"),
        ("tbva_gan", "adversarial", "cross_entropy"),
        ("tbva_gan", "image_size", 256),
        ("tbva_gan", "filters", 64),
        ("tbva_gan", "residual_blocks", 9),
        ("tbva_gan", "discriminator_filters", 64),
        ("tbva_gan", "pool", 50),
        ("tbva_gan", "epochs", 200),
        ("tbva_gan", "decay", 100),
        ("tbva_gan", "batch_size", 1),
        ("tbva_gan", "learning_rate", 2e-4),
        ("tbva_gan", "betas", (0.5, 0.999)),
        ("ant_gan", "cls_weight", 0.0),
        ("ant_gan", "cam_weight", 0.0),
        ("ant_gan", "changemap", "difference"),
        ("ant_gan", "adversarial", "least_squares"),
        ("mdva_gan", "critic_steps", 5),
        ("mdva_gan", "penalty_weight", 10.0),
        ("mdva_gan", "domain_weight", 1.0),
        ("mdva_gan", "cycle_weight", 10.0),
        ("mdva_gan", "identity_weight", 0.0),
        ("mdva_gan", "residual_blocks", 6),
        ("mdva_gan", "learning_rate", 1e-4),
        ("mdva_gan", "critic_layers", 6),
        ("fixed_point_gan", "identity_weight", 10.0),
        ("gradcam_vgg16", "weights", "IMAGENET1K_V1"),
        ("gradcam_vgg16", "image_size", 224),
        ("gradcam_vgg16", "blocks", 5),
        ("gradcam_vgg16", "filters", 64),
        ("gradcam_vgg16", "hidden", 4096),
        ("gradcam_vgg16", "batch_norm", False),
        ("gradcam_vgg16", "augment", True),
    ],
)
def test_published_settings_are_the_paper_preset(method: str, name: str, value: object) -> None:
    spec = FOUND.methods[method]
    assert next(iter(spec.presets)) == "paper"
    assert getattr(fill(spec.settings, spec.presets["paper"], method), name) == value


def test_what_the_paper_leaves_open_says_so() -> None:
    fields = tbva_gan.TranslationSettings.model_fields
    for name in ("image_size", "filters", "epochs", "learning_rate", "batch_size", "pool"):
        assert "CycleGAN's, not given" in fields[name].description, name
    fields = tbva_gan.RecogniserSettings.model_fields
    for name in ("epochs", "batch_size", "learning_rate", "patience"):
        assert "the paper does not say" in fields[name].description, name


# The formulas.


def test_the_adversarial_loss_by_hand() -> None:
    answers = torch.full((1, 1, 2, 2), math.log(3.0))  # D = 3/4
    assert _losses.cross_entropy(answers, True).item() == pytest.approx(-math.log(0.75))
    assert _losses.cross_entropy(answers, False).item() == pytest.approx(-math.log(0.25))


def test_least_squares_by_hand() -> None:
    answers = torch.tensor([[[[0.5, 2.0]]]])
    assert _losses.least_squares(answers, True).item() == pytest.approx((0.25 + 1) / 2)
    assert _losses.least_squares(answers, False).item() == pytest.approx((0.25 + 4) / 2)


def test_the_cycle_loss_by_hand() -> None:
    zero, some = torch.zeros(1, 1, 1, 2), torch.tensor([[[[0.5, -0.1]]]])
    assert _losses.cycle(some, zero, zero, zero).item() == pytest.approx(0.3)
    assert _losses.cycle(zero, zero, some, some + 1).item() == pytest.approx(1.0)


def test_the_identity_loss_by_hand() -> None:
    zero, some = torch.zeros(1, 1, 1, 2), torch.tensor([[[[0.5, -0.1]]]])
    assert _losses.identity(zero, zero, some).item() == pytest.approx(0.3)
    assert _losses.identity(zero, some, zero).item() == pytest.approx(0.3)


def test_the_classification_loss_by_hand() -> None:
    logit = torch.tensor([math.log(3.0)])  # F = 3/4
    expected = -math.log(1 - 0.75) - math.log(0.75)
    assert _losses.classification(logit, logit).item() == pytest.approx(expected)
    sure = torch.tensor([40.0])
    assert _losses.classification(-sure, sure).item() < 1e-6  # made normal is 0, made tuberculous is 1
    assert _losses.classification(sure, -sure).item() == pytest.approx(80.0)


def test_the_cam_loss_by_hand() -> None:
    change = torch.tensor([[[[0.4, -0.4]]]])
    attention = torch.tensor([[[[0.75, 1.0]]]])
    assert _losses.cam(change, attention).item() == pytest.approx((0.25 * 0.4) ** 2 / 2)


def test_norms_are_sums_over_an_image_or_means_over_its_pixels() -> None:
    """Two images of two pixels: sums of an image are 0.01 + 0.04 and 0.16, and of magnitudes 0.3 and 0.4."""
    change = torch.tensor([[[[0.1, -0.2]]], [[[0.4, 0.0]]]])
    nothing = torch.zeros_like(change)
    assert _losses.cam(change, nothing, "sum").item() == pytest.approx((0.05 + 0.16) / 2)
    assert _losses.cam(change, nothing, "mean").item() == pytest.approx((0.05 + 0.16) / 4)
    assert _losses.cycle(change, nothing, nothing, nothing, "sum").item() == pytest.approx(0.35)
    assert _losses.cycle(change, nothing, nothing, nothing, "mean").item() == pytest.approx(0.175)
    assert _losses.identity(nothing, nothing, change, "sum").item() == pytest.approx(0.35)
    assert _losses.identity(change, nothing, nothing, "mean").item() == pytest.approx(0.175)


@pytest.mark.parametrize(
    ("epoch", "expected"), [(0, 1.0), (99, 1.0), (100, 100 / 101), (150, 50 / 101), (199, 1 / 101)]
)
def test_the_rate_is_constant_then_falls_as_cyclegan_s(epoch: int, expected: float) -> None:
    """Its code: 1 - max(0, epoch + 1 - 100) / (100 + 1)."""
    assert _measuring.rate(epoch, 200, 100) == pytest.approx(expected)


# The networks.


def test_the_networks_have_cyclegan_s_parameters() -> None:
    """Its own, for three channels in and out, have 11,378,179 and 2,764,737; ours have one."""

    def count(network: torch.nn.Module) -> int:
        return sum(parameter.numel() for parameter in network.parameters())

    first_and_last = 2 * (2 * 7 * 7 * 64) + 2
    assert count(_networks.generator(1, 64, 9)) == 11_378_179 - first_and_last
    assert count(_networks.discriminator(64)) == 2_764_737 - 2 * 4 * 4 * 64


def test_a_discriminator_s_answer_sees_a_patch_of_70_pixels() -> None:
    network = _networks.discriminator(4)
    for place, layer in enumerate(network):
        if isinstance(layer, torch.nn.InstanceNorm2d):
            network[place] = torch.nn.Identity()
    image = torch.randn(1, 1, 128, 128, requires_grad=True)
    answers = network(image)
    assert answers.shape == (1, 1, 14, 14)
    answers[0, 0, 7, 7].backward()
    rows, columns = image.grad[0, 0].nonzero(as_tuple=True)
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (70, 70)


def test_generators_keep_the_size_and_stay_within_one() -> None:
    output = _networks.generator(2, 4, 1)(10 * torch.randn(2, 2, 36, 48))
    assert output.shape == (2, 1, 36, 48)
    assert output.abs().max() <= 1


@pytest.mark.parametrize(("size", "filters", "expected"), [(256, 64, 3), (128, 16, 16), (512, 64, 1)])
def test_images_that_are_translated_together_are_as_many_as_their_activations_allow(
    size: int, filters: int, expected: int
) -> None:
    assert _prediction.images_at_once(size, filters) == expected


def test_the_largest_layer_is_what_is_counted_of_a_generator() -> None:
    size, filters = 128, 16
    network = _networks.generator(1, filters, 2).eval()
    with torch.inference_mode(), FlopCounter() as seen:  # as torch allocates it
        network(torch.zeros(1, 1, size, size))
    counted = 4 * _prediction.FLOATS_PER_PIXEL * filters * size**2
    assert counted == pytest.approx(seen.peak_bytes, rel=0.1)


def test_the_paper_s_recogniser_has_torchvision_s_vgg16_inside() -> None:
    with torch.device("meta"):
        ours = _recogniser.Recogniser(tbva_gan.RecogniserSettings()).state_dict()
        theirs = vgg16(num_classes=1).state_dict()
    assert {name: value.shape for name, value in ours.items()} == {
        name: value.shape for name, value in theirs.items()
    }


def test_recogniser_s_weights_come_from_a_file_but_for_the_last_layer(tmp_path: Path) -> None:
    values = {**VGG, "blocks": 2, "hidden": 8}
    given = recogniser(**values)
    torch.save(given.state_dict(), tmp_path / "vgg.pth")
    taken = _recogniser.build(
        tbva_gan.RecogniserSettings(**{**values, "weights": str(tmp_path / "vgg.pth")}), seed=5
    ).state_dict()
    for name, value in given.state_dict().items():
        assert torch.equal(taken[name], value) == (name != "classifier.6.weight") or "bias" in name, name
    other = tbva_gan.RecogniserSettings(**{**values, "filters": 8, "weights": str(tmp_path / "vgg.pth")})
    with pytest.raises(WsbenchError, match=r"vgg\.pth do not fit VGG16"):
        _recogniser.build(other, seed=5)
    with pytest.raises(WsbenchError, match="could not be loaded"):
        _recogniser.build(other.model_copy(update={"weights": str(tmp_path / "none.pth")}), seed=5)


def test_attention_is_grad_cam_of_the_last_convolution() -> None:
    """Against the gradient taken by hand: weights are its means, the sum is cut at 0 and scaled."""
    network = recogniser()
    network.classifier[0].weight.data[0, ::2].abs_()
    torch.manual_seed(0)
    images = torch.rand(2, 1, 32, 32)
    found = network.attention(images)
    inputs = (images.expand(-1, 3, -1, -1) - torch.tensor(network.mean)[:, None, None]) / torch.tensor(
        network.deviation
    )[:, None, None]
    features = network.features[:-1](inputs)
    logits = network.classifier(network.features[-1](features).mean(dim=(2, 3)))
    (gradient,) = torch.autograd.grad(logits.sum(), features)
    maps = (gradient.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1, keepdim=True).relu()
    maps = torch.nn.functional.interpolate(maps, (32, 32), mode="bilinear")
    highest = maps.amax(dim=(2, 3), keepdim=True)
    assert highest.max() > 0
    assert torch.allclose(found, torch.where(highest > 0, maps / highest, 0.0), atol=1e-5)
    answered, mapped = network.logits_and_attention(images)
    assert torch.equal(answered, network(images)) and torch.equal(mapped, found)
    assert not (answered.requires_grad or mapped.requires_grad)


def test_one_search_fits_every_translation() -> None:
    """All have the same budget: as many trials over the same settings."""
    file = form.read(Path(__file__).parents[2] / "studies" / "tuning" / "gans.yaml")
    assert file.trials == 8 and file.method is None
    for name in ("tbva_gan", "ant_gan", "mdva_gan", "fixed_point_gan"):
        assert set(file.search) <= set(FOUND.methods[name].settings.model_fields), name
