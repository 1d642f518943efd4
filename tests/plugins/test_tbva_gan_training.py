"""TBVA-GAN: the translations, their losses at work, and whole trainings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from wsbench import testing
from wsbench.contract import plugins
from wsbench.contract.base import RunContext
from wsbench.errors import WsbenchError
from wsbench.utils.progress import Silent
from wsbench_plugins.methods import tbva_gan
from wsbench_plugins.methods.tbva_gan import (
    _images,
    _pool,
    _recogniser,
    _training,
    _translation,
)

FOUND = plugins.find()
TRANSLATIONS = ("tbva_gan", "ant_gan", "mdva_gan", "fixed_point_gan")
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
    network = _translation.Translator(settings(), shared=True)
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
    assert all(parameter.grad is None for parameter in module.recogniser.parameters())
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


# Whole methods.


def run_in(folder: Path, upstream: object, epoch_ended=lambda epoch, metrics: None) -> RunContext:
    folder.mkdir(exist_ok=True)
    return RunContext(
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
    # Grad-CAM of an untrained recogniser may be 0 everywhere.
    method = tbva_gan.Translating(settings(cam_region=0.0), ("spot",))
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
        "score_tuberculous",
        "score_made_normal",
        "score_normal",
        "score_made_tuberculous",
        "change_tuberculous",
        "change_normal",
        "peak_tuberculous",
        "peak_normal",
        "discriminator_auc_n",
        "discriminator_auc_t",
    }
    images = view("select")
    prediction = method.predict(images)
    active = images.labels[:, 0] == 1
    assert prediction.scores[active].mean() == pytest.approx(facts["score_tuberculous"], abs=0.02)
    peak, heatmaps = facts["peak_tuberculous"], prediction.heatmaps.astype(float)
    assert heatmaps[active].mean() * peak == pytest.approx(facts["change_tuberculous"], rel=0.3)
    assert heatmaps[active].max(axis=(2, 3)).mean() == pytest.approx(1, abs=0.1)
    assert heatmaps[~active].mean() * peak == pytest.approx(facts["change_normal"], rel=0.3)
    maps = method.inner_maps(images)
    assert {values.shape for values in maps.values()} == {(len(images), 1, 32, 32)}
    assert maps["gradcam_red"].all()
    signs = {sign.name: sign for sign in method.learning(run)}
    assert signs["score_made_normal"].value == history["score_made_normal"].iloc[-1]
    assert signs["score_made_normal"].at_most == 0.5
    assert signs["discriminator_auc"].at_least is None  # F guides: discriminators need not know tuberculosis
    for name in ("gan", "cycle", "identity", "cls", "cam"):
        assert signs[f"gradient_{name}"].value > 0, name
    share = maps["mask"][active].mean()
    assert signs["mask_share"].value == pytest.approx(share, abs=0.02)
    assert share > 0
    unguided = method.settings.model_copy(update={"cls_weight": 0.0, "peak_share": 1e-6})
    method.settings = unguided
    signs = {sign.name: sign for sign in method.learning(run)}
    assert signs["discriminator_auc"].at_least == 0.85
    assert signs["mask_share"].value > 0.5 and not signs["mask_share"].holds  # of today's rule


def test_the_recogniser_is_tested_on_images_that_nothing_was_learnt_from(tmp_path: Path) -> None:
    spec = FOUND.methods["gradcam_vgg16"]
    method = spec.build(spec.settings(**{**VGG, "held_out": 0.3, "epochs": 2}), ("spot",))
    run = run_in(tmp_path, None)
    method.fit(view(), view("select"), run)
    method.restore(run)
    active = int(view().labels.sum())
    facts = method.facts()
    assert facts["held_out_images"] == 2 * round(0.3 * active)
    assert all(0 <= facts[f"held_out_{name}"] <= 1 for name in ("accuracy", "recall", "auc"))
    signs = {sign.name: sign for sign in method.learning(run)}
    assert signs["select_auc"].at_least == 0.85
    assert signs["held_out_accuracy"].value == facts["held_out_accuracy"]


def test_without_held_out_images_facts_are_of_select(tmp_path: Path) -> None:
    spec = FOUND.methods["gradcam_vgg16"]
    method = spec.build(spec.settings(**VGG), ("spot",))
    run = run_in(tmp_path, None)
    method.fit(view(), view("select"), run)
    method.restore(run)
    assert set(method.facts()) == {"select_accuracy", "select_recall"}
    images = _images.balanced(view("select"), run.seed_for("healthy images"))
    told = method.predict(images).scores[:, 0] > 0.5
    expected = (told == (images.labels[:, 0] == 1)).mean()
    assert method.facts()["select_accuracy"] == pytest.approx(expected)


def test_many_classes_are_refused() -> None:
    for name in ("gradcam_vgg16", *TRANSLATIONS):
        spec = FOUND.methods[name]
        method = spec.build(spec.settings(), ("one", "two"))
        with pytest.raises(WsbenchError, match="this dataset has 2 classes"):
            method.fit(None, None, None)
