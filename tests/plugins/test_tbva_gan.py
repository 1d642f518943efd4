"""TBVA-GAN: every published value, every formula by hand, CycleGAN's sizes, what images go through."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torchvision.models import vgg16

from wsbench import plugins, testing
from wsbench.errors import WsbenchError
from wsbench.progress import Silent
from wsbench.settings import fill
from wsbench.specs import Run
from wsbench_plugins.methods import tbva_gan
from wsbench_plugins.methods.tbva_gan import (
    _images,
    _losses,
    _mask,
    _networks,
    _pool,
    _recogniser,
    _training,
    _translation,
)

FOUND = plugins.find()
TRANSLATIONS = ("tbva_gan", "ant_gan", "mdva_gan")
VGG = {"image_size": 32, "filters": 4, "blocks": 3, "hidden": 0, "weights": "random", "epochs": 1}
TINY = {
    "image_size": 32,
    "filters": 4,
    "residual_blocks": 1,
    "discriminator_filters": 4,
    "pool": 3,
    "epochs": 3,
    "decay": 1,
    "batch_size": 4,
    "recogniser": VGG,
}


def settings(**values: object) -> tbva_gan.TranslationSettings:
    return tbva_gan.TranslationSettings(**{**TINY, **values})


def recogniser(**values: object) -> _recogniser.Recogniser:
    return _recogniser.build(tbva_gan.RecogniserSettings(**{**VGG, **values}), seed=1).eval()


def view(role: str = "fit"):
    loaded = testing.toy()
    return loaded.views.weak(loaded.roles.members[role])


# The published settings (sections 4 to 4.5), and CycleGAN's where the paper builds on it.


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("tbva_gan", "cls_weight", 1.5),
        ("tbva_gan", "cam_weight", 2.0),
        ("tbva_gan", "cycle_weight", 1.0),
        ("tbva_gan", "identity_weight", 1.0),
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
        ("mdva_gan", "generators", "shared"),
        ("mdva_gan", "cam_weight", 0.0),
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


@pytest.mark.parametrize(
    ("epoch", "expected"), [(0, 1.0), (99, 1.0), (100, 100 / 101), (150, 50 / 101), (199, 1 / 101)]
)
def test_the_rate_is_constant_then_falls_as_cyclegan_s(epoch: int, expected: float) -> None:
    """Its code: 1 - max(0, epoch + 1 - 100) / (100 + 1)."""
    assert _training.rate(epoch, 200, 100) == pytest.approx(expected)


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
    with pytest.raises(WsbenchError, match="cannot be had"):
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


# The translations.


@pytest.mark.parametrize("changemap", ["generated", "difference"])
def test_changemap_and_normal_image_add_up_to_the_image(changemap: str) -> None:
    network = _translation.Translator(settings(changemap=changemap))
    images = torch.rand(2, 1, 32, 32) * 2 - 1
    change, normal = network.to_normal(images)
    assert torch.allclose(change + normal, images, atol=1e-6)
    assert torch.equal(change if changemap == "generated" else normal, network.t2n(images))


def test_equation_3_as_printed_compares_the_generator_s_own_output() -> None:
    network = _translation.Translator(settings())
    real_t, real_n = torch.rand(2, 2, 1, 32, 32) * 2 - 1
    made = network(real_t, real_n)
    assert torch.equal(made.printed_n, network.t2n(made.fake_t))
    assert torch.allclose(made.rec_n, made.fake_t - made.printed_n)
    assert torch.equal(made.rec_t, network.n2t(made.fake_n))
    assert torch.equal(made.same_t, network.n2t(real_t))
    assert torch.equal(made.change_n, network.t2n(real_n))


def test_a_shared_generator_is_told_the_domain() -> None:
    network = _translation.Translator(settings(generators="shared"))
    assert network.t2n is network.n2t
    images = torch.rand(1, 1, 32, 32)
    _, normal = network.to_normal(images)
    assert not torch.allclose(normal, network.to_tuberculous(images))


def test_added_tuberculosis_is_added() -> None:
    network = _translation.Translator(settings(tuberculosis="added"))
    images = torch.rand(1, 1, 32, 32)
    assert torch.equal(network.to_tuberculous(images), images + network.n2t(images))


def test_no_weight_no_part() -> None:
    made = _translation.Translator(settings())(*torch.rand(2, 2, 1, 32, 32))
    for cls, cam, expected in (
        (1.5, 2.0, {"cls", "cam"}),
        (0, 2.0, {"cam"}),
        (1.5, 0, {"cls"}),
        (0, 0, set()),
    ):
        chosen = settings(cls_weight=cls, cam_weight=cam)
        module = _training.Translation(_translation.Translator(chosen), recogniser(), chosen)
        assert set(module.generator_losses(made)) == {"gan", "cycle", "identity"} | expected


def test_only_generators_learn_from_the_generators_losses() -> None:
    chosen = settings()
    module = _training.Translation(_translation.Translator(chosen), recogniser(), chosen)
    module.discriminators.requires_grad_(False)
    made = module.network(*torch.rand(2, 2, 1, 32, 32))
    sum(module.generator_losses(made).values()).backward()
    assert all(parameter.grad is not None for parameter in module.network.parameters())
    assert all(parameter.grad is None for parameter in module.discriminators.parameters())
    assert all(parameter.grad is None for parameter in module._frozen[0].parameters())
    assert "recogniser" not in " ".join(module.state_dict())


def test_the_pool_gives_back_older_images_and_is_saved() -> None:
    torch.manual_seed(0)
    pool = _pool.Pool(2, (1, 1, 1))
    images = torch.arange(40.0).reshape(40, 1, 1, 1)
    assert torch.equal(pool(images[:2]), images[:2])  # it fills up
    given = pool(images[2:])
    older = (given != images[2:]).flatten()
    assert 0.25 < older.float().mean() < 0.75
    assert (given[older] < images[2:][older]).all()
    assert len(set(given.flatten().tolist())) == len(given)  # what is given back has left the pool
    again = _pool.Pool(2, (1, 1, 1))
    again.load_state_dict(pool.state_dict())
    torch.manual_seed(3)
    first = pool(images)
    torch.manual_seed(3)
    assert torch.equal(again(images), first)
    assert torch.equal(_pool.Pool(0, (1, 1, 1))(images), images)


# The images.


def test_healthy_and_active_images_are_told_by_attributes() -> None:
    toy = view()
    healthy, active = _images.healthy_and_active(toy)
    assert [toy.labels[row, 0] for row in healthy] == [0] * len(healthy)
    assert [toy.labels[row, 0] for row in active] == [1] * len(active)
    assert len(healthy) + len(active) == len(toy)


def test_a_dataset_without_the_attributes_is_refused_in_one_line() -> None:
    from dataclasses import replace

    toy = view()
    bare = replace(toy, samples=tuple(replace(sample, attributes={}) for sample in toy.samples))
    with pytest.raises(WsbenchError, match=r"attribute group=health: 0 of"):
        _images.healthy_and_active(bare)
    latent = {"group": "tb", "activity": "obsolete"}
    old = [replace(s, attributes=latent) if s.labels else s for s in toy.samples]
    with pytest.raises(WsbenchError, match="activity=active: 0"):
        _images.healthy_and_active(replace(toy, samples=tuple(old)))


def test_the_recogniser_learns_from_as_many_healthy_as_active_images() -> None:
    toy = view()
    found = _images.balanced(toy, seed=3)
    active = int(toy.labels.sum())
    assert (len(found), int(found.labels.sum())) == (2 * active, active)
    assert found.names == _images.balanced(toy, seed=3).names
    assert found.names != _images.balanced(toy, seed=4).names


def test_turns_are_multiples_of_45_degrees_and_flips() -> None:
    image = torch.zeros(1, 31, 31, dtype=torch.uint8)
    image[0, 15, 20:28] = 200  # a bar to the right of the centre
    change = _images.augmentation(tbva_gan.RecogniserSettings())
    seen = set()
    for seed in range(60):
        torch.manual_seed(seed)
        rows, columns = np.nonzero(change(image)[0].numpy() > 60)
        angle = math.degrees(math.atan2(rows.mean() - 15, columns.mean() - 15))
        assert angle % 45 == pytest.approx(0, abs=3) or angle % 45 == pytest.approx(45, abs=3)
        seen.add(round(angle / 45) % 8)
    assert seen == set(range(8))
    as_it_is = _images.augmentation(tbva_gan.RecogniserSettings(augment=False))
    assert torch.equal(as_it_is(image), image)


def test_pairs_go_through_all_images_before_any_comes_again() -> None:
    toy = view()
    pairs = _images.Pairs(toy, 16, seed=0)
    healthy, active = _images.healthy_and_active(toy)
    assert len(pairs) == len(healthy) > len(active)
    first = [pairs[0, row] for row in range(len(pairs))]
    seen = Counter(image.numpy().tobytes() for _, image in first)
    assert set(seen.values()) == {1}
    assert len(seen) == len(healthy)
    tuberculous = Counter(image.numpy().tobytes() for image, _ in first)
    assert len(tuberculous) == len(active)
    assert max(tuberculous.values()) - min(tuberculous.values()) <= 1
    again = [pairs[1, row] for row in range(len(pairs))]
    assert any(not torch.equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert torch.equal(pairs[0, 3][0], first[3][0])
    assert len(_images.Pairs(toy, 16, seed=0, length=5)) == 5


def test_grey_levels_go_to_one_and_back() -> None:
    grey = torch.tensor([0, 255], dtype=torch.uint8)
    assert _images.scaled(grey).tolist() == [-1.0, 1.0]
    assert _images.unscaled(_images.scaled(grey)).tolist() == [0.0, 1.0]


# The mask.


def test_the_threshold_is_a_share_of_the_histogram_s_peak_where_grad_cam_looks() -> None:
    picture = np.array([[0, 0, 0, 200], [100, 100, 50, 200]], dtype=np.uint8)
    attention = np.array([[1, 1, 1, 0.4], [1, 0.5, 1, 0.4]])
    assert _mask.threshold(picture, attention, 0.5, 0.97) == pytest.approx(97.0)  # 100 is there twice
    assert _mask.threshold(picture, attention, 0.4, 1.0) == 100  # of equal peaks the lower level
    assert _mask.threshold(picture * 0, attention, 0.5, 0.97) is None


def test_the_mask_is_eroded_and_dilated() -> None:
    change = np.zeros((20, 20))
    change[8:11, 8:11] = 0.5  # erodes to 2 x 2, and grows by 2 to all sides
    change[2, 2] = 0.5  # goes
    found = _mask.mask(change, np.ones((20, 20)), region=0.5, share=0.97, erosion=2, dilation=5)
    rows, columns = np.nonzero(found)
    assert found.sum() == 36
    assert (rows.max() - rows.min(), columns.max() - columns.min()) == (5, 5)
    assert abs(rows.mean() - 9) <= 0.5
    assert not _mask.mask(change * 0, change, region=0.5, share=0.97, erosion=2, dilation=5).any()


def test_levels_run_from_nothing_to_the_highest_change() -> None:
    assert _mask.levels(np.array([[0.0, 0.1, 0.2]])).tolist() == [[0, 128, 255]]
    assert not _mask.levels(np.zeros((2, 2))).any()


# Whole methods.


def run_in(folder: Path, upstream: object, epoch_ended=lambda epoch, metrics: None) -> Run:
    folder.mkdir(exist_ok=True)
    return Run(
        "toy",
        "tbva_gan",
        0,
        folder,
        "cpu",
        Silent(),
        upstream={"recogniser": upstream},
        epoch_ended=epoch_ended,
    )


class Killed(Exception):
    pass


def test_stopped_after_an_epoch_and_started_again_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    """Both optimisers, both schedules and the pools included."""
    upstream = tbva_gan.Vgg16(tbva_gan.RecogniserSettings(**VGG), ("spot",))
    upstream.network = recogniser()

    def train(folder: Path, epoch_ended=lambda epoch, metrics: None) -> dict[str, torch.Tensor]:
        method = tbva_gan.Translating(settings(), ("spot",))
        method.fit(view(), view("select"), run_in(folder, upstream, epoch_ended))
        return torch.load(folder / "last.ckpt", weights_only=True)["state_dict"]

    def stop(epoch: int, metrics: object) -> None:
        if epoch == 1:
            raise Killed

    whole = train(tmp_path / "whole")
    with pytest.raises(Killed):
        train(tmp_path / "stopped", stop)
    torch.manual_seed(11)
    again = train(tmp_path / "stopped")
    assert whole["pools.n.count"] == 3
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_losses_and_what_translation_does_are_in_history_and_record(tmp_path: Path) -> None:
    upstream = tbva_gan.Vgg16(tbva_gan.RecogniserSettings(**VGG), ("spot",))
    upstream.network = recogniser()
    method = tbva_gan.Translating(settings(), ("spot",))
    run = run_in(tmp_path, upstream)
    method.fit(view(), view("select"), run)
    method.restore(run)
    history = pd.read_csv(tmp_path / "history.csv")
    assert len(history) == 3
    for name in ("fit_loss", "gan", "cycle", "identity", "cls", "cam", "discriminators"):
        assert history[name].gt(0).all(), name
    parts = history[["gan", "cycle", "identity", "cls", "cam"]].sum(axis=1)
    assert history["fit_loss"].to_numpy() == pytest.approx(parts.to_numpy(), rel=1e-4)
    facts = method.facts()
    assert set(facts) == {
        "parameters",
        "score_tuberculous",
        "score_made_normal",
        "score_normal",
        "score_made_tuberculous",
        "change_tuberculous",
        "change_normal",
    }
    images = view("select")
    prediction = method.predict(images)
    active = images.labels[:, 0] == 1
    assert prediction.scores[active].mean() == pytest.approx(facts["score_tuberculous"], abs=0.02)
    assert prediction.heatmaps[active].mean() * 2 == pytest.approx(facts["change_tuberculous"], rel=0.3)
    assert method.inner_maps(images)["mask"].shape == (len(images), 1, 32, 32)


def test_boxes_of_protocol_paper_are_the_mask_s() -> None:
    images = view("select").take(0, 1)
    masks = np.zeros((1, 1, 40, 48), dtype=np.float32)
    masks[0, 0, 10:20, 4:12] = 1
    from wsbench_plugins.methods.tbva_gan import _prediction

    (boxes,) = _prediction.boxes_of(masks, np.array([[0.7]]), images)
    assert [(box.x0, box.y0, box.x1, box.y1, round(box.score, 6)) for box in boxes] == [(4, 10, 12, 20, 0.7)]


def test_many_classes_are_refused() -> None:
    for name in ("gradcam_vgg16", *TRANSLATIONS):
        spec = FOUND.methods[name]
        method = spec.build(spec.settings(), ("one", "two"))
        with pytest.raises(WsbenchError, match="this dataset has 2 classes"):
            method.fit(None, None, None)
