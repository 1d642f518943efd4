"""CLARiTY's published settings, and its losses by hand and under every ablation."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from wsbench import testing
from wsbench.contract import plugins
from wsbench.runs.plan import make_plan
from wsbench_plugins.methods import clarity
from wsbench_plugins.methods.clarity import _losses, _network, _objective

FOUND = plugins.find()
SPEC = FOUND.methods["clarity"]
PAPER = {
    "backbone": "vit_small_patch16_224",
    "stem": "patches",
    "weights": "dino",
    "image_size": 224,
    "epochs": 200,
    "batch_size": 1024,
    "learning_rate": 1e-4,
    "weight_decay": 0.05,
    "warmup": 5,
    "pooling_dropout": 0.1,
    "stochastic_depth": 0.1,
    "mlp_dropout": 0.1,
    "attention_dropout": 0.1,
    "attention_layers": 8,
    "token_layers": 8,
    "alpha_class": 2.2674,
    "alpha_patch": 2.4678,
    "alpha_foreground": 3.9670,
    "beta_background": 0.4377,
    "beta_area": 1.4000,
    "gamma_proximity": 0.0898,
    "gamma_confinement": 2.1624,
    "delta": 2.6375,
    "distill": "teacher",
    "teacher": clarity.TeacherSettings(),
}


@pytest.mark.parametrize(("name", "value"), PAPER.items())
def test_published_settings_are_the_paper_preset(name: str, value: object) -> None:
    """Sections 3.12 to 3.15, Table 2."""
    assert SPEC.presets["paper"] == {}
    assert getattr(clarity.ClaritySettings(), name) == value


def test_options_of_the_teacher_are_laid_over_the_presets(tmp_path: Path) -> None:
    given = {"teacher": {"epochs": 3}}
    plan = make_plan(SPEC, "quick", given, dataset=testing.TOY, seed=0, device="cpu", runs=tmp_path)
    assert plan.settings.teacher == clarity.TeacherSettings(**{**clarity.QUICK_TEACHER, "epochs": 3})
    assert plan.changed() == {"teacher": {"epochs": 3}}
    assert plan.settings.teacher.learning_rate == clarity.QUICK_TEACHER["learning_rate"]


def test_what_the_paper_leaves_open_says_so() -> None:
    fields = clarity.ClaritySettings.model_fields
    assert "gives no number" in fields["foreground_threshold"].description
    assert "not given" in fields["pooling_deviation"].description
    for name in ("anatomy", "segment", "classification_loss", "pooling", "token_loss"):
        assert "Table 6's ablation" in fields[name].description


def test_the_soft_margin_loss_by_hand() -> None:
    logits, labels = torch.tensor([[2.0, -1.0]]), torch.tensor([[1.0, 0.0]])
    expected = math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1))
    assert _losses.soft_margin(logits, labels).item() == pytest.approx(expected, rel=1e-6)
    assert _losses.mean_soft_margin(logits, labels).item() == pytest.approx(expected / 2, rel=1e-6)


def test_the_soft_margin_loss_is_equation_3_with_both_weights_1() -> None:
    """Section 4.5.3. As many positive as negative labels have weights of 2."""
    logits, labels = torch.tensor([[2.0, -1.0], [0.5, 3.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    weighted = _losses.weighted_cross_entropy(logits, labels)
    assert weighted.item() == pytest.approx(2 * _losses.soft_margin(logits, labels).item(), rel=1e-6)


def test_the_contrastive_loss_by_hand() -> None:
    # Cosine 0.6 between two tokens; only the first class is present.
    tokens = torch.tensor([[[1.0, 0.0], [3.0, 4.0]]])
    expected = -math.log(math.exp(1) / (math.exp(1) + math.exp(0.6)))
    value = _losses.contrast([tokens, tokens], torch.tensor([[1.0, 0.0]]))
    assert value.item() == pytest.approx(expected, rel=1e-6)


def test_the_convolutional_stem_sees_neighbours_and_keeps_the_grid() -> None:
    network = _network.build(_network.Shape("vit_tiny_patch16_224", "convolutions"), 64, 3).eval()
    images = torch.zeros(1, 3, 64, 64)
    lit = images.clone()
    lit[:, :, 15, 0] = 1  # the last row of the first patch; a token sees 15 pixels to each side of its corner
    assert network.grid == (4, 4)
    changed = (network.patch_embed(lit) - network.patch_embed(images)).abs().sum(dim=2)[0] > 0
    assert changed.flatten().nonzero().flatten().tolist() == [0, 4]
    assert network(lit).heatmaps.shape == (1, 3, 4, 4)


def test_fused_and_plain_attention_agree() -> None:
    network, images, _ = batch()
    values = []
    for fused in (True, False):
        network.fuse_attention(fused)
        values.append(network.eval()(images).classification)
    assert torch.allclose(*values, atol=1e-5)


def batch(seed: int = 0) -> tuple[_network.Clarity, torch.Tensor, _objective.Targets]:
    torch.manual_seed(seed)
    network = _network.build(_network.Shape("vit_tiny_patch16_224"), 64, 3)
    labels = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    regions = torch.zeros(2, 3, 64, 64)
    regions[:, 0, :, :32] = regions[:, 1, :, 32:] = regions[:, 2, 20:40, 20:40] = 1
    distances = (1 - regions) * 5
    return network, torch.randn(2, 3, 64, 64), _objective.Targets(labels, labels, regions, distances)


def test_the_combined_loss_is_the_weighted_sum() -> None:
    """Equations (18) and (19), term by term."""
    network, images, targets = batch()
    settings = clarity.ClaritySettings()
    logits = network(images)
    heatmaps = torch.nn.functional.interpolate(logits.heatmaps, (64, 64), mode="bilinear")
    weights = _losses.similarity_weights(targets.regions)
    expected = (
        2.2674 * _losses.weighted_cross_entropy(logits.class_token, targets.labels)
        + 2.4678 * _losses.weighted_cross_entropy(logits.patch, targets.labels)
        + 3.9670 * _losses.weighted_cross_entropy(logits.foreground, targets.labels)
        + 0.4377 * _losses.background_suppression(logits.background, logits.patch, targets.labels)
        + 1.4000 * _losses.area(heatmaps)
        + 0.0898 * _losses.proximity(heatmaps, targets.distances, weights)
        + 2.1624 * _losses.confinement(heatmaps, targets.regions, weights)
        + 2.6375 * _losses.orthogonality(logits.tokens[-8:], targets.labels)
    )
    assert _objective.loss(logits, targets, settings).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"segment": False},
        {"anatomy": "none"},
        {"classification_loss": "mlsm"},
        {"token_loss": "cct"},
        {"token_loss": "none"},
        {"token_layers": 0},
    ],
    ids=str,
)
def test_every_ablation_changes_the_loss(change: dict) -> None:
    network, images, targets = batch()
    logits = network(images)
    if change == {"anatomy": "none"}:
        targets = _objective.Targets(targets.probabilities, targets.labels)
    settings = clarity.ClaritySettings(**change)
    whole = _objective.loss(logits, batch()[2], clarity.ClaritySettings())
    value = _objective.loss(logits, targets, settings)
    assert torch.isfinite(value)
    assert value.item() != pytest.approx(whole.item(), rel=1e-4)


def test_soft_targets_reach_the_classification_losses_alone() -> None:
    """What the teacher says is learnt; which classes are present stays the labels' affair."""
    network, images, targets = batch()
    logits = network(images)
    settings = clarity.ClaritySettings()
    soft = _objective.Targets(torch.full((2, 3), 0.5), targets.labels, targets.regions, targets.distances)
    only_tokens = clarity.ClaritySettings(
        alpha_class=0, alpha_patch=0, alpha_foreground=0, beta_area=0, gamma_proximity=0, gamma_confinement=0
    )
    assert _objective.loss(logits, soft, settings) != _objective.loss(logits, targets, settings)
    assert _objective.loss(logits, soft, only_tokens) == _objective.loss(logits, targets, only_tokens)
